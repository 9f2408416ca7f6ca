#include "failover/connsync/reset_watch.h"

#include "config/config.h"
#include "core/addr.h"
#include "core/conn_record.h"
#include "core/fd.h"
#include "core/socket_filter.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* Read at once; a flood must not keep us from the heartbeat. */
#define BUDGET 64

/* Of a round in which all answer at once, until we come to read. */
#define RECEIVE_BYTES (1024 * 1024)

/* The largest IPv4 header and what is looked at of TCP's. */
#define PACKET_BYTES 64
#define PORTS_BYTES 4

static void
set_port(union addr *a, const uint8_t *bytes)
{
	addr_set_port(a, (uint16_t)(bytes[0] << 8 | bytes[1]));
}

static void
tell(const struct reset_watch *w, union addr *from, union addr *to,
    const uint8_t *ports)
{
	struct conn_record_end client, local;

	set_port(from, ports);
	set_port(to, ports + 2);
	client = conn_record_end_of(from);
	local = conn_record_end_of(to);
	w->heard(w->arg, &client, &local);
}

/* With its IP header. */
static void
take_v4(const struct reset_watch *w, const uint8_t *packet, size_t len)
{
	union addr from = { .in = { .sin_family = AF_INET } }, to = from;
	const size_t header = len > 0 ? (packet[0] & 15U) * 4 : 0;

	if (header < 20 || len < header + PORTS_BYTES)
		return;
	memcpy(&from.in.sin_addr, packet + 12, 4);
	memcpy(&to.in.sin_addr, packet + 16, 4);
	tell(w, &from, &to, packet + header);
}

static void
on_v4(struct ev_loop *loop, ev_io *io, int revents)
{
	const struct reset_watch *w =
	    CONTAINER_OF(io, struct reset_watch, v4_ready);
	uint8_t packet[PACKET_BYTES];

	for (unsigned i = 0; i < BUDGET; i++) {
		const ssize_t n =
		    recv(w->v4, packet, sizeof(packet), MSG_DONTWAIT);

		if (n == -1)
			return;
		take_v4(w, packet, (size_t)n);
	}
}

static bool
find_local(struct msghdr *m, union addr *ret_local)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL;
	     c = CMSG_NXTHDR(m, c)) {
		struct in6_pktinfo info;

		if (c->cmsg_level != IPPROTO_IPV6 ||
		    c->cmsg_type != IPV6_PKTINFO)
			continue;
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		*ret_local = (union addr){ .in6 = { .sin6_family = AF_INET6,
			                       .sin6_addr = info.ipi6_addr } };
		return true;
	}
	return false;
}

/* Without its IP header: the addresses come beside it. */
static bool
take_v6(const struct reset_watch *w)
{
	_Alignas(struct cmsghdr) uint8_t control[256];
	uint8_t packet[PACKET_BYTES];
	union addr from = { 0 }, to;
	struct iovec v = { packet, sizeof(packet) };
	struct msghdr m = { .msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	const ssize_t n = recvmsg(w->v6, &m, MSG_DONTWAIT);

	if (n >= PORTS_BYTES && find_local(&m, &to))
		tell(w, &from, &to, packet);
	return n != -1;
}

static void
on_v6(struct ev_loop *loop, ev_io *io, int revents)
{
	const struct reset_watch *w =
	    CONTAINER_OF(io, struct reset_watch, v6_ready);

	for (unsigned i = 0; i < BUDGET && take_v6(w); i++)
		;
}

struct reset_watch
reset_watch_init(reset_watch_heard *heard, void *arg)
{
	struct reset_watch w = {
		.v4 = -1, .v6 = -1, .heard = heard, .arg = arg
	};

	ev_init(&w.v4_ready, on_v4);
	ev_init(&w.v6_ready, on_v6);
	ev_set_priority(&w.v4_ready, EV_MINPRI);
	ev_set_priority(&w.v6_ready, EV_MINPRI);
	return w;
}

static int
filter_resets(int fd, int family, const struct config_pair *pair)
{
	struct socket_filter filter;

	socket_filter_begin(&filter, SOCKET_FILTER_RESETS, (sa_family_t)family);
	for (size_t i = 0; i < pair->n_groups; i++)
		for (size_t k = 0; k < pair->groups[i].n_addresses; k++)
			socket_filter_add(
			    &filter, &pair->groups[i].addresses[k].addr);
	return fd_attach_filter(fd, &filter);
}

static int
open_one(int family, const struct config_pair *pair, int *ret_fd)
{
	CLEANUP(fd_close) int fd = -1;
	const struct fd_option options[] = {
		{ SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BYTES },
		{ SOL_IPV6, IPV6_RECVPKTINFO, 1 },
	};
	int e;

	fd = socket(
	    family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	if (fd == -1)
		return -errno;
	/* What came before the filter is none of anybody's told: no matter. */
	e = filter_resets(fd, family, pair);
	if (e == 0)
		e = fd_set_options(fd, options, family == AF_INET ? 1 : 2);
	if (e == 0)
		*ret_fd = fd_take(&fd);
	return e;
}

int
reset_watch_open(
    struct reset_watch *w, struct ev_loop *loop, const struct config_pair *pair)
{
	int e = 0;

	if (w->v4 != -1)
		return 0;
	e = open_one(AF_INET, pair, &w->v4);
	if (e == 0)
		e = open_one(AF_INET6, pair, &w->v6);
	/* A host without IPv6 hears those of IPv4. */
	if (w->v4 != -1 && (e == -EAFNOSUPPORT || e == -EPROTONOSUPPORT))
		e = 0;
	if (e < 0) {
		reset_watch_close(w, loop);
		return e;
	}
	ev_io_set(&w->v4_ready, w->v4, EV_READ);
	ev_io_start(loop, &w->v4_ready);
	if (w->v6 == -1)
		return 0;
	ev_io_set(&w->v6_ready, w->v6, EV_READ);
	ev_io_start(loop, &w->v6_ready);
	return 0;
}

void
reset_watch_close(struct reset_watch *w, struct ev_loop *loop)
{
	ev_io_stop(loop, &w->v4_ready);
	ev_io_stop(loop, &w->v6_ready);
	fd_close(&w->v4);
	fd_close(&w->v6);
}
