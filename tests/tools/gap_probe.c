/*
 * The client's view of a service: a new connection every millisecond, and how
 * each of them went. Prints one JSON object at the end (or on SIGINT, SIGTERM).
 *
 *   gap_probe [-i MS] [-d SECONDS] [-t MS] [-s TEXT] [-e TEXT] ADDRESS PORT
 *
 * A probe is ok once connected; with -e (and -s, sent first) once an answer
 * came that begins with that text. `gap_ms` is the longest time between the
 * starts of two successive probes that were ok: what a client that had to wait
 * would have waited; `late` are those that were ok, but took longer than 150
 * ms: a SYN that was lost is repeated after a second. The stretches before the
 * first and after the last ok count too, so a service that never comes back
 * shows.
 *
 * Connections are closed by a reset, so no port stays in TIME_WAIT.
 *
 * It runs before whatever is not real-time, so that a busy machine's programs
 * are not taken for a service that is slow; where it may not, it does without.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
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

#define LATE_NS INT64_C(150000000)
#define ANSWER_MAX 63
#define ANSWERS_MAX 16 /* distinct ones that are counted */

enum outcome {
	PENDING,
	OK,
	REFUSED,
	RESET,
	TIMEOUT,
	OTHER,
	OUTCOMES
};

static const char *const outcome_names[OUTCOMES] = {
	[PENDING] = "pending",
	[OK] = "ok",
	[REFUSED] = "refused",
	[RESET] = "reset",
	[TIMEOUT] = "timeout",
	[OTHER] = "other",
};

struct probe {
	int64_t start_ns, end_ns;
	int fd;
	uint8_t outcome;
	bool connected;
	uint8_t answer_len;
	char answer[ANSWER_MAX + 1];
};

struct answer {
	char text[ANSWER_MAX + 1];
	unsigned count;
};

struct run {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} to;
	socklen_t to_len;
	int64_t interval_ns, timeout_ns, duration_ns, begin_ns;
	const char *send, *expect;
	int epoll;
	struct probe *probes;
	size_t n, max;
	size_t oldest; /* none before it is pending */
	size_t pending;
	struct answer answers[ANSWERS_MAX];
	unsigned n_answers;
};

static volatile sig_atomic_t stop;

static void
on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* The first line of an answer, counted by its text. */
static void
count_answer(struct run *r, const struct probe *p)
{
	size_t len = strcspn(p->answer, "\r\n");
	unsigned i;

	for (i = 0; i < r->n_answers; i++)
		if (strlen(r->answers[i].text) == len &&
		    strncmp(r->answers[i].text, p->answer, len) == 0)
			break;
	if (i == ANSWERS_MAX)
		return;
	if (i == r->n_answers) {
		memcpy(r->answers[i].text, p->answer, len);
		r->n_answers++;
	}
	r->answers[i].count++;
}

static void
finish(struct run *r, struct probe *p, enum outcome outcome)
{
	const struct linger at_once = { .l_onoff = 1 };

	p->outcome = (uint8_t)outcome;
	p->end_ns = now_ns();
	if (p->fd != -1) {
		(void)setsockopt(
		    p->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		close(p->fd);
		p->fd = -1;
	}
	if (outcome == OK && p->answer_len > 0)
		count_answer(r, p);
	r->pending--;
}

static enum outcome
judge(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return REFUSED;
	case ECONNRESET:
	case EPIPE:
		return RESET;
	case ETIMEDOUT:
		return TIMEOUT;
	default:
		return OTHER;
	}
}

static void
launch(struct run *r)
{
	struct probe *p = &r->probes[r->n];
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT };
	const int on = 1;

	ev.data.u64 = r->n++;
	*p = (struct probe){ .fd = -1, .start_ns = now_ns() };
	r->pending++;
	p->fd = socket(
	    r->to.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fd == -1) {
		finish(r, p, OTHER);
		return;
	}
	(void)setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(p->fd, &r->to.sa, r->to_len) == -1 && errno != EINPROGRESS)
		finish(r, p, judge(errno));
	else if (epoll_ctl(r->epoll, EPOLL_CTL_ADD, p->fd, &ev) == -1)
		finish(r, p, OTHER);
}

