/*
 * The client of `make bench`: TCP load from one thread. Prints one JSON object.
 *
 *   bench_client KIND [options] ADDRESS PORT
 *
 *   rr      every connection has one message under way to a server that echoes
 *   crr     connects, sends a message, has it back, closes; and again
 *   down    reads what the server sends, and forgets it
 *   up      sends without end to a server that forgets it
 *   idle    has one message echoed on each connection, prints, and then holds
 *           them until it is killed
 *
 *   -c N    connections at a time (1)
 *   -m N    bytes of a message (64)
 *   -d S    seconds that are measured (2), after -w S that are not (0.4)
 *   -r N    operations a second; without it, as many as there can be
 *   -b A/N  connect from N addresses in turn, of which A is the first
 *   -t      a message is written in two pieces, as by a program that knows
 *           nothing of TCP_NODELAY: the kernel keeps the second until the first
 *           is acknowledged
 *   -x N    beside them, N connections download from PORT + 1
 *   -p PID  report the CPU time of this process in the time that is measured,
 *           with all its threads; may be repeated
 *
 * With -r, operations are due at fixed times and their latency counts from
 * then: a relay that stands still pays for every one it kept waiting, not for
 * the one it was busy with.
 */

#include "tests/lib/bench_zeroes.h"
#include "tests/lib/proc_cpu.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000000)
#define EVENTS 256
#define MESSAGE_MAX 4096         /* always fits into an empty socket */
#define CONNECTING_MAX 64        /* nobody's backlog is smaller than that */
#define FAILURES_MAX 10000       /* nobody there: that much is clear */
#define LATENCIES_MAX (1u << 22) /* later ones are not looked at */
#define FORGET (4u << 20)        /* bytes in one go */
#define PIDS_MAX 16
#define IDLE_PATIENCE (30 * SECOND)

enum kind {
	RR,
	CRR,
	DOWN,
	UP,
	IDLE,
	KINDS
};

static const char *const kind_names[KINDS] = {
	[RR] = "rr",
	[CRR] = "crr",
	[DOWN] = "down",
	[UP] = "up",
	[IDLE] = "idle",
};

struct conn {
	int fd;
	bool bulk; /* it downloads, or uploads */
	bool connected;
	bool parked;       /* among the spare ones */
	size_t got;        /* of the message */
	uint64_t begin_ns; /* of the operation: when it was due */
};

/* What is asked for; not changed once read. */
struct task {
	enum kind kind;
	struct sockaddr_in to;
	uint32_t from; /* the first of our addresses; 0: the kernel's choice */
	unsigned n_from;
	unsigned conns, beside;
	size_t message;
	bool in_two;
	uint64_t measure_ns, warm_ns;
	uint64_t gap_ns; /* between operations; 0: no pause */
	const char *pids[PIDS_MAX];
	unsigned n_pids;
};

struct tally {
	uint64_t operations, bytes, failed;
	uint32_t *latency_ns; /* of each operation, in the order they ended */
};

struct load {
	const struct task *task;
	int epoll;
	int zeroes; /* uploads: memory that sendfile() reads from */
	struct conn *conns;
	unsigned opened;     /* of conns */
	unsigned connecting; /* of those opened */
	struct conn *
	    *spare; /* paced: without an operation, the last one next */
	unsigned n_spare;
	uint64_t due_ns;    /* paced: of the next operation */
	unsigned next_from; /* of our addresses */
	struct tally tally;
};

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

/* -- connections ----------------------------------------------------------- */

static bool
bind_next(struct load *l, int fd)
{
	const struct task *t = l->task;
	const struct sockaddr_in from = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(t->from + l->next_from),
	};
	const int on = 1;

	if (t->n_from == 0)
		return true;
	l->next_from = (l->next_from + 1) % t->n_from;
	/* The port can wait for connect(), which may use one twice. */
	return setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
	           sizeof(on)) == 0 &&
	    bind(fd, (const struct sockaddr *)&from, sizeof(from)) == 0;
}

/*
 * Messages: told once of each change, for good, as nobody waits to send.
 * Streams: told as long as there is something, so that all are read in turn.
 */
