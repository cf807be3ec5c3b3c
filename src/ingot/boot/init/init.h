/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Declarations that the parts of a test guest's init share.
 *
 * A check is a verb and its arguments, run in a separate process (main.c), which ends by calling
 * `pass`, `fail` or `skip`, none of which returns. A verb's function that returns has passed.
 */
#ifndef INGOT_INIT_H
#define INGOT_INIT_H

#include <stddef.h>
#include <stdint.h>

typedef void (*verb)(char **words);

struct verb_entry {
	const char *name, *usage;
	int least, most; /* number of arguments */
	verb run;
};

/*
 * A row of a table of verbs: the name, the usage of its arguments, their least and most number,
 * what a check that passes proves, and the function. The function is never called with another
 * number of arguments.
 *
 * This is the only description of a verb. Ingot reads these rows as text when it loads a catalog
 * (catalog/guest_verbs.py, which accepts only this format), and generates docs/checks.md from
 * them. The notation of usages is described in catalog/verb_usage.py.
 */
#define VERB(name, usage, least, most, proves, run) { name, usage, least, most, run }
#define END_OF_VERBS { NULL, NULL, 0, 0, NULL }
#define ANY_NUMBER 64 /* the most words of a line of the plan */

/* the tables, one in each file; main.c searches all of them */
extern const struct verb_entry balancer_verbs[], base_verbs[], call_verbs[], container_verbs[],
	crypto_verbs[], file_verbs[], iptables_verbs[], kind_verbs[], machine_verbs[],
	nftables_verbs[], packet_verbs[], program_verbs[], queue_verbs[], server_verbs[],
	storage_verbs[], tunnel_verbs[], volume_verbs[];

/* main.c: how a check ends */
void pass(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void skip(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* fail with the message of errno appended */
void fail_errno(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* fail unless a system call's result is not negative; returns the result */
#define need(result, ...)                                                                      \
	__extension__({                                                                        \
		__typeof__(result) needed = (result);                                          \
		if (needed < 0)                                                                \
			fail_errno(__VA_ARGS__);                                               \
		needed;                                                                        \
	})
extern int entropy_at_start; /* 0, or the errno of the first getrandom(2) */

/* modprobe.c: loads modules for the kernel and for checks; 0, or a negative errno */
int modprobe(const char *name);
int lists_modules(void); /* whether the guest has lists of modules, and of built-in ones */

/* tools.c */
int read_file(const char *path, char *text, size_t size); /* bytes read; text ends with a 0 */
int write_file(const char *path, const char *text);
void make_directory(const char *path);
int has_word(const char *text, const char *word); /* words are separated by white space or [] */
void mount_or_fail(const char *source, const char *target, const char *type, unsigned long flags,
		   const char *options);
long long milliseconds(void);
int await_node(const char *path); /* opens it when devtmpfs has it; -1 after a second */
size_t from_hex(const char *hex, uint8_t *bytes, size_t size);
/* decodes all of it, at least one byte */
size_t hex_or_fail(const char *hex, uint8_t *bytes, size_t size);

#endif
