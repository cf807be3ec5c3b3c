// SPDX-License-Identifier: Apache-2.0
/* File systems that a program serves: FUSE, autofs, NFS. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/auto_fs.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init.h"
#include "network.h"
#include "volumes.h"

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
			break; /* these requests have no answer */
		default:
			answer(device, in->unique, -ENOSYS, NULL, 0);
		}
	}
	_exit(0);
}

static void fuse(char **words)
{
	char options[96];
	int device;

	(void)words;
	if (modprobe("fuse") < 0 && access("/dev/fuse", F_OK) < 0)
		fail("the kernel has no module fuse");
	device = need(await_node("/dev/fuse"), "/dev/fuse");
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", device);
	mount_or_fail("ingot", PLACE, "fuse", 0, options);
	if (need(fork(), "fork") == 0)
		serve(device);
	must_hold(PLACE "/file", CONTENT);
	if (access(PLACE "/other", F_OK) == 0)
		fail("a file exists that the program does not serve");
	pass("a file served by a program was read");
}

/* open a file that is not mounted yet, from a process that is not the daemon */
static pid_t first_use(void)
{
	char text[64];
	pid_t child = need(fork(), "fork");

	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0);
	_exit(read_file(PLACE "/wanted/file", text, sizeof(text)) < 0 || strcmp(text, CONTENT));
}

/*
 * A process opens a file below a missing directory; the kernel notifies the daemon, which
 * mounts something, and the file is read (kernel: Documentation/filesystems/autofs.rst).
 */
static void autofs(char **words)
{
	struct autofs_v5_packet packet;
	char options[96];
	int ends[2], root, status;
	pid_t user;

	(void)words;
	need(pipe2(ends, O_CLOEXEC), "a pipe");
	snprintf(options, sizeof(options), "fd=%d,pgrp=%d,minproto=5,maxproto=5,indirect", ends[1],
		 (int)getpgrp());
	mount_or_fail("ingot", PLACE, "autofs", 0, options);
	root = need(open(PLACE, O_RDONLY | O_DIRECTORY | O_CLOEXEC), PLACE);
	user = first_use();
	if (read(ends[0], &packet, sizeof(packet)) != sizeof(packet))
		fail_errno("the kernel sends no request");
	if (packet.hdr.type != autofs_ptype_missing_indirect || strcmp(packet.name, "wanted") != 0)
		fail("the kernel sends a request of another type: %d", packet.hdr.type);
	mount_or_fail("tmpfs", PLACE "/wanted", "tmpfs", 0, NULL);
	if (write_file(PLACE "/wanted/file", CONTENT) < 0)
		fail_errno("a file cannot be written");
	need(ioctl(root, AUTOFS_IOC_READY, packet.wait_queue_token),
	     "the kernel does not accept the answer");
	need(waitpid(user, &status, 0), "waitpid");
	if (status)
		fail("the file that was mounted is not found");
	close(root);
	need(umount(PLACE "/wanted"), "it does not unmount");
	need(umount(PLACE), "autofs does not unmount");
	pass("mounted when it was used");
}

/* RFC 5531 (calls), RFC 7530 and 8881 (NFS) */
enum { RPC_NFS = 100003, RPC_NULL = 0, NFS_COMPOUND = 1, PROCEDURE_UNAVAILABLE = 3 };
enum { NFS_SETCLIENTID = 35, NFS_EXCHANGE_ID = 42 };
#define NFS_PORT 2049

struct call {
	uint32_t words[512]; /* the call in the stream, after its length */
	size_t count;
};

/* read one call from the stream */
static void read_call(int stream, struct call *call)
{
	uint32_t head;
	size_t length;

	if (recv(stream, &head, sizeof(head), MSG_WAITALL) != sizeof(head))
		fail_errno("no call arrives");
	length = ntohl(head) & 0x7fffffff;
	if (!(ntohl(head) >> 31) || length > sizeof(call->words) || length < 24 || length % 4)
		fail("a call of %zu bytes", length);
	if (recv(stream, call->words, length, MSG_WAITALL) != (ssize_t)length)
		fail_errno("a call is incomplete");
	call->count = length / 4;
}

static void answer_call(int stream, const struct call *call, uint32_t outcome)
{
	uint32_t reply[7] = { htonl(0x80000000 | 24), call->words[0], htonl(1), 0, 0, 0, htonl(outcome) };

	if (send(stream, reply, sizeof(reply), MSG_NOSIGNAL) != sizeof(reply))
		fail_errno("an answer cannot be sent");
}

/* the 32-bit word of a call at `*at`; moves on to the next */
static uint32_t next(const struct call *call, size_t *at)
{
	if (*at >= call->count)
		fail("a call that ends early");
	return ntohl(call->words[(*at)++]);
}

static void skip_bytes(const struct call *call, size_t *at)
{
	uint32_t length = next(call, at);

	if (length > sizeof(call->words))
		fail("a call that ends early");
	*at += (length + 3) / 4;
}

/* the first operation of a compound request, and its minor version */
static uint32_t first_operation(const struct call *call, uint32_t *minor)
{
	size_t at = 6;

	for (int part = 0; part < 2; part++) { /* credentials and verifier */
		next(call, &at);
		skip_bytes(call, &at);
	}
	skip_bytes(call, &at); /* the tag */
	*minor = next(call, &at);
	next(call, &at);
	return next(call, &at);
}

static int listen_on(int port)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int server = need(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "a socket");

	need(bind(server, (void *)&here, sizeof(here)), "port %d", port);
	need(listen(server, 1), "port %d", port);
	return server;
}

static void nfs(char **words)
{
	char options[128];
	struct call call;
	uint32_t operation, minor, wanted = (uint32_t)atoi(words[0]);
	int server, stream;

	if (wanted > 2 || strlen(words[0]) != 1)
		fail("unknown minor version '%s' of NFS 4", words[0]);
	enter(other_space());
	raise_link("lo", NULL, 0);
	server = listen_on(NFS_PORT);
	snprintf(options, sizeof(options), "vers=4.%u,addr=127.0.0.1,clientaddr=127.0.0.1,proto=tcp",
		 wanted);
	if (need(fork(), "fork") == 0)
		mount_or_fail("127.0.0.1:/", PLACE, "nfs", 0, options);
	stream = need(accept(server, NULL, NULL), "the kernel does not connect");
	for (;;) {
		read_call(stream, &call);
		if (ntohl(call.words[3]) != RPC_NFS || ntohl(call.words[4]) != 4)
			fail("program %u, version %u is called", ntohl(call.words[3]),
			     ntohl(call.words[4]));
		if (ntohl(call.words[5]) == NFS_COMPOUND)
			break;
		answer_call(stream, &call, 0);
	}
	operation = first_operation(&call, &minor);
	if (minor != wanted || operation != (minor ? NFS_EXCHANGE_ID : NFS_SETCLIENTID))
		fail("the kernel requested operation %u of version 4.%u", operation, minor);
	pass("a server received a request of version 4.%u", minor);
}

const struct verb_entry server_verbs[] = {
	VERB("autofs", "", 0, 0,
	     "a program mounts a directory when a file below it is opened", autofs),
	VERB("fuse", "", 0, 0,
	     "a program serves a file system, and its file can be read", fuse),
	VERB("nfs", "0|1|2", 1, 1,
	     "a mount sends the first request to a server, in NFS version 4.0, 4.1 "
	     "or 4.2", nfs),
	END_OF_VERBS
};
