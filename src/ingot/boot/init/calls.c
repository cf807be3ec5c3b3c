// SPDX-License-Identifier: Apache-2.0
/* System calls that programs rely on, each in its simplest case. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "init.h"

/* io_uring: submits an empty request; 0 if it completes */
static int try_io_uring(void)
{
	uint32_t parameters[30] = { 0 }; /* struct io_uring_params: 120 bytes */
	int ring = (int)syscall(SYS_io_uring_setup, 1, parameters);

	return ring < 0 ? -1 : close(ring);
}

static int try_aio(void)
{
	aio_context_t context = 0;

	return (int)syscall(SYS_io_setup, 1, &context);
}

static int try_shm(void)
{
	int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);

	return id < 0 ? -1 : shmctl(id, IPC_RMID, NULL);
}

static int try_timer(void)
{
	int timer; /* the system call: older libcs have timer_create in another library */

	return (int)syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &timer);
}

static int try_futex(void)
{
	uint32_t word = 1;

	return (int)syscall(SYS_futex, &word, 1 /* FUTEX_WAKE */, 1, NULL, NULL, 0);
}

static int try_keyctl(void)
{
	return (int)syscall(SYS_add_key, "user", "ingot", "proof", 5, -3 /* session keyring */);
}

static int try_file_lock(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int file = open("/tmp/locked", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	return file < 0 ? -1 : fcntl(file, F_SETLK, &lock);
}

static int try_file_handle(void)
{
	_Alignas(struct file_handle) char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	struct file_handle *handle = (void *)room;
	int mount_id;

	handle->handle_bytes = MAX_HANDLE_SZ;
	return name_to_handle_at(AT_FDCWD, "/tmp", handle, &mount_id, 0);
}

static int try_vm_readv(void)
{
	char from = 'x', to = 0;
	struct iovec local = { &to, 1 }, remote = { &from, 1 };

	return syscall(SYS_process_vm_readv, getpid(), &local, 1UL, &remote, 1UL, 0UL) == 1 ? 0 : -1;
}

static int try_membarrier(void)
{
	return (int)syscall(SYS_membarrier, 0 /* query */, 0, 0);
}

static int try_rseq(void)
{
	/* glibc may have registered its own: EINVAL or EBUSY, never ENOSYS */
	return syscall(SYS_rseq, NULL, 0, 0, 0) < 0 && errno == ENOSYS ? -1 : 0;
}

static int try_kcmp(void)
{
	return (int)syscall(SYS_kcmp, getpid(), getpid(), 0 /* KCMP_FILE */, 1, 1);
}

static int try_fanotify(void)
{
	return fanotify_init(FAN_CLASS_NOTIF, O_RDONLY);
}

static int try_epoll(void) { return epoll_create1(0); }
static int try_eventfd(void) { return eventfd(0, 0); }
static int try_timerfd(void) { return timerfd_create(CLOCK_MONOTONIC, 0); }
static int try_inotify(void) { return inotify_init1(0); }
static int try_memfd(void) { return memfd_create("ingot", 0); }
static int try_madvise(void)
{
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return madvise(page, 4096, MADV_DONTNEED);
}

static int try_signalfd(void)
{
	sigset_t none;

	sigemptyset(&none);
	return signalfd(-1, &none, 0);
}

static const struct {
	const char *name;
	int (*attempt)(void);
} calls[] = {
	{ "aio", try_aio },
	{ "epoll", try_epoll },
	{ "eventfd", try_eventfd },
	{ "fanotify", try_fanotify },
	{ "fcntl-lock", try_file_lock },
	{ "file-handle", try_file_handle },
	{ "futex", try_futex },
	{ "inotify", try_inotify },
	{ "io-uring", try_io_uring },
	{ "kcmp", try_kcmp },
	{ "keyctl", try_keyctl },
	{ "madvise", try_madvise },
	{ "membarrier", try_membarrier },
	{ "memfd", try_memfd },
	{ "posix-timer", try_timer },
	{ "process-vm-readv", try_vm_readv },
	{ "rseq", try_rseq },
	{ "shm", try_shm },
	{ "signalfd", try_signalfd },
	{ "timerfd", try_timerfd },
};

static void system_calls(char **words)
{
	for (; *words; words++) {
		size_t index = 0;

		while (index < sizeof(calls) / sizeof(*calls) && strcmp(calls[index].name, *words))
			index++;
		if (index == sizeof(calls) / sizeof(*calls))
			fail("unknown system call '%s'", *words);
		if (calls[index].attempt() < 0)
			fail_errno("%s", *words);
	}
	pass("all work");
}

const struct verb_entry call_verbs[] = {
	VERB("system-calls",
	     "aio|epoll|eventfd|fanotify|fcntl-lock|file-handle|futex|inotify|"
	     "io-uring|kcmp|keyctl|madvise|membarrier|memfd|posix-timer|"
	     "process-vm-readv|rseq|shm|signalfd|timerfd...", 1, ANY_NUMBER,
	     "each system call works in its simplest case", system_calls),
	END_OF_VERBS
};
