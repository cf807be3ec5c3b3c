// SPDX-License-Identifier: Apache-2.0
/* Queueing disciplines of devices, and routing rules. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "init.h"
#include "network.h"

static void rate_options(struct message *message, const char *kind)
{
	if (strcmp(kind, "tbf") == 0) {
		struct tc_ratespec {
			uint8_t cell_log, linklayer;
			uint16_t overhead;
			int16_t cell_align;
			uint16_t mpu;
			uint32_t rate;
		};
		struct {
			struct tc_ratespec rate, peak;
			uint32_t limit, buffer, mtu;
		} options = { .rate = { .linklayer = 1, .rate = 1000000 }, .limit = 65536,
			      .buffer = 1 << 20 };
		size_t at = nest(message, 2 /* TCA_OPTIONS */);

		put(message, 1 /* TCA_TBF_PARMS */, &options, sizeof(options));
		unnest(message, at);
	} else if (strcmp(kind, "htb") == 0) {
		uint32_t options[5] = { 3 /* version */, 10, 0, 0, 0 };
		size_t at = nest(message, 2);

		put(message, 2 /* TCA_HTB_INIT */, options, sizeof(options));
		unnest(message, at);
	}
}

static void qdisc(char **words)
{
	static struct message message;

	for (; *words; words++) {
		int is_inward = strcmp(*words, "ingress") == 0 || strcmp(*words, "clsact") == 0;
		struct tcmsg own = { .tcm_family = AF_UNSPEC, .tcm_ifindex = (int)link_index("lo"),
				     .tcm_parent = is_inward ? 0xfffffff1 : 0xffffffff,
				     .tcm_handle = is_inward ? 0xffff0000 : 0x10000 };
		int route = netlink(NETLINK_ROUTE), error;

		begin(&message, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &own, sizeof(own));
		put_text(&message, 1 /* TCA_KIND */, *words);
		rate_options(&message, *words);
		error = ask(route, &message);
		if (error) {
			errno = -error;
			fail_errno("%s", *words);
		}
		begin(&message, RTM_DELQDISC, 0, &own, sizeof(own));
		ask(route, &message);
		close(route);
	}
	pass("all can be added");
}

static void rule(char **words)
{
	static struct message message;

	(void)words;
	enter(other_space());
	for (int is_v6 = 0; is_v6 < 2; is_v6++) {
		struct fib_rule_hdr own = { .family = is_v6 ? AF_INET6 : AF_INET, .table = 100,
					    .src_len = is_v6 ? 128 : 32, .action = FR_ACT_TO_TBL };

		begin(&message, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, &own, sizeof(own));
		put_address(&message, FRA_SRC, is_v6 ? "fd00::1" : "10.9.0.1");
		ask_or_fail(&message, is_v6 ? "the kernel refuses a rule for IPv6" : "the kernel refuses a rule");
	}
	pass("a rule for each IP version");
}

const struct verb_entry queue_verbs[] = {
	VERB("qdisc", "KIND...", 1, ANY_NUMBER,
	     "each queueing discipline can be added to a device", qdisc),
	VERB("rule", "", 0, 0,
	     "a rule can select a routing table by the source address, for both IP "
	     "versions", rule),
	END_OF_VERBS
};