static bool
watch(struct load *l, struct conn *c)
{
	struct epoll_event ev = {
		.events = c->bulk ? EPOLLIN : EPOLLIN | EPOLLOUT | EPOLLET,
		.data.ptr = c,
	};

	if (l->task->kind == UP)
		ev.events = EPOLLOUT;
	return epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &ev) == 0;
}

/* A connection that fails at once is told by its event, like the others. */
static void
dial(struct load *l, struct conn *c)
{
	struct sockaddr_in to = l->task->to;
	const int no_delay = !l->task->in_two;

	if (c->bulk && l->task->kind != DOWN && l->task->kind != UP)
		to.sin_port = htons((uint16_t)(ntohs(to.sin_port) + 1));
	c->connected = false;
	c->got = 0;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd == -1 || !bind_next(l, c->fd) ||
	    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &no_delay,
	        sizeof(no_delay)) == -1 ||
	    (connect(c->fd, (const struct sockaddr *)&to, sizeof(to)) == -1 &&
	        errno != EINPROGRESS) ||
	    !watch(l, c)) {
		/* Out of ports or descriptors: no load to speak of. */
		perror("bench_client: connect");
		exit(1);
	}
	l->connecting++;
}

static void
hang_up(struct load *l, struct conn *c)
{
	if (!c->connected)
		l->connecting--;
	close(c->fd);
	c->fd = -1;
}

/* -- operations ------------------------------------------------------------ */

static void
park(struct load *l, struct conn *c)
{
	if (!c->parked) /* else: it failed there, and is back */
		l->spare[l->n_spare++] = c;
	c->parked = true;
}

static void
fail(struct load *l, struct conn *c)
{
	l->tally.failed++;
	hang_up(l, c);
	if (l->task->kind == IDLE)
		return;
	if (l->task->kind == CRR && l->task->gap_ns > 0)
		park(l, c);
	else
		dial(l, c);
}

/* Sends the message; it is short, and the one before it has come back. */
static void
say(struct load *l, struct conn *c)
{
	static const char message[MESSAGE_MAX];
	size_t len = l->task->message, first = l->task->in_two ? len / 2 : 0;

	c->got = 0;
	if ((first > 0 &&
	        send(c->fd, message, first, MSG_NOSIGNAL) != (ssize_t)first) ||
	    send(c->fd, message, len - first, MSG_NOSIGNAL) !=
	        (ssize_t)(len - first))
		fail(l, c);
}

static void
begin(struct load *l, struct conn *c, uint64_t when_ns)
{
	c->begin_ns = when_ns;
	if (l->task->kind == CRR)
		dial(l, c);
	else
		say(l, c);
}

static void
next(struct load *l, struct conn *c)
{
	if (l->task->gap_ns > 0)
		park(l, c);
	else
		begin(l, c, now_ns());
}

/* The message is back. */
static void
finish(struct load *l, struct conn *c)
{
	struct tally *y = &l->tally;
	uint64_t took = now_ns() - c->begin_ns;

	if (y->operations < LATENCIES_MAX)
		y->latency_ns[y->operations] =
		    took < UINT32_MAX ? (uint32_t)took : UINT32_MAX;
	y->operations++;
	if (l->task->kind == IDLE)
		return;
	if (l->task->kind == CRR)
		hang_up(l, c);
	next(l, c);
}

static void
on_connected(struct load *l, struct conn *c)
{
	c->connected = true;
	l->connecting--;
	if (c->bulk)
		return;
	if (l->task->kind == RR)
		next(l, c);
	else
		say(l, c);
}

static void
on_readable(struct load *l, struct conn *c)
{
	char echo[MESSAGE_MAX];
	ssize_t n;

	if (c->bulk) /* MSG_TRUNC: not even copied, see tcp(7) */
		n = recv(c->fd, NULL, FORGET, MSG_TRUNC);
	else /* a byte more than is due: none may come */
		n = recv(c->fd, echo, l->task->message - c->got + 1, 0);
	if (n == -1 && errno == EAGAIN)
		return;
	if (n > 0)
		l->tally.bytes += (uint64_t)n;
	if (n > 0 && c->bulk)
		return;
	c->got += n > 0 ? (size_t)n : 0;
	if (n <= 0 || c->got > l->task->message)
		fail(l, c);
	else if (c->got == l->task->message)
		finish(l, c);
}

