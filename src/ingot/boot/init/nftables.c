// SPDX-License-Identifier: Apache-2.0
/* nftables: NAT rules, and a rule of each requested expression. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "init.h"
#include "network.h"

/* nftables: requests go in batches (kernel: include/uapi/linux/netfilter/nfnetlink.h) */

struct batch {
	char bytes[32768];
	size_t length;
};

static void add_to_batch(struct batch *batch, struct message *message)
{
	if (batch->length + NLMSG_ALIGN(message->head.nlmsg_len) > sizeof(batch->bytes))
		fail("a batch is too long");
	message->head.nlmsg_seq = (uint32_t)batch->length + 1;
	memcpy(batch->bytes + batch->length, message, message->head.nlmsg_len);
	batch->length += NLMSG_ALIGN(message->head.nlmsg_len);
}

static void mark_batch(struct batch *batch, int type)
{
	static struct message message;
	struct nfgenmsg own = { .res_id = htons(NFNL_SUBSYS_NFTABLES) };

	if (type == NFNL_MSG_BATCH_BEGIN)
		batch->length = 0;
	begin(&message, type, 0, &own, sizeof(own));
	add_to_batch(batch, &message);
}

static void begin_nft(struct message *message, int family, int type, int flags)
{
	struct nfgenmsg own = { .nfgen_family = (uint8_t)family };

	begin(message, NFNL_SUBSYS_NFTABLES << 8 | type, flags | NLM_F_ACK, &own, sizeof(own));
}

