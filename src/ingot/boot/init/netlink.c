// SPDX-License-Identifier: Apache-2.0
/*
 * Netlink messages: made, sent, acknowledged.
 *
 * Source: kernel, Documentation/userspace-api/netlink/intro.rst; netlink(7).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "init.h"
#include "network.h"

int netlink(int protocol)
{
	return need(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), "netlink %d", protocol);
}

void begin(struct message *message, int type, int flags, const void *own, size_t length)
{
	message->head = (struct nlmsghdr){
		.nlmsg_len = NLMSG_HDRLEN + NLMSG_ALIGN(length),
		.nlmsg_type = (uint16_t)type,
		.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
	};
	memset(message->body, 0, NLMSG_ALIGN(length));
	if (length)
		memcpy(message->body, own, length);
}

static struct nlattr *add(struct message *message, int type, size_t length)
{
	size_t at = message->head.nlmsg_len;
	struct nlattr *attribute = (void *)((char *)message + at);

	if (at + NLA_HDRLEN + NLA_ALIGN(length) > sizeof(*message))
		fail("a message is too long");
	memset(attribute, 0, NLA_HDRLEN + NLA_ALIGN(length));
	attribute->nla_type = (uint16_t)type;
	attribute->nla_len = (uint16_t)(NLA_HDRLEN + length);
	message->head.nlmsg_len = (uint32_t)(at + NLA_HDRLEN + NLA_ALIGN(length));
	return attribute;
}

void put(struct message *message, int type, const void *data, size_t length)
{
	struct nlattr *attribute = add(message, type, length);

	if (length)
		memcpy((char *)attribute + NLA_HDRLEN, data, length);
}

void put_u8(struct message *message, int type, uint8_t value)
{
	put(message, type, &value, sizeof(value));
}

void put_u16(struct message *message, int type, uint16_t value)
{
	put(message, type, &value, sizeof(value));
}

void put_u32(struct message *message, int type, uint32_t value)
{
	put(message, type, &value, sizeof(value));
}

void put_be32(struct message *message, int type, uint32_t value)
{
	put_u32(message, type, htonl(value));
}

void put_text(struct message *message, int type, const char *text)
{
	put(message, type, text, strlen(text) + 1);
}

void put_address(struct message *message, int type, const char *address)
{
	uint8_t bytes[16];
	int is_v6 = strchr(address, ':') != NULL;

	if (inet_pton(is_v6 ? AF_INET6 : AF_INET, address, bytes) != 1)
		fail("'%s' is not an IP address", address);
	put(message, type, bytes, is_v6 ? 16 : 4);
}

size_t nest(struct message *message, int type)
{
	size_t at = message->head.nlmsg_len;

	add(message, type | NLA_F_NESTED, 0);
	return at;
}

void unnest(struct message *message, size_t at)
{
	((struct nlattr *)((char *)message + at))->nla_len =
		(uint16_t)(message->head.nlmsg_len - at);
}

int ask(int socket, struct message *message)
{
	static struct message answer;
	ssize_t length;

	message->head.nlmsg_flags |= NLM_F_ACK;
	message->head.nlmsg_seq = 1;
	if (send(socket, message, message->head.nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		char *at = (char *)&answer;

		length = recv(socket, &answer, sizeof(answer), 0);
		if (length < 0)
			return -errno;
		while (length >= (ssize_t)sizeof(struct nlmsghdr)) {
			struct nlmsghdr *head = (void *)at;
			size_t step = NLMSG_ALIGN(head->nlmsg_len);

			if (head->nlmsg_type == NLMSG_ERROR)
				return ((struct nlmsgerr *)NLMSG_DATA(head))->error;
			if (head->nlmsg_len <= sizeof(*message))
				memcpy(message, head, head->nlmsg_len);
			if (step == 0 || (ssize_t)step > length)
				break;
			at += step;
			length -= (ssize_t)step;
		}
	}
}

const void *find_attribute(const struct message *message, size_t own, int type, size_t *length)
{
	size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(own);

	while (at + NLA_HDRLEN <= message->head.nlmsg_len) {
		const struct nlattr *attribute = (const void *)((const char *)message + at);

		if (attribute->nla_len < NLA_HDRLEN)
			break;
		if ((attribute->nla_type & NLA_TYPE_MASK) == type) {
			if (length)
				*length = attribute->nla_len - (size_t)NLA_HDRLEN;
			return (const char *)attribute + NLA_HDRLEN;
		}
		at += (size_t)NLA_ALIGN(attribute->nla_len);
	}
	return NULL;
}

int family_id(int socket, const char *name)
{
	static struct message message;
	struct genlmsghdr own = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 };
	const uint16_t *id;
	int error;

	begin(&message, GENL_ID_CTRL, 0, &own, sizeof(own));
	put_text(&message, CTRL_ATTR_FAMILY_NAME, name);
	error = ask(socket, &message);
	if (error)
		return error;
	id = find_attribute(&message, sizeof(own), CTRL_ATTR_FAMILY_ID, NULL);
	return id ? *id : -ENOENT;
}
