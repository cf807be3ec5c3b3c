// SPDX-License-Identifier: Apache-2.0
/* File systems on block devices: reading images, and writing to volumes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "init.h"
#include "storage.h"
#include "volumes.h"

#define COPY "/tmp/volume"
#define WRITTEN PLACE "/a long name, größer, 名前"

void must_hold(const char *path, const char *content)
{
	char text[64];

	need(read_file(path, text, sizeof(text)), "%s", path);
	if (strcmp(text, content) != 0)
		fail("%s has other contents", path);
}

/* a POSIX ACL as an extended attribute (kernel: include/uapi/linux/posix_acl_xattr.h) */
static const uint8_t acl[] = {
	2, 0, 0, 0,
	1, 0, 6, 0, 0xff, 0xff, 0xff, 0xff, /* the owner: rw */
	2, 0, 4, 0, 232, 3, 0, 0,           /* user 1000: r */
	4, 0, 4, 0, 0xff, 0xff, 0xff, 0xff,
	16, 0, 4, 0, 0xff, 0xff, 0xff, 0xff,
	32, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,
};

static const char *attribute(const char *kind)
{
	if (strcmp(kind, "acl") == 0)
		return "system.posix_acl_access";
	if (strcmp(kind, "security") == 0)
		return "security.ingot";
	if (strcmp(kind, "xattr") == 0)
		return "trusted.ingot";
	fail("unknown attribute '%s'", kind);
}

void set_attribute(const char *path, const char *kind)
{
	need(setxattr(path, attribute(kind), acl, sizeof(acl), 0), "%s", kind);
}

void must_keep(const char *path, const char *kind)
{
	uint8_t back[64];

	if (getxattr(path, attribute(kind), back, sizeof(back)) != sizeof(acl) ||
	    memcmp(back, acl, sizeof(acl)) != 0)
		fail("the attribute %s is not kept", kind);
}

/*
 * A loop device that is not open for writing: kernels that do not allow writers to a mounted device
 * cannot mount one that is.
 */
static int mountable(const char *path, int read_only, char *device, size_t size)
{
	int held = loop_device(path, read_only, device, size);
	int loop = need(open(device, O_RDONLY | O_CLOEXEC), "%s", device);

	close(held);
	return loop;
}

static void image(char **words)
{
	char device[32], path[256];

	mountable(words[1], 1, device, sizeof(device));
	mount_or_fail(device, PLACE, words[0], MS_RDONLY, NULL);
	for (char **word = words + 2; *word; word++) {
		snprintf(path, sizeof(path), PLACE "/%s", *word);
		must_hold(path, CONTENT);
	}
	pass("%s mounts and is read", words[0]);
}

/* a copy of the image in memory, padded with zeros to its full size */
static void copy_image(const char *path, long mebibytes)
{
	int from = need(open(path, O_RDONLY | O_CLOEXEC), "%s", path), to;
	struct stat about;
	off_t at = 0;

	unlink(COPY); /* a loop device may still use the copy of another check */
	to = need(open(COPY, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), COPY);
	need(fstat(from, &about), "%s", path);
	while (at < about.st_size)
		need(sendfile(to, from, &at, (size_t)(about.st_size - at)), "%s", path);
	need(ftruncate(to, mebibytes << 20), COPY);
	close(from);
	close(to);
}

/* the path of a name below PLACE; %XX in the name is a byte, since plans are ASCII */
static void name_path(const char *name, char *path, size_t size)
{
	size_t at = (size_t)snprintf(path, size, PLACE "/");

	for (; *name && at + 1 < size; name++) {
		if (*name == '%' && from_hex(name + 1, (uint8_t *)path + at, 1) == 1)
			name += 2;
		else
			path[at] = *name;
		at++;
	}
	path[at] = '\0';
}

/*
 * The image at PATH, padded with zeros to its size, mounts as TYPE, and FILE contains "proof". A
 * new file with a long name keeps its contents and attributes after the volume was unmounted,
 * dropped from memory and mounted again.
 */
static void volume(char **words)
{
	char device[32], file[256];
	const char *type = words[0], *options = NULL;
	char **last = words + 4;
	int loop;

	while (*last && strcmp(*last, "-o") != 0)
		last++;
	if (*last) {
		options = last[1];
		if (!options || last[2])
			fail("-o needs exactly one argument");
	}
	name_path(words[3], file, sizeof(file));
	copy_image(words[2], atol(words[1]));
	loop = mountable(COPY, 0, device, sizeof(device));
	mount_or_fail(device, PLACE, type, 0, options);
	must_hold(file, CONTENT);
	if (write_file(WRITTEN, CONTENT) < 0)
		fail_errno("%s cannot be written to", type);
	for (char **word = words + 4; word < last; word++)
		set_attribute(WRITTEN, *word);
	need(umount(PLACE), "%s does not unmount", type);
	need(ioctl(loop, BLKFLSBUF), "%s", device);
	mount_or_fail(device, PLACE, type, 0, options);
	must_hold(file, CONTENT);
	must_hold(WRITTEN, CONTENT);
	for (char **word = words + 4; word < last; word++)
		must_keep(WRITTEN, *word);
	need(umount(PLACE), "%s does not unmount again", type);
	ioctl(loop, LOOP_CLR_FD);
	unlink(COPY);
	pass("%s mounts, and keeps what is written", type);
}

static void mounted(char **words)
{
	char device[32];
	int loop;

	copy_image(words[2], atol(words[1]));
	loop = mountable(COPY, 0, device, sizeof(device));
	mount_or_fail(device, PLACE, words[0], 0, NULL);
	close(need(open(device, O_RDWR | O_CLOEXEC), "%s does not open for writing", device));
	need(umount(PLACE), "%s does not unmount", words[0]);
	ioctl(loop, LOOP_CLR_FD);
	unlink(COPY);
	pass("the device can be opened for writing");
}

const struct verb_entry volume_verbs[] = {
	VERB("image", "TYPE PATH FILE...", 3, ANY_NUMBER,
	     "the image at PATH mounts as TYPE, and each FILE contains 'proof'", image),
	VERB("mounted", "TYPE MEBIBYTES PATH", 3, 3,
	     "while the image at PATH is mounted, its device can be opened for writing", mounted),
	VERB("volume",
	     "TYPE MEBIBYTES PATH FILE [acl|security|xattr...] [-o OPTIONS]", 4, ANY_NUMBER,
	     "the image at PATH mounts, FILE contains 'proof', and a new file is kept with "
	     "its attributes", volume),
	END_OF_VERBS
};
