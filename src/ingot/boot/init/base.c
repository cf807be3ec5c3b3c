// SPDX-License-Identifier: Apache-2.0
/* Checks for any guest: command line, time, entropy, sockets, settings. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "init.h"

#define THIS_MILLENNIUM 1704067200 /* 2024: any clock that was set shows a later time */
#define SECCOMP_DENIED 77

static void command_line(char **words)
{
	static char text[4096];

	need(read_file("/proc/cmdline", text, sizeof(text)), "/proc/cmdline");
	if (!has_word(text, words[0]))
		fail("'%s' is not on the command line", words[0]);
	pass("has %s", words[0]);
}

static void clock_runs(char **words)
{
	struct timespec nap = { 0, 20000000 }, before, after;
	long long passed;

	(void)words;
	need(clock_gettime(CLOCK_MONOTONIC, &before), "CLOCK_MONOTONIC");
	need(clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL), "clock_nanosleep");
	need(clock_gettime(CLOCK_MONOTONIC, &after), "CLOCK_MONOTONIC");
	passed = (after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec;
	if (passed < nap.tv_nsec)
		fail("slept 20 ms in %lld ns", passed);
	pass("a sleep of 20 ms took %lld ms", passed / 1000000);
}

static void time_of_day(char **words)
{
	struct timespec now;

	(void)words;
	need(clock_gettime(CLOCK_REALTIME, &now), "CLOCK_REALTIME");
	if (now.tv_sec < THIS_MILLENNIUM)
		fail("the clock was not set: it is %lld s after 1970", (long long)now.tv_sec);
	pass("%lld s after 1970", (long long)now.tv_sec);
}

static void entropy(char **words)
{
	(void)words;
	if (entropy_at_start) {
		errno = entropy_at_start;
		fail_errno("not ready when init started");
	}
	pass("ready before init");
}

static void file(char **words)
{
	static char text[65536];
	uint8_t magic[16];
	int length = need(read_file(words[0], text, sizeof(text)), "%s", words[0]);
	size_t wanted;

	if (!words[1])
		pass("%s exists", words[0]);
	if (!words[2])
		fail("an argument is missing after '%s'", words[1]);
	if (strcmp(words[1], "has") == 0) {
		for (char **word = words + 2; *word; word++)
			if (!has_word(text, *word))
				fail("%s does not have '%s'", words[0], *word);
		pass("%s has all", words[0]);
	}
	if (strcmp(words[1], "begins") != 0 || words[3])
		fail("'%s' is neither 'has WORD...' nor 'begins HEX'", words[1]);
	wanted = hex_or_fail(words[2], magic, sizeof(magic));
	if (length < (int)wanted || memcmp(text, magic, wanted) != 0)
		fail("%s does not begin with %s", words[0], words[2]);
	pass("%s begins with %s", words[0], words[2]);
}

static void set(char **words)
{
	char text[256];

	if (write_file(words[0], words[1]) < 0)
		fail_errno("%s", words[0]);
	need(read_file(words[0], text, sizeof(text)), "%s", words[0]);
	if (!has_word(text, words[1]))
		fail("%s is not %s but %s", words[0], words[1], text);
	pass("%s is %s", words[0], words[1]);
}

static void script(char **words)
{
	int status;
	pid_t child;

	(void)words;
	if (write_file("/tmp/script", "#!/init\n") < 0 || chmod("/tmp/script", 0755) < 0)
		fail_errno("/tmp/script cannot be made");
	child = need(fork(), "fork");
	if (child == 0) {
		/* init that is not the first process is modprobe: without a module it ends with 1 */
		execl("/tmp/script", "script", (char *)NULL);
		_exit(100 + (errno == ENOEXEC));
	}
	need(waitpid(child, &status, 0), "waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status) >= 100)
		fail("the kernel does not run it");
	pass("the script runs");
}

static void seccomp_filter(char **words)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), /* seccomp_data.nr */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | SECCOMP_DENIED),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { 4, filter };

	(void)words;
	need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	need(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), "the kernel refuses the filter");
	errno = 0;
	if (syscall(SYS_getppid) != -1 || errno != SECCOMP_DENIED)
		fail("getppid is not denied");
	if (syscall(SYS_getpid) <= 0)
		fail("getpid is denied");
	pass("getppid denied, getpid allowed");
}

