// SPDX-License-Identifier: Apache-2.0
/*
 * The init of a guest whose boot is measured. It reads the clock before it does anything else,
 * then reports, one line each, in the form of init/main.c, and shuts the guest down:
 *
 *     INGOT <tag> {"check":"clock","outcome":"passed","detail":"211632373 1000000000"}
 *     INGOT <tag> {"check":"log clock","outcome":"passed","detail":"0.077244604"}
 *     INGOT <tag> {"check":"release","outcome":"passed","detail":"6.1.176"}
 *     INGOT <tag> {"check":"initramfs","outcome":"passed","detail":"unpacked"}
 *     INGOT <tag> {"check":"memory","outcome":"passed","detail":"237064"}
 *
 * "clock" is the counter that runs from the reset of the machine (TSC, CNTVCT), and its ticks
 * per second; "log clock" is the kernel's own clock since its entry, in seconds
 * (CLOCK_MONOTONIC); "initramfs" is reported if its compressed part was unpacked; "memory" is the
 * MemFree of /proc/meminfo, in KiB (proc(5)).
 *
 * Its key (init/seal.h) is written into this program before each boot: nothing else runs here that
 * could read it there, and to look for it would cost instructions.
 *
 * No libc: what runs before the clock is read is the kernel's and four instructions, and the
 * file is a few KiB with any compiler, so that two builders' guests cost the same to start.
 */
#include <asm/unistd.h>

#include "init/seal.h"

#define STDOUT 1
#define TCSBRK 0x5409 /* with 1: wait until all is sent (ioctl_tty(2), tcdrain) */
#define CLOCK_MONOTONIC 1
#define AT_FDCWD (-100)
#define REBOOT_MAGIC1 0xfee1dead
#define REBOOT_MAGIC2 672274793
#define REBOOT_RESTART 0x01234567
#define REBOOT_POWER_OFF 0x4321fedc

#if defined(__x86_64__)

#define REBOOT_HOW REBOOT_RESTART

__asm__(".globl _start\n"
	"_start:\n"
	"	rdtsc\n"
	"	shl $32, %rdx\n"
	"	lea (%rax, %rdx), %rdi\n"
	"	mov $1000000000, %esi\n"	/* -icount shift=0: a tick is an instruction */
	"	and $-16, %rsp\n"
	"	call measure\n");

static long call(long number, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return result;
}

#elif defined(__aarch64__)

#define REBOOT_HOW REBOOT_POWER_OFF

__asm__(".globl _start\n"
	"_start:\n"
	"	mrs x0, cntvct_el0\n"
	"	mrs x1, cntfrq_el0\n"
	"	b measure\n");

static long call(long number, long a, long b, long c, long d, long e)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
			 : "memory");
	return x0;
}

#endif

/* in assembly, so that the compiler cannot use its value */
__asm__(".pushsection .rodata\n"
	"key:	.ascii \"ingot's key here\"\n"
	".popsection\n");
extern const unsigned char key[KEY_BYTES];

struct text {
	char bytes[512];
	unsigned long length;
};

static void begin(struct text *text)
{
	text->length = 0;
	text->bytes[0] = '\0';
}

static void add(struct text *text, const char *more)
{
	while (*more && text->length < sizeof(text->bytes) - 1)
		text->bytes[text->length++] = *more++;
	text->bytes[text->length] = '\0';
}

/* A number in decimal, with zeros in front if it is shorter than `width`. */
static void add_number(struct text *text, unsigned long number, int width)
{
	char digits[21];
	int at = sizeof(digits) - 1;

	digits[at] = '\0';
	do {
		digits[--at] = '0' + number % 10;
		number /= 10;
		width--;
	} while (number || width > 0);
	add(text, digits + at);
}

static void report(const char *check, const char *detail)
{
	struct sealer sealer;
	struct text line;
	unsigned long tag, text;

	for (tag = 0; tag < KEY_BYTES; tag++)
		sealer.key[tag] = key[tag];
	begin(&line);
	add(&line, "\nINGOT ");
	tag = line.length;
	add(&line, "---------------- ");
	text = line.length;
	add(&line, "{\"check\":\"");
	add(&line, check);
	add(&line, "\",\"outcome\":\"passed\",\"detail\":\"");
	add(&line, detail);
	add(&line, "\"}");
	seal(&sealer, line.bytes + text, line.length - text, line.bytes + tag);
	add(&line, "\n");
	call(__NR_write, STDOUT, (long)line.bytes, line.length, 0, 0);
}

static void report_release(void)
{
	char names[6][65];	/* struct new_utsname: the third is the release */

	if (call(__NR_uname, (long)names, 0, 0, 0, 0) == 0)
		report("release", names[2]);
}

static void report_initramfs(void)
{
	if (call(__NR_faccessat, AT_FDCWD, (long)"/ingot/ballast", 0, 0, 0) == 0)
		report("initramfs", "unpacked");
}

static void report_clock(unsigned long ticks, unsigned long frequency)
{
	struct text detail;

	begin(&detail);
	add_number(&detail, ticks, 1);
	add(&detail, " ");
	add_number(&detail, frequency, 1);
	report("clock", detail.bytes);
}

static void report_log_clock(const long *now)
{
	struct text detail;

	begin(&detail);
	add_number(&detail, now[0], 1);
	add(&detail, ".");
	add_number(&detail, now[1], 9);
	report("log clock", detail.bytes);
}

static const char *after(const char *text, const char *key)
{
	const char *at;
	int i;

	for (at = text; *at; at++) {
		for (i = 0; key[i] && at[i] == key[i]; i++)
			;
		if (!key[i])
			return at + i;
	}
	return 0;
}

static void report_memory(void)
{
	static char info[8192];
	struct text detail;
	const char *value;
	long file;

	call(__NR_mkdirat, AT_FDCWD, (long)"/proc", 0755, 0, 0);
	call(__NR_mount, (long)"proc", (long)"/proc", (long)"proc", 0, 0);
	file = call(__NR_openat, AT_FDCWD, (long)"/proc/meminfo", 0, 0, 0);
	if (file < 0 || call(__NR_read, file, (long)info, sizeof(info) - 1, 0, 0) <= 0)
		return;
	value = after(info, "MemFree:");
	if (!value)
		return;
	while (*value == ' ')
		value++;
	begin(&detail);
	for (; *value >= '0' && *value <= '9'; value++)
		add(&detail, (char[]){ *value, '\0' });
	report("memory", detail.bytes);
}

__attribute__((noreturn, used)) void measure(unsigned long ticks, unsigned long frequency)
{
	long now[2] = { 0, 0 };

	call(__NR_clock_gettime, CLOCK_MONOTONIC, (long)now, 0, 0, 0);
	report_clock(ticks, frequency);	/* at once: the time of this line shows the time spent idle */
	report_log_clock(now);
	report_release();
	report_initramfs();
	report_memory();
	report("end", REBOOT_HOW == REBOOT_RESTART ? "rebooting" : "powering off");
	call(__NR_ioctl, STDOUT, TCSBRK, 1, 0, 0);
	call(__NR_sync, 0, 0, 0, 0, 0);
	call(__NR_reboot, REBOOT_MAGIC1, REBOOT_MAGIC2, REBOOT_HOW, 0, 0);
	for (;;)
		;
}
