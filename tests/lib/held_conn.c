#include "tests/lib/held_conn.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define CHUNK 65536
#define SMALL_BUFFER 16384
#define LINES_MAX 50       /* about those that are lost */
#define URGENT_STEP 100000 /* in front of an urgent byte: none, one, ... */
#define URGENT_STEPS 5
/* A prime: what a relay loses or doubles is not a multiple of it. */
#define NOISE 65521

const char *const held_conn_kinds[HELD_CONN_KINDS] = {
	[HELD_CONN_IDLE] = "idle",
	[HELD_CONN_PINGS] = "ping",
	[HELD_CONN_BULK] = "bulk",
	[HELD_CONN_CLIENT_ENDED] = "client-ended",
	[HELD_CONN_SERVER_ENDED] = "server-ended",
	[HELD_CONN_CLIENT_STALLS] = "client-stalls",
	[HELD_CONN_SERVER_STALLS] = "server-stalls",
	[HELD_CONN_URGENT] = "urgent",
	[HELD_CONN_SILENT] = "silent",
	[HELD_CONN_QUEUED] = "queued",
	[HELD_CONN_FRESH] = "fresh",
};

static uint8_t noise[NOISE + CHUNK];

int64_t
held_conn_now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

_Noreturn void
held_conn_die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

void
held_conn_init(void)
{
	uint64_t x = 88172645463325252u;

	for (size_t i = 0; i < NOISE; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		noise[i] = (uint8_t)(x >> 32);
	}
	for (size_t i = 0; i < CHUNK; i++)
		noise[NOISE + i] = noise[i % NOISE];
}

/* What one end says from `pos`, at most CHUNK bytes of it. */
static const uint8_t *
words(const struct held_conn *c, enum held_conn_side by, uint64_t pos)
{
	return noise + (pos + c->index * 7919u + by * 31u) % NOISE;
}

/* -- one connection -------------------------------------------------------- */

/* It does not read before all end. */
static bool
stalls(const struct held_conn *c, enum held_conn_side at)
{
	return (c->kind == HELD_CONN_CLIENT_STALLS && at == HELD_CONN_CLIENT) ||
	    (c->kind == HELD_CONN_SERVER_STALLS && at == HELD_CONN_SERVER) ||
	    (c->kind == HELD_CONN_URGENT && at != (c->index & 1));
}

static bool
reads(const struct held_conn_set *l, const struct held_conn *c,
    enum held_conn_side at)
{
	const struct held_conn_way *in = &c->ways[1 - at];

	if (c->fds[at] == -1 || in->heard_end)
		return false;
	return l->ending || !stalls(c, at);
}

static bool
writes(const struct held_conn *c, enum held_conn_side at)
{
	const struct held_conn_way *out = &c->ways[at];

	if (c->fds[at] == -1 || out->said_end)
		return false;
	if (at == HELD_CONN_CLIENT && !c->greeted)
		return c->kind != HELD_CONN_SILENT || out->closes;
	return out->said < out->goal || out->closes;
}

static struct epoll_event
word_of(const struct held_conn_set *l, const struct held_conn *c, unsigned at)
{
	return (struct epoll_event){ .data.u64 = l->tag | at << 3 |
		    (uint64_t)c->index << 4 };
}

static void
watch(struct held_conn_set *l, struct held_conn *c)
{
	for (unsigned at = 0; at < 2; at++) {
		struct epoll_event ev = word_of(l, c, at);

		ev.events = (reads(l, c, at) ? EPOLLIN : 0u) |
		    (writes(c, at) ? EPOLLOUT : 0u);
		if (c->fds[at] == -1 || ev.events == c->interest[at])
			continue;
		c->interest[at] = ev.events;
		(void)epoll_ctl(
		    c->kind == HELD_CONN_PINGS ? l->pings : l->epoll,
		    EPOLL_CTL_MOD, c->fds[at], &ev);
	}
}