/* What lies in buffers at the end did so at the beginning. */
static void
on_writable(struct load *l, struct conn *c)
{
	ssize_t n = bench_zeroes_send(l->zeroes, c->fd);

	if (n > 0)
		l->tally.bytes += (uint64_t)n;
	else if (n == -1 && errno != EAGAIN)
		fail(l, c);
}

static void
on_event(struct load *l, struct conn *c, uint32_t events)
{
	if (!c->connected) {
		if (events & (EPOLLERR | EPOLLHUP)) {
			fail(l, c);
			return;
		}
		on_connected(l, c);
	}
	if (l->task->kind == UP && c->connected) {
		on_writable(l, c);
		return;
	}
	/* It may have failed and begun anew: then there is nothing to read. */
	if (events & (EPOLLIN | EPOLLERR | EPOLLHUP) && c->connected)
		on_readable(l, c);
}

/* -- time ------------------------------------------------------------------ */

static void
open_more(struct load *l)
{
	const struct task *t = l->task;

	while (l->opened < t->conns + t->beside &&
	    l->connecting < CONNECTING_MAX) {
		struct conn *c = &l->conns[l->opened++];

		c->bulk =
		    t->kind == DOWN || t->kind == UP || l->opened > t->conns;
		c->begin_ns = now_ns();
		if (t->kind == CRR && t->gap_ns > 0)
			park(l, c);
		else
			dial(l, c);
	}
}

static void
begin_due(struct load *l, uint64_t now)
{
	while (l->n_spare > 0 && l->due_ns <= now) {
		struct conn *c = l->spare[--l->n_spare];
		uint64_t due = l->due_ns;

		c->parked = false;
		l->due_ns += l->task->gap_ns;
		begin(l, c, due);
	}
}

static void
turn(struct load *l, uint64_t until)
{
	struct epoll_event events[EVENTS];
	uint64_t now = now_ns(), wait;
	struct timespec ts;
	int n;

	open_more(l);
	begin_due(l, now);
	if (l->n_spare > 0 && l->due_ns < until)
		until = l->due_ns;
	wait = until > now ? until - now : 0;
	ts = (struct timespec){ .tv_sec = (time_t)(wait / SECOND),
		.tv_nsec = (long)(wait % SECOND) };
	n = epoll_pwait2(l->epoll, events, EVENTS, &ts, NULL);
	for (int i = 0; i < n; i++)
		on_event(l, events[i].data.ptr, events[i].events);
}

static void
run_until(struct load *l, uint64_t until)
{
	while (now_ns() < until && l->tally.failed < FAILURES_MAX)
		turn(l, until);
}

/* -- figures --------------------------------------------------------------- */

static uint64_t
relay_ns(const struct task *t)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < t->n_pids; i++)
		total += proc_cpu_ns(t->pids[i]);
	return total;
}

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void
print(const struct load *l, uint64_t took_ns, uint64_t cpu)
{
	const struct tally *y = &l->tally;
	size_t n =
	    y->operations < LATENCIES_MAX ? y->operations : LATENCIES_MAX;

	qsort(y->latency_ns, n, sizeof(*y->latency_ns), compare);
	printf("{\"seconds\": %.6f, \"operations\": %" PRIu64
	       ", \"bytes\": %" PRIu64 ", \"failed\": %" PRIu64
	       ", \"relay_ns\": %" PRIu64,
	    (double)took_ns / (double)SECOND, y->operations, y->bytes,
	    y->failed, cpu);
	if (n > 0)
		printf(", \"p50_us\": %.1f, \"p99_us\": %.1f",
		    y->latency_ns[n / 2] / 1e3,
		    y->latency_ns[n * 99 / 100] / 1e3);
	printf("}\n");
	fflush(stdout);
}

static void
measure(struct load *l)
{
	const struct task *t = l->task;
	uint64_t begin_ns, cpu;

	run_until(l, now_ns() + t->warm_ns);
	l->tally = (struct tally){ .latency_ns = l->tally.latency_ns };
	begin_ns = now_ns();
	cpu = relay_ns(t);
	run_until(l, begin_ns + t->measure_ns);
	cpu = relay_ns(t) - cpu;
	print(l, now_ns() - begin_ns, cpu);
}

