// SPDX-License-Identifier: Apache-2.0
/* Namespaces, and control groups of both versions. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
#define GROUPS "/tmp/groups"
#define GROUP GROUPS "/ingot"

static const struct {
	const char *name;
	int flag;
	const char *file; /* below /proc/self/ns */
} kinds[] = {
	{ "cgroup", CLONE_NEWCGROUP, "cgroup" }, { "ipc", CLONE_NEWIPC, "ipc" },
	{ "mount", CLONE_NEWNS, "mnt" },         { "net", CLONE_NEWNET, "net" },
	{ "pid", CLONE_NEWPID, "pid_for_children" },
	{ "time", CLONE_NEWTIME, "time_for_children" },
	{ "user", CLONE_NEWUSER, "user" },       { "uts", CLONE_NEWUTS, "uts" },
};

/*
 * The first process of a PID namespace: the kernel has no link to the namespace before it runs.
 * It waits until the other end of `gate` is closed, and ends with 0 if its PID is 1.
 */
static pid_t first_process(int gate[2])
{
	pid_t child;
	char none;

	need(pipe2(gate, O_CLOEXEC), "a pipe");
	child = need(fork(), "fork");
	if (child)
		return child;
	close(gate[1]);
	_exit(read(gate[0], &none, 1) == 0 && getpid() == 1 ? 0 : 1);
}

/* the namespace that a file below /proc/self/ns leads to */
static void read_space(const char *kind, const char *file, char *link, size_t size)
{
	char path[64];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", file);
	length = need(readlink(path, link, size - 1), "the link to the namespace %s", kind);
	link[length] = '\0';
}

static void namespaces(char **words)
{
	for (; *words; words++) {
		char before[64], after[64];
		size_t index = 0;
		int gate[2], status = 0;
		pid_t child = 0;

		while (index < sizeof(kinds) / sizeof(*kinds) && strcmp(kinds[index].name, *words))
			index++;
		if (index == sizeof(kinds) / sizeof(*kinds))
			fail("unknown namespace '%s'", *words);
		read_space(*words, kinds[index].file, before, sizeof(before));
		need(unshare(kinds[index].flag), "%s", *words);
		if (kinds[index].flag == CLONE_NEWPID)
			child = first_process(gate);
		read_space(*words, kinds[index].file, after, sizeof(after));
		if (strcmp(before, after) == 0)
			fail("the namespace %s is the same as before", *words);
		if (!child)
			continue;
		close(gate[1]);
		need(waitpid(child, &status, 0), "waitpid");
		if (status)
			fail("the PID of the first process is not 1");
	}
	pass("a new namespace of each kind");
}

static void mount_groups(void)
{
	mount_or_fail("cgroup2", GROUPS, "cgroup2", 0, NULL);
}

/* enable a controller; one that version 1 just used may take a moment to be free */
static void give(const char *controller)
{
	char word[64];

	snprintf(word, sizeof(word), "+%s", controller);
	for (int tries = 0; tries < 100; tries++) {
		if (write_file(GROUPS "/cgroup.subtree_control", word) == 0)
			return;
		usleep(10000);
	}
	fail_errno("the controller %s cannot be enabled for a group", controller);
}

static void cgroup(char **words)
{
	static char text[1024];

	mount_groups();
	for (char **one = words; *one; one++)
		give(*one);
	make_directory(GROUP);
	need(read_file(GROUP "/cgroup.controllers", text, sizeof(text)), "the group");
	rmdir(GROUP);
	for (char **one = words; *one; one++)
		if (!has_word(text, *one))
			fail("a group does not have the controller %s", *one);
	pass("a group has all controllers");
}

static void cgroup_file(char **words)
{
	char path[128], text[256] = "";

	mount_groups();
	give(words[0]);
	make_directory(GROUP);
	snprintf(path, sizeof(path), GROUP "/%s", words[1]);
	if (words[2] && write_file(path, words[2]) < 0)
		fail_errno("%s", words[1]);
	need(read_file(path, text, sizeof(text)), "%s", words[1]);
	rmdir(GROUP);
	if (!words[2])
		pass("%s exists", words[1]);
	if (!has_word(text, words[2]))
		fail("%s is not %s", words[1], words[2]);
	pass("%s can be set", words[1]);
}

static void join_group(void)
{
	if (write_file(GROUP "/cgroup.procs", "0") < 0)
		fail_errno("a process cannot join a group");
}

/* move back to the root group: an empty group, and its controllers, can be removed */
static void leave_group(void)
{
	if (write_file(GROUPS "/cgroup.procs", "0") < 0)
		fail_errno("a process cannot leave its group");
	for (int tries = 0; rmdir(GROUP) < 0 && tries < 100; tries++)
		usleep(10000);
}

