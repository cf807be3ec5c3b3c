// SPDX-License-Identifier: Apache-2.0
/* File systems that need no disk: in memory, overlays, shared by the host; and swap. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/sysinfo.h>
#include <sys/types.h>
#include <unistd.h>

#include "init.h"
#include "volumes.h"

static void mount_type(char **words)
{
	char path[256], text[4096];

	mount_or_fail(words[0], PLACE, words[0], 0, NULL);
	if (!words[1])
		pass("%s mounts", words[0]);
	snprintf(path, sizeof(path), PLACE "/%s", words[1]);
	need(access(path, F_OK), "%s has no %s", words[0], words[1]);
	if (words[2]) {
		need(read_file(path, text, sizeof(text)), "%s", words[1]);
		if (!has_word(text, words[2]))
			fail("%s of %s does not have '%s'", words[1], words[0], words[2]);
	}
	pass("%s mounts, and has %s", words[0], words[1]);
}

static void writable(char **words)
{
	mount_or_fail(words[0], PLACE, words[0], 0, NULL);
	if (write_file(PLACE "/file", CONTENT) < 0)
		fail_errno("a file cannot be written");
	must_hold(PLACE "/file", CONTENT);
	for (char **word = words + 1; *word; word++) {
		set_attribute(PLACE "/file", *word);
		must_keep(PLACE "/file", *word);
	}
	pass("written and read");
}

static void overlay(char **words)
{
	(void)words;
	make_directory("/tmp/lower");
	make_directory("/tmp/upper");
	make_directory("/tmp/work");
	if (write_file("/tmp/lower/file", "below\n") < 0)
		fail_errno("/tmp/lower");
	mount_or_fail("overlay", PLACE, "overlay", 0,
		      "lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work");
	must_hold(PLACE "/file", "below\n");
	if (write_file(PLACE "/file", "above\n") < 0)
		fail_errno("the overlay");
	must_hold(PLACE "/file", "above\n");
	must_hold("/tmp/upper/file", "above\n");
	must_hold("/tmp/lower/file", "below\n");
	pass("written above, untouched below");
}

static void root(char **words)
{
	static char text[8192];
	char wanted[64];

	need(read_file("/proc/mounts", text, sizeof(text)), "/proc/mounts");
	snprintf(wanted, sizeof(wanted), " / %s ", words[0]);
	if (!strstr(text, wanted))
		fail("the root file system is not %s", words[0]);
	if (write_file("/written", CONTENT) < 0)
		fail_errno("the root file system cannot be written to");
	must_hold("/written", CONTENT);
	pass("%s, written and read", words[0]);
}

static void host_directory(char **words)
{
	mount_or_fail(words[1], PLACE, words[0], 0, words[2]);
	must_hold(PLACE "/file", CONTENT);
	pass("a file of the host was read");
}

/* the header of a swap area: mkswap(8), kernel: include/linux/swap.h, union swap_header */
static void write_swap_header(int device, uint32_t pages)
{
	static union {
		char bytes[4096];
		struct {
			char boot[1024];
			uint32_t version, last_page, bad_pages;
		} info;
	} header;

	header.info.version = 1;
	header.info.last_page = pages - 1;
	memcpy(header.bytes + 4096 - 10, "SWAPSPACE2", 10);
	need(pwrite(device, &header, sizeof(header), 0), "the swap header");
	need(fsync(device), "the swap header");
}

static void zram(char **words)
{
	struct sysinfo memory;
	int device;

	need(modprobe("zram") == -ENODATA ? -1 : 0, "the kernel has no module zram");
	device = need(await_node("/dev/zram0"), "/dev/zram0");
	close(device);
	for (; *words; words++) {
		write_file("/sys/block/zram0/reset", "1");
		if (write_file("/sys/block/zram0/comp_algorithm", *words) < 0)
			fail_errno("%s", *words);
	}
	if (write_file("/sys/block/zram0/disksize", "8388608") < 0)
		fail_errno("the size of zram cannot be set");
	device = need(await_node("/dev/zram0"), "/dev/zram0");
	write_swap_header(device, 8388608 / 4096);
	close(device);
	need(swapon("/dev/zram0", 0), "swapon");
	sysinfo(&memory);
	need(swapoff("/dev/zram0"), "swapoff");
	if (memory.totalswap == 0)
		fail("the kernel reports no swap");
	pass("%lu KiB of swap", memory.totalswap * memory.mem_unit / 1024);
}

const struct verb_entry file_verbs[] = {
	VERB("host-directory", "TYPE TAG [OPTIONS]", 2, 3,
	     "a directory of the host mounts, and its file 'file' contains 'proof'", host_directory),
	VERB("mount", "TYPE [FILE [WORD]]", 1, 3,
	     "the file system mounts; it has FILE, and FILE has WORD", mount_type),
	VERB("overlay", "", 0, 0,
	     "a write to an overlay goes to its upper layer, and the lower one stays unchanged", overlay),
	VERB("root", "TYPE", 1, 1,
	     "the root file system has this type, and can be written to", root),
	VERB("writable", "TYPE [acl|security|xattr...]", 1, ANY_NUMBER,
	     "a file system in memory keeps a file and its attributes", writable),
	VERB("zram", "ALGORITHM...", 1, ANY_NUMBER,
	     "zram works with each compression algorithm, and as swap", zram),
	END_OF_VERBS
};
