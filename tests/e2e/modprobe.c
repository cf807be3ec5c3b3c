// SPDX-License-Identifier: Apache-2.0
/*
 * The first process of a guest that has kmod. It does what /plan says, a line each, and reports
 * as Ingot's own init does (src/ingot/boot/init/main.c), with the key that it finds at /ingot/key:
 *
 *     bind <directory> <directory>      show the first at the second as well (mount(2))
 *     modprobe <module>           run modprobe, then look for the module in /proc/modules
 *
 * At the end it prints /proc/modules and reboots, which ends the machine.
 */
#include <stdio.h>
#include <string.h>
#include <errno.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seal.h"

static struct sealer sealer;

static void learn_key(void)
{
	FILE *file = fopen("/ingot/key", "re");

	for (int at = 0; file && at < KEY_BYTES; at++)
		sealer.key[at] = (unsigned char)fgetc(file);
	if (file)
		fclose(file);
}

static void report(const char *what, const char *name, int ok, const char *detail)
{
	char text[8192], tag[TAG_BYTES];

	snprintf(text, sizeof(text), "{\"check\":\"%s%s\",\"outcome\":\"%s\",\"detail\":\"%s\"}", what,
		 name, ok ? "passed" : "failed", detail);
	seal(&sealer, text, strlen(text), tag);
	printf("\nINGOT %.16s %s\n", tag, text);
	fflush(stdout);
}

static int run_modprobe(const char *module)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		execl("/sbin/modprobe", "modprobe", module, (char *)NULL);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0 || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static int is_loaded(const char *module)
{
	FILE *modules = fopen("/proc/modules", "re");
	char line[4096];
	size_t length = strlen(module);
	int found = 0;

	while (modules && fgets(line, sizeof(line), modules))
		found |= strncmp(line, module, length) == 0 && line[length] == ' ';
	if (modules)
		fclose(modules);
	return found;
}

static void modprobe(const char *module)
{
	char detail[64];
	int code = run_modprobe(module);
	int loaded = is_loaded(module);

	snprintf(detail, sizeof(detail), "exit code %d, %s", code, loaded ? "loaded" : "not there");
	report("module ", module, code == 0 && loaded, detail);
}

static void follow_plan(FILE *plan)
{
	char line[4096], first[2048], second[2048];

	while (fgets(line, sizeof(line), plan)) {
		if (sscanf(line, "bind %2047s %2047s", first, second) == 2) {
			if (mount(first, second, NULL, MS_BIND, NULL) != 0)
				report("bind ", first, 0, strerror(errno));
		} else if (sscanf(line, "modprobe %2047s", first) == 1) {
			modprobe(first);
		} else {
			report("plan", "", 0, "has an invalid line");
		}
	}
}

static void print_modules(void)
{
	FILE *modules = fopen("/proc/modules", "re");
	char line[4096];

	while (modules && fgets(line, sizeof(line), modules))
		printf("MODULE %s", line);
	if (modules)
		fclose(modules);
}

int main(void)
{
	struct utsname name;
	FILE *plan;

	mkdir("/proc", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	uname(&name);
	learn_key();
	report("release", "", 1, name.release);
	plan = fopen("/plan", "re");
	if (plan) {
		follow_plan(plan);
		fclose(plan);
	} else {
		report("plan", "", 0, strerror(errno));
	}
	print_modules();
	report("end", "", 1, "rebooting");
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}
