/*
 * Both sides of a relay, scripted by chance: many connections at once, each
 * with random amounts in both directions, pauses, half-closes and resets.
 * Every byte is verified, and the kind of end. One line of JSON at the end.
 *
 *   churn client [-c N] [-d SECONDS] [-s SEED] ADDRESS PORT
 *   churn server PORT
 *
 * The client begins each connection with 16 bytes, of which the last 8 are its
 * seed. Both sides derive the script from it: how much each says, and who, if
 * anybody, resets and after how many bytes. So each knows what it is to hear,
 * byte by byte, whatever the connection went through. When to pause is each
 * side's own affair.
 *
 * The client keeps N connections open for SECONDS and then lets them end; the
 * server ends by SIGTERM or SIGINT.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MS INT64_C(1000000)
#define SECOND (1000 * MS)
#define CHUNK 65536
#define EVENTS 256
#define TURN (10 * MS)         /* how exact pauses are */
#define BEGIN_MAX 100          /* connections begun in a turn */
#define PATIENCE (20 * SECOND) /* for the last ones to end */
#define HEADER 16
#define NEVER INT64_MAX

static const uint8_t magic[HEADER - 8] = "churn 1";

enum side {
	CLIENT,
	SERVER,
	NOBODY,
};

/* What happens on a connection; the same to both sides. */
struct script {
	uint64_t seed;
	uint64_t says[2]; /* bytes, by side; the header not counted */
	enum side resets; /* who, after `reset_at` of the bytes that it says */
	uint64_t reset_at;
};

/* One side of a connection. */
struct end {
	int fd;
	size_t index; /* in run.ends */
	struct script script;
	uint8_t header[HEADER];
	size_t header_len; /* sent or received */
	uint64_t said, heard;
	bool said_end, heard_end;
	int64_t listens_at, speaks_at; /* pauses till then */
	uint32_t interest;
};

struct tally {
	/* The strays have gone before the header was here. */
	uint64_t ended, in_order, resets, bytes, strays;
	/* What must not be. */
	uint64_t corrupt, cut_short, false_ends, unexpected, failed, stuck;
};

struct run {
	enum side side;
	int epoll, listener;
	struct sockaddr_storage to;
	socklen_t to_len;
	struct end **ends;
	size_t n, max;
	uint64_t chance;
	int64_t until;
	struct tally tally;
};

static volatile sig_atomic_t stop;

static void
on_signal(int sig)
{
	stop = sig;
}

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

/* splitmix64's finish: every bit of the result depends on every bit of x. */
static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static uint64_t
draw(uint64_t *chance, uint64_t below)
{
	return mix(*chance += UINT64_C(0x9e3779b97f4a7c15)) % below;
}

/* Small ones mostly, as sizes are in life; one in 64 is bulk. */
static uint64_t
draw_size(uint64_t *chance)
{
	if (draw(chance, 64) == 0)
		return draw(chance, 4 << 20);
	return draw(chance, UINT64_C(2) << draw(chance, 17));
}

static struct script
script_of(uint64_t seed)
{
	struct script s = { .seed = seed, .resets = NOBODY };

	s.says[CLIENT] = draw_size(&seed);
	s.says[SERVER] = draw_size(&seed);
	if (draw(&seed, 4) == 0) {
		s.resets = draw(&seed, 2) == 0 ? CLIENT : SERVER;
		s.reset_at = draw(&seed, s.says[s.resets] + 1);
	}
	return s;
}

/* The bytes from `pos` of what one side says. */
static void
compose(
    const struct script *s, enum side by, uint64_t pos, uint8_t *p, size_t len)
{
	uint64_t key = mix(s->seed * 2 + by);

	while (len > 0) {
		uint64_t word =
		    mix(key + pos / 8 * UINT64_C(0x9e3779b97f4a7c15));
		size_t skip = pos % 8;
		size_t n = 8 - skip < len ? 8 - skip : len;

		memcpy(p, (uint8_t *)&word + skip, n);
		p += n;
		pos += n;
		len -= n;
	}
}

