/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "job.h"

#define TYPE     0x88b5 /* for local experiments */
#define HEADER   14
#define LONGEST  1514
#define PATIENCE 300 /* ms for a frame; cards lose the first few while a link comes up */
#define TRIES    200

static int card(const char *name)
{
	struct ifreq request = {0};
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(TYPE)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(TYPE));

	strncpy(request.ifr_name, name, sizeof(request.ifr_name) - 1);
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request))
		fail("%s: %s", name, strerror(errno));
	request.ifr_flags |= IFF_UP | IFF_PROMISC;
	if (ioctl(fd, SIOCSIFFLAGS, &request) || ioctl(fd, SIOCGIFINDEX, &request))
		fail("%s: %s", name, strerror(errno));
	address.sll_ifindex = request.ifr_ifindex;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)))
		fail("%s: %s", name, strerror(errno));
	return fd;
}

/* To everybody, of any length, with bytes that only this one has. */
static size_t frame(uint8_t *at, unsigned int number)
{
	size_t length = HEADER + 4 + number * 37u % (LONGEST - HEADER - 4 + 1);
	uint32_t name = htonl(number);

	memset(at, 0xff, 6);
	memset(at + 6, 2, 6);
	at[12] = TYPE >> 8;
	at[13] = TYPE & 0xff;
	memcpy(at + HEADER, &name, 4);
	for (size_t i = HEADER + 4; i < length; i++)
		at[i] = (uint8_t)(number * 7 + i);
	return length;
}

/* Whether a frame of this number came before the time was up; others are late copies of earlier ones. */
static bool receive(int fd, unsigned int number)
{
	uint8_t wanted[LONGEST], got[2048];
	size_t length = frame(wanted, number);
	struct pollfd wait = {.fd = fd, .events = POLLIN};

	while (poll(&wait, 1, PATIENCE) == 1) {
		ssize_t size = recv(fd, got, sizeof(got), 0);

		if (size < HEADER + 4 || memcmp(got + HEADER, wanted + HEADER, 4) != 0)
			continue;
		/* Short ones are padded on the way. */
		if ((size_t)size < length || memcmp(got, wanted, length) != 0)
			fail("frame %u came, but not as it was sent", number);
		return true;
	}
	return false;
}

static void send_one(int from, int to, unsigned int number)
{
	uint8_t data[LONGEST];
	size_t length = frame(data, number);

	for (int i = 0; i < TRIES; i++) {
		if (send(from, data, length, 0) == (ssize_t)length && receive(to, number))
			return;
		usleep(100000);
	}
	fail("frame %u did not come", number);
}

void net_check(unsigned int frames)
{
	int one = card("eth0"), other = card("eth1");

	for (unsigned int i = 0; i < frames; i++)
		send_one(i % 2 ? one : other, i % 2 ? other : one, i + 1);
	close(one);
	close(other);
}
