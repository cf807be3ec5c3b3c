// SPDX-License-Identifier: Apache-2.0
/*
 * The first process of a test guest. It carries out /ingot/plan, prints one line per check on
 * the console, and shuts the guest down:
 *
 *     INGOT 3f1c0a94d2b7e865 {"check":"overlay","outcome":"passed","detail":"written"}
 *
 * The number is a tag that only init can make (seal.h), so that nothing else in the guest can pass
 * a check by printing. Its key is at the beginning of a file, or of a disk, that the plan's first
 * line names; init overwrites it with zeros before it starts anything else. Afterwards the key is
 * only in a page of init that its children do not get, and they are not allowed to trace init.
 * Untrusted files, such as lists of modules, are read by children only.
 *
 * The plan has a line per action, with spaces between its words:
 *
 *     key <file>                      the file of the key; the first line
 *     check <name> <seconds> <modules> <verb> [<word>...]
 *                                     one check; <modules> are names joined by commas, or `-`
 *     mount <name> <device> <directory> <type>
 *                                     mount it permanently, and report that as the check <name>
 *     module <file name>              load this module and its dependencies
 *     reboot | poweroff               how to end (reboot(2))
 *
 * Each check is a separate process and process group, with separate mounts, and is killed
 * when its time is up. The kernel runs this same program as its modprobe (modprobe.c).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "init.h"
#include "seal.h"

#define PLAN "/ingot/plan"
#define DETAIL_BYTES 400
#define LINE_BYTES 8192
#define MODULE_SECONDS 60
#define WORDS 64
#define HEAD "\nINGOT "
#define TAG_AT (sizeof(HEAD) - 1)
#define TEXT_AT (TAG_AT + TAG_BYTES + 1)
#define CONSOLE_LOG_LEVEL 4 /* errors and worse; on an oops or a panic, all is printed */

static void load_module(char **words);

static const struct verb_entry main_verbs[] = {
	VERB("load-module", "NAME", 1, 1,
	     "the module and its dependencies load", load_module),
	END_OF_VERBS
};

static const struct verb_entry *const tables[] = {
	main_verbs, balancer_verbs, base_verbs, call_verbs, container_verbs, crypto_verbs, file_verbs,
	iptables_verbs, kind_verbs, machine_verbs, nftables_verbs, packet_verbs, program_verbs,
	queue_verbs, server_verbs, storage_verbs, tunnel_verbs, volume_verbs,
};

int entropy_at_start;

static int results = -1; /* a check writes its result here */
static struct sealer *sealer; /* in a page of its own; NULL until the key is known */

/*
 * Writes one line and waits until it is sent: kernel messages go straight to the port, and would
 * otherwise end up in the middle of it.
 */
static void report(const char *check, const char *outcome, const char *detail)
{
	char line[3 * DETAIL_BYTES + 256] = HEAD;
	size_t at = TEXT_AT;

	memset(line + TAG_AT, '-', TAG_BYTES);
	line[TEXT_AT - 1] = ' ';
	at += (size_t)snprintf(line + at, sizeof(line) - at,
			       "{\"check\":\"%.100s\",\"outcome\":\"%.10s\",\"detail\":\"", check,
			       outcome);
	for (; *detail && at < sizeof(line) - 16; detail++) {
		unsigned char one = (unsigned char)*detail;

		if (one == '"' || one == '\\')
			at += (size_t)sprintf(line + at, "\\%c", one);
		else if (one < ' ')
			at += (size_t)sprintf(line + at, "\\u%04x", one);
		else
			line[at++] = one < 0x7f ? (char)one : '?';
	}
	at += (size_t)sprintf(line + at, "\"}\n");
	if (sealer)
		seal(sealer, line + TEXT_AT, at - 1 - TEXT_AT, line + TAG_AT);
	for (size_t done = 0; done < at;) {
		ssize_t wrote = write(STDOUT_FILENO, line + done, at - done);

		if (wrote <= 0)
			break;
		done += (size_t)wrote;
	}
	tcdrain(STDOUT_FILENO);
}

/* the result of a check: a letter for the outcome, then the detail */
static void __attribute__((noreturn)) finish(char outcome, const char *format, va_list arguments,
					     int error)
{
	char text[DETAIL_BYTES + 1];
	size_t length = 1;

	text[0] = outcome;
	vsnprintf(text + 1, sizeof(text) - 1, format, arguments);
	length += strlen(text + 1);
	if (error)
		snprintf(text + length, sizeof(text) - length, ": %s", strerror(error));
	if (write(results, text, strlen(text)) < 0)
		_exit(2);
	_exit(0);
}