static void
watch(struct run *r, struct end *e)
{
	bool listens = !e->heard_end && e->listens_at == 0;
	bool speaks = !e->said_end && e->speaks_at == 0;
	struct epoll_event ev = {
		.events = (listens ? EPOLLIN : 0u) | (speaks ? EPOLLOUT : 0u),
		.data.ptr = e,
	};

	if (ev.events == e->interest)
		return;
	e->interest = ev.events;
	(void)epoll_ctl(r->epoll, EPOLL_CTL_MOD, e->fd, &ev);
}

static struct end *
add_end(struct run *r, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct end *e = calloc(1, sizeof(*e));

	ev.data.ptr = e;
	if (e == NULL || epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &ev) == -1)
		abort();
	e->fd = fd;
	e->index = r->n;
	e->interest = EPOLLIN;
	e->script.resets = NOBODY;
	r->ends[r->n++] = e;
	return e;
}

static void
remove_end(struct run *r, struct end *e, bool by_reset)
{
	const struct linger at_once = { .l_onoff = 1 };

	if (by_reset)
		(void)setsockopt(
		    e->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(e->fd);
	r->tally.ended++;
	r->tally.bytes += e->heard;
	r->ends[e->index] = r->ends[--r->n];
	r->ends[e->index]->index = e->index;
	free(e);
}

/* The connection was reset by the other side, or by the relay. */
static void
on_reset(struct run *r, struct end *e)
{
	if (e->header_len < HEADER)
		*(r->side == SERVER ? &r->tally.strays : &r->tally.failed) += 1;
	else if (e->script.resets == (enum side)(1 - r->side))
		r->tally.resets++;
	else
		r->tally.unexpected++;
	remove_end(r, e, false);
}

static void
end_if_done(struct run *r, struct end *e)
{
	if (!e->said_end || !e->heard_end) {
		watch(r, e);
		return;
	}
	r->tally.in_order++;
	remove_end(r, e, false);
}

/* The other side says no more. False: the connection is gone. */
static bool
hear_end(struct run *r, struct end *e)
{
	if (e->header_len < HEADER) {
		on_reset(r, e);
		return false;
	}
	/* Who is to reset says no end before. */
	if (e->script.resets == (enum side)(1 - r->side))
		r->tally.false_ends++;
	else if (e->heard < e->script.says[1 - r->side])
		r->tally.cut_short++;
	e->heard_end = true;
	return true;
}

/* Some bytes of the header, on the side that learns the script from it. */
static size_t
hear_header(struct run *r, struct end *e, const uint8_t *p, size_t len)
{
	size_t n = HEADER - e->header_len < len ? HEADER - e->header_len : len;
	uint64_t seed;

	memcpy(e->header + e->header_len, p, n);
	e->header_len += n;
	if (e->header_len < HEADER)
		return n;
	if (memcmp(e->header, magic, sizeof(magic)) != 0)
		r->tally.corrupt++;
	memcpy(&seed, e->header + sizeof(magic), sizeof(seed));
	e->script = script_of(seed);
	return n;
}

static void
hear(struct run *r, struct end *e, const uint8_t *p, size_t len)
{
	static uint8_t wanted[CHUNK];
	size_t n = 0;

	if (r->side == SERVER && e->header_len < HEADER)
		n = hear_header(r, e, p, len);
	p += n;
	len -= n;
	compose(&e->script, 1 - r->side, e->heard, wanted, len);
	if (memcmp(wanted, p, len) != 0 ||
	    e->heard + len > e->script.says[1 - r->side])
		r->tally.corrupt++;
	e->heard += len;
}

/* Now and then a side does nothing for a while: 100 ms on the average. */
static int64_t
draw_pause(struct run *r)
{
	if (draw(&r->chance, 8) != 0)
		return 0;
	return now_ns() + (int64_t)draw(&r->chance, 200) * MS;
}

/* False: the connection is gone. */
static bool
listen_on(struct run *r, struct end *e)
{
	static uint8_t bytes[CHUNK];
	size_t most = 1 + draw(&r->chance, CHUNK);
	ssize_t n = recv(e->fd, bytes, most, MSG_DONTWAIT);

	if (n == -1 && errno == EAGAIN)
		return true;
	if (n == -1) {
		on_reset(r, e);
		return false;
	}
	if (n == 0)
		return hear_end(r, e);
	hear(r, e, bytes, (size_t)n);
	e->listens_at = draw_pause(r);
	return true;
}

/* False: the connection is gone. */
static bool
say_header(struct run *r, struct end *e)
{
	/* A socket this new takes it whole. */
	if (send(e->fd, e->header, HEADER, MSG_NOSIGNAL) != HEADER) {
		on_reset(r, e);
		return false;
	}
	e->header_len = HEADER;
	return true;
}

/* All that the script wants is said. False: the connection is gone. */
static bool
say_end(struct run *r, struct end *e)
{
	if (e->script.resets == r->side) {
		r->tally.resets++;
		remove_end(r, e, true);
		return false;
	}
	(void)shutdown(e->fd, SHUT_WR);
	e->said_end = true;
	return true;
}

/* False: the connection is gone. */
static bool
speak(struct run *r, struct end *e)
{
	static uint8_t bytes[CHUNK];
	const struct script *s = &e->script;
	uint64_t all = s->resets == r->side ? s->reset_at : s->says[r->side];
	uint64_t rest = all - e->said;
	size_t most = 1 + draw(&r->chance, CHUNK);
	ssize_t n;

	if (e->header_len < HEADER)
		return r->side == SERVER || say_header(r, e);
	if (rest == 0)
		return say_end(r, e);
	if (rest < most)
		most = rest;
	compose(s, r->side, e->said, bytes, most);
	n = send(e->fd, bytes, most, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n == -1 && errno != EAGAIN) {
		on_reset(r, e);
		return false;
	}
	e->said += n > 0 ? (uint64_t)n : 0;
	e->speaks_at = draw_pause(r);
	return true;
}

static void
on_event(struct run *r, struct end *e, uint32_t events)
{
	bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;

	/* Of a broken one epoll speaks whether it is asked or not. */
	if (((events & EPOLLIN) != 0 || broken) && !e->heard_end &&
	    !listen_on(r, e))
		return;
	if (((events & EPOLLOUT) != 0 || broken) && !e->said_end &&
	    !speak(r, e))
		return;
	end_if_done(r, e);
}

static void
resume(struct run *r)
{
	int64_t now = now_ns();

	for (size_t i = 0; i < r->n; i++) {
		struct end *e = r->ends[i];

		if (e->listens_at == 0 && e->speaks_at == 0)
			continue;
		if (e->listens_at <= now)
			e->listens_at = 0;
		if (e->speaks_at <= now)
			e->speaks_at = 0;
		watch(r, e);
	}
}

static void
begin(struct run *r)
{
	uint64_t seed = draw(&r->chance, UINT64_MAX);
	int fd = socket(
	    r->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct end *e;

	if (fd == -1 ||
	    (connect(fd, (struct sockaddr *)&r->to, r->to_len) == -1 &&
	        errno != EINPROGRESS)) {
		r->tally.failed++;
		if (fd != -1)
			close(fd);
		return;
	}
	e = add_end(r, fd);
	memcpy(e->header, magic, sizeof(magic));
	memcpy(e->header + sizeof(magic), &seed, sizeof(seed));
	e->script = script_of(seed);
	watch(r, e);
}

static void
accept_some(struct run *r)
{
	int fd;

	while (r->n < r->max &&
	    (fd = accept4(
	         r->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) != -1)
		watch(r, add_end(r, fd));
}

static void
turn(struct run *r)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(r->epoll, events, EVENTS, TURN / MS);

	for (int i = 0; i < n; i++)
		if (events[i].data.ptr == NULL)
			accept_some(r);
		else
			on_event(r, events[i].data.ptr, events[i].events);
}

static void
go(struct run *r)
{
	int64_t end = r->until == NEVER ? NEVER : r->until + PATIENCE;
	int64_t resumed = 0;

	while (now_ns() < end && !stop) {
		turn(r);
		if (now_ns() < resumed + TURN)
			continue;
		resumed = now_ns();
		resume(r);
		if (resumed < r->until && r->side == CLIENT)
			for (unsigned i = 0; i < BEGIN_MAX && r->n < r->max;
			     i++)
				begin(r);
		if (resumed >= r->until && r->n == 0)
			break;
	}
	r->tally.stuck = r->n;
}

static void
print(const struct tally *t)
{
	printf("{\"ended\": %" PRIu64 ", \"in_order\": %" PRIu64
	       ", \"resets\": %" PRIu64 ", \"bytes\": %" PRIu64
	       ", \"strays\": %" PRIu64 ",",
	    t->ended, t->in_order, t->resets, t->bytes, t->strays);
	printf(" \"corrupt\": %" PRIu64 ", \"cut_short\": %" PRIu64
	       ", \"false_ends\": %" PRIu64 ", \"unexpected\": %" PRIu64
	       ", \"failed\": %" PRIu64 ", \"stuck\": %" PRIu64 "}\n",
	    t->corrupt, t->cut_short, t->false_ends, t->unexpected, t->failed,
	    t->stuck);
}

static bool
open_listener(struct run *r, unsigned port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_ANY_INIT,
		.sin6_port = htons((uint16_t)port) };
	struct epoll_event ev = { .events = EPOLLIN };
	const int on = 1, off = 0;
	int fd =
	    socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	r->listener = fd;
	return fd != -1 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0 &&
	    listen(fd, 4096) == 0 &&
	    epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &ev) == 0;
}