static void
attach(struct held_conn_set *l, struct held_conn *c, enum held_conn_side at,
    int fd)
{
	struct epoll_event ev = word_of(l, c, at);

	if (epoll_ctl(c->kind == HELD_CONN_PINGS ? l->pings : l->epoll,
	        EPOLL_CTL_ADD, fd, &ev) == -1)
		held_conn_die("epoll");
	c->fds[at] = fd;
	c->interest[at] = 0;
	c->moved = held_conn_now_ns();
}

static void
detach(struct held_conn *c, enum held_conn_side at)
{
	if (c->fds[at] != -1)
		close(c->fds[at]);
	c->fds[at] = -1;
}

static void
forget(struct held_conn_set *l, struct held_conn *c)
{
	detach(c, HELD_CONN_CLIENT);
	detach(c, HELD_CONN_SERVER);
	if (c->kind == HELD_CONN_FRESH)
		l->spare[l->n_spare++] = c->index;
}

static void
lose(struct held_conn_set *l, struct held_conn *c)
{
	*(errno == ECONNREFUSED ? &l->tally.refused : &l->tally.lost) += 1;
	l->tally.reset += errno == ECONNRESET;
	l->tally.lost_kinds[c->kind]++;
	if (l->tally.lost > LINES_MAX)
		goto out;
	fprintf(stderr,
	    "at %.3f: %s %u of %.3f: lost: %s; said %" PRIu64 " heard %" PRIu64
	    " and %" PRIu64 " %" PRIu64 "\n",
	    (double)held_conn_now_ns() / 1e9, held_conn_kinds[c->kind],
	    c->index, (double)c->begun / 1e9, strerror(errno), c->ways[0].said,
	    c->ways[0].heard, c->ways[1].said, c->ways[1].heard);
out:
	forget(l, c);
}

static void
say_corrupt(
    struct held_conn_set *l, const struct held_conn *c, enum held_conn_side by)
{
	l->tally.corrupt++;
	fprintf(stderr, "%s %u: corrupt behind %" PRIu64 " of the %s\n",
	    held_conn_kinds[c->kind], c->index, c->ways[by].heard,
	    by == HELD_CONN_CLIENT ? "client" : "server");
}

static void
end_if_done(struct held_conn_set *l, struct held_conn *c)
{
	const struct held_conn_way *w = c->ways;
	bool over[2] = { w[HELD_CONN_CLIENT].said_end &&
		    w[HELD_CONN_SERVER].heard_end,
		w[HELD_CONN_SERVER].said_end && w[HELD_CONN_CLIENT].heard_end };

	for (unsigned at = 0; at < 2; at++)
		if (over[at])
			detach(c, at);
	if (!over[HELD_CONN_CLIENT] || !over[HELD_CONN_SERVER]) {
		watch(l, c);
		return;
	}
	l->tally.in_order++;
	l->tally.unmarked += c->kind == HELD_CONN_URGENT && !c->marked;
	if (c->kind == HELD_CONN_FRESH) {
		uint64_t us = (uint64_t)(held_conn_now_ns() - c->begun) / 1000;

		if (us > l->fresh_max_us)
			l->fresh_max_us = us;
	}
	forget(l, c);
}

/* The other one's end is a reason for its own. */
static bool
answers_end(const struct held_conn *c, enum held_conn_side at)
{
	return c->kind == HELD_CONN_FRESH && at == HELD_CONN_CLIENT;
}

static void
note_pause(
    struct held_conn *c, enum held_conn_side by, int64_t since, int64_t now)
{
	const int64_t us = (now - since) / 1000;

	if (since == 0 || us <= c->pause_us)
		return;
	c->pause_us = (uint32_t)(us < UINT32_MAX ? us : UINT32_MAX);
	c->pause_by = by;
}

