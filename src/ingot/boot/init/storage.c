// SPDX-License-Identifier: Apache-2.0
/* Block devices: the machine's disk, loop devices, and device mapper. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "init.h"
#include "storage.h"

#define SECTOR 512
#define BLOCK 4096

int loop_device(const char *path, int read_only, char *device, size_t size)
{
	int mode = read_only ? O_RDONLY : O_RDWR, file, control, loop, number;

	modprobe("loop");
	file = need(open(path, mode | O_CLOEXEC), "%s", path);
	control = need(await_node("/dev/loop-control"), "/dev/loop-control");
	number = need(ioctl(control, LOOP_CTL_GET_FREE), "no loop device is free");
	close(control);
	snprintf(device, size, "/dev/loop%d", number);
	loop = need(await_node(device), "%s", device);
	need(ioctl(loop, LOOP_SET_FD, file), "a file cannot be attached to %s", device);
	close(file);
	return loop;
}

/* a file of zeros in memory, as a block device */
static int scratch_device(const char *path, size_t bytes, char *device, size_t size)
{
	int file = need(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), "%s", path);

	need(ftruncate(file, (off_t)bytes), "%s", path);
	close(file);
	return loop_device(path, 0, device, size);
}

static void *aligned(size_t size)
{
	void *buffer = NULL;

	if (posix_memalign(&buffer, BLOCK, size))
		fail("no memory");
	return buffer;
}

static void block(char **words)
{
	uint8_t *out = aligned(BLOCK), *back = aligned(BLOCK);
	int device;

	for (int index = 0; index < BLOCK; index++)
		out[index] = (uint8_t)(index * 7 + index / 256);
	device = need(open(words[0], O_RDWR | O_DIRECT | O_CLOEXEC), "%s", words[0]);
	for (off_t at = 0; at < 4 * 1024 * 1024; at += 1024 * 1024)
		if (pwrite(device, out, BLOCK, at) != BLOCK)
			fail_errno("%s cannot be written", words[0]);
	need(fsync(device), "%s cannot be flushed", words[0]);
	for (off_t at = 0; at < 4 * 1024 * 1024; at += 1024 * 1024) {
		memset(back, 0, BLOCK);
		if (pread(device, back, BLOCK, at) != BLOCK || memcmp(out, back, BLOCK) != 0)
			fail("%s returns other data than was written", words[0]);
	}
	pass("4 blocks written, flushed and read back");
}

static int mapper_open(void)
{
	modprobe("dm-mod");
	return need(await_node("/dev/mapper/control"), "/dev/mapper/control");
}

/* one request to device mapper (kernel: include/uapi/linux/dm-ioctl.h); 0 or -1 */
static int mapper_ask(int control, unsigned long request, const char *name, const char *target,
		      uint64_t sectors, const char *parameters, struct dm_ioctl *answer)
{
	static char buffer[4096];
	struct dm_ioctl *head = (void *)buffer;
	struct dm_target_spec *spec = (void *)(buffer + sizeof(*head));

	memset(buffer, 0, sizeof(buffer));
	*head = (struct dm_ioctl){ .version = { 4, 0, 0 }, .data_size = sizeof(buffer),
				   .data_start = sizeof(*head) };
	snprintf(head->name, sizeof(head->name), "%s", name);
	if (target) {
		head->target_count = 1;
		spec->length = sectors;
		snprintf(spec->target_type, sizeof(spec->target_type), "%s", target);
		strcpy((char *)(spec + 1), parameters);
	}
	if (answer && answer->flags)
		head->flags = answer->flags;
	if (ioctl(control, request, head) < 0)
		return -1;
	if (answer)
		*answer = *head;
	return 0;
}

