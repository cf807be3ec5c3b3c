// SPDX-License-Identifier: Apache-2.0
/*
 * Loads modules by name or alias, and their dependencies: the modprobe of the guest's kernel, which
 * runs it with `fs-overlay` when a process mounts one, and of checks that need a module first.
 *
 * Source of the files below /lib/modules/<release>: depmod.d(5), modules.dep(5).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "init.h"

#define LINE_BYTES 8192
#define ALIASES 16

static const char *directory(void)
{
	static char path[128];
	struct utsname name;

	if (!*path && uname(&name) == 0)
		snprintf(path, sizeof(path), "/lib/modules/%.64s", name.release);
	return path;
}

static FILE *open_list(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", directory(), name);
	return fopen(path, "re");
}

int lists_modules(void)
{
	FILE *list = open_list("modules.builtin");

	if (list)
		fclose(list);
	return list != NULL;
}

/* in names and aliases, - and _ are the same, except between [] */
static void normalise(char *text)
{
	int inside = 0;

	for (; *text; text++) {
		inside = *text == '[' ? 1 : *text == ']' ? 0 : inside;
		if (*text == '-' && !inside)
			*text = '_';
	}
}

/* whether a path such as kernel/fs/fuse/fuse.ko is that of the module */
static int is_module(const char *path, const char *name)
{
	char base[128];
	const char *slash = strrchr(path, '/');

	snprintf(base, sizeof(base), "%.127s", slash ? slash + 1 : path);
	base[strcspn(base, ".")] = '\0';
	normalise(base);
	return strcmp(base, name) == 0;
}

static int load_module(const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	int result;

	if (file < 0)
		return -errno;
	result = syscall(SYS_finit_module, file, "", 0) == 0 ? 0 : -errno;
	close(file);
	return result;
}

static int load_below_directory(const char *relative)
{
	char path[512];
	int result;

	snprintf(path, sizeof(path), "%s/%s", directory(), relative);
	result = load_module(path);
	/* a listed module without a file is another error than an unknown module */
	return result == -EEXIST ? 0 : result == -ENOENT ? -ENODATA : result;
}

/* load a module by its name; -ENOENT if it is not listed */
static int load_by_name(const char *name)
{
	static char line[LINE_BYTES];
	FILE *list = open_list("modules.dep");
	int result = -ENOENT;

	while (list && result == -ENOENT && fgets(line, sizeof(line), list)) {
		char *needs[128], *rest = NULL, *colon = strchr(line, ':');
		int count = 0;

		if (!colon)
			continue;
		*colon = '\0';
		if (!is_module(line, name))
			continue;
		for (char *one = strtok_r(colon + 1, " \n", &rest); one && count < 128;
		     one = strtok_r(NULL, " \n", &rest))
			needs[count++] = one;
		result = 0;
		while (count > 0 && result == 0) /* direct dependencies come first */
			result = load_below_directory(needs[--count]);
		if (result == 0)
			result = load_below_directory(line);
	}
	if (list)
		fclose(list);
	return result;
}

/* whether it is built into the kernel */
static int is_built_in(const char *name)
{
	static char line[LINE_BYTES];
	FILE *list = open_list("modules.builtin");
	int found = 0;

	while (list && !found && fgets(line, sizeof(line), list))
		found = is_module(line, name);
	if (list)
		fclose(list);
	return found;
}

/* the modules that an alias matches; returns their number */
static int find_aliases(const char *wanted, char found[ALIASES][64])
{
	static char line[LINE_BYTES];
	FILE *list = open_list("modules.alias");
	char pattern[512], module[64];
	int count = 0;

	while (list && count < ALIASES && fgets(line, sizeof(line), list)) {
		if (sscanf(line, "alias %511s %63s", pattern, module) != 2)
			continue;
		normalise(pattern);
		if (fnmatch(pattern, wanted, 0) == 0)
			snprintf(found[count++], 64, "%s", module);
	}
	if (list)
		fclose(list);
	return count;
}

int modprobe(const char *name)
{
	char wanted[256], found[ALIASES][64];
	int count, result;

	snprintf(wanted, sizeof(wanted), "%s", name);
	normalise(wanted);
	result = load_by_name(wanted);
	if (result != -ENOENT)
		return result;
	if (is_built_in(wanted))
		return 0;
	count = find_aliases(wanted, found);
	for (int index = 0; index < count; index++) {
		int one;

		normalise(found[index]);
		one = load_by_name(found[index]);
		result = result == 0 ? 0 : one;
	}
	return result;
}
