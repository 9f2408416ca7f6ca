#include "failover/heartbeat/heartbeat_frame.h"

#include "core/fd.h"
#include "core/secret.h"
#include "failover/election/hello.h"

#include <assert.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define PRIORITY 7 /* as heartbeat_socket.c has it */

/* The longest hello that is read, with its MAC. */
#define BYTES_MAX (HELLO_READ_MAX + SECRET_MAC_BYTES)

/* Besides a comparison for each interface. */
#define CODE_MORE 15

struct code {
	unsigned short n;
	struct sock_filter all[HEARTBEAT_FRAME_INTERFACES_MAX + CODE_MORE];
};

static void
put(struct code *c, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	c->all[c->n++] = (struct sock_filter){ code, yes, no, k };
}

/* Goes on where the word there is this one; else nothing passes. */
static void
require(struct code *c, uint32_t at, uint32_t word)
{
	put(c, BPF_LD | BPF_W | BPF_ABS, at, 0, 0);
	put(c, BPF_JMP | BPF_JEQ | BPF_K, word, 1, 0);
	put(c, BPF_RET | BPF_K, 0, 0, 0);
}

int
heartbeat_frame_hear(int fd, const int *interfaces, size_t n, uint64_t sender)
{
	struct code c = { .n = 0 };
	struct sock_fprog program = { .filter = c.all };

	assert(n <= HEARTBEAT_FRAME_INTERFACES_MAX);
	put(&c, BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_AD_OFF + SKF_AD_IFINDEX,
	    0, 0);
	for (size_t i = 0; i < n; i++)
		put(&c, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)interfaces[i],
		    (uint8_t)(n - i), 0);
	put(&c, BPF_RET | BPF_K, 0, 0, 0);
	put(&c, BPF_LD | BPF_W | BPF_LEN, 0, 0, 0);
	put(&c, BPF_JMP | BPF_JGT | BPF_K, BYTES_MAX, 0, 1);
	put(&c, BPF_RET | BPF_K, 0, 0, 0);
	/* What is too short has no such words, and does not pass either. */
	require(&c, 0, HELLO_MAGIC);
	require(&c, HELLO_SENDER_AT, (uint32_t)(sender >> 32));
	require(&c, HELLO_SENDER_AT + 4, (uint32_t)sender);
	put(&c, BPF_RET | BPF_K, UINT32_MAX, 0, 0);
	program.len = c.n;
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
	        sizeof(program)) == -1)
		return -errno;
	return 0;
}

/* The kernel adds the header of a frame, and takes it off. */
int
heartbeat_frame_open(void)
{
	const struct sockaddr_ll all = { .sll_family = AF_PACKET,
		.sll_protocol = htons(HEARTBEAT_FRAME_TYPE) };
	CLEANUP(fd_close) int fd = -1;
	const struct fd_option priority = { SOL_SOCKET, SO_PRIORITY, PRIORITY };
	int e;

	/* Protocol 0: it hears nothing before its filter is there. */
	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -errno;
	e = fd_set_options(fd, &priority, 1);
	if (e == 0)
		e = heartbeat_frame_hear(fd, NULL, 0, 0);
	if (e < 0)
		return e;
	if (bind(fd, (const struct sockaddr *)&all, sizeof(all)) == -1)
		return -errno;
	return fd_take(&fd);
}

int
heartbeat_frame_send(int fd, int interface,
    const uint8_t to[static HEARTBEAT_FRAME_MAC_BYTES], const void *bytes,
    size_t len)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
		.sll_protocol = htons(HEARTBEAT_FRAME_TYPE),
		.sll_ifindex = interface,
		.sll_halen = HEARTBEAT_FRAME_MAC_BYTES };

	memcpy(at.sll_addr, to, HEARTBEAT_FRAME_MAC_BYTES);
	if (sendto(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL,
	        (const struct sockaddr *)&at, sizeof(at)) == -1)
		return -errno;
	return 0;
}

/* What an interface in promiscuous mode shows of others is not for us. */
static bool
is_for_us(const struct sockaddr_ll *from)
{
	return from->sll_pkttype == PACKET_HOST ||
	    from->sll_pkttype == PACKET_BROADCAST;
}

int
heartbeat_frame_receive(
    int fd, void *ret_bytes, size_t room, struct heartbeat_frame_from *ret_from)
{
	struct sockaddr_ll from = { 0 };
	socklen_t from_len = sizeof(from);
	const ssize_t n = recvfrom(fd, ret_bytes, room, MSG_DONTWAIT,
	    (struct sockaddr *)&from, &from_len);

	/* An interface that went down is told once, and is no frame either. */
	if (n == -1)
		return errno == EAGAIN || errno == EWOULDBLOCK ? -EAGAIN : 0;
	if (!is_for_us(&from) || from.sll_halen != HEARTBEAT_FRAME_MAC_BYTES)
		return 0;
	ret_from->interface = from.sll_ifindex;
	memcpy(ret_from->mac, from.sll_addr, HEARTBEAT_FRAME_MAC_BYTES);
	return (int)n;
}
