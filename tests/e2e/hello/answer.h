/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/types.h>

u16 hello_answer(const u8 *text, size_t length);
