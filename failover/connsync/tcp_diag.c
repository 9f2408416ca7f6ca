#include "failover/connsync/tcp_diag.h"

#include "core/conn_record.h"
#include "core/fd.h"
#include "core/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

/* As much as the kernel puts into one message of a walk. */
#define ANSWER_BYTES 32768

#define ALL_STATES 0xffffffffU

struct request {
	struct nlmsghdr head;
	struct inet_diag_req_v2 diag;
};

/* What a message says, and what is done with it. */
struct walk {
	void (*take)(void *arg, const struct inet_diag_msg *m);
	void *arg;
};

static struct request
request(uint16_t type, uint16_t flags, uint16_t family, uint32_t states)
{
	return (struct request){
		.head = { .nlmsg_len = sizeof(struct request),
		    .nlmsg_type = type,
		    .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags) },
		.diag = { .sdiag_family = (uint8_t)family,
		    .sdiag_protocol = IPPROTO_TCP,
		    .idiag_states = states,
		    .id.idiag_cookie = { INET_DIAG_NOCOOKIE,
		        INET_DIAG_NOCOOKIE } },
	};
}

static int
say(int fd, const struct request *r)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	if (sendto(fd, r, sizeof(*r), 0, (const struct sockaddr *)&kernel,
	        sizeof(kernel)) == -1)
		return -errno;
	return 0;
}

/*
 * The messages of one packet. Returns 1 when they were the last, 0 when more
 * come, or -errno: the kernel's.
 */
static int
take_packet(const uint8_t *bytes, size_t len, const struct walk *w)
{
	const struct nlmsghdr *h;

	for (size_t at = 0; at + sizeof(*h) <= len;
	     at += NLMSG_ALIGN(h->nlmsg_len)) {
		h = (const void *)(bytes + at);
		if (h->nlmsg_len < sizeof(*h) || h->nlmsg_len > len - at)
			return -EBADMSG;
		if (h->nlmsg_type == NLMSG_DONE)
			return 1;
		if (h->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *e = NLMSG_DATA(h);

			return e->error < 0 ? e->error : 1;
		}
		if (h->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
			return -EBADMSG;
		w->take(w->arg, NLMSG_DATA(h));
		if ((h->nlmsg_flags & NLM_F_MULTI) == 0)
			return 1;
	}
	return 0;
}

/* What is left of an answer that was not heard to its end is no answer. */
static int
hear(int fd, const struct walk *w)
{
	_Alignas(struct nlmsghdr) uint8_t bytes[ANSWER_BYTES];
	int e = 0;

	while (e == 0) {
		const ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_TRUNC);

		if (n == -1)
			e = -errno;
		else if ((size_t)n > sizeof(bytes))
			e = -EMSGSIZE;
		else
			e = take_packet(bytes, (size_t)n, w);
	}
	while (e < 0 && recv(fd, bytes, sizeof(bytes), 0) > 0)
		;
	return e < 0 ? e : 0;
}

static void
keep(void *arg, const struct inet_diag_msg *m)
{
	struct inet_diag_msg *found = arg;

	*found = *m;
}

enum tcp_diag_state
tcp_diag_clear(int fd, const struct conn_record_end *local,
    const struct conn_record_end *remote)
{
	struct request r =
	    request(SOCK_DIAG_BY_FAMILY, 0, local->family, ALL_STATES);
	struct inet_diag_msg m = { 0 };
	const struct walk one = { keep, &m };

	r.diag.id.idiag_sport = htons(local->port);
	r.diag.id.idiag_dport = htons(remote->port);
	memcpy(r.diag.id.idiag_src, local->ip, sizeof(local->ip));
	memcpy(r.diag.id.idiag_dst, remote->ip, sizeof(remote->ip));
	if (say(fd, &r) < 0 || hear(fd, &one) < 0)
		return TCP_DIAG_NONE;
	/* Where there is nothing else it finds who would take a new one. */
	if (m.idiag_state == 0 || m.idiag_state == TCP_LISTEN)
		return TCP_DIAG_NONE;
	/* What is about to end has bytes under way, to a client of ours. */
	if (m.idiag_state != TCP_TIME_WAIT)
		return TCP_DIAG_LIVE;
	/* This very one: another may have come by the same ends. */
	memcpy(r.diag.id.idiag_cookie, m.id.idiag_cookie,
	    sizeof(m.id.idiag_cookie));
	r.head.nlmsg_type = SOCK_DESTROY;
	r.head.nlmsg_flags |= NLM_F_ACK;
	if (say(fd, &r) < 0 || hear(fd, &one) < 0)
		return TCP_DIAG_ENDED;
	return TCP_DIAG_NONE;
}

