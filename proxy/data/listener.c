#include "proxy/data/listener.h"

#include "core/fd.h"
#include "core/socket_filter.h"
#include "proxy/data/dial.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/tcp.h>

/* The kernel cuts it to net.core.somaxconn. */
#define BACKLOG 65535

static int
set(int fd, int level, int option)
{
	const int on = 1;

	return setsockopt(fd, level, option, &on, sizeof(on)) == -1 ? -errno
	                                                            : 0;
}

int
listener_open(const union addr *local, uint32_t keepalive_ms)
{
	const struct dial_keepalive keepalive = dial_keepalive_of(keepalive_ms);
	CLEANUP(fd_close) int fd = -1;
	bool v6 = local->sa.sa_family == AF_INET6;
	int e;

	fd = socket(
	    local->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -errno;
	/* A backup listens too, on a virtual IP that is not here (yet). */
	e = v6 ? set(fd, SOL_IPV6, IPV6_FREEBIND)
	       : set(fd, SOL_IP, IP_FREEBIND);
	/* [::] is IPv6 only: 0.0.0.0 has a socket of its own. */
	if (e == 0 && v6)
		e = set(fd, SOL_IPV6, IPV6_V6ONLY);
	/* Old connections in TIME_WAIT must not stop a new start. */
	if (e == 0)
		e = set(fd, SOL_SOCKET, SO_REUSEADDR);
	/* One socket per worker on one address: the kernel spreads clients. */
	if (e == 0)
		e = set(fd, SOL_SOCKET, SO_REUSEPORT);
	/* Inherited by what is accepted: one call a connection saved. */
	if (e == 0)
		e = set(fd, IPPROTO_TCP, TCP_NODELAY);
	/* See flow.h: urgent bytes. */
	if (e == 0)
		e = set(fd, SOL_SOCKET, SO_OOBINLINE);
	if (e == 0)
		e = dial_break_by_default(fd);
	if (e == 0)
		e = dial_keep_alive(fd, &keepalive);
	if (e < 0)
		return e;
	if (bind(fd, &local->sa, addr_len(local)) == -1)
		return -errno;
	if (listen(fd, BACKLOG) == -1)
		return -errno;
	return fd_take(&fd);
}

int
listener_set_keepalive(int fd, uint32_t keepalive_ms)
{
	const struct dial_keepalive keepalive = dial_keepalive_of(keepalive_ms);

	return dial_keep_alive(fd, &keepalive);
}

static int
attach(int fd, const struct sock_fprog *program)
{
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, program,
	           sizeof(*program)) == -1
	    ? -errno
	    : 0;
}

int
listener_mute(int fd)
{
	/*
	 * On a listening socket the filter sees the TCP header at offset 0;
	 * byte 13 has the flags. SYN without ACK is dropped, unanswered: with
	 * an answer (RST) the client would give up instead of asking again.
	 */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	const struct sock_fprog program = { .len = ARRAY_LEN(code),
		.filter = code };

	return attach(fd, &program);
}

int
listener_mute_some(int fd, struct socket_filter *s)
{
	const struct sock_fprog program = socket_filter_program(s);

	return attach(fd, &program);
}

int
listener_unmute(int fd)
{
	const int unused = 0;

	if (setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused,
	        sizeof(unused)) == -1 &&
	    errno != ENOENT)
		return -errno;
	return 0;
}