static const struct {
	const char *name;
	int family, kind, protocol;
} families[] = {
	{ "inet", AF_INET, SOCK_STREAM, 0 },
	{ "inet6", AF_INET6, SOCK_STREAM, 0 },
	{ "unix", AF_UNIX, SOCK_STREAM, 0 },
	{ "packet", AF_PACKET, SOCK_RAW, 0 },
	{ "sctp", AF_INET, SOCK_STREAM, 132 },
	{ "vsock", AF_VSOCK, SOCK_STREAM, 0 },
	{ "xdp", 44, SOCK_RAW, 0 },
	{ "audit", AF_NETLINK, SOCK_RAW, 9 },
};

static void sockets(char **words)
{
	for (; *words; words++) {
		size_t index = 0;

		while (index < sizeof(families) / sizeof(*families) &&
		       strcmp(families[index].name, *words))
			index++;
		if (index == sizeof(families) / sizeof(*families))
			fail("unknown socket '%s'", *words);
		need(socket(families[index].family, families[index].kind, families[index].protocol),
		     "%s", *words);
	}
	pass("all open");
}

static void congestion(char **words)
{
	int tcp = need(socket(AF_INET, SOCK_STREAM, 0), "a TCP socket");

	need(setsockopt(tcp, 6 /* TCP */, 13 /* TCP_CONGESTION */, words[0], strlen(words[0])), "%s",
	     words[0]);
	pass("%s", words[0]);
}

static void huge_pages(char **words)
{
	size_t size = 2 << 20;
	char *page;

	(void)words;
	if (write_file("/proc/sys/vm/nr_hugepages", "2") < 0)
		fail_errno("huge pages cannot be reserved");
	page = mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (page == MAP_FAILED)
		fail_errno("a huge page cannot be mapped");
	memset(page, 1, size);
	munmap(page, size);
	write_file("/proc/sys/vm/nr_hugepages", "0");
	pass("2 MiB mapped and written");
}

static void terminal(char **words)
{
	char name[64], word[8] = "";
	int master, number, slave;

	(void)words;
	mount_or_fail("devpts", "/tmp/pts", "devpts", 0, "ptmxmode=0666,newinstance");
	master = need(open("/tmp/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), "ptmx");
	need(unlockpt(master) < 0 ? -1 : 0, "the terminal stays locked");
	number = atoi(strrchr(ptsname(master) ? ptsname(master) : "/0", '/') + 1);
	snprintf(name, sizeof(name), "/tmp/pts/%d", number);
	slave = need(open(name, O_RDWR | O_NOCTTY | O_CLOEXEC), "%s", name);
	need(write(slave, "word", 4), "%s", name);
	if (read(master, word, 4) != 4 || strcmp(word, "word") != 0)
		fail("the other end received something else");
	pass("received what was sent");
}

const struct verb_entry base_verbs[] = {
	VERB("clock", "", 0, 0,
	     "the clock advances at about the right speed", clock_runs),
	VERB("command-line", "WORD", 1, 1,
	     "the word is on the kernel's command line", command_line),
	VERB("congestion", "NAME", 1, 1,
	     "TCP accepts this congestion control", congestion),
	VERB("entropy", "", 0, 0,
	     "random numbers were available when init started, without waiting", entropy),
	VERB("file", "PATH [has WORD... | begins HEX]", 1, ANY_NUMBER,
	     "the file exists; and has each WORD, or begins with these bytes (at most 16)", file),
	VERB("huge-pages", "", 0, 0,
	     "a huge page can be reserved and used", huge_pages),
	VERB("script", "", 0, 0,
	     "the kernel runs a script by the interpreter in its first line", script),
	VERB("seccomp", "", 0, 0,
	     "a filter denies one system call, and no other", seccomp_filter),
	VERB("set", "PATH TEXT", 2, 2,
	     "a setting can be written, and then reads back the same", set),
	VERB("sockets", "audit|inet|inet6|packet|sctp|unix|vsock|xdp...", 1, ANY_NUMBER,
	     "a socket of each family opens", sockets),
	VERB("terminal", "", 0, 0,
	     "one end of a pseudo terminal receives what the other sends", terminal),
	VERB("time-of-day", "", 0, 0,
	     "the kernel read the time from a clock of the machine", time_of_day),
	END_OF_VERBS
};