/* Goes through the sockets of a family that are in one of the states. */
static int
walk(int fd, uint16_t family, uint32_t states, const struct walk *w)
{
	const struct request r =
	    request(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, family, states);
	const int e = say(fd, &r);

	return e < 0 ? e : hear(fd, w);
}

static void
add_waiting(void *arg, const struct inet_diag_msg *m)
{
	unsigned *n = arg;

	*n += m->idiag_rqueue; /* of a listening socket: its backlog */
}

int
tcp_diag_count_waiting(int fd, sa_family_t family, unsigned *ret_n)
{
	unsigned n = 0;
	const int e = walk(
	    fd, family, 1U << TCP_LISTEN, &(struct walk){ add_waiting, &n });

	if (e == 0)
		*ret_n = n;
	return e;
}

int
tcp_diag_open(void)
{
	CLEANUP(fd_close) int fd = -1;
	const struct fd_option brief[] = {
		/* Errors without what they are about: that is known here. */
		{ SOL_NETLINK, NETLINK_CAP_ACK, 1 },
	};
	unsigned n;
	int e;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    NETLINK_SOCK_DIAG);
	if (fd == -1)
		return -errno;
	e = fd_set_options(fd, brief, ARRAY_LEN(brief));
	/* Now, not in a takeover, the kernel loads what answers it. */
	if (e == 0 && tcp_diag_count_waiting(fd, AF_INET, &n) < 0)
		log_debug("failover", "the kernel cannot tell of connections");
	return e < 0 ? e : fd_take(&fd);
}

struct waiting {
	tcp_diag_waiting *found;
	void *arg;
};

/* A mapped IPv4 address is one. */
static struct conn_record_end
end_of(const struct inet_diag_msg *m, const uint32_t *ip, uint16_t port)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const uint8_t *bytes = (const uint8_t *)ip;
	struct conn_record_end e = { .port = ntohs(port) };

	e.family = m->idiag_family == AF_INET6 &&
	        memcmp(bytes, mapped, sizeof(mapped)) != 0
	    ? AF_INET6
	    : AF_INET;
	if (e.family == AF_INET6)
		memcpy(e.ip, bytes, 16);
	else
		memcpy(
		    e.ip, m->idiag_family == AF_INET ? bytes : bytes + 12, 4);
	return e;
}

/* Established and no file of anybody: nobody has accepted it. */
static void
take_waiting(void *arg, const struct inet_diag_msg *m)
{
	const struct waiting *w = arg;
	struct conn_record_end local, remote;

	if (m->idiag_inode != 0)
		return;
	local = end_of(m, m->id.idiag_src, m->id.idiag_sport);
	remote = end_of(m, m->id.idiag_dst, m->id.idiag_dport);
	w->found(w->arg, &local, &remote,
	    (uint64_t)m->id.idiag_cookie[1] << 32 | m->id.idiag_cookie[0]);
}

int
tcp_diag_walk_waiting(
    int fd, sa_family_t family, tcp_diag_waiting *found, void *arg)
{
	struct waiting w = { found, arg };

	return walk(fd, family, 1U << TCP_ESTABLISHED | 1U << TCP_CLOSE_WAIT,
	    &(struct walk){ take_waiting, &w });
}
