/*
 * Both ends of many short connections in one process, so that it knows at each
 * moment what was sent, what was read and how it ended: a model of the stream,
 * by which whatever is in between is judged, be it a relay or nothing.
 *
 *   stream_model [-f FIRST] [-n LAST] [-s SEED] LISTENING_FD ADDRESS PORT
 *
 * Each end of a run has a plan, drawn from the seed: writes, urgent bytes
 * (MSG_OOB), pauses, and at the end a half-close or, at one of the two ends in
 * some runs, a reset. And it has a way to read: in which pieces, how slowly,
 * into how small a buffer, and with SO_OOBINLINE or without.
 *
 * What is wrong is told on stderr, run by run; one line of JSON at the end.
 */

#include "tests/lib/stream_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MS INT64_C(1000000)
#define AT_ONCE 48
/*
 * Without a byte read or written, or a step done. Not for the whole of a run:
 * one that reads in 500 pieces is served 500 times, beside all others, which
 * takes as long as a busy machine makes it.
 */
#define PATIENCE_S 15
#define HEADER 8 /* decimal digits: its index */

enum heard {
	NOTHING_YET,
	END,
	BROKEN,
};

enum side {
	CLIENT,
	SERVER,
};

struct end {
	struct stream_plan plan;
	int fd;
	unsigned at;   /* the present step */
	uint64_t done; /* of it */
	uint64_t said; /* bytes of its stream */
	int64_t speak_at, read_at;
	bool cut_off; /* a write was refused */
	uint64_t got; /* place in the other's stream */
	enum heard heard;
};

struct run {
	unsigned index; /* 0: none */
	int64_t deadline;
	uint64_t moved; /* see count_moves */
	bool greeted;   /* header and answer are through */
	struct end ends[2];
};

static struct run runs[AT_ONCE];
static struct sockaddr_storage address;
static socklen_t address_len;
static int listener;
static uint64_t seed = 1;
static struct {
	uint64_t bytes;
	unsigned runs, in_order, broken, urgent, seen_urgent, in_band, deaf;
	unsigned wrong;
} sum;

static int64_t
now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 * MS + t.tv_nsec;
}

static void
die(const char *what)
{
	perror(what);
	exit(2);
}

__attribute__((format(printf, 3, 4))) static void
wrong(const struct run *r, enum side reader, const char *format, ...)
{
	va_list args;

	sum.wrong++;
	fprintf(stderr, "run %u, read by the %s%s: ", r->index,
	    reader == CLIENT ? "client" : "server",
	    r->ends[reader].plan.in_line ? " in line" : "");
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
}

static void
prepare(struct end *e, int fd)
{
	const int on = 1, little = 4096;

	e->fd = fd;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (e->plan.in_line)
		(void)setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));
	if (e->plan.has_little)
		(void)setsockopt(
		    fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little));
}

static void
begin(struct run *r, unsigned index)
{
	struct stream_plan plans[2];
	char header[HEADER + 1];
	int fd;

	stream_plan_draw(seed, index, plans);
	*r = (struct run){ .index = index,
		.deadline = now_ns() + PATIENCE_S * 1000 * MS };
	for (int side = 0; side < 2; side++)
		r->ends[side] = (struct end){ .plan = plans[side], .fd = -1 };
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		die("socket");
	prepare(&r->ends[CLIENT], fd);
	if (connect(fd, (struct sockaddr *)&address, address_len) == -1)
		die("connect");
	(void)snprintf(
	    header, sizeof(header), "%0*u", HEADER, index % 100000000u);
	if (send(fd, header, HEADER, MSG_NOSIGNAL) != HEADER)
		die("send");
	if (fcntl(fd, F_SETFL, O_NONBLOCK) == -1)
		die("fcntl");
}

