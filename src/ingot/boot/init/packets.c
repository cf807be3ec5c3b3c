// SPDX-License-Identifier: Apache-2.0
/* Sending packets between namespaces, to the host, through tun and vsock. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/vm_sockets.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "init.h"
#include "network.h"

#define PATIENCE_SECONDS 5
#define PORT 4000

static struct sockaddr_in address_of(const char *address, int port)
{
	struct sockaddr_in full = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	if (inet_pton(AF_INET, address, &full.sin_addr) != 1)
		fail("'%s' is not an IP address", address);
	return full;
}

static void be_patient(int socket)
{
	struct timeval patience = { PATIENCE_SECONDS, 0 };

	setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

int udp_socket(int space, const char *device, const char *address, int port)
{
	struct sockaddr_in own = address_of(address, port);
	int made;

	enter(space);
	made = need(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "a UDP socket");
	be_patient(made);
	if (device)
		need(setsockopt(made, SOL_SOCKET, SO_BINDTODEVICE, device, strlen(device)),
		     "SO_BINDTODEVICE %s", device);
	need(bind(made, (struct sockaddr *)&own, sizeof(own)), "%s", address);
	return made;
}

void pass_datagram(int from, const char *from_device, const char *source, int to,
		   const char *to_device, const char *target)
{
	int sender = udp_socket(from, from_device, source, PORT);
	int receiver = udp_socket(to, to_device, target, PORT);
	struct sockaddr_in full = address_of(target, PORT), peer;
	socklen_t length = sizeof(peer);
	char text[8];

	need(sendto(sender, "there", 5, 0, (struct sockaddr *)&full, sizeof(full)),
	     "a packet cannot be sent to %s", target);
	if (recvfrom(receiver, text, sizeof(text), 0, (struct sockaddr *)&peer, &length) != 5)
		fail_errno("nothing arrives at %s", target);
	if (peer.sin_addr.s_addr != address_of(source, 0).sin_addr.s_addr)
		fail("a packet to %s does not come from %s", target, source);
	need(sendto(receiver, "back", 4, 0, (struct sockaddr *)&peer, length), "an answer cannot be sent");
	if (recv(sender, text, sizeof(text), 0) != 4)
		fail_errno("no answer arrives from %s", target);
	close(sender);
	close(receiver);
}

void pass_stream(int from, const char *target, int port, int to, const char *accepting,
		 int accepting_port, char *peer, size_t size)
{
	struct sockaddr_in own = address_of(accepting, accepting_port);
	struct sockaddr_in full = address_of(target, port), seen;
	socklen_t length = sizeof(seen);
	int listener, client, server, one = 1;
	char text[8] = "";

	enter(to);
	listener = need(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "a TCP socket");
	be_patient(listener);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	need(bind(listener, (struct sockaddr *)&own, sizeof(own)), "%s", accepting);
	need(listen(listener, 1), "listen");
	enter(from);
	client = need(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "a TCP socket");
	be_patient(client);
	need(connect(client, (struct sockaddr *)&full, sizeof(full)), "no connection to %s:%d",
	     target, port);
	server = need(accept(listener, (struct sockaddr *)&seen, &length),
		      "no connection arrives at %s:%d",
		      accepting, accepting_port);
	be_patient(server);
	inet_ntop(AF_INET, &seen.sin_addr, peer, (socklen_t)size);
	need(write(client, "there", 5), "data cannot be sent");
	if (read(server, text, sizeof(text)) != 5)
		fail_errno("nothing arrives at %s", accepting);
	need(write(server, "back", 4), "an answer cannot be sent");
	if (read(client, text, sizeof(text)) != 4)
		fail_errno("no answer arrives");
	close(client);
	close(server);
	close(listener);
}

/* the parts of a DHCP message that are used here (RFC 2131, RFC 2132) */
struct dhcp {
	uint8_t op, htype, hlen, hops;
	uint32_t xid;
	uint16_t secs, flags;
	uint32_t ciaddr, yiaddr, siaddr, giaddr;
	uint8_t chaddr[16], sname[64], file[128];
	uint8_t magic[4];
	uint8_t options[308];
} __attribute__((packed));

static const uint8_t *dhcp_option(const struct dhcp *message, int wanted)
{
	const uint8_t *at = message->options, *end = at + sizeof(message->options);

	while (at + 1 < end && *at != 255 && at + 2 + at[1] <= end) {
		if (*at == wanted)
			return at + 2;
		at += *at ? 2 + at[1] : 1;
	}
	return NULL;
}

/* send a DHCP message of one type, and wait for an answer of another type */
static struct dhcp dhcp_ask(int link, const uint8_t *mac, int kind, int answer,
			    const struct dhcp *offer)
{
	struct dhcp out = { .op = 1, .htype = 1, .hlen = 6, .xid = 0x676f7421,
			    .flags = htons(0x8000), .magic = { 99, 130, 83, 99 } };
	struct sockaddr_in all = address_of("255.255.255.255", 67);
	uint8_t *at = out.options;
	struct dhcp in;

	memcpy(out.chaddr, mac, 6);
	*at++ = 53, *at++ = 1, *at++ = (uint8_t)kind;
	if (offer) {
		const uint8_t *server = dhcp_option(offer, 54);

		*at++ = 50, *at++ = 4;
		memcpy(at, &offer->yiaddr, 4), at += 4;
		if (server) {
			*at++ = 54, *at++ = 4;
			memcpy(at, server, 4), at += 4;
		}
	}
	*at = 255;
	need(sendto(link, &out, sizeof(out), 0, (struct sockaddr *)&all, sizeof(all)),
	     "a DHCP message cannot be sent");
	for (;;) {
		const uint8_t *said;

		memset(&in, 0, sizeof(in));
		need(recv(link, &in, sizeof(in), 0), "no DHCP server answers");
		said = dhcp_option(&in, 53);
		if (in.op == 2 && in.xid == out.xid && said && *said == answer)
			return in;
	}
}

