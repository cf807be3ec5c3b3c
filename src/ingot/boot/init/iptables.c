// SPDX-License-Identifier: Apache-2.0
/* The iptables before nftables: tables, matches, targets, and NAT rules. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "init.h"
#include "network.h"

/* iptables: a table is replaced as a whole (kernel: include/uapi/linux/netfilter_ipv4/ip_tables.h) */

struct table {
	char bytes[16384];
	size_t length;
	unsigned int entries;
};

static size_t add_entry(struct table *table, const char *target, uint8_t revision, const void *data,
			size_t length, uint32_t in_protocol)
{
	size_t at = table->length, target_size = XT_ALIGN(sizeof(struct xt_entry_target) + length);
	struct ipt_entry *entry = (void *)(table->bytes + at);
	struct xt_entry_target *end = (void *)(entry + 1);

	memset(entry, 0, sizeof(*entry) + target_size);
	entry->ip.proto = (uint16_t)in_protocol;
	entry->target_offset = sizeof(*entry);
	entry->next_offset = (uint16_t)(sizeof(*entry) + target_size);
	end->u.user.target_size = (uint16_t)target_size;
	end->u.user.revision = revision;
	snprintf(end->u.user.name, sizeof(end->u.user.name), "%s", target);
	memcpy(end->data, data, length);
	table->length += entry->next_offset;
	table->entries++;
	return at;
}

static size_t add_accept(struct table *table)
{
	int accept = -NF_ACCEPT - 1;

	return add_entry(table, XT_STANDARD_TARGET, 0, &accept, sizeof(accept), 0);
}

static void iptables_nat(char **words)
{
	static struct table table;
	static char request[sizeof(struct ipt_replace) + sizeof(table.bytes)];
	struct ipt_replace *replace = (void *)request;
	struct xt_counters counters[32];
	struct ipt_getinfo info = { .name = "nat" };
	socklen_t length = sizeof(info);
	struct nf_nat_ipv4_multi_range_compat to_server = { .rangesize = 1 }, any = { .rangesize = 1 };
	char error[XT_FUNCTION_MAXNAMELEN] = "ERROR";
	struct route route = make_route();
	int raw = need(socket(AF_INET, SOCK_RAW, IPPROTO_RAW), "a raw socket");

	(void)words;
	need(getsockopt(raw, IPPROTO_IP, IPT_SO_GET_INFO, &info, &length), "the kernel has no table nat");
	inet_pton(AF_INET, SERVER, &to_server.range[0].min_ip);
	to_server.range[0].max_ip = to_server.range[0].min_ip;
	to_server.range[0].min.all = to_server.range[0].max.all = htons(SERVER_PORT);
	to_server.range[0].flags = NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_SPECIFIED;
	memset(replace, 0, sizeof(*replace));
	strcpy(replace->name, "nat");
	replace->valid_hooks = info.valid_hooks;
	replace->hook_entry[NF_INET_PRE_ROUTING] =
		(unsigned int)add_entry(&table, "DNAT", 0, &to_server, sizeof(to_server), IPPROTO_TCP);
	replace->underflow[NF_INET_PRE_ROUTING] = (unsigned int)add_accept(&table);
	replace->hook_entry[NF_INET_LOCAL_IN] = replace->underflow[NF_INET_LOCAL_IN] =
		(unsigned int)add_accept(&table);
	replace->hook_entry[NF_INET_LOCAL_OUT] = replace->underflow[NF_INET_LOCAL_OUT] =
		(unsigned int)add_accept(&table);
	replace->hook_entry[NF_INET_POST_ROUTING] =
		(unsigned int)add_entry(&table, "MASQUERADE", 0, &any, sizeof(any), 0);
	replace->underflow[NF_INET_POST_ROUTING] = (unsigned int)add_accept(&table);
	add_entry(&table, XT_ERROR_TARGET, 0, error, sizeof(error), 0);
	replace->num_entries = table.entries;
	replace->size = (unsigned int)table.length;
	replace->num_counters = info.num_entries;
	replace->counters = counters;
	memcpy(request + sizeof(*replace), table.bytes, table.length);
	need(setsockopt(raw, IPPROTO_IP, IPT_SO_SET_REPLACE, request,
			(socklen_t)(sizeof(*replace) + table.length)),
	     "iptables refuses the rules");
	pass_translated(route);
}

static int is_version_6(const char *word)
{
	if (strcmp(word, "4") != 0 && strcmp(word, "6") != 0)
		fail("unknown IP version '%s'", word);
	return *word == '6';
}

static int raw_socket(int is_v6)
{
	return need(socket(is_v6 ? AF_INET6 : AF_INET, SOCK_RAW, IPPROTO_RAW), "a raw socket");
}

static void tables(char **words)
{
	int is_v6 = is_version_6(words[0]), raw = raw_socket(is_v6);

	for (char **name = words + 1; *name; name++) {
		struct ipt_getinfo info = { 0 }; /* ip6t_getinfo is the same */
		socklen_t length = sizeof(info);

		snprintf(info.name, sizeof(info.name), "%s", *name);
		need(getsockopt(raw, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP,
				is_v6 ? IP6T_SO_GET_INFO : IPT_SO_GET_INFO, &info, &length),
		     "%s", *name);
	}
	pass("the kernel has all");
}

static void extensions(char **words, int v4_option, int v6_option)
{
	int is_v6 = is_version_6(words[0]), raw = raw_socket(is_v6);

	for (char **word = words + 1; *word; word++) {
		struct xt_get_revision revision = { 0 };
		socklen_t length = sizeof(revision);
		char *slash = strchr(*word, '/');

		revision.revision = slash ? (uint8_t)atoi(slash + 1) : 0;
		snprintf(revision.name, sizeof(revision.name), "%.*s",
			 (int)strcspn(*word, "/"), *word);
		need(getsockopt(raw, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP, is_v6 ? v6_option : v4_option,
				&revision, &length),
		     "%s", *word);
	}
	pass("the kernel has all");
}

static void matches(char **words)
{
	extensions(words, IPT_SO_GET_REVISION_MATCH, IP6T_SO_GET_REVISION_MATCH);
}

static void targets(char **words)
{
	extensions(words, IPT_SO_GET_REVISION_TARGET, IP6T_SO_GET_REVISION_TARGET);
}

const struct verb_entry iptables_verbs[] = {
	VERB("iptables-nat", "", 0, 0,
	     "iptables translates source and destination of a connection (NAT)", iptables_nat),
	VERB("matches", "4|6 NAME...", 2, ANY_NUMBER,
	     "iptables for this IP version has the matches (NAME, or NAME/REVISION)", matches),
	VERB("tables", "4|6 NAME...", 2, ANY_NUMBER,
	     "iptables for this IP version has the tables", tables),
	VERB("targets", "4|6 NAME...", 2, ANY_NUMBER,
	     "iptables for this IP version has the targets (NAME, or NAME/REVISION)", targets),
	END_OF_VERBS
};