/* Whose part of a ping's time was the longer one. */
static void
note_ping(struct held_conn *c, int64_t now)
{
	bool by_client =
	    c->passed < c->pinged || c->passed - c->pinged > now - c->passed;

	note_pause(
	    c, by_client ? HELD_CONN_CLIENT : HELD_CONN_SERVER, c->pinged, now);
}

/* What was heard may be a reason to say something. */
static void
answer(struct held_conn_set *l, struct held_conn *c, enum held_conn_side at)
{
	struct held_conn_way *in = &c->ways[1 - at], *out = &c->ways[at];

	if (in->heard_end && (l->ending || answers_end(c, at)))
		out->closes = true;
	if (c->kind != HELD_CONN_PINGS)
		return;
	if (at == HELD_CONN_SERVER) {
		out->goal = in->heard;
		c->passed = c->moved;
	} else if (c->pinged != 0 && in->heard == out->said) {
		uint64_t us = (uint64_t)(held_conn_now_ns() - c->pinged) / 1000;

		note_ping(c, held_conn_now_ns());
		if (l->n_pings < HELD_CONN_PINGS_MAX)
			l->ping_us[l->n_pings] = (uint32_t)us;
		l->n_pings++;
		c->pinged = 0;
	}
}

/* Whether the mark is where the urgent byte is. */
static void
look_for_mark(
    struct held_conn_set *l, struct held_conn *c, enum held_conn_side at)
{
	int is_there = 0;

	if (c->kind != HELD_CONN_URGENT ||
	    at != (enum held_conn_side)(1 - (c->index & 1)) ||
	    ioctl(c->fds[at], SIOCATMARK, &is_there) == -1 || !is_there)
		return;
	if (c->ways[1 - at].heard + 1 == c->ways[1 - at].goal)
		c->marked = true;
	else
		say_corrupt(l, c, 1 - at);
}

/* False: it is gone. */
static bool
hear(struct held_conn_set *l, struct held_conn *c, enum held_conn_side at)
{
	static uint8_t bytes[CHUNK];
	struct held_conn_way *in = &c->ways[1 - at];
	ssize_t n;

	look_for_mark(l, c, at);
	n = recv(c->fds[at], bytes, sizeof(bytes), MSG_DONTWAIT);
	if (n == -1 && errno == EAGAIN)
		return true;
	errno = n == -1 ? errno : 0;
	if (n == -1 || (n == 0 && (!in->said_end || in->heard < in->said))) {
		lose(l, c);
		return false;
	}
	if (n == 0) {
		in->heard_end = true;
	} else if (in->heard + (uint64_t)n > in->said ||
	    memcmp(words(c, 1 - at, in->heard), bytes, (size_t)n) != 0) {
		say_corrupt(l, c, 1 - at);
	}
	in->heard += (uint64_t)n;
	c->moved = held_conn_now_ns();
	if (in->owed != 0) {
		note_pause(c, 1 - at, in->owed, c->moved);
		in->owed = in->heard < in->goal ? c->moved : 0;
	}
	answer(l, c, at);
	return true;
}

static ssize_t
say_some(struct held_conn *c, enum held_conn_side at)
{
	const struct held_conn_way *out = &c->ways[at];
	uint64_t left = out->goal - out->said;
	size_t most = left < CHUNK ? (size_t)left : CHUNK;
	int flags = MSG_NOSIGNAL | MSG_DONTWAIT;

	if (c->kind == HELD_CONN_URGENT && at == (c->index & 1)) {
		/* The last one is urgent. */
		flags |= left == 1 ? MSG_OOB : 0;
		most = left == 1 ? 1 : left - 1 < CHUNK ? left - 1 : CHUNK;
	}
	return send(c->fds[at], words(c, at, out->said), most, flags);
}

