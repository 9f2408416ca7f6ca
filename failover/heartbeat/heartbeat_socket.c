#include "failover/heartbeat/heartbeat_socket.h"

#include "core/fd.h"
#include "core/socket_filter.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <string.h>
#include <sys/socket.h>

#define TRAFFIC_CLASS IPTOS_CLASS_CS6
#define PRIORITY 7 /* above 6: CAP_NET_ADMIN */
#define HOPS 255

static int
set_options(int fd, bool v6)
{
	const struct fd_option v4_options[] = {
		{ SOL_IP, IP_FREEBIND, 1 },
		{ SOL_IP, IP_TOS, TRAFFIC_CLASS },
		{ SOL_IP, IP_TTL, HOPS },
		/* After IP_TOS, which sets a priority of its own. */
		{ SOL_SOCKET, SO_PRIORITY, PRIORITY },
	};
	const struct fd_option v6_options[] = {
		{ SOL_IPV6, IPV6_FREEBIND, 1 },
		{ SOL_IPV6, IPV6_V6ONLY, 1 },
		{ SOL_IPV6, IPV6_TCLASS, TRAFFIC_CLASS },
		{ SOL_IPV6, IPV6_UNICAST_HOPS, HOPS },
		{ SOL_SOCKET, SO_PRIORITY, PRIORITY },
	};

	return v6 ? fd_set_options(fd, v6_options, ARRAY_LEN(v6_options))
	          : fd_set_options(fd, v4_options, ARRAY_LEN(v4_options));
}

/*
 * Whoever floods the port from elsewhere is dropped by the kernel, and wakes
 * nobody in this process, which is before all others on its processor.
 */
static int
hear_peer_only(int fd, const union addr *other)
{
	struct socket_filter filter;

	socket_filter_begin(&filter, SOCKET_FILTER_FROM, other->sa.sa_family);
	socket_filter_add(&filter, other);
	return fd_attach_filter(fd, &filter);
}

/*
 * Unconnected: connect() fails while there is no route, and a connected socket
 * reports ICMP errors of one packet on the next one.
 */
int
heartbeat_socket_open(const union addr *self, const union addr *other,
    uint16_t port, struct heartbeat_socket *ret_link)
{
	CLEANUP(fd_close) int fd = -1;
	struct heartbeat_socket l = { .self = *self, .other = *other };
	int e;

	addr_set_port(&l.self, port);
	addr_set_port(&l.other, port);
	fd = socket(
	    self->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -errno;
	e = set_options(fd, self->sa.sa_family == AF_INET6);
	if (e == 0)
		e = hear_peer_only(fd, other);
	if (e < 0)
		return e;
	if (bind(fd, &l.self.sa, addr_len(&l.self)) == -1)
		return -errno;
	l.fd = fd_take(&fd);
	*ret_link = l;
	return 0;
}

void
heartbeat_socket_close(struct heartbeat_socket *l)
{
	fd_close(&l->fd);
}

int
heartbeat_socket_send(struct heartbeat_socket *l, const void *bytes, size_t len)
{
	if (sendto(l->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL, &l->other.sa,
	        addr_len(&l->other)) == -1)
		return -errno;
	return 0;
}

int
heartbeat_socket_receive(
    struct heartbeat_socket *l, void *ret_bytes, size_t room)
{
	union addr from;
	socklen_t from_len = sizeof(from);
	ssize_t n;

	memset(&from, 0, sizeof(from));
	do
		n = recvfrom(
		    l->fd, ret_bytes, room, MSG_DONTWAIT, &from.sa, &from_len);
	while (n == -1 && errno == EINTR);
	/* An ICMP error of the past is no packet either. */
	if (n == -1)
		return -EAGAIN;
	/* Whoever asks whether this port is open. */
	if (n == 0)
		return 0;
	if (!addr_is_same(&from, &l->other))
		return -EXDEV;
	return (int)n;
}
