// SPDX-License-Identifier: Apache-2.0
/* A router between a client and a server, for tests of address translation. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "init.h"
#include "network.h"

struct route make_route(void)
{
	struct pair inside = veth_pair(), outside = veth_pair();
	struct route route = { inside.left, inside.right, outside.right };

	enter(inside.left);
	add_route("0.0.0.0", 0, ROUTER_INSIDE, "left");
	enter(outside.left);
	move_link("left", route.router);
	enter(route.router);
	raise_link("left", ROUTER_OUTSIDE, 24);
	if (write_file("/proc/sys/net/ipv4/ip_forward", "1") < 0)
		fail_errno("ip_forward");
	enter(route.server);
	raise_link("right", SERVER, 24);
	enter(route.router);
	return route;
}

/* the client connects to the router, the server sees a connection from the router */
void pass_translated(struct route route)
{
	char peer[INET_ADDRSTRLEN];

	pass_stream(route.client, ROUTER_INSIDE, 80, route.server, SERVER, SERVER_PORT, peer,
		    sizeof(peer));
	if (strcmp(peer, ROUTER_OUTSIDE) != 0)
		fail("the server saw %s, not %s", peer, ROUTER_OUTSIDE);
	pass("a connection to the router reached the server, from the router");
}
