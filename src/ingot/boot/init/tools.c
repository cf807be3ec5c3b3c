// SPDX-License-Identifier: Apache-2.0
/* Helpers for checks of all kinds. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "init.h"

int read_file(const char *path, char *text, size_t size)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t got = 0;

	if (file < 0)
		return -1;
	while (length < size - 1 && (got = read(file, text + length, size - 1 - length)) > 0)
		length += (size_t)got;
	close(file);
	text[length] = '\0';
	return got < 0 ? -1 : (int)length;
}

int write_file(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ssize_t wrote;
	int error;

	if (file < 0)
		return -1;
	wrote = write(file, text, strlen(text));
	error = errno;
	close(file);
	errno = error;
	return wrote == (ssize_t)strlen(text) ? 0 : -1;
}

void make_directory(const char *path)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		fail_errno("%s cannot be made", path);
}

int has_word(const char *text, const char *word)
{
	static const char parting[] = " \t\n[](),";
	size_t length = strlen(word);

	for (const char *at = text; (at = strstr(at, word)) != NULL; at += length)
		if ((at == text || strchr(parting, at[-1])) && strchr(parting, at[length]))
			return 1;
	return 0;
}

void mount_or_fail(const char *source, const char *target, const char *type, unsigned long flags,
		   const char *options)
{
	make_directory(target);
	if (mount(source, target, type, flags, options) < 0)
		fail_errno("%s does not mount", type ? type : source);
}

long long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

int await_node(const char *path)
{
	for (int tries = 0; tries < 100; tries++) {
		int node = open(path, O_RDWR | O_CLOEXEC);

		if (node >= 0 || (errno != ENOENT && errno != ENXIO))
			return node;
		usleep(10000);
	}
	return -1;
}

size_t from_hex(const char *hex, uint8_t *bytes, size_t size)
{
	size_t count = 0;
	unsigned int byte;

	while (count < size && sscanf(hex + 2 * count, "%2x", &byte) == 1)
		bytes[count++] = (uint8_t)byte;
	return count;
}

size_t hex_or_fail(const char *hex, uint8_t *bytes, size_t size)
{
	size_t digits = strspn(hex, "0123456789abcdefABCDEF");

	if (!digits || digits % 2 || hex[digits] || digits / 2 > size)
		fail("'%s' is not hexadecimal, with two digits for each of up to %zu bytes", hex, size);
	return from_hex(hex, bytes, size);
}