/* Whose it is, its first bytes tell; the answer sets both ends going. */
static void
take(int fd)
{
	char header[HEADER + 1] = "";
	const struct timeval limit = { .tv_sec = PATIENCE_S };
	unsigned index;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (recv(fd, header, HEADER, MSG_WAITALL) != HEADER) {
		(void)close(fd);
		return; /* its run will be late */
	}
	index = (unsigned)strtoul(header, NULL, 10);
	for (unsigned i = 0; i < AT_ONCE; i++)
		if (runs[i].index == index) {
			prepare(&runs[i].ends[SERVER], fd);
			(void)send(fd, "k", 1, MSG_NOSIGNAL);
			(void)fcntl(fd, F_SETFL, O_NONBLOCK);
			return;
		}
	(void)close(fd);
}

static void
greet(struct run *r)
{
	char k;

	if (r->ends[SERVER].fd != -1 &&
	    recv(r->ends[CLIENT].fd, &k, 1, MSG_DONTWAIT) == 1)
		r->greeted = true;
}

static void
hear(struct run *r, enum side reader)
{
	static uint8_t scratch[STREAM_PLAN_CHUNK];
	struct end *e = &r->ends[reader];
	const struct stream_plan *said = &r->ends[1 - reader].plan;
	const bool in_line = e->plan.in_line;
	uint8_t urgent;
	ssize_t n;

	if (!in_line && recv(e->fd, &urgent, 1, MSG_OOB) == 1) {
		sum.seen_urgent++;
		if (urgent < 0x80 || urgent - 0x80u >= said->n_urgent)
			wrong(r, reader, "urgent byte %u", urgent);
	}
	n = recv(e->fd, scratch, e->plan.piece, 0);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	e->read_at = now_ns() + e->plan.read_pause_ms * MS;
	if (n == 0 && !e->cut_off) {
		e->heard = END;
	} else if (n <= 0) {
		e->heard = BROKEN;
	} else {
		uint64_t before = e->got;

		sum.bytes += (uint64_t)n;
		if (!stream_plan_compare(said, in_line, scratch, (size_t)n,
		        &e->got, &sum.in_band)) {
			wrong(r, reader,
			    "other bytes from %" PRIu64 " of %" PRIu64
			    ", at %" PRIu64,
			    before, said->total, e->got);
			e->heard = BROKEN;
		}
	}
}

/* One piece of a write; whether the step is done. */
static bool
say(struct run *r, enum side side, bool urgent)
{
	static uint8_t scratch[STREAM_PLAN_CHUNK];
	struct end *e = &r->ends[side];
	const uint64_t amount = e->plan.steps[e->at].amount;
	size_t len = amount - e->done;
	ssize_t n;

	if (len > sizeof(scratch))
		len = sizeof(scratch);
	for (size_t i = 0; i < len; i++)
		scratch[i] = stream_plan_byte(&e->plan, e->said + i);
	n = send(e->fd, scratch, len, MSG_NOSIGNAL | (urgent ? MSG_OOB : 0));
	if (n == -1 && errno != EAGAIN && errno != EINTR) {
		e->cut_off = true;
		e->at = e->plan.n_steps;
	}
	if (n <= 0)
		return false;
	sum.urgent += urgent;
	e->said += (uint64_t)n;
	e->done += (uint64_t)n;
	return e->done == amount;
}