static void
hold(struct load *l)
{
	uint64_t begin_ns = now_ns();

	while (l->tally.operations + l->tally.failed < l->task->conns &&
	    now_ns() < begin_ns + IDLE_PATIENCE)
		turn(l, begin_ns + IDLE_PATIENCE);
	print(l, now_ns() - begin_ns, 0);
	for (;;)
		pause();
}

/* -- the command line ------------------------------------------------------ */

static bool
parse_from(struct task *t, const char *text)
{
	char address[INET_ADDRSTRLEN] = "";
	struct in_addr in;

	if (sscanf(text, "%15[0-9.]/%u", address, &t->n_from) != 2 ||
	    inet_pton(AF_INET, address, &in) != 1)
		return false;
	t->from = ntohl(in.s_addr);
	return t->n_from > 0;
}

static bool
parse_to(struct task *t, const char *address, const char *port)
{
	unsigned long number = strtoul(port, NULL, 10);

	t->to = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons((uint16_t)number) };
	return number > 0 && number <= UINT16_MAX &&
	    inet_pton(AF_INET, address, &t->to.sin_addr) == 1;
}

static bool
parse_option(struct task *t, int option, const char *text)
{
	double value = text != NULL ? strtod(text, NULL) : 0;

	switch (option) {
	case 'c':
		t->conns = (unsigned)value;
		return value >= 1 && value <= 1e6;
	case 'm':
		t->message = (size_t)value;
		return value >= 1 && value < MESSAGE_MAX;
	case 'd':
		t->measure_ns = (uint64_t)(value * (double)SECOND);
		return value > 0 && value < 1e6;
	case 'w':
		t->warm_ns = (uint64_t)(value * (double)SECOND);
		return value >= 0 && value < 1e6;
	case 'r':
		t->gap_ns = (uint64_t)((double)SECOND / value);
		return value >= 1 && value <= 1e7;
	case 'b':
		return parse_from(t, text);
	case 't':
		t->in_two = true;
		return true;
	case 'x':
		t->beside = (unsigned)value;
		return value >= 1 && value <= 1e6;
	case 'p':
		if (t->n_pids == PIDS_MAX)
			return false;
		t->pids[t->n_pids++] = text;
		return true;
	default:
		return false;
	}
}

static bool
parse(struct task *t, int argc, char **argv)
{
	int option;

	while (t->kind < KINDS && argc > 1 &&
	    strcmp(argv[1], kind_names[t->kind]) != 0)
		t->kind++;
	optind = 2;
	if (argc < 2 || t->kind == KINDS)
		return false;
	while ((option = getopt(argc, argv, "c:m:d:w:r:b:p:tx:")) != -1)
		if (!parse_option(t, option, optarg))
			return false;
	return optind + 2 == argc &&
	    parse_to(t, argv[optind], argv[optind + 1]);
}

int
main(int argc, char **argv)
{
	struct task t = { .conns = 1,
		.message = 64,
		.measure_ns = 2 * SECOND,
		.warm_ns = 2 * SECOND / 5 };
	struct load l = { .task = &t };

	if (!parse(&t, argc, argv)) {
		fprintf(stderr,
		    "usage: bench_client rr|crr|down|up|idle [-c CONNECTIONS] [-m BYTES] [-d SECONDS] [-w SECONDS]\n"
		    "            [-r RATE] [-b ADDRESS/N] [-t] [-x DOWNLOADS] [-p PID]... ADDRESS PORT\n");
		return 2;
	}
	l.conns = calloc(t.conns + t.beside, sizeof(*l.conns));
	l.spare = calloc(t.conns, sizeof(*l.spare));
	l.tally.latency_ns = calloc(LATENCIES_MAX, sizeof(uint32_t));
	l.epoll = epoll_create1(EPOLL_CLOEXEC);
	l.zeroes = bench_zeroes_open();
	if (l.conns == NULL || l.spare == NULL || l.tally.latency_ns == NULL ||
	    l.epoll == -1 || l.zeroes == -1) {
		perror("bench_client");
		return 1;
	}
	signal(SIGPIPE, SIG_IGN); /* sendfile() has no MSG_NOSIGNAL */
	/* The kernel's usual 50 us are longer than the gap between two. */
	(void)prctl(PR_SET_TIMERSLACK, 1000UL);
	l.due_ns = now_ns();
	if (t.kind == IDLE)
		hold(&l);
	else
		measure(&l);
	return 0;
}