static int prefix_of(const uint8_t *mask)
{
	int prefix = 0;

	for (int index = 0; mask && index < 4; index++)
		prefix += __builtin_popcount(mask[index]);
	return mask ? prefix : 24;
}

static void network(char **words)
{
	struct ifreq request = { 0 };
	struct sockaddr_in full = address_of(words[1], atoi(words[2]));
	struct dhcp offer, lease;
	char own[INET_ADDRSTRLEN], text[16] = "";
	int link, tcp, one = 1;
	const uint8_t *mac = (const uint8_t *)request.ifr_hwaddr.sa_data;

	link_index(words[0]);
	raise_link(words[0], NULL, 0);
	link = udp_socket(-1, words[0], "0.0.0.0", 68);
	setsockopt(link, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one));
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", words[0]);
	need(ioctl(link, 0x8927 /* SIOCGIFHWADDR */, &request), "the address of %s", words[0]);
	offer = dhcp_ask(link, mac, 1, 2, NULL);
	lease = dhcp_ask(link, mac, 3, 5, &offer);
	close(link);
	inet_ntop(AF_INET, &lease.yiaddr, own, sizeof(own));
	raise_link(words[0], own, prefix_of(dhcp_option(&lease, 1)));
	tcp = need(socket(AF_INET, SOCK_STREAM, 0), "a TCP socket");
	be_patient(tcp);
	need(connect(tcp, (struct sockaddr *)&full, sizeof(full)), "no connection to %s", words[1]);
	need(write(tcp, "to the host\n", 12), "data cannot be sent");
	for (size_t length = 0; length < 12;) {
		ssize_t got = read(tcp, text + length, sizeof(text) - length);

		if (got <= 0)
			fail_errno("the host does not answer");
		length += (size_t)got;
	}
	if (strncmp(text, "to the host\n", 12) != 0)
		fail("the answer differs from what was sent");
	pass("%s by DHCP, TCP to %s and back", own, words[1]);
}

static void vsock(char **words)
{
	struct sockaddr_vm host = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST,
				    .svm_port = 1 };
	unsigned int cid = 0;
	int device = need(await_node("/dev/vsock"), "/dev/vsock"), stream;

	(void)words;
	need(ioctl(device, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid), "the guest's CID");
	if (cid <= VMADDR_CID_HOST || cid == VMADDR_CID_ANY)
		fail("the guest has no CID: no vsock device");
	stream = need(socket(AF_VSOCK, SOCK_STREAM, 0), "AF_VSOCK");
	be_patient(stream);
	if (connect(stream, (struct sockaddr *)&host, sizeof(host)) == 0)
		pass("CID %u, the host accepted a connection", cid);
	if (errno != ECONNRESET && errno != ECONNREFUSED)
		fail_errno("the host does not answer");
	pass("CID %u, the host answers", cid);
}

static void swap(uint8_t *one, uint8_t *other, size_t length)
{
	uint8_t kept[4];

	memcpy(kept, one, length);
	memcpy(one, other, length);
	memcpy(other, kept, length);
}

static void tun(char **words)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	struct sockaddr_in far = address_of("10.5.0.2", PORT);
	uint8_t packet[2048];
	int device, sender;
	char text[8] = "";

	(void)words;
	modprobe("tun");
	enter(other_space());
	device = need(await_node("/dev/net/tun"), "/dev/net/tun");
	strcpy(request.ifr_name, "tun");
	need(ioctl(device, TUNSETIFF, &request), "TUNSETIFF");
	raise_link("tun", "10.5.0.1", 24);
	sender = udp_socket(-1, NULL, "10.5.0.1", PORT);
	need(sendto(sender, "there", 5, 0, (struct sockaddr *)&far, sizeof(far)), "sendto");
	for (;;) {
		struct pollfd poller = { .fd = device, .events = POLLIN };
		ssize_t length;

		if (poll(&poller, 1, 1000 * PATIENCE_SECONDS) != 1)
			fail("no packet comes out of the device");
		length = need(read(device, packet, sizeof(packet)), "the device");
		if (length < 33 || packet[0] != 0x45 || packet[9] != 17)
			continue; /* IPv6 announces itself */
		swap(packet + 12, packet + 16, 4);
		swap(packet + 20, packet + 22, 2);
		need(write(device, packet, (size_t)length), "a packet cannot be written to the device");
		break;
	}
	if (recv(sender, text, sizeof(text), 0) != 5 || strncmp(text, "there", 5) != 0)
		fail_errno("the packet from the device does not arrive");
	pass("a packet read from the device, and one written to it");
}

const struct verb_entry packet_verbs[] = {
	VERB("network", "DEVICE ADDRESS PORT", 3, 3,
	     "the device gets an address by DHCP, and TCP reaches the echo service at "
	     "ADDRESS:PORT", network),
	VERB("tun", "", 0, 0,
	     "a program reads an IPv4 UDP packet from a tun device, and writes it back "
	     "to its sender", tun),
	VERB("vsock", "", 0, 0,
	     "the host accepts or refuses a connection to one of its ports", vsock),
	END_OF_VERBS
};
