// SPDX-License-Identifier: Apache-2.0
/* Network namespaces, and devices, addresses and routes in them, by rtnetlink(7). */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "init.h"
#include "network.h"

static int current_space(void)
{
	return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

void enter(int space)
{
	/* without namespaces, everything is in the same one */
	if (space >= 0)
		need(setns(space, CLONE_NEWNET), "setns");
}

static int make_space(void)
{
	int before = current_space(), made;

	if (unshare(CLONE_NEWNET) < 0)
		return -1;
	made = current_space();
	raise_link("lo", NULL, 0);
	enter(before);
	close(before);
	return made;
}

int new_space(void)
{
	return need(make_space(), "the kernel has no network namespaces");
}

int other_space(void)
{
	int made = make_space();

	return made >= 0 ? made : current_space();
}

void ask_or_fail(struct message *message, const char *what)
{
	int route = netlink(NETLINK_ROUTE), error = ask(route, message);

	close(route);
	if (error) {
		errno = -error;
		fail_errno("%s", what);
	}
}

uint32_t link_index(const char *name)
{
	struct ifreq request = { 0 };
	int any = need(socket(AF_INET, SOCK_DGRAM, 0), "a socket");

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	need(ioctl(any, 0x8933 /* SIOCGIFINDEX */, &request), "device %s", name);
	close(any);
	return (uint32_t)request.ifr_ifindex;
}

void begin_link(struct message *message, const char *kind, const char *name, size_t nests[2])
{
	struct ifinfomsg own = { 0 };

	begin(message, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &own, sizeof(own));
	put_text(message, IFLA_IFNAME, name);
	nests[0] = nest(message, IFLA_LINKINFO);
	put_text(message, IFLA_INFO_KIND, kind);
	nests[1] = nest(message, IFLA_INFO_DATA);
}

void make_link(struct message *message, const char *kind, size_t nests[2])
{
	char what[64];

	unnest(message, nests[1]);
	unnest(message, nests[0]);
	snprintf(what, sizeof(what), "no link of the kind %s", kind);
	ask_or_fail(message, what);
}

/* with its peer, `other`, in the same namespace */
void make_pair(const char *kind, const char *name, const char *other, int peer_attribute)
{
	static struct message message;
	struct ifinfomsg own = { 0 };
	size_t nests[2], peer;

	begin_link(&message, kind, name, nests);
	peer = nest(&message, peer_attribute);
	message.head.nlmsg_len += sizeof(own);
	memset((char *)&message + message.head.nlmsg_len - sizeof(own), 0, sizeof(own));
	put_text(&message, IFLA_IFNAME, other);
	unnest(&message, peer);
	make_link(&message, kind, nests);
}

static void change_link(const char *name, int attribute, uint32_t value, const char *what)
{
	static struct message message;
	struct ifinfomsg own = { .ifi_index = (int)link_index(name) };

	begin(&message, RTM_NEWLINK, 0, &own, sizeof(own));
	put_u32(&message, attribute, value);
	ask_or_fail(&message, what);
}

void move_link(const char *name, int space)
{
	change_link(name, IFLA_NET_NS_FD, (uint32_t)space, "a device cannot be moved");
}

void join_bridge(const char *name, const char *bridge)
{
	change_link(name, IFLA_MASTER, link_index(bridge), "a port cannot be added to the bridge");
}

void add_address(const char *name, const char *address, int prefix)
{
	static struct message message;
	struct ifaddrmsg own = {
		.ifa_family = strchr(address, ':') ? AF_INET6 : AF_INET,
		.ifa_prefixlen = (uint8_t)prefix,
		.ifa_flags = IFA_F_NODAD,
		.ifa_index = link_index(name),
	};

	begin(&message, RTM_NEWADDR, NLM_F_CREATE, &own, sizeof(own));
	put_address(&message, IFA_LOCAL, address);
	put_address(&message, IFA_ADDRESS, address);
	ask_or_fail(&message, "an address cannot be added");
}

void raise_link(const char *name, const char *address, int prefix)
{
	static struct message message;
	struct ifinfomsg own = { .ifi_index = (int)link_index(name), .ifi_flags = IFF_UP,
				 .ifi_change = IFF_UP };

	begin(&message, RTM_NEWLINK, 0, &own, sizeof(own));
	ask_or_fail(&message, "a device cannot be set up");
	if (address)
		add_address(name, address, prefix);
}

void add_route(const char *destination, int prefix, const char *via, const char *device)
{
	static struct message message;
	struct rtmsg own = { .rtm_family = AF_INET, .rtm_dst_len = (uint8_t)prefix,
			     .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC,
			     .rtm_scope = via ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
			     .rtm_type = RTN_UNICAST };

	begin(&message, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &own, sizeof(own));
	if (prefix)
		put_address(&message, RTA_DST, destination);
	if (via)
		put_address(&message, RTA_GATEWAY, via);
	put_u32(&message, RTA_OIF, link_index(device));
	ask_or_fail(&message, "a route cannot be added");
}

struct pair veth_pair(void)
{
	struct pair pair = { new_space(), new_space() };

	enter(pair.left);
	make_pair("veth", "left", "right", VETH_INFO_PEER);
	move_link("right", pair.right);
	raise_link("left", "10.1.0.1", 24);
	enter(pair.right);
	raise_link("right", "10.1.0.2", 24);
	return pair;
}
