// SPDX-License-Identifier: Apache-2.0
/* Network devices of every kind: a packet passes through them between two namespaces. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "init.h"
#include "network.h"

#define TUNNEL_ID 42
#define VXLAN_PORT 4789

static void make_veth(struct pair pair)
{
	(void)pair;
	pass_datagram(pair.left, NULL, "10.1.0.1", pair.right, NULL, "10.1.0.2");
}

/* netkit: like veth, with one end in another namespace (since 6.7) */
static void make_netkit(struct pair pair)
{
	enter(pair.left);
	make_pair("netkit", "over", "under", 1 /* IFLA_NETKIT_PEER_INFO */);
	move_link("under", pair.right);
	raise_link("over", "10.2.0.1", 24);
	enter(pair.right);
	raise_link("under", "10.2.0.2", 24);
}

/* bridge: both ends are ports of a bridge in a third namespace */
static void make_bridge(struct pair pair)
{
	static struct message message;
	size_t nests[2];
	int middle = new_space();

	enter(pair.left);
	make_pair("veth", "over", "port1", VETH_INFO_PEER);
	move_link("port1", middle);
	raise_link("over", "10.2.0.1", 24);
	enter(pair.right);
	make_pair("veth", "over", "port2", VETH_INFO_PEER);
	move_link("port2", middle);
	raise_link("over", "10.2.0.2", 24);
	enter(middle);
	begin_link(&message, "bridge", "bridge", nests);
	make_link(&message, "bridge", nests);
	for (int number = 1; number <= 2; number++) {
		char port[8];

		snprintf(port, sizeof(port), "port%d", number);
		join_bridge(port, "bridge");
		raise_link(port, NULL, 0);
	}
	raise_link("bridge", NULL, 0);
}

/* a device on top of `below`: a VLAN, or a second interface of the same card */
static void make_stacked(const char *kind, const char *below, const char *address, int attribute,
			 uint32_t value, size_t length)
{
	static struct message message;
	size_t nests[2];

	begin_link(&message, kind, "over", nests);
	put(&message, attribute, &value, length);
	unnest(&message, nests[1]);
	unnest(&message, nests[0]);
	put_u32(&message, IFLA_LINK, link_index(below));
	{
		char what[64];

		snprintf(what, sizeof(what), "no link of the kind %s", kind);
		ask_or_fail(&message, what);
	}
	raise_link("over", address, 24);
}

static void make_vlan(struct pair pair)
{
	enter(pair.left);
	make_stacked("vlan", "left", "10.2.0.1", IFLA_VLAN_ID, 5, 2);
	enter(pair.right);
	make_stacked("vlan", "right", "10.2.0.2", IFLA_VLAN_ID, 5, 2);
}

static void make_macvlan(struct pair pair)
{
	enter(pair.left);
	make_stacked("macvlan", "left", "10.2.0.1", IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE, 4);
	enter(pair.right);
	make_stacked("macvlan", "right", "10.2.0.2", IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE, 4);
}

static void make_ipvlan(struct pair pair)
{
	enter(pair.left);
	make_stacked("ipvlan", "left", "10.2.0.1", IFLA_IPVLAN_MODE, IPVLAN_MODE_L2, 2);
	enter(pair.right);
	make_stacked("ipvlan", "right", "10.2.0.2", IFLA_IPVLAN_MODE, IPVLAN_MODE_L2, 2);
}

/* the ends of a tunnel: the addresses of this side and of the other, on the veth pair below */
struct side {
	const char *below, *own, *other, *inner;
};

static const struct side sides[2] = {
	{ "left", "10.1.0.1", "10.1.0.2", "10.2.0.1" },
	{ "right", "10.1.0.2", "10.1.0.1", "10.2.0.2" },
};