/* wait until the group has a process */
static void await_member(void)
{
	char text[256] = "";

	for (int tries = 0; tries < 300 && !*text; tries++) {
		usleep(10000);
		need(read_file(GROUP "/cgroup.procs", text, sizeof(text)), "cgroup.procs");
	}
	if (!*text)
		fail("no process joins the group");
}

static void cgroup_pids(char **words)
{
	pid_t second, third;
	int refused;

	(void)words;
	mount_groups();
	give("pids");
	make_directory(GROUP);
	if (write_file(GROUP "/pids.max", "2") < 0)
		fail_errno("pids.max");
	join_group();
	second = need(fork(), "a second process");
	if (second == 0) {
		pause();
		_exit(0);
	}
	third = fork();
	if (third == 0)
		_exit(0);
	refused = third < 0 && errno == EAGAIN;
	kill(second, SIGKILL);
	waitpid(second, NULL, 0);
	leave_group();
	if (!refused)
		fail("a third process starts");
	pass("a third process is refused");
}

static void cgroup_memory(char **words)
{
	char text[256];
	int status;

	(void)words;
	mount_groups();
	give("memory");
	make_directory(GROUP);
	if (write_file(GROUP "/memory.max", "8388608") < 0)
		fail_errno("memory.max");
	write_file(GROUP "/memory.swap.max", "0");
	if (need(fork(), "fork") == 0) {
		char *much;

		join_group();
		much = malloc(64 << 20);
		for (size_t at = 0; much && at < 64 << 20; at += 4096)
			((volatile char *)much)[at] = 1;
		_exit(0);
	}
	need(wait(&status), "wait");
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail("a group with a limit of 8 MiB could use 64 MiB");
	need(read_file(GROUP "/memory.events", text, sizeof(text)), "memory.events");
	rmdir(GROUP);
	pass("a process beyond the limit is killed");
}

static void cgroup_freezer(char **words)
{
	char text[256] = "";

	(void)words;
	mount_groups();
	make_directory(GROUP);
	if (need(fork(), "fork") == 0) {
		join_group();
		for (;;)
			usleep(1000);
	}
	await_member();
	if (write_file(GROUP "/cgroup.freeze", "1") < 0)
		fail_errno("cgroup.freeze");
	for (int tries = 0; tries < 200 && !strstr(text, "frozen 1"); tries++) {
		usleep(10000);
		need(read_file(GROUP "/cgroup.events", text, sizeof(text)), "cgroup.events");
	}
	write_file(GROUP "/cgroup.freeze", "0");
	if (!strstr(text, "frozen 1"))
		fail("the group does not freeze");
	pass("frozen and thawed");
}

/* whether it mounts; a controller that was just released may take a moment to be free */
static int mounts_v1(const char *controller, const char *target)
{
	for (int tries = 0; tries < 100; tries++) {
		if (mount("cgroup", target, "cgroup", 0, controller) == 0)
			return 0;
		if (errno != EBUSY)
			return -1;
		usleep(10000);
	}
	return -1;
}

static void cgroup_v1(char **words)
{
	for (; *words; words++) {
		char target[64];

		snprintf(target, sizeof(target), "/tmp/v1-%s", *words);
		make_directory(target);
		need(mounts_v1(*words, target), "%s", *words);
		umount(target);
	}
	pass("all mount");
}

const struct verb_entry container_verbs[] = {
	VERB("cgroup", "CONTROLLER...", 1, ANY_NUMBER,
	     "version 2 has the controllers, and they can be enabled for a group", cgroup),
	VERB("cgroup-file", "CONTROLLER FILE [TEXT]", 2, 3,
	     "a group with the controller has the file; TEXT can be written to it and read back",
	     cgroup_file),
	VERB("cgroup-freezer", "", 0, 0,
	     "the processes of a frozen group of version 2 stop", cgroup_freezer),
	VERB("cgroup-memory", "", 0, 0,
	     "a process that exceeds its group's memory limit is killed, and no other", cgroup_memory),
	VERB("cgroup-pids", "", 0, 0,
	     "a group with a limit of two processes cannot have a third", cgroup_pids),
	VERB("cgroup-v1", "CONTROLLER...", 1, ANY_NUMBER,
	     "each controller that no group of version 2 uses has a hierarchy of version 1", cgroup_v1),
	VERB("namespaces", "cgroup|ipc|mount|net|pid|time|user|uts...", 1, ANY_NUMBER,
	     "a process gets a new namespace of each kind", namespaces),
	END_OF_VERBS
};
