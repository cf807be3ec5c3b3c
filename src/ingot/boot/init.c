// SPDX-License-Identifier: Apache-2.0
/*
 * The first and only process of a test guest. It does what /ingot/plan says, prints one line
 * per check on the console, and shuts the guest down:
 *
 *     INGOT {"check":"module veth","ok":true,"detail":"loaded"}
 *
 * The plan has a line per action, its words parted by a space:
 *
 *     module <path of a .ko file>     load it (finit_module(2))
 *     reboot | poweroff               how to end (reboot(2))
 *
 * Compiled statically; it needs no file but itself, the plan and the modules named there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

static void report(const char *check, const char *subject, int ok, const char *detail)
{
	printf("\nINGOT {\"check\":\"%s%s%s\",\"ok\":%s,\"detail\":\"%s\"}\n", check,
	       *subject ? " " : "", subject, ok ? "true" : "false", detail);
	fflush(stdout);
}

static void check_release(void)
{
	struct utsname name;

	if (uname(&name) == 0)
		report("release", "", 1, name.release);
	else
		report("release", "", 0, strerror(errno));
}

static void load_module(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	int file = open(path, O_RDONLY | O_CLOEXEC);

	if (file < 0) {
		report("module", name, 0, strerror(errno));
		return;
	}
	if (syscall(SYS_finit_module, file, "", 0) == 0)
		report("module", name, 1, "loaded");
	else if (errno == EEXIST)
		report("module", name, 1, "was there");
	else
		report("module", name, 0, strerror(errno));
	close(file);
}

static int follow_plan(FILE *plan)
{
	char line[4096];
	int how = RB_AUTOBOOT;

	while (fgets(line, sizeof(line), plan)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "module ", 7) == 0)
			load_module(line + 7);
		else if (strcmp(line, "poweroff") == 0)
			how = RB_POWER_OFF;
		else if (strcmp(line, "reboot") == 0)
			how = RB_AUTOBOOT;
		else
			report("plan", "", 0, "has a line that init does not know");
	}
	return how;
}

int main(void)
{
	int how = RB_AUTOBOOT;
	FILE *plan;

	mkdir("/proc", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	check_release();
	plan = fopen("/ingot/plan", "re");
	if (plan) {
		how = follow_plan(plan);
		fclose(plan);
	} else {
		report("plan", "", 0, strerror(errno));
	}
	report("end", "", 1, how == RB_POWER_OFF ? "powering off" : "rebooting");
	sync();
	reboot(how);
	report("shutdown", "", 0, strerror(errno));
	for (;;)
		pause();
}