/* Connected: says its piece and waits for the answer, where there is one. */
static void
on_connected(struct run *r, struct probe *p, size_t index)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = index };
	socklen_t len = sizeof(int);
	int error = 0;

	if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	if (error != 0) {
		finish(r, p, judge(error));
		return;
	}
	p->connected = true;
	if (r->send != NULL &&
	    send(p->fd, r->send, strlen(r->send), MSG_NOSIGNAL) == -1) {
		finish(r, p, judge(errno));
		return;
	}
	if (r->expect == NULL)
		finish(r, p, OK);
	else if (epoll_ctl(r->epoll, EPOLL_CTL_MOD, p->fd, &ev) == -1)
		finish(r, p, OTHER);
}

static void
on_readable(struct run *r, struct probe *p)
{
	const size_t want = strlen(r->expect);
	ssize_t n = recv(p->fd, p->answer + p->answer_len,
	    ANSWER_MAX - p->answer_len, MSG_DONTWAIT);

	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0) {
		/* An end without an answer is no service, however polite. */
		finish(r, p, n == 0 ? OTHER : judge(errno));
		return;
	}
	p->answer_len += (uint8_t)n;
	p->answer[p->answer_len] = '\0';
	if (p->answer_len < want && p->answer_len < ANSWER_MAX)
		return;
	finish(r, p, strncmp(p->answer, r->expect, want) == 0 ? OK : OTHER);
}

static void
on_event(struct run *r, const struct epoll_event *ev)
{
	struct probe *p = &r->probes[ev->data.u64];

	if (p->outcome != PENDING)
		return;
	if (!p->connected) {
		on_connected(r, p, ev->data.u64);
		return;
	}
	on_readable(r, p);
}

/* All wait equally long, so the oldest are due first. */
static void
expire(struct run *r, int64_t now)
{
	for (; r->oldest < r->n; r->oldest++) {
		struct probe *p = &r->probes[r->oldest];

		if (p->outcome != PENDING)
			continue;
		if (now - p->start_ns < r->timeout_ns)
			break;
		finish(r, p, TIMEOUT);
	}
}

static void
turn(struct run *r, int64_t until)
{
	struct epoll_event events[64];
	int64_t wait = until - now_ns();
	struct timespec t;
	int n;

	if (wait < 0)
		wait = 0;
	t = (struct timespec){ wait / 1000000000, wait % 1000000000 };
	n = epoll_pwait2(r->epoll, events, 64, &t, NULL);
	for (int i = 0; i < n; i++)
		on_event(r, &events[i]);
	expire(r, now_ns());
}