#define ENDING(name, outcome, error)                                                           \
	void name(const char *format, ...)                                                     \
	{                                                                                      \
		int saved = errno;                                                             \
		va_list arguments;                                                             \
                                                                                               \
		va_start(arguments, format);                                                   \
		(void)saved;                                                                   \
		finish(outcome, format, arguments, error);                                     \
	}

ENDING(pass, 'p', 0)
ENDING(fail, 'f', 0)
ENDING(skip, 's', 0)
ENDING(fail_errno, 'f', saved)

static const struct verb_entry *find_verb(const char *name)
{
	for (size_t table = 0; table < sizeof(tables) / sizeof(*tables); table++)
		for (const struct verb_entry *entry = tables[table]; entry->name; entry++)
			if (strcmp(entry->name, name) == 0)
				return entry;
	fail("unknown verb '%s'", name);
}

/* Ingot also checks this when it loads a catalog; but a plan can have another origin */
static void require_words(const struct verb_entry *entry, char **words)
{
	int count = 0;

	while (words[count])
		count++;
	if (count < entry->least || count > entry->most)
		fail("%d arguments for '%s', which takes %s", count, entry->name,
		     entry->most ? entry->usage : "none");
}

static void load_modules(char *names)
{
	char *rest = NULL;

	if (strcmp(names, "-") == 0)
		return;
	for (char *name = strtok_r(names, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
		int error = modprobe(name);

		if (error == -ENOENT) /* built in; if it is not, the check itself fails */
			continue;
		if (error) {
			errno = -error;
			fail_errno("module %s does not load", name);
		}
	}
}

/* drop what a child of init must not have: the key, and access to init's memory */
static void give_up_key(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (sealer) /* a kernel before 4.14 copied the page */
		for (size_t at = 0; at < KEY_BYTES; at++)
			sealer->key[at] = 0;
	sealer = NULL;
	prctl(PR_CAPBSET_DROP, CAP_SYS_PTRACE, 0, 0, 0);
	if (syscall(SYS_capget, &header, data) == 0) {
		uint32_t others = ~(1U << CAP_SYS_PTRACE);

		data[0].effective &= others;
		data[0].permitted &= others;
		data[0].inheritable &= others;
		syscall(SYS_capset, &header, data);
	}
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* its own children may trace it, as usual */
}

static void __attribute__((noreturn)) run_check(char *modules, char **words)
{
	const struct verb_entry *entry;

	give_up_key();
	setsid();
	entry = find_verb(words[0]);
	require_words(entry, words + 1);
	if (unshare(CLONE_NEWNS) == 0)
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	load_modules(modules);
	entry->run(words + 1);
	pass("done");
}

/* the result of the check; its length, 0 if it ended without a result, -1 if its time is up */
static int await(int from, char *text, size_t size, int seconds)
{
	struct pollfd poller = { .fd = from, .events = POLLIN };
	ssize_t length;

	if (poll(&poller, 1, 1000 * seconds) == 0)
		return -1;
	length = read(from, text, size - 1);
	text[length > 0 ? length : 0] = '\0';
	return length > 0 ? (int)length : 0;
}

/* kill a check and all that it started; what the kernel cannot kill is left */
static int end_check(pid_t child)
{
	int status = 0;

	for (int tries = 0; tries < 200; tries++) {
		kill(-child, SIGKILL);
		kill(child, SIGKILL);
		if (waitpid(child, &status, WNOHANG) == child)
			return status;
		usleep(10000);
	}
	return -1;
}

static void check(const char *name, int seconds, char *modules, char **words)
{
	char text[DETAIL_BYTES + 64];
	int ends[2], length, status;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0 || (child = fork()) < 0) {
		report(name, "failed", strerror(errno));
		return;
	}
	if (child == 0) {
		close(ends[0]);
		results = ends[1];
		run_check(modules, words);
	}
	close(ends[1]);
	length = await(ends[0], text, sizeof(text), seconds);
	close(ends[0]);
	status = end_check(child);
	if (length < 0)
		snprintf(text, sizeof(text), "ftook longer than %d s%s", seconds,
			 status == -1 ? ", and cannot be killed" : "");
	else if (length == 0)
		snprintf(text, sizeof(text), "fits process ended without a result (signal %d)",
			 WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	report(name, *text == 'p' ? "passed" : *text == 's' ? "skipped" : "failed", text + 1);
}

/* run as a check, since the lists of modules are untrusted files */
static void load_module(char **words)
{
	int error = modprobe(words[0]);

	if (error)
		fail("%s", strerror(-error));
	pass("loaded");
}

static void load_line(const char *file)
{
	char name[128], label[160], none[] = "-", verb_name[] = "load-module";
	char *words[] = { verb_name, name, NULL };

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(file, "."), file);
	snprintf(label, sizeof(label), "module %s", file);
	check(label, MODULE_SECONDS, none, words);
}

