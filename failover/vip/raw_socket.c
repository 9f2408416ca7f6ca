#include "failover/vip/raw_socket.h"

#include "core/addr.h"
#include "core/fd.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

struct raw_socket
raw_socket_none(void)
{
	return (struct raw_socket){ .v4 = -1, .v6 = -1 };
}

/* IPPROTO_RAW: we bring the IP header, and nothing is received. */
static int
open_one(int family)
{
	return socket(
	    family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_RAW);
}

int
raw_socket_open(struct raw_socket *r)
{
	r->v4 = open_one(AF_INET);
	if (r->v4 == -1)
		return -errno;
	r->v6 = open_one(AF_INET6);
	return 0;
}

void
raw_socket_close(struct raw_socket *r)
{
	fd_close(&r->v4);
	fd_close(&r->v6);
}

int
raw_socket_send(const struct raw_socket *r, const uint8_t *packet, size_t len,
    const union addr *to)
{
	const int fd = to->sa.sa_family == AF_INET6 ? r->v6 : r->v4;
	union addr where = *to;

	addr_set_port(&where, 0); /* here it would be a protocol */
	if (sendto(fd, packet, len, MSG_DONTWAIT | MSG_NOSIGNAL, &where.sa,
	        addr_len(&where)) == -1)
		return -errno;
	return 0;
}
