// SPDX-License-Identifier: GPL-2.0
/*
 * A module that is not of the kernel's tree, of two files. It needs one of the kernel's modules
 * (crc_ccitt), and says on the console what that gives.
 */
#include <linux/init.h>
#include <linux/module.h>
#include "answer.h"

static const u8 text[] = "123456789";

static int __init hello_init(void)
{
	pr_emerg("ingot_hello answers %04x in %s\n", hello_answer(text, sizeof(text) - 1), __FILE__);
	return 0;
}

static void __exit hello_exit(void)
{
}

module_init(hello_init);
module_exit(hello_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Says hello");
