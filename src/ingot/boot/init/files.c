// SPDX-License-Identifier: Apache-2.0
/* File systems: mounted, written to, laid over each other, read from images, served by a program. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/sysinfo.h>
#include <sys/types.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "init.h"
#include "storage.h"

#define PLACE "/tmp/place"
#define CONTENT "proof\n"

static int is_registered(const char *type)
{
	static char text[8192];

	return read_file("/proc/filesystems", text, sizeof(text)) >= 0 && has_word(text, type);
}

/* file-systems TYPE...: each is there, or comes with its module */
static void file_systems(char **words)
{
	for (; *words; words++) {
		char alias[64];

		snprintf(alias, sizeof(alias), "fs-%s", *words);
		if (!is_registered(*words) && modprobe(alias) < 0)
			fail("%s: no module has it", *words);
		if (!is_registered(*words))
			fail("%s is not there", *words);
	}
	pass("all there");
}

/* mount TYPE [FILE [WORD]]: it mounts; FILE is in it, and holds WORD */
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

static void must_hold(const char *path, const char *content)
{
	char text[64];

	need(read_file(path, text, sizeof(text)), "%s", path);
	if (strcmp(text, content) != 0)
		fail("%s holds something else", path);
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

/* writable TYPE [acl] [xattr]: a file system in memory keeps a file, its ACL, its attribute */
static void writable(char **words)
{
	mount_or_fail(words[0], PLACE, words[0], 0, NULL);
	if (write_file(PLACE "/file", CONTENT) < 0)
		fail_errno("nothing can be written");
	must_hold(PLACE "/file", CONTENT);
	for (char **word = words + 1; *word; word++) {
		int is_acl = strcmp(*word, "acl") == 0;
		const char *name = is_acl ? "system.posix_acl_access" : "trusted.ingot";
		uint8_t back[64];

		need(setxattr(PLACE "/file", name, acl, sizeof(acl), 0), "%s", *word);
		if (getxattr(PLACE "/file", name, back, sizeof(back)) != sizeof(acl))
			fail("%s is not kept", *word);
	}
	pass("written and read");
}

/* overlay: what is written appears above and leaves what is below alone */
static void overlay(char **words)
{
	(void)words;
	make_folder("/tmp/lower");
	make_folder("/tmp/upper");
	make_folder("/tmp/work");
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

/* image TYPE PATH FILE...: the image at PATH mounts as TYPE, and its files hold "proof" */
static void image(char **words)
{
	char device[32], path[256];

	loop_device(words[1], 1, device, sizeof(device));
	mount_or_fail(device, PLACE, words[0], MS_RDONLY, NULL);
	for (char **word = words + 2; *word; word++) {
		snprintf(path, sizeof(path), PLACE "/%s", *word);
		must_hold(path, CONTENT);
	}
	pass("%s mounts and is read", words[0]);
}

/* root TYPE: the root file system is of this type, and can be written to */
static void root(char **words)
{
	static char text[8192];
	char wanted[64];

	need(read_file("/proc/mounts", text, sizeof(text)), "/proc/mounts");
	snprintf(wanted, sizeof(wanted), " / %s ", words[0]);
	if (!strstr(text, wanted))
		fail("it is something else than %s", words[0]);
	if (write_file("/written", CONTENT) < 0)
		fail_errno("it cannot be written to");
	must_hold("/written", CONTENT);
	pass("%s, written and read", words[0]);
}

/* host-folder TYPE TAG [OPTIONS]: a folder of the host, in which `file` holds "proof" */
static void host_folder(char **words)
{
	mount_or_fail(words[1], PLACE, words[0], 0, words[2]);
	must_hold(PLACE "/file", CONTENT);
	pass("a file of the host was read");
}

#define FUSE_FILE 2 /* its inode; that of the root is 1 */

static void fill(struct fuse_attr *attributes, uint64_t node)
{
	*attributes = (struct fuse_attr){
		.ino = node,
		.size = node == FUSE_FILE ? sizeof(CONTENT) - 1 : 0,
		.mode = node == FUSE_FILE ? S_IFREG | 0444 : S_IFDIR | 0755,
		.nlink = 1,
		.blksize = 4096,
	};
}

static void answer(int device, uint64_t unique, int error, const void *data, size_t length)
{
	char buffer[4096];
	struct fuse_out_header *header = (void *)buffer;

	*header = (struct fuse_out_header){ sizeof(*header) + length, error, unique };
	if (length)
		memcpy(buffer + sizeof(*header), data, length);
	if (write(device, buffer, header->len) < 0 && errno != ENOENT)
		_exit(1);
}

static void answer_init(int device, const struct fuse_in_header *in)
{
	const struct fuse_init_in *asked = (const void *)(in + 1);
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = asked->minor < FUSE_KERNEL_MINOR_VERSION ? asked->minor
								  : FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = asked->max_readahead,
		.max_write = 4096,
	};

	answer(device, in->unique, 0, &out, sizeof(out));
}

/* serve a file system of one file, until it is unmounted */
static void __attribute__((noreturn)) serve(int device)
{
	static char buffer[FUSE_MIN_READ_BUFFER + 65536];
	const struct fuse_in_header *in = (void *)buffer;
	struct fuse_entry_out entry = { .nodeid = FUSE_FILE };
	struct fuse_attr_out attributes = { 0 };
	struct fuse_open_out opened = { .fh = 1 };

	while (read(device, buffer, sizeof(buffer)) > 0) {
		switch (in->opcode) {
		case FUSE_INIT:
			answer_init(device, in);
			break;
		case FUSE_LOOKUP:
			fill(&entry.attr, FUSE_FILE);
			answer(device, in->unique, strcmp((const char *)(in + 1), "file") ? -ENOENT : 0, &entry,
			       strcmp((const char *)(in + 1), "file") ? 0 : sizeof(entry));
			break;
		case FUSE_GETATTR:
			fill(&attributes.attr, in->nodeid);
			answer(device, in->unique, 0, &attributes, sizeof(attributes));
			break;
		case FUSE_OPEN:
			answer(device, in->unique, 0, &opened, sizeof(opened));
			break;
		case FUSE_READ:
			answer(device, in->unique, 0, CONTENT,
			       ((const struct fuse_read_in *)(in + 1))->offset ? 0 : sizeof(CONTENT) - 1);
			break;
		case FUSE_FORGET:
		case FUSE_BATCH_FORGET:
			break; /* nobody waits for an answer */
		default:
			answer(device, in->unique, -ENOSYS, NULL, 0);
		}
	}
	_exit(0);
}

/* fuse: a program serves a file system, and its file is read through the kernel */
static void fuse(char **words)
{
	char options[96];
	int device;

	(void)words;
	if (modprobe("fuse") < 0 && access("/dev/fuse", F_OK) < 0)
		fail("there is no module fuse");
	device = need(await_node("/dev/fuse"), "/dev/fuse");
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", device);
	mount_or_fail("ingot", PLACE, "fuse", 0, options);
	if (need(fork(), "fork") == 0)
		serve(device);
	must_hold(PLACE "/file", CONTENT);
	if (access(PLACE "/other", F_OK) == 0)
		fail("a file is there that nobody serves");
	pass("a file served by a program was read");
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

/* zram ALGORITHM...: compressed memory takes data by each algorithm, and becomes swap */
static void zram(char **words)
{
	struct sysinfo memory;
	int device;

	need(modprobe("zram") == -ENODATA ? -1 : 0, "there is no module zram");
	device = need(await_node("/dev/zram0"), "/dev/zram0");
	close(device);
	for (; *words; words++) {
		write_file("/sys/block/zram0/reset", "1");
		if (write_file("/sys/block/zram0/comp_algorithm", *words) < 0)
			fail_errno("%s", *words);
	}
	if (write_file("/sys/block/zram0/disksize", "8388608") < 0)
		fail_errno("its size cannot be set");
	device = need(await_node("/dev/zram0"), "/dev/zram0");
	write_swap_header(device, 8388608 / 4096);
	close(device);
	need(swapon("/dev/zram0", 0), "swapon");
	sysinfo(&memory);
	need(swapoff("/dev/zram0"), "swapoff");
	if (memory.totalswap == 0)
		fail("there is no swap");
	pass("%lu KiB of swap", memory.totalswap * memory.mem_unit / 1024);
}

const struct verb_entry file_verbs[] = {
	{ "file-systems", file_systems },
	{ "fuse", fuse },
	{ "host-folder", host_folder },
	{ "image", image },
	{ "mount", mount_type },
	{ "overlay", overlay },
	{ "root", root },
	{ "writable", writable },
	{ "zram", zram },
	{ NULL, NULL },
};
