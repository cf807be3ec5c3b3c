/* SPDX-License-Identifier: Apache-2.0 */
/* Functions for network checks: netlink messages, network namespaces, sending packets. */
#ifndef INGOT_INIT_NETWORK_H
#define INGOT_INIT_NETWORK_H

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

struct message {
	struct nlmsghdr head;
	char body[16000];
};

/* netlink.c: an empty message with its family's own header; attributes; the answer */
int netlink(int protocol);
void begin(struct message *message, int type, int flags, const void *own, size_t length);
void put(struct message *message, int type, const void *data, size_t length);
void put_u8(struct message *message, int type, uint8_t value);
void put_u16(struct message *message, int type, uint16_t value);
void put_u32(struct message *message, int type, uint32_t value);
void put_be32(struct message *message, int type, uint32_t value);
void put_text(struct message *message, int type, const char *text);
void put_address(struct message *message, int type, const char *address); /* IPv4 or IPv6 */
size_t nest(struct message *message, int type);
void unnest(struct message *message, size_t at);
int ask(int socket, struct message *message); /* 0, or a negative errno; message: the answer */
int family_id(int socket, const char *name); /* of generic netlink; negative errno */
const void *find_attribute(const struct message *message, size_t own, int type, size_t *length);

/* links.c: network namespaces, and devices in the current one */
int new_space(void);          /* a new network namespace with its loopback up */
int other_space(void);        /* the same; without namespaces, the current one */
void enter(int space);
void begin_link(struct message *message, const char *kind, const char *name, size_t nests[2]);
void make_link(struct message *message, const char *kind, size_t nests[2]);
void move_link(const char *name, int space);
void raise_link(const char *name, const char *address, int prefix); /* address may be NULL */
void add_route(const char *destination, int prefix, const char *via, const char *device);
void join_bridge(const char *name, const char *bridge);
uint32_t link_index(const char *name);
void add_address(const char *name, const char *address, int prefix);
/* two connected devices; the attribute describes the peer in this kind of device */
void make_pair(const char *kind, const char *name, const char *other, int peer_attribute);
void ask_or_fail(struct message *message, const char *what);
/* two namespaces with a veth pair between them: `left` and `right`, 10.1.0.1 and 10.1.0.2 */
struct pair {
	int left, right;
};
struct pair veth_pair(void);

/* packets.c */
int udp_socket(int space, const char *device, const char *address, int port);
/* a datagram from one address to the other, and its answer */
void pass_datagram(int from, const char *from_device, const char *source, int to,
		   const char *to_device, const char *target);
/* a connection from one namespace to an address, accepted at another; `peer`: the client's
 * address as the server sees it */
void pass_stream(int from, const char *target, int port, int to, const char *accepting,
		 int accepting_port, char *peer, size_t size);

/* routes.c */
#define SERVER "10.3.0.2"
#define SERVER_PORT 8080
#define ROUTER_INSIDE "10.1.0.2"
#define ROUTER_OUTSIDE "10.3.0.1"

/*
 * A client, a router and a server. The router is the client's default gateway. The server has a
 * route to the router only, so that it can answer only packets whose source was translated.
 */
struct route {
	int client, router, server;
};

struct route make_route(void); /* the current namespace is the router's */
/* a client's connection to the router reaches the server, which sees the router as the client */
void pass_translated(struct route route) __attribute__((noreturn));

#endif
