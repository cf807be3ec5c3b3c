// SPDX-License-Identifier: GPL-2.0
#include <linux/crc-ccitt.h>
#include "answer.h"

u16 hello_answer(const u8 *text, size_t length)
{
	return crc_ccitt(0xffff, text, length);
}