/* make a device of one target and start it; opens it, and writes its path to `path` if given */
static int mapper_device(const char *name, const char *target, uint64_t sectors, int read_only,
			 const char *parameters, char *path, size_t size)
{
	struct dm_ioctl answer = { 0 }, load = { .flags = read_only ? DM_READONLY_FLAG : 0 };
	char own[64];
	int control = mapper_open();

	need(mapper_ask(control, DM_DEV_CREATE, name, NULL, 0, NULL, &answer), "%s cannot be made",
	     name);
	need(mapper_ask(control, DM_TABLE_LOAD, name, target, sectors, parameters, &load),
	     "the kernel refuses the target %s", target);
	need(mapper_ask(control, DM_DEV_SUSPEND, name, NULL, 0, NULL, NULL), "%s does not start",
	     name);
	close(control);
	snprintf(own, sizeof(own), "/dev/dm-%u", minor((dev_t)answer.dev));
	if (path)
		snprintf(path, size, "%.*s", (int)size - 1, own);
	return need(read_only ? open(own, O_RDONLY | O_CLOEXEC) : await_node(own), "%s", own);
}

static void mapper_remove(const char *name)
{
	int control = mapper_open();

	mapper_ask(control, DM_DEV_REMOVE, name, NULL, 0, NULL, NULL);
	close(control);
}

static void write_word(int device, const char *word)
{
	char *buffer = aligned(BLOCK);

	memset(buffer, 0, BLOCK);
	strcpy(buffer, word);
	if (pwrite(device, buffer, BLOCK, 0) != BLOCK || fsync(device) < 0)
		fail_errno("a block cannot be written");
	free(buffer);
}

static int reads_word(int device, const char *word)
{
	char *buffer = aligned(BLOCK);
	int same;

	if (pread(device, buffer, BLOCK, 0) != BLOCK)
		fail_errno("a block cannot be read");
	same = strcmp(buffer, word) == 0;
	free(buffer);
	return same;
}

static void thin(char **words)
{
	char metadata[32], data[32], pool[32], parameters[128];
	static char buffer[1024];
	struct dm_ioctl *head = (void *)buffer;
	struct dm_target_msg *text = (void *)(buffer + sizeof(*head));
	int control, volume;

	(void)words;
	scratch_device("/tmp/metadata", 4 << 20, metadata, sizeof(metadata));
	scratch_device("/tmp/data", 8 << 20, data, sizeof(data));
	snprintf(parameters, sizeof(parameters), "%s %s 128 0", metadata, data);
	close(mapper_device("pool", "thin-pool", (8 << 20) / SECTOR, 0, parameters, pool,
			    sizeof(pool)));
	control = mapper_open();
	*head = (struct dm_ioctl){ .version = { 4, 0, 0 }, .data_size = sizeof(buffer),
				   .data_start = sizeof(*head), .name = "pool" };
	strcpy(text->message, "create_thin 0");
	need(ioctl(control, DM_TARGET_MSG, head), "the pool cannot make a volume");
	close(control);
	snprintf(parameters, sizeof(parameters), "%s 0", pool);
	volume = mapper_device("thin", "thin", (64 << 20) / SECTOR, 0, parameters, NULL, 0);
	write_word(volume, "thin");
	if (!reads_word(volume, "thin"))
		fail("the volume returns other data than was written");
	close(volume);
	mapper_remove("thin");
	mapper_remove("pool");
	pass("a volume of 64 MiB in a pool of 8 MiB, written and read");
}

static void snapshot(char **words)
{
	char origin[32], store[32], parameters[128];
	int device = scratch_device("/tmp/origin", 1 << 20, origin, sizeof(origin)), now, then;

	(void)words;
	write_word(device, "before");
	scratch_device("/tmp/store", 1 << 20, store, sizeof(store));
	now = mapper_device("now", "snapshot-origin", (1 << 20) / SECTOR, 0, origin, NULL, 0);
	snprintf(parameters, sizeof(parameters), "%s %s N 8", origin, store);
	then = mapper_device("then", "snapshot", (1 << 20) / SECTOR, 0, parameters, NULL, 0);
	write_word(now, "after");
	if (!reads_word(then, "before"))
		fail("the snapshot changed with its origin");
	close(now);
	close(then);
	mapper_remove("then");
	mapper_remove("now");
	pass("the origin changed, the snapshot did not");
}

