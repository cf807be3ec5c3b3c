// SPDX-License-Identifier: Apache-2.0
/* Encrypted tunnels: WireGuard, IPsec. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/xfrm.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "init.h"
#include "network.h"

/* kernel: include/uapi/linux/wireguard.h, which old builders do not have */
enum { WG_CMD_SET_DEVICE = 1 };
enum { WGDEVICE_A_IFNAME = 2, WGDEVICE_A_PRIVATE_KEY = 3, WGDEVICE_A_LISTEN_PORT = 6,
       WGDEVICE_A_PEERS = 8 };
enum { WGPEER_A_PUBLIC_KEY = 1, WGPEER_A_ENDPOINT = 4, WGPEER_A_ALLOWEDIPS = 9 };
enum { WGALLOWEDIP_A_FAMILY = 1, WGALLOWEDIP_A_IPADDR = 2, WGALLOWEDIP_A_CIDR_MASK = 3 };

#define WG_PORT 51820
#define KEY_BYTES 32

/* the public keys (RFC 7748) for the private keys of 32 times 1 and 32 times 2 */
static const uint8_t public_keys[2][KEY_BYTES] = {
	{ 0xa4, 0xe0, 0x92, 0x92, 0xb6, 0x51, 0xc2, 0x78, 0xb9, 0x77, 0x2c,
	  0x56, 0x9f, 0x5f, 0xa9, 0xbb, 0x13, 0xd9, 0x06, 0xb4, 0x6a, 0xb6,
	  0x8c, 0x9d, 0xf9, 0xdc, 0x2b, 0x44, 0x09, 0xf8, 0xa2, 0x09 },
	{ 0xce, 0x8d, 0x3a, 0xd1, 0xcc, 0xb6, 0x33, 0xec, 0x7b, 0x70, 0xc1,
	  0x78, 0x14, 0xa5, 0xc7, 0x6e, 0xcd, 0x02, 0x96, 0x85, 0x05, 0x0d,
	  0x34, 0x47, 0x45, 0xba, 0x05, 0x87, 0x0e, 0x58, 0x7d, 0x59 },
};

static const char *const devices[2] = { "wg0", "wg1" };
static const char *const addresses[2] = { "10.7.0.1", "10.7.0.2" };