static void
go_on(struct run *r, enum side side)
{
	struct end *e = &r->ends[side];
	const struct linger l = { .l_onoff = 1 };
	bool done = true;

	switch (e->plan.steps[e->at].kind) {
	case STREAM_PLAN_WRITE:
	case STREAM_PLAN_URGENT:
		done = say(
		    r, side, e->plan.steps[e->at].kind == STREAM_PLAN_URGENT);
		break;
	case STREAM_PLAN_PAUSE:
		e->speak_at =
		    now_ns() + (int64_t)e->plan.steps[e->at].amount * MS;
		break;
	case STREAM_PLAN_SHUT:
		(void)shutdown(e->fd, SHUT_WR);
		break;
	case STREAM_PLAN_RESET:
		(void)setsockopt(e->fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
		(void)close(e->fd);
		e->fd = -1;
		break;
	}
	if (done) {
		e->at++;
		e->done = 0;
	}
}

static bool
resets(const struct end *e)
{
	return stream_plan_has(&e->plan, STREAM_PLAN_RESET);
}

static void
judge_direction(const struct run *r, enum side reader)
{
	const struct end *e = &r->ends[reader], *of = &r->ends[1 - reader];

	if (resets(e))
		return; /* it wanted no more */
	if (e->heard == END && !stream_plan_has(&of->plan, STREAM_PLAN_SHUT))
		wrong(r, reader, "an end that was a reset");
	else if (e->heard == END &&
	    !stream_plan_is_whole(&of->plan, e->plan.in_line, e->got))
		wrong(r, reader, "ended after %" PRIu64 " of %" PRIu64 " bytes",
		    e->got, of->plan.total);
	else if (e->heard == BROKEN && !resets(of))
		wrong(r, reader,
		    "broken after %" PRIu64 " of %" PRIu64 " bytes", e->got,
		    of->plan.total);
}

static bool
is_through(const struct end *e)
{
	return e->fd == -1 ||
	    (e->at == e->plan.n_steps && e->heard != NOTHING_YET);
}

static void
finish(struct run *r)
{
	judge_direction(r, CLIENT);
	judge_direction(r, SERVER);
	if (resets(&r->ends[CLIENT]) || resets(&r->ends[SERVER]))
		sum.broken++;
	else
		sum.in_order++;
	for (int side = 0; side < 2; side++)
		if (r->ends[side].fd != -1)
			(void)close(r->ends[side].fd);
	r->index = 0;
}

static uint64_t
count_moves(const struct run *r)
{
	uint64_t n = r->greeted;

	for (int side = 0; side < 2; side++) {
		const struct end *e = &r->ends[side];

		n += e->got + e->said + e->at + (e->heard != NOTHING_YET);
	}
	return n;
}

/*
 * Linux may lose a reset, and says it once. Of a reader with a little buffer it
 * drops what does not fit, and so its window shrinks. A reset is to have a
 * number within the window, but up to 2^wscale bytes behind it the sender's
 * kernel takes its own last number (tcp_acceptable_seq), and the reader's
 * kernel ignores it. By chance, and by the amounts alone: a run in 50,000, the
 * same one with a relay and without.
 */
static bool
is_deaf(const struct end *e, const struct end *of)
{
	int n = 1;

	return e->plan.has_little && resets(of) && of->fd == -1 &&
	    e->at == e->plan.n_steps && ioctl(e->fd, FIONREAD, &n) == 0 &&
	    n == 0;
}

static void
give_up(struct run *r)
{
	for (enum side side = 0; side < 2; side++) {
		const struct end *e = &r->ends[side], *of = &r->ends[1 - side];

		if (is_through(e))
			continue;
		if (is_deaf(e, of))
			sum.deaf++;
		else
			wrong(r, side,
			    "stands still: %s, read %" PRIu64 " of %" PRIu64
			    " said of %" PRIu64 ", own step %u of %u",
			    r->greeted ? "under way" : "not greeted", e->got,
			    of->said, of->plan.total, e->at, e->plan.n_steps);
	}
	finish(r);
}

/* What an end waits for; *ret_sleep_ms: it also waits for the time. */
static short
wish(const struct run *r, const struct end *e, int64_t now, int *ret_sleep_ms)
{
	short events = 0;

	if (!r->greeted)
		return POLLIN;
	if (e->heard == NOTHING_YET && e->read_at <= now)
		events |= POLLIN | (e->plan.in_line ? 0 : POLLPRI);
	if (e->at < e->plan.n_steps && e->speak_at <= now)
		events |= POLLOUT;
	if ((e->heard == NOTHING_YET && e->read_at > now) ||
	    (e->at < e->plan.n_steps && e->speak_at > now))
		*ret_sleep_ms = 1;
	return events;
}

static void
serve(struct run *r, enum side side, short revents, int64_t now)
{
	struct end *e = &r->ends[side];

	if (!r->greeted) {
		greet(r);
		return;
	}
	if (e->fd != -1 && e->at < e->plan.n_steps && e->speak_at <= now &&
	    (revents & (POLLOUT | POLLERR | POLLHUP)) != 0)
		go_on(r, side);
	if (e->fd != -1 && e->heard == NOTHING_YET && e->read_at <= now &&
	    (revents & (POLLIN | POLLPRI | POLLERR | POLLHUP)) != 0)
		hear(r, side);
}

static void
settle(struct run *r, int64_t now)
{
	const uint64_t moved = count_moves(r);

	if (r->greeted && is_through(&r->ends[CLIENT]) &&
	    is_through(&r->ends[SERVER])) {
		finish(r);
	} else if (moved != r->moved) {
		r->moved = moved;
		r->deadline = now + PATIENCE_S * 1000 * MS;
	} else if (now > r->deadline) {
		give_up(r);
	}
}

static void
turn(void)
{
	struct pollfd p[1 + 2 * AT_ONCE] = { { .fd = listener,
	    .events = POLLIN } };
	int64_t now = now_ns();
	int sleep_ms = 100;

	for (unsigned i = 0; i < AT_ONCE; i++)
		for (int side = 0; side < 2; side++) {
			struct run *r = &runs[i];
			struct end *e = &r->ends[side];
			struct pollfd *q = &p[1 + 2 * i + (unsigned)side];

			q->fd = -1;
			q->events = 0;
			if (r->index == 0 || e->fd == -1)
				continue;
			q->events = wish(r, e, now, &sleep_ms);
			q->fd = q->events != 0 ? e->fd : -1;
		}
	if (poll(p, 1 + 2 * AT_ONCE, sleep_ms) == -1 && errno != EINTR)
		die("poll");
	now = now_ns();
	if (p[0].revents != 0) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd != -1)
			take(fd);
	}
	for (unsigned i = 0; i < AT_ONCE; i++) {
		struct run *r = &runs[i];

		if (r->index == 0)
			continue;
		for (int side = 0; side < 2; side++)
			if (p[1 + 2 * i + (unsigned)side].revents != 0)
				serve(r, (enum side)side,
				    p[1 + 2 * i + (unsigned)side].revents, now);
		settle(r, now);
	}
}

