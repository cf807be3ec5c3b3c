// SPDX-License-Identifier: Apache-2.0
/* BPF programs, Landlock, tracing. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init.h"

#define TRACING "/tmp/tracing"
#define ANSWER 42

static const struct bpf_insn answer_it[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = ANSWER },
	{ .code = BPF_JMP | BPF_EXIT },
};

static int load(int type, const struct bpf_insn *program, int count)
{
	union bpf_attr attributes;

	memset(&attributes, 0, sizeof(attributes));
	attributes.prog_type = (uint32_t)type;
	attributes.insns = (uint64_t)(uintptr_t)program;
	attributes.insn_cnt = (uint32_t)count;
	attributes.license = (uint64_t)(uintptr_t)"GPL";
	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes));
}

static void bpf(char **words)
{
	union bpf_attr attributes;
	uint8_t packet[64] = { 0 };
	int program = need(load(BPF_PROG_TYPE_SOCKET_FILTER, answer_it, 2),
			   "the program cannot be loaded");

	(void)words;
	memset(&attributes, 0, sizeof(attributes));
	attributes.test.prog_fd = (uint32_t)program;
	attributes.test.data_in = (uint64_t)(uintptr_t)packet;
	attributes.test.data_size_in = sizeof(packet);
	need((int)syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attributes, sizeof(attributes)),
	     "it does not run");
	if (attributes.test.retval != ANSWER)
		fail("the program returned %u, not %d", attributes.test.retval, ANSWER);
	pass("loaded and run: %d", ANSWER);
}

static void bpf_programs(char **words)
{
	struct bpf_insn zero[] = { answer_it[0], answer_it[1] };

	zero[0].imm = 0;
	for (; *words; words++)
		need(load(atoi(*words), zero, 2), "type %s", *words);
	pass("all load");
}

static void bpf_cgroup(char **words)
{
	struct bpf_insn refuse[] = { answer_it[0], answer_it[1] };
	union bpf_attr attributes;
	int group, program;

	(void)words;
	refuse[0].imm = 0;
	mount_or_fail("cgroup2", "/tmp/groups", "cgroup2", 0, NULL);
	make_directory("/tmp/groups/bpf");
	group = need(open("/tmp/groups/bpf", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "a group");
	program = need(load(BPF_PROG_TYPE_CGROUP_SOCK, refuse, 2), "the program cannot be loaded");
	memset(&attributes, 0, sizeof(attributes));
	attributes.target_fd = (uint32_t)group;
	attributes.attach_bpf_fd = (uint32_t)program;
	attributes.attach_type = BPF_CGROUP_INET_SOCK_CREATE;
	need((int)syscall(SYS_bpf, BPF_PROG_ATTACH, &attributes, sizeof(attributes)),
	     "the program cannot be attached");
	if (write_file("/tmp/groups/bpf/cgroup.procs", "0") < 0)
		fail_errno("the group cannot be joined");
	if (syscall(SYS_socket, 2 /* AF_INET */, 2 /* SOCK_DGRAM */, 0) >= 0 || errno != EPERM)
		fail("the program does not prevent a socket");
	pass("the program prevents a socket");
}

/* mount tracefs, with nothing recorded yet */
static void start_tracing(void)
{
	mount_or_fail("tracefs", TRACING, "tracefs", 0, NULL);
	write_file(TRACING "/trace", "");
}

/* whether the trace has a word; the traced action is done five times */
static int is_traced(const char *word)
{
	static char text[1 << 18];

	for (int count = 0; count < 5; count++)
		close(open("/proc/version", O_RDONLY));
	write_file(TRACING "/tracing_on", "0");
	need(read_file(TRACING "/trace", text, sizeof(text)), "trace");
	write_file(TRACING "/tracing_on", "1");
	return strstr(text, word) != NULL;
}

static void tracer(char **words)
{
	int traced;

	start_tracing();
	/* tracing all functions would be too slow on an emulated CPU */
	write_file(TRACING "/set_ftrace_filter", "vfs_open");
	if (write_file(TRACING "/current_tracer", words[0]) < 0)
		fail_errno("%s", words[0]);
	traced = is_traced("vfs_open");
	write_file(TRACING "/current_tracer", "nop");
	write_file(TRACING "/set_ftrace_filter", "");
	if (!traced)
		fail("the tracer recorded nothing");
	pass("%s records", words[0]);
}

