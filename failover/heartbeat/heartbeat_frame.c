#include "failover/heartbeat/heartbeat_frame.h"

#include "core/fd.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define PRIORITY 7 /* as heartbeat_socket.c has it */

/* The kernel adds the header of a frame, and takes it off. */
int
heartbeat_frame_open(void)
{
	CLEANUP(fd_close) int fd = -1;
	const struct fd_option priority = { SOL_SOCKET, SO_PRIORITY, PRIORITY };
	int e;

	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    htons(HEARTBEAT_FRAME_TYPE));
	if (fd == -1)
		return -errno;
	e = fd_set_options(fd, &priority, 1);
	return e < 0 ? e : fd_take(&fd);
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