static void
parse(int argc, char **argv, unsigned *ret_first, unsigned *ret_last)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	int c;

	while ((c = getopt(argc, argv, "f:n:s:")) != -1) {
		if (c == 'f')
			*ret_first = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'n')
			*ret_last = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 's')
			seed = strtoul(optarg, NULL, 10);
		else
			exit(2);
	}
	if (argc - optind != 3 ||
	    getaddrinfo(argv[optind + 1], argv[optind + 2], &hints, &found) !=
	        0)
		exit(2);
	listener = atoi(argv[optind]);
	memcpy(&address, found->ai_addr, found->ai_addrlen);
	address_len = found->ai_addrlen;
	freeaddrinfo(found);
}

int
main(int argc, char **argv)
{
	unsigned next = 1, last = 1000, busy;

	parse(argc, argv, &next, &last);
	if (fcntl(listener, F_SETFL, O_NONBLOCK) == -1)
		die("the listening descriptor");
	do {
		busy = 0;
		for (unsigned i = 0; i < AT_ONCE; i++) {
			if (runs[i].index == 0 && next <= last) {
				begin(&runs[i], next++);
				sum.runs++;
			}
			busy += runs[i].index != 0;
		}
		if (busy > 0)
			turn();
	} while (busy > 0);
	(void)printf("{\"runs\": %u, \"in_order\": %u, \"broken\": %u, "
	             "\"bytes\": %" PRIu64 ", \"urgent\": %u, "
	             "\"seen_urgent\": %u, \"in_band\": %u, \"deaf\": %u, "
	             "\"wrong\": %u}\n",
	    sum.runs, sum.in_order, sum.broken, sum.bytes, sum.urgent,
	    sum.seen_urgent, sum.in_band, sum.deaf, sum.wrong);
	return sum.wrong > 0;
}