/* send a batch; 0, or the first error of its answers */
static int send_batch(struct batch *batch, int messages)
{
	static char answer[32768];
	struct timeval patience = { 5, 0 };
	int nft = netlink(NETLINK_NETFILTER), error = 0;

	mark_batch(batch, NFNL_MSG_BATCH_END);
	setsockopt(nft, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	need(send(nft, batch->bytes, batch->length, 0), "the kernel has no nftables");
	while (messages > 0) {
		ssize_t length = need(recv(nft, answer, sizeof(answer), 0), "nftables does not answer");
		struct nlmsghdr *head = (void *)answer;

		for (; NLMSG_OK(head, (size_t)length); head = NLMSG_NEXT(head, length)) {
			int one = ((struct nlmsgerr *)NLMSG_DATA(head))->error;

			if (head->nlmsg_type != NLMSG_ERROR)
				continue;
			messages--;
			if (one && !error)
				error = one;
		}
		if (error)
			break;
	}
	close(nft);
	return error;
}

static void nft_table(struct batch *batch, int family)
{
	static struct message message;

	begin_nft(&message, family, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	put_text(&message, NFTA_TABLE_NAME, "ingot");
	add_to_batch(batch, &message);
}

static void nft_chain(struct batch *batch, int family, const char *name, const char *type, int hook,
		      int priority, const char *device)
{
	static struct message message;
	size_t at;

	begin_nft(&message, family, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	put_text(&message, NFTA_CHAIN_TABLE, "ingot");
	put_text(&message, NFTA_CHAIN_NAME, name);
	at = nest(&message, NFTA_CHAIN_HOOK);
	put_be32(&message, NFTA_HOOK_HOOKNUM, (uint32_t)hook);
	put_be32(&message, NFTA_HOOK_PRIORITY, (uint32_t)priority);
	if (device)
		put_text(&message, NFTA_HOOK_DEV, device);
	unnest(&message, at);
	put_text(&message, NFTA_CHAIN_TYPE, type);
	add_to_batch(batch, &message);
}

static size_t begin_rule(struct message *message, int family, const char *chain)
{
	begin_nft(message, family, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	put_text(message, NFTA_RULE_TABLE, "ingot");
	put_text(message, NFTA_RULE_CHAIN, chain);
	return nest(message, NFTA_RULE_EXPRESSIONS);
}

struct expression {
	size_t element, data;
};

static struct expression begin_expression(struct message *message, const char *name)
{
	struct expression made;

	made.element = nest(message, NFTA_LIST_ELEM);
	put_text(message, NFTA_EXPR_NAME, name);
	made.data = nest(message, NFTA_EXPR_DATA);
	return made;
}

static void end_expression(struct message *message, struct expression made)
{
	unnest(message, made.data);
	unnest(message, made.element);
}

static void immediate(struct message *message, int reg, const void *value, size_t length)
{
	struct expression made = begin_expression(message, "immediate");
	size_t data;

	put_be32(message, NFTA_IMMEDIATE_DREG, (uint32_t)reg);
	data = nest(message, NFTA_IMMEDIATE_DATA);
	put(message, NFTA_DATA_VALUE, value, length);
	unnest(message, data);
	end_expression(message, made);
}

static void bare(struct message *message, const char *name)
{
	end_expression(message, begin_expression(message, name));
}

static void nft_nat(char **words)
{
	static struct batch batch;
	static struct message message;
	struct route route = make_route();
	struct in_addr server;
	uint16_t port = htons(SERVER_PORT);
	struct expression nat;
	size_t rule;
	int error;

	(void)words;
	inet_pton(AF_INET, SERVER, &server);
	mark_batch(&batch, NFNL_MSG_BATCH_BEGIN);
	nft_table(&batch, NFPROTO_IPV4);
	nft_chain(&batch, NFPROTO_IPV4, "in", "nat", NF_INET_PRE_ROUTING, -100, NULL);
	nft_chain(&batch, NFPROTO_IPV4, "out", "nat", NF_INET_POST_ROUTING, 100, NULL);
	rule = begin_rule(&message, NFPROTO_IPV4, "in");
	bare(&message, "counter");
	immediate(&message, NFT_REG_1, &server, 4);
	immediate(&message, NFT_REG_2, &port, 2);
	nat = begin_expression(&message, "nat");
	put_be32(&message, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	put_be32(&message, NFTA_NAT_FAMILY, NFPROTO_IPV4);
	put_be32(&message, NFTA_NAT_REG_ADDR_MIN, NFT_REG_1);
	put_be32(&message, NFTA_NAT_REG_PROTO_MIN, NFT_REG_2);
	end_expression(&message, nat);
	unnest(&message, rule);
	add_to_batch(&batch, &message);
	rule = begin_rule(&message, NFPROTO_IPV4, "out");
	bare(&message, "masq");
	unnest(&message, rule);
	add_to_batch(&batch, &message);
	error = send_batch(&batch, 5);
	if (error) {
		errno = -error;
		fail_errno("nftables refuses the rules");
	}
	pass_translated(route);
}

/* the attributes that an expression needs in a rule: numbers of 1 to 8 bytes */
struct part {
	int type, bytes;
	uint64_t value;
};

static const struct {
	const char *name;
	const char *chain; /* the type of chain it is allowed in: nat, filter, ... */
	struct part parts[5];
} expressions[] = {
	{ "counter", "filter", { { 0 } } },
	{ "ct", "filter", { { NFTA_CT_DREG, 4, NFT_REG_1 }, { NFTA_CT_KEY, 4, NFT_CT_STATE } } },
	{ "fib", "filter",
	  { { NFTA_FIB_DREG, 4, NFT_REG_1 }, { NFTA_FIB_RESULT, 4, NFT_FIB_RESULT_ADDRTYPE },
	    { NFTA_FIB_FLAGS, 4, NFTA_FIB_F_DADDR } } },
	{ "hash", "filter",
	  { { NFTA_HASH_DREG, 4, NFT_REG_1 }, { NFTA_HASH_MODULUS, 4, 2 },
	    { NFTA_HASH_TYPE, 4, NFT_HASH_SYM } } },
	{ "limit", "filter",
	  { { NFTA_LIMIT_RATE, 8, 5 }, { NFTA_LIMIT_UNIT, 8, 1 }, { NFTA_LIMIT_BURST, 4, 5 } } },
	{ "log", "filter", { { NFTA_LOG_LEVEL, 4, 4 } } },
	{ "masq", "nat", { { 0 } } },
	{ "numgen", "filter",
	  { { NFTA_NG_DREG, 4, NFT_REG_1 }, { NFTA_NG_MODULUS, 4, 2 },
	    { NFTA_NG_TYPE, 4, NFT_NG_INCREMENTAL } } },
	{ "queue", "filter", { { NFTA_QUEUE_NUM, 2, 0 } } },
	{ "redir", "redirect", { { 0 } } },
	{ "reject", "filter", { { NFTA_REJECT_TYPE, 4, NFT_REJECT_ICMP_UNREACH },
				{ NFTA_REJECT_ICMP_CODE, 1, 3 } } },
	{ "rejectx", "filter", { { NFTA_REJECT_TYPE, 4, NFT_REJECT_ICMPX_UNREACH },
				 { NFTA_REJECT_ICMP_CODE, 1, 0 } } },
	{ "socket", "filter",
	  { { NFTA_SOCKET_KEY, 4, NFT_SOCKET_TRANSPARENT }, { NFTA_SOCKET_DREG, 4, NFT_REG_1 } } },
	{ "tproxy", "mangle", { { NFTA_TPROXY_FAMILY, 4, NFPROTO_IPV4 },
				{ NFTA_TPROXY_REG_PORT, 4, NFT_REG_1 } } },
};

static void put_part(struct message *message, const struct part *part)
{
	uint8_t bytes[8];

	for (int index = 0; index < part->bytes; index++)
		bytes[index] = (uint8_t)(part->value >> 8 * (part->bytes - 1 - index));
	put(message, part->type, bytes, (size_t)part->bytes);
}

static int family_of(const char *name)
{
	static const struct {
		const char *name;
		int family;
	} families[] = { { "ip", NFPROTO_IPV4 }, { "ip6", NFPROTO_IPV6 }, { "inet", NFPROTO_INET },
			 { "bridge", NFPROTO_BRIDGE }, { "netdev", NFPROTO_NETDEV } };

	for (size_t index = 0; index < sizeof(families) / sizeof(*families); index++)
		if (strcmp(families[index].name, name) == 0)
			return families[index].family;
	fail("unknown family '%s'", name);
}

static void add_chain_for(struct batch *batch, int family, const char *kind)
{
	int is_redirect = strcmp(kind, "redirect") == 0, is_mangle = strcmp(kind, "mangle") == 0;

	if (family == NFPROTO_NETDEV)
		nft_chain(batch, family, "chain", "filter", 0 /* ingress */, 0, "lo");
	else if (is_redirect)
		nft_chain(batch, family, "chain", "nat", NF_INET_PRE_ROUTING, 0, NULL);
	else if (strcmp(kind, "nat") == 0)
		nft_chain(batch, family, "chain", "nat", NF_INET_POST_ROUTING, 0, NULL);
	else
		nft_chain(batch, family, "chain", "filter",
			  is_mangle ? NF_INET_PRE_ROUTING : NF_INET_LOCAL_IN, 0, NULL);
}

static void try_expression(int family, const char *name)
{
	static struct batch batch;
	static struct message message;
	size_t index = 0, rule;
	struct expression made;
	uint16_t port = htons(SERVER_PORT);
	int error;

	while (index < sizeof(expressions) / sizeof(*expressions) &&
	       strcmp(expressions[index].name, name))
		index++;
	if (index == sizeof(expressions) / sizeof(*expressions))
		fail("unknown expression '%s'", name);
	enter(new_space());
	mark_batch(&batch, NFNL_MSG_BATCH_BEGIN);
	nft_table(&batch, family);
	add_chain_for(&batch, family, expressions[index].chain);
	rule = begin_rule(&message, family, "chain");
	if (strcmp(name, "tproxy") == 0)
		immediate(&message, NFT_REG_1, &port, 2);
	made = begin_expression(&message, strcmp(name, "rejectx") ? name : "reject");
	for (const struct part *part = expressions[index].parts; part->bytes; part++)
		put_part(&message, part);
	end_expression(&message, made);
	unnest(&message, rule);
	add_to_batch(&batch, &message);
	error = send_batch(&batch, 3);
	if (error) {
		errno = -error;
		fail_errno("%s", name);
	}
}

static void nft(char **words)
{
	int family = family_of(words[0]);

	for (char **name = words + 1; *name; name++)
		try_expression(family, *name);
	pass("nftables accepts a rule of each");
}

const struct verb_entry nftables_verbs[] = {
	VERB("nft",
	     "bridge|inet|ip|ip6|netdev counter|ct|fib|hash|limit|log|masq|numgen|"
	     "queue|redir|reject|rejectx|socket|tproxy...", 2, ANY_NUMBER,
	     "nftables accepts a rule with each expression in this family", nft),
	VERB("nft-nat", "", 0, 0,
	     "nftables translates source and destination of a connection (NAT)", nft_nat),
	END_OF_VERBS
};
