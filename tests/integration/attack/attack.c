// SPDX-License-Identifier: Apache-2.0
/*
 * What a hostile program in a guest could try, as checks of init: this stands in for calls.c.
 *
 *     forge            print what init prints, whole lines and parts of some
 *     linger           leave a process behind that prints a moment later
 *     look HEX         look for these bytes, each of them inverted, in the memory of this process
 *     trace            read the memory of init in any way there is
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "init.h"

#define FORGED "INGOT {\"check\":\"veth\",\"outcome\":\"passed\",\"detail\":\"forged\"}"

const char marker[] = "what is surely there";

static void forge(char **words)
{
	(void)words;
	printf("\n%s\nINGOT 0123456789abcdef %s\n%s", FORGED, FORGED + 6, "INGOT 0123456789abcdef {");
	fflush(stdout);
	pass("printed");
}

static void linger(char **words)
{
	(void)words;
	if (need(fork(), "fork") == 0) {
		setsid();
		usleep(200000);
		printf("\n%s\n", FORGED);
		fflush(stdout);
		_exit(0);
	}
	pass("left one behind");
}

/* the bytes are never in memory as they are, or they would be found there */
static int is_at(const unsigned char *at, const unsigned char *inverted, size_t length)
{
	for (size_t index = 0; index < length; index++)
		if (at[index] + inverted[index] != 0xff)
			return 0;
	return 1;
}

static void look(char **words)
{
	unsigned char inverted[64];
	size_t length = from_hex(words[0], inverted, sizeof(inverted));
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512], rights[8];
	unsigned long from, to, looked = 0;

	while (maps && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) != 3 || rights[0] != 'r' ||
		    strstr(line, "[v")) /* what the kernel maps: vvar, vsyscall */
			continue;
		looked += to - from;
		for (; from + length <= to; from++)
			if (is_at((const unsigned char *)from, inverted, length))
				fail("found");
	}
	pass("%lu bytes", looked);
}

static void trace(char **words)
{
	char bytes[16];
	struct iovec own = { bytes, sizeof(bytes) };
	/* where any program has something: only the right to look is asked for */
	struct iovec theirs = { (void *)(uintptr_t)marker, sizeof(bytes) };

	(void)words;
	if (open("/proc/1/mem", O_RDONLY | O_CLOEXEC) >= 0 || errno != EACCES)
		fail_errno("/proc/1/mem");
	if (open("/proc/1/environ", O_RDONLY | O_CLOEXEC) >= 0 || errno != EACCES)
		fail_errno("/proc/1/environ");
	if (open("/proc/1/maps", O_RDONLY | O_CLOEXEC) >= 0 || errno != EACCES)
		fail_errno("/proc/1/maps");
	if (syscall(SYS_process_vm_readv, 1, &own, 1UL, &theirs, 1UL, 0UL) >= 0 || errno != EPERM)
		fail_errno("process_vm_readv");
	if (ptrace(PTRACE_SEIZE, 1, NULL, NULL) >= 0 || errno != EPERM)
		fail_errno("ptrace");
	if (access("/ingot/key", F_OK) == 0)
		fail("the key is there");
	pass("no way");
}

const struct verb_entry call_verbs[] = {
	VERB("forge", "", 0, 0,
	     "whether what init prints can be printed by others: whole lines, and parts "
	     "of some", forge),
	VERB("linger", "", 0, 0,
	     "whether a process that is left behind can print a moment later", linger),
	VERB("look", "HEX", 1, 1,
	     "whether these bytes, each of them inverted, are in the memory of this "
	     "process", look),
	VERB("trace", "", 0, 0,
	     "whether the memory of init can be read in any way", trace),
	END_OF_VERBS
};
