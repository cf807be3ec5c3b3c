/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authenticates init's lines on the console, so that nothing else in the guest can forge them: a
 * tag of the line's text, made with a key that only init and the host have. The key itself is
 * never printed, so that a process that reads or redirects the console cannot find it.
 *
 * The tag is SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012), as 16
 * hexadecimal digits. ingot/boot/seal.py computes the same. No libc, since measure.c has none.
 */
#ifndef INGOT_SEAL_H
#define INGOT_SEAL_H

#define KEY_BYTES 16
#define TAG_BYTES 16

/* The key, and what is computed from it: no copies of these may be left elsewhere. */
struct sealer {
	volatile unsigned char key[KEY_BYTES];
	volatile unsigned long long state[4];
};

static void seal_rounds(volatile unsigned long long *v, int count)
{
#define SEAL_TURN(word, bits) (((word) << (bits)) | ((word) >> (64 - (bits))))
	while (count-- > 0) {
		v[0] += v[1];
		v[1] = SEAL_TURN(v[1], 13) ^ v[0];
		v[0] = SEAL_TURN(v[0], 32);
		v[2] += v[3];
		v[3] = SEAL_TURN(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = SEAL_TURN(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = SEAL_TURN(v[1], 17) ^ v[2];
		v[2] = SEAL_TURN(v[2], 32);
	}
#undef SEAL_TURN
}

static void seal_word(volatile unsigned long long *v, unsigned long long word)
{
	v[3] ^= word;
	seal_rounds(v, 2);
	v[0] ^= word;
}

/* Write the tag of a text to `tag`, without a 0 at its end. */
static void seal(struct sealer *sealer, const char *text, unsigned long length, char *tag)
{
	volatile unsigned long long *v = sealer->state;
	unsigned long long word = 0;
	unsigned long at;

	v[0] = 0x736f6d6570736575ULL;
	v[1] = 0x646f72616e646f6dULL;
	v[2] = 0x6c7967656e657261ULL;
	v[3] = 0x7465646279746573ULL;
	for (at = 0; at < KEY_BYTES; at++) {
		v[at / 8] ^= (unsigned long long)sealer->key[at] << (at % 8 * 8);
		v[at / 8 + 2] ^= (unsigned long long)sealer->key[at] << (at % 8 * 8);
	}
	for (at = 0; at < length; at++) {
		word |= (unsigned long long)(unsigned char)text[at] << (at % 8 * 8);
		if (at % 8 == 7) {
			seal_word(v, word);
			word = 0;
		}
	}
	seal_word(v, word | (unsigned long long)length << 56);
	v[2] ^= 0xff;
	seal_rounds(v, 4);
	word = v[0] ^ v[1] ^ v[2] ^ v[3];
	for (at = 0; at < TAG_BYTES; at++)
		tag[at] = "0123456789abcdef"[word >> (60 - 4 * at) & 15];
	v[0] = v[1] = v[2] = v[3] = 0;
}

#endif
