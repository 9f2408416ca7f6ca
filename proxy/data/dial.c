#include "proxy/data/dial.h"

#include "core/fd.h"
#include "proxy/data/dead_peer.h"

#include <errno.h>
#include <netinet/tcp.h>

/* TCP_RTO_MAX_MS of Linux 6.15, which libraries' headers may not have. */
#define RTO_MAX_MS 44

/*
 * "Cannot assign requested address" means two things: no port is free, or this
 * host has no address of that family. A datagram socket shares no ports with
 * others', and sends nothing when it is connected: so it fails for the second
 * reason alone.
 */
static bool
has_no_address(const union addr *to)
{
	CLEANUP(fd_close)
	int fd = socket(to->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd != -1 && connect(fd, &to->sa, addr_len(to)) == -1 &&
	    errno == EADDRNOTAVAIL;
}

/* Returns 0 or -errno; what is no lack of ours is not told as one. */
static int
start_to_connect(int fd, const union addr *to, bool bound)
{
	int e;

	if (connect(fd, &to->sa, addr_len(to)) == 0 || errno == EINPROGRESS)
		return 0;
	e = -errno;
	if (e == -EADDRNOTAVAIL && !bound && has_no_address(to))
		e = -ENETUNREACH;
	return e;
}

int
dial_start(const union addr *to, const union addr *from)
{
	CLEANUP(fd_close) int fd = -1;
	const int on = 1;
	int e;

	fd = socket(
	    to->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -errno;
	/* We send what we have: waiting for more would add 40 ms. */
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1)
		return -errno;
	/* See flow.h: urgent bytes. */
	if (setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)) == -1)
		return -errno;
	if (from != NULL) {
		/* Several connections share our port, to other servers. */
		if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ==
		    -1)
			return -errno;
		if (bind(fd, &from->sa, addr_len(from)) == -1)
			return -errno;
	}
	e = start_to_connect(fd, to, from != NULL);
	return e < 0 ? e : fd_take(&fd);
}

int
dial_result(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		return -errno;
	return -error;
}

bool
dial_is_local_failure(int error)
{
	switch (error) {
	case EADDRNOTAVAIL:
	case EADDRINUSE:
	case EAGAIN:
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
	case EPERM:
		return true;
	default:
		return false;
	}
}

bool
dial_is_port_failure(int error)
{
	return error == EADDRNOTAVAIL || error == EADDRINUSE;
}

static int
set_linger(int fd, bool breaks)
{
	const struct linger l = { .l_onoff = breaks, .l_linger = 0 };

	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)) == -1)
		return -errno;
	return 0;
}

int
dial_break_by_default(int fd)
{
	return set_linger(fd, true);
}

void
dial_end_in_order(int fd)
{
	/* Without it the kernel would drop what it still has to repeat. */
	(void)set_linger(fd, false);
}

void
dial_break(int fd)
{
	/* The last close of one that does not linger does the same. */
	const struct sockaddr nowhere = { .sa_family = AF_UNSPEC };

	(void)connect(fd, &nowhere, sizeof(nowhere));
}

struct dial_keepalive
dial_keepalive_of(uint32_t keepalive_ms)
{
	return (struct dial_keepalive){
		.idle_s = keepalive_ms / 1000, .interval_s = 10, .probes = 3
	};
}

static int
set_number(int fd, int option, unsigned value)
{
	if (setsockopt(fd, IPPROTO_TCP, option, &value, sizeof(value)) == -1)
		return -errno;
	return 0;
}

uint32_t
dial_patience_ms(const struct dial_keepalive *k)
{
	if (k->idle_s == 0)
		return 0;
	return (k->idle_s + k->interval_s * k->probes) * 1000;
}

int
dial_keep_alive(int fd, const struct dial_keepalive *k)
{
	const int on = k->idle_s > 0;
	/*
	 * The kernel looks again an interval after each answer. Where that is
	 * longer than the silence it waits for, the first question is late by
	 * one, and the last one not needed for the same patience.
	 */
	const unsigned late = k->idle_s < k->interval_s ? 1 : 0;
	int e;

	if (setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) == -1)
		return -errno;
	if (!on)
		return 0;
	e = set_number(fd, TCP_KEEPIDLE, k->idle_s);
	if (e == 0)
		e = set_number(fd, TCP_KEEPINTVL, k->interval_s);
	if (e == 0)
		e = set_number(fd, TCP_KEEPCNT, k->probes - late);
	if (e == 0)
		e = set_number(
		    fd, RTO_MAX_MS, dead_peer_apart_ms(dial_patience_ms(k)));
	return e == -ENOPROTOOPT ? 0 : e;
}