static bool
parse_to(struct run *r, const char *host, unsigned port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&r->to;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&r->to;
	bool is_v6 = strchr(host, ':') != NULL;

	r->to.ss_family = is_v6 ? AF_INET6 : AF_INET;
	r->to_len = is_v6 ? sizeof(*in6) : sizeof(*in);
	in->sin_port = htons((uint16_t)port); /* at the same place in both */
	return inet_pton(r->to.ss_family, host,
	           is_v6 ? (void *)&in6->sin6_addr : &in->sin_addr) == 1;
}

static int
usage(void)
{
	fprintf(stderr,
	    "usage: churn client [-c N] [-d SECONDS] [-s SEED] ADDRESS PORT\n"
	    "       churn server PORT\n");
	return 2;
}

static unsigned long
number(const char *text, unsigned long most)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text == '\0' || *end != '\0' || n > most)
		exit(usage());
	return n;
}

/* True: the run is ready to go. */
static bool
parse(struct run *r, int argc, char **argv)
{
	unsigned long seconds = 5, port;
	int option;

	while ((option = getopt(argc, argv, "c:d:s:")) != -1)
		switch (option) {
		case 'c':
			r->max = number(optarg, 100000);
			break;
		case 'd':
			seconds = number(optarg, 100000);
			break;
		case 's':
			r->chance = mix(number(optarg, UINT32_MAX) + 1);
			break;
		default:
			return false;
		}
	if (argc - optind != (r->side == CLIENT ? 2 : 1))
		return false;
	port = number(argv[argc - 1], 65535);
	if (r->side == SERVER)
		return open_listener(r, (unsigned)port);
	r->until = now_ns() + (int64_t)seconds * SECOND;
	return parse_to(r, argv[optind], (unsigned)port);
}

int
main(int argc, char **argv)
{
	struct run r = {
		.side = CLIENT, .until = NEVER, .max = 100, .chance = 1
	};

	if (argc < 2)
		return usage();
	if (strcmp(argv[1], "server") == 0) {
		r.side = SERVER;
		r.max = 100000;
	}
	r.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (r.epoll == -1 || !parse(&r, argc - 1, argv + 1) ||
	    (r.ends = calloc(r.max, sizeof(*r.ends))) == NULL)
		return usage();
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	go(&r);
	print(&r.tally);
	return 0;
}
