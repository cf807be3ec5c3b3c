// SPDX-License-Identifier: Apache-2.0
/* The kernel's digests and ciphers, through AF_ALG (kernel: Documentation/crypto/userspace-if.rst). */
#define _GNU_SOURCE
#include <linux/if_alg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "init.h"

static void hash(char **words)
{
	struct sockaddr_alg name = { .salg_family = AF_ALG, .salg_type = "hash" };
	uint8_t wanted[64], got[64];
	size_t length = hex_or_fail(words[1], wanted, sizeof(wanted));
	int listener = need(socket(AF_ALG, SOCK_SEQPACKET, 0), "AF_ALG"), request;

	strncpy((char *)name.salg_name, words[0], sizeof(name.salg_name) - 1);
	need(bind(listener, (struct sockaddr *)&name, sizeof(name)), "%s", words[0]);
	if (words[2])
		need(setsockopt(listener, SOL_ALG, ALG_SET_KEY, words[2], strlen(words[2])), "the key");
	request = need(accept(listener, NULL, NULL), "%s", words[0]);
	need(write(request, "abc", 3), "%s", words[0]);
	if (read(request, got, length) != (ssize_t)length || memcmp(got, wanted, length) != 0)
		fail("the digest is not %s", words[1]);
	pass("%s is right", words[0]);
}

static void cipher(char **words)
{
	struct sockaddr_alg name = { .salg_family = AF_ALG, .salg_type = "skcipher" };
	uint8_t key[64], text[32] = "sixteen letters, sixteen letter", done[32], back[32];
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(4) + CMSG_SPACE(20)];
	int listener = need(socket(AF_ALG, SOCK_SEQPACKET, 0), "AF_ALG");
	size_t length = hex_or_fail(words[1], key, sizeof(key));

	strncpy((char *)name.salg_name, words[0], sizeof(name.salg_name) - 1);
	need(bind(listener, (struct sockaddr *)&name, sizeof(name)), "%s", words[0]);
	need(setsockopt(listener, SOL_ALG, ALG_SET_KEY, key, length), "the key");
	for (int operation = ALG_OP_ENCRYPT, round = 0; round < 2; operation = ALG_OP_DECRYPT, round++) {
		struct iovec data = { round ? done : text, sizeof(text) };
		struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control,
					  .msg_controllen = sizeof(control) };
		struct cmsghdr *part;
		int request = need(accept(listener, NULL, NULL), "%s", words[0]);

		memset(control, 0, sizeof(control));
		part = CMSG_FIRSTHDR(&message);
		part->cmsg_len = CMSG_LEN(4), part->cmsg_level = SOL_ALG, part->cmsg_type = ALG_SET_OP;
		memcpy(CMSG_DATA(part), &operation, 4);
		part = CMSG_NXTHDR(&message, part);
		part->cmsg_len = CMSG_LEN(20), part->cmsg_level = SOL_ALG, part->cmsg_type = ALG_SET_IV;
		memcpy(CMSG_DATA(part), &(uint32_t){ 16 }, 4);
		need(sendmsg(request, &message, 0), "%s", words[0]);
		need(read(request, round ? back : done, sizeof(done)), "%s", words[0]);
	}
	if (memcmp(text, done, sizeof(text)) == 0 || memcmp(text, back, sizeof(text)) != 0)
		fail("the decrypted text differs from the original");
	pass("%s encrypts and decrypts", words[0]);
}

const struct verb_entry crypto_verbs[] = {
	VERB("cipher", "NAME KEY_HEX", 2, 2,
	     "AF_ALG encrypts a text to something else, and decrypts it again", cipher),
	VERB("hash", "NAME HEX [KEY]", 2, 3,
	     "AF_ALG's digest of 'abc' (with the text KEY as its key) is HEX", hash),
	END_OF_VERBS
};