static void
go(struct run *r)
{
	int64_t next = now_ns();
	int64_t end = next + r->duration_ns;

	r->begin_ns = next;
	while (!stop && next < end && r->n < r->max) {
		turn(r, next);
		if (now_ns() < next)
			continue;
		launch(r);
		next += r->interval_ns;
		/* We were not run: the past is not probed in a burst. */
		if (now_ns() - next > 20 * r->interval_ns)
			next = now_ns();
	}
	while (!stop && r->pending > 0)
		turn(r, now_ns() + 10 * 1000000);
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static double
ms(int64_t ns)
{
	return ns < 0 ? -1 : (double)ns / 1e6;
}

/* Those still waiting when we were stopped are not judged. */
static size_t
judged(const struct run *r)
{
	size_t n = r->n;

	while (n > 0 && r->probes[n - 1].outcome == PENDING)
		n--;
	return n;
}

static void
print_gap(const struct run *r, size_t n)
{
	int64_t last_ok = r->begin_ns, gap = 0, gap_at = -1;
	int64_t failure = -1, recovery = -1;

	for (size_t i = 0; i < n; i++) {
		const struct probe *p = &r->probes[i];
		bool ok = p->outcome == OK;

		if (!ok && failure == -1)
			failure = p->start_ns - r->begin_ns;
		if (ok && failure != -1 && recovery == -1)
			recovery = p->start_ns - r->begin_ns;
		if (!ok && i + 1 < n)
			continue;
		if (p->start_ns - last_ok > gap) {
			gap = p->start_ns - last_ok;
			gap_at = last_ok - r->begin_ns;
		}
		last_ok = p->start_ns;
	}
	printf(
	    " \"gap_ms\": %.2f, \"gap_at_ms\": %.2f,\n", ms(gap), ms(gap_at));
	printf(" \"first_failure_ms\": %.2f, \"recovery_ms\": %.2f,\n",
	    ms(failure), ms(recovery));
}

static void
print_latency(const struct run *r, size_t n)
{
	int64_t *took = calloc(n + 1, sizeof(*took));
	size_t ok = 0, late = 0;

	if (took == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		if (r->probes[i].outcome == OK)
			took[ok++] =
			    r->probes[i].end_ns - r->probes[i].start_ns;
	qsort(took, ok, sizeof(*took), compare);
	while (late < ok && took[ok - 1 - late] > LATE_NS)
		late++;
	printf(" \"late\": %zu,\n", late);
	printf(
	    " \"latency_ms\": {\"p50\": %.2f, \"p99\": %.2f, \"max\": %.2f},\n",
	    ok ? ms(took[ok / 2]) : -1, ok ? ms(took[ok * 99 / 100]) : -1,
	    ok ? ms(took[ok - 1]) : -1);
	free(took);
}

static void
print_answers(const struct run *r)
{
	printf(" \"answers\": {");
	for (unsigned i = 0; i < r->n_answers; i++) {
		printf("%s\"", i ? ", " : "");
		for (const char *c = r->answers[i].text; *c != '\0'; c++)
			if (*c >= ' ' && *c < 127 && *c != '"' && *c != '\\')
				putchar(*c);
			else
				putchar('?');
		printf("\": %u", r->answers[i].count);
	}
	printf("}}\n");
}

static void
print(const struct run *r)
{
	size_t n = judged(r), count[OUTCOMES] = { 0 };

	for (size_t i = 0; i < n; i++)
		count[r->probes[i].outcome]++;
	printf("{\"probes\": %zu,", n);
	for (unsigned i = OK; i < OUTCOMES; i++)
		printf(" \"%s\": %zu,", outcome_names[i], count[i]);
	printf("\n");
	print_gap(r, n);
	print_latency(r, n);
	print_answers(r);
}

static int
usage(void)
{
	fprintf(stderr,
	    "usage: gap_probe [-i MS] [-d SECONDS] [-t MS] [-s SEND] [-e EXPECT] ADDRESS PORT\n");
	return 2;
}

/* A number in `unit_ns`, or -1. */
static int64_t
span(const char *text, double unit_ns)
{
	char *end;
	double value = strtod(text, &end);

	return *end == '\0' && value > 0 && value < 1e6
	    ? (int64_t)(value * unit_ns)
	    : -1;
}

static bool
parse_to(struct run *r, const char *host, const char *port)
{
	int64_t number = span(port, 1);

	if (number < 1 || number > 65535)
		return false;
	if (inet_pton(AF_INET, host, &r->to.in.sin_addr) == 1) {
		r->to.in.sin_family = AF_INET;
		r->to.in.sin_port = htons((uint16_t)number);
		r->to_len = sizeof(r->to.in);
		return true;
	}
	if (inet_pton(AF_INET6, host, &r->to.in6.sin6_addr) == 1) {
		r->to.in6.sin6_family = AF_INET6;
		r->to.in6.sin6_port = htons((uint16_t)number);
		r->to_len = sizeof(r->to.in6);
		return true;
	}
	return false;
}

static bool
parse(struct run *r, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "i:d:t:s:e:")) != -1) {
		switch (c) {
		case 'i':
			r->interval_ns = span(optarg, 1e6);
			break;
		case 'd':
			r->duration_ns = span(optarg, 1e9);
			break;
		case 't':
			r->timeout_ns = span(optarg, 1e6);
			break;
		case 's':
			r->send = optarg;
			break;
		case 'e':
			r->expect = optarg;
			break;
		default:
			return false;
		}
	}
	return r->interval_ns > 0 && r->duration_ns > 0 && r->timeout_ns > 0 &&
	    optind + 2 == argc && parse_to(r, argv[optind], argv[optind + 1]) &&
	    (r->expect == NULL || strlen(r->expect) < ANSWER_MAX);
}

static void
hurry(void)
{
	const struct sched_param param = { .sched_priority = 1 };

	(void)sched_setscheduler(0, SCHED_FIFO, &param);
}

int
main(int argc, char **argv)
{
	struct run r = {
		.interval_ns = 1000000,
		.duration_ns = INT64_C(1000000000),
		.timeout_ns = INT64_C(1000000000),
	};

	if (!parse(&r, argc, argv))
		return usage();
	r.max = (size_t)(r.duration_ns / r.interval_ns) + 1;
	r.probes = calloc(r.max, sizeof(*r.probes));
	r.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (r.probes == NULL || r.epoll == -1) {
		perror("gap_probe");
		return 1;
	}
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	hurry();
	go(&r);
	print(&r);
	free(r.probes);
	close(r.epoll);
	return 0;
}