static void set_event(const char *name, const char *state)
{
	char path[128];

	snprintf(path, sizeof(path), TRACING "/events/%s/enable", name);
	if (write_file(path, state) < 0)
		fail_errno("%s cannot be enabled", name);
}

static void probe(char **words)
{
	const char *event = words[0] + 2, *slash = strchr(words[0], '/');
	char definition[128];
	int traced;

	if (strncmp(words[0], "p:", 2) != 0 || !slash)
		fail("'%s' is not p:GROUP/NAME", words[0]);
	start_tracing();
	snprintf(definition, sizeof(definition), "%s %s\n", words[0], words[1]);
	if (write_file(TRACING "/kprobe_events", definition) < 0)
		fail_errno("a probe cannot be placed in %s", words[1]);
	set_event(event, "1");
	traced = is_traced(slash + 1);
	set_event(event, "0");
	write_file(TRACING "/kprobe_events", "");
	if (!traced)
		fail("it recorded nothing");
	pass("the probe fires");
}

static void event(char **words)
{
	const char *slash = strrchr(words[0], '/');
	int traced;

	start_tracing();
	set_event(words[0], "1");
	traced = is_traced(slash && strncmp(slash, "/sys_enter", 10) == 0 ? slash + 11 : "init-");
	set_event(words[0], "0");
	if (!traced)
		fail("it recorded nothing");
	pass("%s fires", words[0]);
}

/* kernel: include/uapi/linux/landlock.h, which old builders do not have */
#define LANDLOCK_CREATE 444
#define LANDLOCK_ADD 445
#define LANDLOCK_RESTRICT 446
#define WRITE_FILE_RIGHT (1ULL << 1)

struct path_rule {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

static void landlock(char **words)
{
	uint64_t handled = WRITE_FILE_RIGHT;
	struct path_rule rule = { WRITE_FILE_RIGHT, -1 };
	int rules;

	(void)words;
	make_directory("/tmp/allowed");
	make_directory("/tmp/denied");
	if (write_file("/tmp/allowed/file", "x") < 0 || write_file("/tmp/denied/file", "x") < 0)
		fail_errno("/tmp");
	rules = need((int)syscall(LANDLOCK_CREATE, &handled, sizeof(handled), 0),
		     "a ruleset cannot be made");
	rule.parent = need(open("/tmp/allowed", O_PATH | O_CLOEXEC), "/tmp/allowed");
	need((int)syscall(LANDLOCK_ADD, rules, 1 /* below a path */, &rule, 0),
	     "the kernel refuses a rule");
	need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	need((int)syscall(LANDLOCK_RESTRICT, rules, 0), "the kernel refuses the rules");
	if (write_file("/tmp/allowed/file", "y") < 0)
		fail_errno("an allowed file cannot be written");
	if (write_file("/tmp/denied/file", "y") == 0 || errno != EACCES)
		fail("a denied file can be written");
	pass("written where allowed, denied elsewhere");
}

const struct verb_entry program_verbs[] = {
	VERB("bpf", "", 0, 0,
	     "a BPF program is loaded and run on a packet, and returns its result", bpf),
	VERB("bpf-cgroup", "", 0, 0,
	     "a BPF program can forbid sockets to a control group", bpf_cgroup),
	VERB("bpf-programs", "NUMBER...", 1, ANY_NUMBER,
	     "programs of these types (linux/bpf.h, bpf_prog_type) can be loaded", bpf_programs),
	VERB("event", "NAME", 1, 1,
	     "the trace point fires for an action of this process", event),
	VERB("landlock", "", 0, 0,
	     "a process restricts itself, and can then write only where its rules allow it", landlock),
	VERB("probe", "DEFINITION FUNCTION", 2, 2,
	     "the probe p:GROUP/NAME in the kernel's FUNCTION fires (trace/kprobetrace.rst)", probe),
	VERB("tracer", "NAME", 1, 1,
	     "the tracer can be selected, and records calls of a function", tracer),
	END_OF_VERBS
};