static void mount_line(char **words)
{
	int error = mount(words[1], words[2], words[3], MS_RDONLY, NULL) < 0 ? errno : 0;

	report(words[0], error ? "failed" : "passed", error ? strerror(error) : words[2]);
}

/* carry out a line of the plan; 0 if it is not valid */
static int follow(char *line, int *how)
{
	char *words[WORDS], *rest = NULL;
	int count = 0;

	for (char *word = strtok_r(line, " \n", &rest); word && count < WORDS - 1;
	     word = strtok_r(NULL, " \n", &rest))
		words[count++] = word;
	words[count] = NULL;
	if (count == WORDS - 1) /* or more, which would be ignored */
		return 0;
	if (count >= 5 && strcmp(words[0], "check") == 0)
		check(words[1], atoi(words[2]), words[3], words + 4);
	else if (count == 2 && strcmp(words[0], "module") == 0)
		load_line(words[1]);
	else if (count == 5 && strcmp(words[0], "mount") == 0)
		mount_line(words + 1);
	else if (count == 1 && strcmp(words[0], "poweroff") == 0)
		*how = RB_POWER_OFF;
	else if (count == 1 && strcmp(words[0], "reboot") == 0)
		*how = RB_AUTOBOOT;
	else
		return 0;
	return 1;
}

/* read the key and erase it; 0, or a negative errno */
static int take_key(int file)
{
	static const char zeros[KEY_BYTES];
	struct sealer *own = mmap(NULL, sizeof(*own), PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (own == MAP_FAILED)
		return -errno;
	madvise(own, sizeof(*own), MADV_WIPEONFORK);
	madvise(own, sizeof(*own), MADV_DONTDUMP);
	errno = ENODATA;
	if (pread(file, (void *)own->key, KEY_BYTES, 0) != KEY_BYTES)
		return -errno;
	errno = EIO;
	if (pwrite(file, zeros, KEY_BYTES, 0) != KEY_BYTES || fsync(file) < 0)
		return -errno;
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	sealer = own;
	return 0;
}

/* the first line of the plan: the file of the key; 0, or a negative errno */
static int learn_key(FILE *plan)
{
	char line[256], path[128];
	struct stat status;
	int file, error;

	if (!fgets(line, sizeof(line), plan) || sscanf(line, "key %127s", path) != 1)
		return -EINVAL;
	file = await_node(path);
	if (file < 0)
		return -errno;
	error = take_key(file);
	if (fstat(file, &status) == 0 && S_ISREG(status.st_mode))
		unlink(path);
	close(file);
	return error;
}

static void follow_plan(FILE *plan, int *how)
{
	static char line[LINE_BYTES];

	while (fgets(line, sizeof(line), plan))
		if ((!strchr(line, '\n') && !feof(plan)) || !follow(line, how))
			report("plan", "failed", "has an invalid line");
}

static void set_up(void)
{
	uint8_t byte;

	entropy_at_start = getrandom(&byte, 1, GRND_NONBLOCK) == 1 ? 0 : errno;
	mkdir("/proc", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mkdir("/sys", 0755);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mkdir("/dev", 0755);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	mkdir("/tmp", 01777);
	mount("tmpfs", "/tmp", "tmpfs", 0, NULL);
	mkdir("/sbin", 0755);
	signal(SIGPIPE, SIG_IGN);
	klogctl(8, NULL, CONSOLE_LOG_LEVEL);
}

int main(int count, char **arguments)
{
	struct utsname name;
	int how = RB_AUTOBOOT, error;
	FILE *plan;

	if (getpid() != 1) { /* the kernel runs: modprobe -q -- NAME (kernel: kernel/kmod.c) */
		give_up_key();
		return count > 1 && modprobe(arguments[count - 1]) == 0 ? 0 : 1;
	}
	set_up();
	plan = fopen(PLAN, "re");
	error = plan ? learn_key(plan) : -errno;
	if (error) /* without a tag, Ingot ignores this; it is for a reader of the console */
		report(plan ? "key" : "plan", "failed", strerror(-error));
	if (symlink("/init", "/sbin/modprobe") < 0 && errno != EEXIST)
		report("plan", "failed", "/sbin/modprobe cannot be made");
	if (uname(&name) == 0)
		report("release", "passed", name.release);
	else
		report("release", "failed", strerror(errno));
	if (plan)
		follow_plan(plan, &how);
	report("end", "passed", how == RB_POWER_OFF ? "powering off" : "rebooting");
	sync();
	reboot(how);
	report("shutdown", "failed", strerror(errno));
	for (;;)
		pause();
}