/* False: it is gone. */
static bool
say(struct held_conn_set *l, struct held_conn *c, enum held_conn_side at)
{
	struct held_conn_way *out = &c->ways[at];
	const struct held_conn_header h = { HELD_CONN_MAGIC, c->index };
	ssize_t n;

	if (at == HELD_CONN_CLIENT && !c->greeted) {
		n = send(c->fds[at], &h, sizeof(h), MSG_NOSIGNAL);
		c->greeted = n == sizeof(h);
		/* One that waits for its server has no more to say. */
		if (!c->greeted && n != -1)
			errno = EMSGSIZE;
	} else if (out->said < out->goal) {
		n = say_some(c, at);
		out->said += n > 0 ? (uint64_t)n : 0;
		c->moved = n > 0 ? held_conn_now_ns() : c->moved;
	} else {
		n = shutdown(c->fds[at], SHUT_WR);
		out->said_end = true;
	}
	if (n == -1 && errno != EAGAIN) {
		lose(l, c);
		return false;
	}
	return true;
}

void
held_conn_on_event(struct held_conn_set *l, uint64_t word, uint32_t events)
{
	struct held_conn *c = &l->conns[word >> 4];
	enum held_conn_side at = (word >> 3) & 1;
	bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;

	/* The other end of it was in the same bunch of events. */
	if (c->fds[at] == -1)
		return;
	/* Nothing is expected of it, its end least of all. */
	if (broken && !reads(l, c, at) && !writes(c, at)) {
		errno = EPIPE;
		lose(l, c);
		return;
	}
	if ((broken || (events & EPOLLIN) != 0) && reads(l, c, at) &&
	    !hear(l, c, at))
		return;
	if ((broken || (events & EPOLLOUT) != 0) && writes(c, at) &&
	    !say(l, c, at))
		return;
	end_if_done(l, c);
}

/* -- how long they waited ---------------------------------------------------
 */

static int
compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void
sample_timers(struct held_conn *c)
{
	for (unsigned at = 0; at < 2; at++) {
		struct tcp_info info = { 0 };
		socklen_t size = sizeof(info);

		(void)getsockopt(
		    c->fds[at], IPPROTO_TCP, TCP_INFO, &info, &size);
		c->rto_us[at] = info.tcpi_rto;
	}
}

static void
print_longest(const struct held_conn *c, uint32_t us, uint32_t rto_us)
{
	printf(" \"pause_of\": \"%s of the %s\", \"pause_rto_us\": %u,",
	    held_conn_kinds[c->kind],
	    c->pause_by == HELD_CONN_CLIENT ? "client" : "server",
	    us > 0 ? rto_us : 0);
}

/* What is still on its way has lasted so long at least. */
void
held_conn_print_pauses(struct held_conn_set *l, unsigned n, int64_t now)
{
	uint32_t *us = calloc(n + 1, sizeof(*us));
	uint32_t longest_us = 0, rto_us = 0;
	const struct held_conn *longest = l->conns;
	unsigned m = 0;

	if (us == NULL)
		held_conn_die("pauses");
	for (unsigned i = 0; i < n; i++) {
		struct held_conn *c = &l->conns[i];

		if (c->fds[0] == -1 ||
		    (c->kind != HELD_CONN_PINGS && c->kind != HELD_CONN_BULK))
			continue;
		if (c->pinged != 0)
			note_ping(c, now);
		note_pause(c, HELD_CONN_CLIENT, c->ways[0].owed, now);
		note_pause(c, HELD_CONN_SERVER, c->ways[1].owed, now);
		if (c->pause_us > longest_us) {
			longest_us = c->pause_us;
			longest = c;
			rto_us = c->rto_us[c->pause_by];
		}
		us[m++] = c->pause_us;
		c->pause_us = 0;
		sample_timers(c);
	}
	qsort(us, m, sizeof(*us), compare);
	printf(
	    " \"pause_p50_us\": %u, \"pause_p99_us\": %u, \"pause_max_us\": %u,",
	    m > 0 ? us[m / 2] : 0, m > 0 ? us[m * 99 / 100] : 0,
	    m > 0 ? us[m - 1] : 0);
	print_longest(longest, longest_us, rto_us);
	free(us);
}