static void encrypted(char **words)
{
	char below[32], parameters[512];
	int device = scratch_device("/tmp/below", 1 << 20, below, sizeof(below)), above;

	snprintf(parameters, sizeof(parameters), "%s %s 0 %s 0", words[0], words[1], below);
	above = mapper_device("crypt", "crypt", (1 << 20) / SECTOR, 0, parameters, NULL, 0);
	write_word(above, "secret");
	if (!reads_word(above, "secret"))
		fail("the device returns other data than was written");
	close(above);
	mapper_remove("crypt");
	if (reads_word(device, "secret"))
		fail("the data is not encrypted on the disk below");
	pass("%s, encrypted on the disk below", words[0]);
}

/*
 * The image has two equal data blocks, 4096 bytes that begin with "proof", then zeros, and a hash
 * block after them. BLOCK_HEX is the sha256 of a data block; the hash block begins with it,
 * twice; ROOT_HEX is the sha256 of the hash block (no salt; kernel:
 * Documentation/admin-guide/device-mapper/verity.rst).
 */
static void verity(char **words)
{
	char device[32], parameters[512];
	uint8_t hash[32];
	char *buffer = aligned(BLOCK);
	int image = scratch_device("/tmp/image", 8 * BLOCK, device, sizeof(device)), checked;

	if (hex_or_fail(words[1], hash, sizeof(hash)) != sizeof(hash))
		fail("'%s' is not a sha256", words[1]);
	write_word(image, "proof");
	memset(buffer, 0, BLOCK);
	memcpy(buffer, hash, sizeof(hash));
	memcpy(buffer + sizeof(hash), hash, sizeof(hash)); /* the second data block is the same */
	if (pwrite(image, buffer, BLOCK, 2 * BLOCK) != BLOCK)
		fail_errno("the hash block cannot be written");
	memset(buffer, 0, BLOCK);
	strcpy(buffer, "proof");
	if (pwrite(image, buffer, BLOCK, BLOCK) != BLOCK || fsync(image) < 0)
		fail_errno("a block cannot be written");
	snprintf(parameters, sizeof(parameters), "1 %s %s 4096 4096 2 2 sha256 %s -", device, device,
		 words[0]);
	checked = mapper_device("verity", "verity", 2 * BLOCK / SECTOR, 1, parameters, NULL, 0);
	if (!reads_word(checked, "proof"))
		fail("the device returns other data than was written");
	write_word(image, "wrong");
	/* the first block is in the page cache; the other one was not read yet */
	memset(buffer, 0, BLOCK);
	strcpy(buffer, "wrong");
	if (pwrite(image, buffer, BLOCK, BLOCK) != BLOCK || fsync(image) < 0)
		fail_errno("a block cannot be written");
	posix_fadvise(checked, 0, 0, POSIX_FADV_DONTNEED);
	if (pread(checked, buffer, BLOCK, BLOCK) >= 0)
		fail("a changed block can be read");
	if (errno != EIO)
		fail_errno("reading a changed block fails with another error");
	close(checked);
	mapper_remove("verity");
	pass("read, and refused after a change");
}

const struct verb_entry storage_verbs[] = {
	VERB("block", "PATH", 1, 1,
	     "data written to the disk past the page cache and flushed can be read back", block),
	VERB("crypt", "CIPHER KEY_HEX", 2, 2,
	     "data written through the device is encrypted on the disk below", encrypted),
	VERB("snapshot", "", 0, 0,
	     "later writes to the origin do not change the snapshot", snapshot),
	VERB("thin", "", 0, 0,
	     "a pool can have a volume that is larger than the pool", thin),
	VERB("verity", "ROOT_HEX BLOCK_HEX", 2, 2,
	     "an image can be read, but not a block of it that was changed", verity),
	END_OF_VERBS
};
