// SPDX-License-Identifier: Apache-2.0
/* ipset and IPVS. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/ip_vs.h>
#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "init.h"
#include "network.h"

static int ask_ipset(int command, const char *type, uint8_t revision, struct message *message)
{
	struct nfgenmsg own = { .nfgen_family = AF_INET };
	int is_list = strncmp(type, "list", 4) == 0, is_bitmap = strncmp(type, "bitmap", 6) == 0;
	int ipset = netlink(NETLINK_NETFILTER), error;

	begin(message, NFNL_SUBSYS_IPSET << 8 | command, command == IPSET_CMD_CREATE ? NLM_F_CREATE : 0,
	      &own, sizeof(own));
	put_u8(message, IPSET_ATTR_PROTOCOL, 6);
	if (command == IPSET_CMD_CREATE)
		put_text(message, IPSET_ATTR_SETNAME, "ingot");
	put_text(message, IPSET_ATTR_TYPENAME, type);
	if (command == IPSET_CMD_CREATE)
		put_u8(message, IPSET_ATTR_REVISION, revision);
	put_u8(message, IPSET_ATTR_FAMILY, is_list || is_bitmap ? 0 : AF_INET);
	if (command == IPSET_CMD_CREATE) {
		size_t at = nest(message, IPSET_ATTR_DATA);

		if (is_bitmap) {
			uint16_t from = htons(1), to = htons(1000);

			put(message, IPSET_ATTR_PORT | NLA_F_NET_BYTEORDER, &from, 2);
			put(message, IPSET_ATTR_PORT_TO | NLA_F_NET_BYTEORDER, &to, 2);
		}
		unnest(message, at);
	}
	error = ask(ipset, message);
	close(ipset);
	return error;
}

static void ipset(char **words)
{
	static struct message message;

	for (; *words; words++) {
		const uint8_t *revision;
		int error;

		enter(new_space());
		error = ask_ipset(IPSET_CMD_TYPE, *words, 0, &message);
		revision = error ? NULL
				 : find_attribute(&message, sizeof(struct nfgenmsg),
						  IPSET_ATTR_REVISION, NULL);
		if (!error)
			error = ask_ipset(IPSET_CMD_CREATE, *words, revision ? *revision : 0, &message);
		if (error) {
			errno = -error;
			fail_errno("%s", *words);
		}
	}
	pass("a set of each type");
}

static void ipvs(char **words)
{
	for (; *words; words++) {
		struct ip_vs_service_user service = { .protocol = IPPROTO_TCP, .port = htons(80),
						      .netmask = 0xffffffff };
		struct {
			struct ip_vs_service_user service;
			struct ip_vs_dest_user server;
		} pair;
		char peer[INET_ADDRSTRLEN];
		int space = new_space(), raw;

		enter(space);
		raise_link("lo", "10.6.0.1", 32);
		raise_link("lo", "10.6.0.2", 32);
		raw = need(socket(AF_INET, SOCK_RAW, IPPROTO_RAW), "a raw socket");
		inet_pton(AF_INET, "10.6.0.1", &service.addr);
		snprintf(service.sched_name, sizeof(service.sched_name), "%s", *words);
		need(setsockopt(raw, IPPROTO_IP, IP_VS_SO_SET_ADD, &service, sizeof(service)),
		     "a virtual service with the scheduler %s", *words);
		memset(&pair, 0, sizeof(pair));
		pair.service = service;
		inet_pton(AF_INET, "10.6.0.2", &pair.server.addr);
		pair.server.port = htons(SERVER_PORT);
		pair.server.conn_flags = IP_VS_CONN_F_MASQ;
		pair.server.weight = 1;
		need(setsockopt(raw, IPPROTO_IP, IP_VS_SO_SET_ADDDEST, &pair, sizeof(pair)),
		     "a server of the service with %s", *words);
		pass_stream(space, "10.6.0.1", 80, space, "10.6.0.2", SERVER_PORT, peer, sizeof(peer));
		close(raw);
	}
	pass("a connection with each scheduler");
}

const struct verb_entry balancer_verbs[] = {
	VERB("ipset", "TYPE...", 1, ANY_NUMBER,
	     "a set of each type can be made", ipset),
	VERB("ipvs", "SCHEDULER...", 1, ANY_NUMBER,
	     "a connection to a virtual address reaches a server with each "
	     "scheduler", ipvs),
	END_OF_VERBS
};