static void put_peer(struct message *message, int number)
{
	struct sockaddr_in endpoint = { .sin_family = AF_INET,
					.sin_port = htons((uint16_t)(WG_PORT + number)),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	size_t peers = nest(message, WGDEVICE_A_PEERS), peer = nest(message, 0), allowed, one;

	put(message, WGPEER_A_PUBLIC_KEY, public_keys[number], KEY_BYTES);
	put(message, WGPEER_A_ENDPOINT, &endpoint, sizeof(endpoint));
	allowed = nest(message, WGPEER_A_ALLOWEDIPS);
	one = nest(message, 0);
	put_u16(message, WGALLOWEDIP_A_FAMILY, AF_INET);
	put_address(message, WGALLOWEDIP_A_IPADDR, addresses[number]);
	put_u8(message, WGALLOWEDIP_A_CIDR_MASK, 32);
	unnest(message, one);
	unnest(message, allowed);
	unnest(message, peer);
	unnest(message, peers);
}

static void set_device(int number)
{
	static struct message message;
	struct genlmsghdr own = { .cmd = WG_CMD_SET_DEVICE, .version = 1 };
	uint8_t key[KEY_BYTES];
	int generic = netlink(NETLINK_GENERIC), error;

	memset(key, number + 1, sizeof(key));
	begin(&message, need(family_id(generic, "wireguard"), "the kernel has no WireGuard"), 0, &own,
	      sizeof(own));
	put_text(&message, WGDEVICE_A_IFNAME, devices[number]);
	put(&message, WGDEVICE_A_PRIVATE_KEY, key, sizeof(key));
	put_u16(&message, WGDEVICE_A_LISTEN_PORT, (uint16_t)(WG_PORT + number));
	put_peer(&message, !number);
	error = ask(generic, &message);
	close(generic);
	if (error) {
		errno = -error;
		fail_errno("WireGuard refuses its peer");
	}
}

static void accept_own(const char *device)
{
	char path[96];

	/* without namespaces, packets come from an address that is also local */
	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/accept_local", device);
	write_file(path, "1");
	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/rp_filter", device);
	write_file(path, "0");
}

static void wireguard(char **words)
{
	static struct message message;
	int here = other_space(), there = other_space();
	size_t nests[2];

	(void)words;
	enter(here);
	raise_link("lo", NULL, 0);
	for (int number = 0; number < 2; number++) {
		begin_link(&message, "wireguard", devices[number], nests);
		make_link(&message, "wireguard", nests);
		set_device(number);
	}
	raise_link(devices[0], addresses[0], 24);
	accept_own(devices[0]);
	if (there >= 0 && here >= 0) {
		move_link(devices[1], there);
		enter(there);
	}
	raise_link(devices[1], addresses[1], 24);
	accept_own(devices[1]);
	pass_datagram(here, devices[0], addresses[0], there, devices[1], addresses[1]);
	pass("a packet and its answer passed");
}

#define SPI 0x1000

struct ends {
	const char *from, *to;
};

static void fill_selector(struct xfrm_selector *selector, struct ends ends)
{
	selector->family = AF_INET;
	selector->prefixlen_s = selector->prefixlen_d = 32;
	inet_pton(AF_INET, ends.from, &selector->saddr);
	inet_pton(AF_INET, ends.to, &selector->daddr);
}

static void ask_xfrm(struct message *message, const char *what)
{
	int xfrm = netlink(NETLINK_XFRM), error = ask(xfrm, message);

	close(xfrm);
	if (error) {
		errno = -error;
		fail_errno("%s", what);
	}
}

static void put_algorithm(struct message *message, int attribute, const char *name, int key_bytes)
{
	_Alignas(struct xfrm_algo) char room[sizeof(struct xfrm_algo) + 32];
	struct xfrm_algo *algorithm = (void *)room;

	memset(room, 7, sizeof(room)); /* any key, the same at both ends */
	memset(algorithm->alg_name, 0, sizeof(algorithm->alg_name));
	strcpy(algorithm->alg_name, name);
	algorithm->alg_key_len = (unsigned int)(8 * key_bytes);
	put(message, attribute, room, sizeof(*algorithm) + (size_t)key_bytes);
}

static void put_gcm(struct message *message)
{
	_Alignas(struct xfrm_algo_aead) char room[sizeof(struct xfrm_algo_aead) + 20];
	struct xfrm_algo_aead *aead = (void *)room;

	memset(room, 7, sizeof(room));
	memset(aead->alg_name, 0, sizeof(aead->alg_name));
	strcpy(aead->alg_name, "rfc4106(gcm(aes))");
	aead->alg_key_len = 160;
	aead->alg_icv_len = 128;
	put(message, XFRMA_ALG_AEAD, room, sizeof(room));
}

static void add_cipher(struct message *message, const char *cipher)
{
	if (strcmp(cipher, "gcm") == 0) {
		put_gcm(message);
		return;
	}
	if (strcmp(cipher, "cbc") != 0)
		fail("unknown cipher '%s'", cipher);
	put_algorithm(message, XFRMA_ALG_CRYPT, "cbc(aes)", 32);
	put_algorithm(message, XFRMA_ALG_AUTH, "hmac(sha256)", 32);
}

static void add_state(struct ends ends, int mode, const char *cipher)
{
	static struct message message;
	struct xfrm_usersa_info own = {
		.id = { .spi = htonl(SPI), .proto = IPPROTO_ESP },
		.family = AF_INET,
		.mode = (uint8_t)mode,
		.replay_window = 32,
		.lft = { XFRM_INF, XFRM_INF, XFRM_INF, XFRM_INF, 0, 0, 0, 0 },
	};

	inet_pton(AF_INET, ends.from, &own.saddr);
	inet_pton(AF_INET, ends.to, &own.id.daddr);
	begin(&message, XFRM_MSG_NEWSA, NLM_F_CREATE, &own, sizeof(own));
	add_cipher(&message, cipher);
	ask_xfrm(&message, "the kernel refuses a security association");
}

static void add_policy(struct ends ends, int direction, int mode)
{
	static struct message message;
	struct xfrm_userpolicy_info own = { .dir = (uint8_t)direction,
					    .lft = { XFRM_INF, XFRM_INF, XFRM_INF, XFRM_INF, 0, 0,
						     0, 0 } };
	struct xfrm_user_tmpl template = { .id = { .proto = IPPROTO_ESP }, .family = AF_INET,
					   .mode = (uint8_t)mode, .aalgos = ~0U, .ealgos = ~0U,
					   .calgos = ~0U };

	fill_selector(&own.sel, ends);
	inet_pton(AF_INET, ends.from, &template.saddr);
	inet_pton(AF_INET, ends.to, &template.id.daddr);
	begin(&message, XFRM_MSG_NEWPOLICY, NLM_F_CREATE, &own, sizeof(own));
	put(&message, XFRMA_TMPL, &template, sizeof(template));
	ask_xfrm(&message, "the kernel refuses a policy");
}

static void ipsec(char **words)
{
	int mode = strcmp(words[0], "tunnel") ? XFRM_MODE_TRANSPORT : XFRM_MODE_TUNNEL;
	struct pair pair;
	struct ends there = { "10.1.0.1", "10.1.0.2" }, back = { "10.1.0.2", "10.1.0.1" };

	if (mode == XFRM_MODE_TRANSPORT && strcmp(words[0], "transport") != 0)
		fail("unknown mode '%s'", words[0]);
	pair = veth_pair();
	for (int index = 0; index < 2; index++) {
		enter(index ? pair.right : pair.left);
		add_state(there, mode, words[1]);
		add_state(back, mode, words[1]);
		add_policy(there, index ? XFRM_POLICY_IN : XFRM_POLICY_OUT, mode);
		add_policy(back, index ? XFRM_POLICY_OUT : XFRM_POLICY_IN, mode);
	}
	pass_datagram(pair.left, NULL, "10.1.0.1", pair.right, NULL, "10.1.0.2");
	pass("a packet and its answer passed, encrypted");
}

const struct verb_entry tunnel_verbs[] = {
	VERB("ipsec", "transport|tunnel gcm|cbc", 2, 2,
	     "a packet passes between two hosts that accept no unencrypted packets", ipsec),
	VERB("wireguard", "", 0, 0,
	     "a packet passes through a tunnel between two namespaces, encrypted over the "
	     "loopback of one", wireguard),
	END_OF_VERBS
};