static void vxlan_data(struct message *message, const struct side *side)
{
	put_u32(message, IFLA_VXLAN_ID, TUNNEL_ID);
	put_address(message, IFLA_VXLAN_GROUP, side->other);
	put_address(message, IFLA_VXLAN_LOCAL, side->own);
	put_u32(message, IFLA_VXLAN_LINK, link_index(side->below));
	put_u16(message, IFLA_VXLAN_PORT, htons(VXLAN_PORT));
}

static void geneve_data(struct message *message, const struct side *side)
{
	put_u32(message, IFLA_GENEVE_ID, TUNNEL_ID);
	put_address(message, IFLA_GENEVE_REMOTE, side->other);
}

static void ipip_data(struct message *message, const struct side *side)
{
	put_address(message, IFLA_IPTUN_LOCAL, side->own);
	put_address(message, IFLA_IPTUN_REMOTE, side->other);
	put_u8(message, IFLA_IPTUN_TTL, 64);
}

static void ip6tnl_data(struct message *message, const struct side *side)
{
	int is_left = side == sides;

	add_address(side->below, is_left ? "fd00::1" : "fd00::2", 64);
	put_address(message, IFLA_IPTUN_LOCAL, is_left ? "fd00::1" : "fd00::2");
	put_address(message, IFLA_IPTUN_REMOTE, is_left ? "fd00::2" : "fd00::1");
	put_u8(message, IFLA_IPTUN_TTL, 64);
	put_u8(message, IFLA_IPTUN_PROTO, IPPROTO_IPIP);
}

static void make_tunnel(struct pair pair, const char *kind,
			void (*data)(struct message *, const struct side *))
{
	static struct message message;
	size_t nests[2];

	for (int index = 0; index < 2; index++) {
		enter(index ? pair.right : pair.left);
		begin_link(&message, kind, "over", nests);
		data(&message, &sides[index]);
		make_link(&message, kind, nests);
		raise_link("over", sides[index].inner, 24);
	}
}

static const struct {
	const char *kind;
	void (*make)(struct pair);
	void (*data)(struct message *, const struct side *);
} kinds[] = {
	{ "bridge", make_bridge, NULL },   { "geneve", NULL, geneve_data },
	{ "ip6tnl", NULL, ip6tnl_data },   { "ipip", NULL, ipip_data },
	{ "ipvlan", make_ipvlan, NULL },   { "macvlan", make_macvlan, NULL },
	{ "netkit", make_netkit, NULL },   { "veth", make_veth, NULL },
	{ "vlan", make_vlan, NULL },       { "vxlan", NULL, vxlan_data },
};

static void link_kind(char **words)
{
	size_t index = 0;
	struct pair pair;

	while (index < sizeof(kinds) / sizeof(*kinds) && strcmp(kinds[index].kind, words[0]))
		index++;
	if (index == sizeof(kinds) / sizeof(*kinds))
		fail("unknown link '%s'", words[0]);
	pair = veth_pair();
	if (kinds[index].make)
		kinds[index].make(pair);
	else
		make_tunnel(pair, words[0], kinds[index].data);
	if (kinds[index].make != make_veth)
		pass_datagram(pair.left, NULL, "10.2.0.1", pair.right, NULL, "10.2.0.2");
	pass("a packet and its answer passed");
}

static void link_alone(char **words)
{
	static struct message message;
	size_t nests[2];

	enter(other_space());
	begin_link(&message, words[0], "alone", nests);
	make_link(&message, words[0], nests);
	raise_link("alone", "10.4.0.1", 24);
	pass("%s is up", words[0]);
}

const struct verb_entry kind_verbs[] = {
	VERB("link", "bridge|geneve|ip6tnl|ipip|ipvlan|macvlan|netkit|veth|vlan|vxlan", 1, 1,
	     "devices of the kind carry a packet from one namespace to another", link_kind),
	VERB("make-link", "KIND", 1, 1,
	     "a device of the kind can be made and brought up; no packet is sent", link_alone),
	END_OF_VERBS
};
