#include "failover/heartbeat/witness.h"

#include "core/buf.h"
#include "core/fd.h"
#include "core/secret.h"
#include "failover/checksum.h"

#include <errno.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <stdlib.h>
#include <sys/socket.h>

/* RFC 792, RFC 4443 section 4: type, code, checksum, id, number; then ours. */
#define HEAD_BYTES 8
#define CHECKSUM_AT 2
#define TOKEN_BYTES 8
#define ECHO_BYTES (HEAD_BYTES + TOKEN_BYTES)

/* Read at once; a flood must not keep us from the heartbeat. */
#define BUDGET 64

#define V4 0
#define V6 1

struct witness {
	int echo[2]; /* -1: none */
	uint64_t token;
	ev_io ready[2];
};

/* Hears answers alone. */
static int
open_echo(unsigned which)
{
	CLEANUP(fd_close) int fd = -1;
	const struct icmp_filter only4 = { .data = ~(1u << ICMP_ECHOREPLY) };
	struct icmp6_filter only6;
	int e;

	fd = socket(which == V6 ? AF_INET6 : AF_INET,
	    SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    which == V6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	if (fd == -1)
		return -errno;
	ICMP6_FILTER_SETBLOCKALL(&only6);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &only6);
	e = which == V6
	    ? setsockopt(
	          fd, IPPROTO_ICMPV6, ICMP6_FILTER, &only6, sizeof(only6))
	    : setsockopt(fd, SOL_RAW, ICMP_FILTER, &only4, sizeof(only4));
	return e == -1 ? -errno : fd_take(&fd);
}

/* By its family, the place of its socket. */
static unsigned
which_of(const union addr *a)
{
	return a->sa.sa_family == AF_INET6 ? V6 : V4;
}

/* The token alone makes it ours: no other id or number would add to it. */
static void
encode(const struct role *role, bool v6, uint8_t ret_echo[static ECHO_BYTES])
{
	struct buf b = buf_writer(ret_echo, ECHO_BYTES);

	buf_put_u8(&b, v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO);
	buf_put_u8(&b, 0);
	buf_put_u16(&b, 0); /* IPv6: the kernel's to fill in */
	buf_put_u16(&b, (uint16_t)role->witness->token);
	buf_put_u16(&b, 0);
	buf_put_u64(&b, role->witness->token);
	if (v6)
		return;
	checksum_put(
	    ret_echo + CHECKSUM_AT, checksum_add(0, ret_echo, ECHO_BYTES));
}

void
witness_ask(struct role *role)
{
	const struct config_pair *pair = &role->config->pair;

	for (size_t i = 0; i < pair->n_witnesses; i++) {
		const union addr *to = &pair->witnesses[i];
		uint8_t echo[ECHO_BYTES];

		encode(role, which_of(to) == V6, echo);
		/* Lost is lost: the next round asks again. */
		(void)sendto(role->witness->echo[which_of(to)], echo,
		    sizeof(echo), MSG_DONTWAIT | MSG_NOSIGNAL, &to->sa,
		    addr_len(to));
	}
}

static bool
is_witness(const struct role *role, const union addr *a)
{
	const struct config_pair *pair = &role->config->pair;

	for (size_t i = 0; i < pair->n_witnesses; i++)
		if (addr_is_same_ip(a, &pair->witnesses[i]))
			return true;
	return false;
}

/* A raw IPv4 socket hands over the IP header, too. */
static bool
is_answer(const struct role *role, const uint8_t *packet, size_t len, bool v6)
{
	size_t skip = v6 || len == 0 ? 0 : (packet[0] & 15u) * 4;
	struct buf b;

	if (len < skip)
		return false;
	b = buf_reader(packet + skip, len - skip);
	if (buf_get_u8(&b) != (v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY))
		return false;
	(void)buf_get_u8(&b);
	(void)buf_get_u16(&b);
	(void)buf_get_u32(&b);
	return buf_get_u64(&b) == role->witness->token && buf_is_done(&b);
}

static void
on_echo(struct ev_loop *loop, ev_io *w, int revents)
{
	struct role *role = ev_userdata(loop);
	const bool v6 = w == &role->witness->ready[V6];

	for (int i = 0; i < BUDGET; i++) {
		union addr from = { 0 };
		socklen_t from_len = sizeof(from);
		uint8_t packet[128];
		ssize_t n = recvfrom(w->fd, packet, sizeof(packet),
		    MSG_DONTWAIT, &from.sa, &from_len);

		if (n == -1)
			break;
		addr_set_port(&from, 0);
		if (!is_answer(role, packet, (size_t)n, v6) ||
		    !is_witness(role, &from))
			continue;
		inbox_put_group(&role->inbox, NODE_SOMEBODY, NODE_EVERY);
	}
}

static int
open_for(struct role *role, unsigned which)
{
	struct witness *w = role->witness;
	const int fd = open_echo(which);

	if (fd < 0)
		return fd;
	w->echo[which] = fd;
	ev_io_init(&w->ready[which], on_echo, fd, EV_READ);
	ev_io_start(role->loop, &w->ready[which]);
	return 0;
}

int
witness_open(struct role *role)
{
	const struct config_pair *pair = &role->config->pair;
	struct witness *w = calloc(1, sizeof(*w));
	int e = 0;

	if (w == NULL)
		return -ENOMEM;
	role->witness = w;
	w->echo[V4] = w->echo[V6] = -1;
	secret_random(&w->token, sizeof(w->token));
	for (size_t i = 0; i < pair->n_witnesses && e == 0; i++) {
		const unsigned which = which_of(&pair->witnesses[i]);

		if (w->echo[which] == -1)
			e = open_for(role, which);
	}
	return e;
}

void
witness_close(struct role *role)
{
	struct witness *w = role->witness;

	if (w == NULL)
		return;
	for (unsigned i = 0; i < ARRAY_LEN(w->ready); i++) {
		ev_io_stop(role->loop, &w->ready[i]);
		fd_close(&w->echo[i]);
	}
	free(w);
	role->witness = NULL;
}