/* -- connections come ------------------------------------------------------ */

static void
set_buffer(int fd, int which, int bytes)
{
	if (setsockopt(fd, SOL_SOCKET, which, &bytes, sizeof(bytes)) == -1)
		held_conn_die("buffer");
}

void
held_conn_begin(struct held_conn_set *l, enum held_conn_kind kind,
    unsigned index, const struct sockaddr_storage *to)
{
	struct held_conn *c = &l->conns[index];
	const int on = 1;
	int fd = socket(
	    to->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd == -1)
		held_conn_die("socket");
	*c = (struct held_conn){ .kind = kind,
		.index = index,
		.fds = { -1, -1 },
		.begun = held_conn_now_ns() };
	c->ways[HELD_CONN_CLIENT].goal =
	    kind == HELD_CONN_FRESH ? HELD_CONN_PING : 0;
	(void)setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));
	if (stalls(c, HELD_CONN_CLIENT))
		set_buffer(fd, SO_RCVBUF, SMALL_BUFFER);
	attach(l, c, HELD_CONN_CLIENT, fd);
	l->tally.opened++;
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) == -1 &&
	    errno != EINPROGRESS)
		lose(l, c);
	else
		watch(l, c);
}

static void
set_goals(struct held_conn_set *l, struct held_conn *c)
{
	unsigned by = c->index & 1;

	c->ways[HELD_CONN_CLIENT].closes =
	    l->ending || c->kind == HELD_CONN_CLIENT_ENDED;
	c->ways[HELD_CONN_SERVER].closes =
	    c->kind == HELD_CONN_SERVER_ENDED || c->kind == HELD_CONN_FRESH;
	if (c->kind == HELD_CONN_FRESH)
		c->ways[HELD_CONN_SERVER].goal = HELD_CONN_PING;
	if (l->ending)
		return;
	if (c->kind == HELD_CONN_CLIENT_STALLS ||
	    c->kind == HELD_CONN_SERVER_STALLS) {
		by = c->kind == HELD_CONN_CLIENT_STALLS ? HELD_CONN_SERVER
		                                        : HELD_CONN_CLIENT;
		c->ways[by].goal = UINT64_MAX;
		set_buffer(c->fds[by], SO_SNDBUF, SMALL_BUFFER);
	}
	if (c->kind == HELD_CONN_URGENT) {
		c->ways[by].goal =
		    URGENT_STEP * (c->index / 2 % URGENT_STEPS) + 1;
		/* All of it is the kernel's, then: the relay's, if it will. */
		set_buffer(c->fds[by], SO_SNDBUFFORCE,
		    URGENT_STEP * (URGENT_STEPS + 1));
	}
}

void
held_conn_serve(struct held_conn_set *l, struct held_conn *c, int fd)
{
	attach(l, c, HELD_CONN_SERVER, fd);
	c->served = true;
	set_goals(l, c);
	watch(l, c);
}

void
held_conn_go_on(struct held_conn_set *l, struct held_conn *c)
{
	/* Those that are timed do not wait for the kernel's word. */
	if (c->pinged == 0 || say(l, c, HELD_CONN_CLIENT))
		watch(l, c);
}

void
held_conn_end(struct held_conn_set *l, struct held_conn *c)
{
	struct held_conn_way *w = c->ways;

	if (c->fds[HELD_CONN_CLIENT] == -1)
		return;
	for (unsigned by = 0; by < 2; by++)
		if (w[by].goal == UINT64_MAX)
			w[by].goal = w[by].said;
	/* One that waits for a place would be taken for one that leaves. */
	if (c->served || c->kind == HELD_CONN_SILENT)
		w[HELD_CONN_CLIENT].closes = true;
	if (w[HELD_CONN_CLIENT].heard_end)
		w[HELD_CONN_SERVER].closes = true;
	watch(l, c);
}
