/*
 * Holds connections of every kind through a relay and opens a short one again
 * and again, while somebody changes the relay. Both ends are in this process,
 * so it knows each byte that is to come and what may end when. The servers'
 * side is a listening socket that it is given, of whatever network; clients
 * connect to each ADDRESS in turn.
 *
 *   mixed_load [options] LISTENING_FD PORT ADDRESS...
 *
 *   -k KIND=N,...  how many it holds of each kind:
 *      idle           silent
 *      ping           64 bytes there and back, again and again
 *      bulk           half a megabyte both ways, again and again
 *      client-ended, server-ended   one end said its end, the other one goes on
 *      client-stalls, server-stalls one end does not read, all buffers are full
 *      urgent         an urgent byte (MSG_OOB) behind what is not read
 *      silent         at PORT + 1, which waits for a client's first byte
 *      queued         at PORT + 2, where there are fewer places than clients
 *   -p MS          from ping to ping on a connection (10)
 *   -b MS          from one half megabyte to the next (500)
 *   -f US          from one short connection to the next (1000; 0: none)
 *
 * It obeys the lines of stdin, and answers each with a line of JSON as soon as
 * it is so:
 *
 *   hold   all are begun, and are there; those that stall do
 *   mark   nothing to wait for: tells what has been since the last mark
 *   rest   no short one is under way, and none is opened any more
 *   go     they are opened again
 *   end    all have said what they owe and their ends, or 20 s are over
 *
 * It ends at the end of stdin.
 */

#include "tests/lib/held_conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#define MS INT64_C(1000000)
#define SECOND (1000 * MS)
#define EVENTS 64
#define HELD_MAX 20000
#define BEGIN_MAX 5 /* held ones that are begun in a turn */
#define TO_MAX 4
#define BULK (512 * 1024)
#define DRIP (1 * SECOND) /* from byte to byte where one end said its end */
#define STILL (300 * MS)  /* without a byte: it stalls */
#define PATIENCE (20 * SECOND)

/* What an event is of: the rest of its word tells which. */
enum source {
	OF_STDIN,
	OF_LISTENER,
	OF_PINGS,
	OF_STRANGER, /* an accepted one, before its header is here */
	OF_CONN,
};

/* So often a period for each of some connections, evenly spread. */
struct pace {
	int64_t period, since;
	uint64_t done;
	unsigned first, n;
};

struct load {
	struct held_conn_set set; /* held ones by kind, then short ones */
	int listener;
	struct sockaddr_storage to[TO_MAX];
	unsigned n_to, port;
	unsigned want[HELD_CONN_KINDS];
	unsigned n_held, n_begun;
	struct pace ping, bulk, drip, fresh;
	bool holding; /* those that are held are to begin */
	bool resting;
	const char *asked; /* and not answered yet; NULL: nothing */
	int64_t deadline;  /* of that */
	uint64_t late_us;  /* the longest that this program was */
};

/* A header says whose other end it is; a check comes and goes without one. */
static void
on_stranger(struct load *l, int fd)
{
	struct held_conn_header h;
	ssize_t n = recv(fd, &h, sizeof(h), MSG_PEEK | MSG_DONTWAIT);
	struct held_conn *c = NULL;

	if (n > 0 && n < (ssize_t)sizeof(h))
		return;
	if (n <= 0) {
		close(fd);
		return;
	}
	(void)recv(fd, &h, sizeof(h), MSG_DONTWAIT);
	if (h.magic == HELD_CONN_MAGIC &&
	    h.index < l->n_held + HELD_CONN_FRESH_MAX)
		c = &l->set.conns[h.index];
	/* Nobody's, or a second one for the same client. */
	if (c == NULL || c->served || c->fds[HELD_CONN_CLIENT] == -1) {
		l->set.tally.corrupt++;
		fprintf(stderr, "%" PRIu32 ": whose is it?\n", h.index);
		close(fd);
		return;
	}
	(void)epoll_ctl(l->set.epoll, EPOLL_CTL_DEL, fd, NULL);
	held_conn_serve(&l->set, c, fd);
}

static void
watch(struct load *l, int fd, uint64_t word)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = word };

	if (epoll_ctl(l->set.epoll, EPOLL_CTL_ADD, fd, &ev) == -1)
		held_conn_die("epoll");
}

static void
on_listener(struct load *l)
{
	int fd;

	while ((fd = accept4(l->listener, NULL, NULL,
	            SOCK_NONBLOCK | SOCK_CLOEXEC)) != -1)
		watch(l, fd, OF_STRANGER | (uint64_t)fd << 4);
}

/* -- what is due ----------------------------------------------------------- */

static unsigned
due(struct pace *p, int64_t now)
{
	uint64_t all, n;

	if (p->n == 0 || p->period == 0)
		return 0;
	all = (uint64_t)(now - p->since) * p->n / (uint64_t)p->period;
	n = all - p->done;
	p->done = all;
	return n < 1000 ? (unsigned)n : 1000;
}

static void
speak(struct load *l, struct pace *p, int64_t now)
{
	for (unsigned n = due(p, now); n > 0; n--) {
		struct held_conn *c =
		    &l->set.conns[p->first + (p->done - n) % p->n];
		struct held_conn_way *client = &c->ways[HELD_CONN_CLIENT],
		                     *server = &c->ways[HELD_CONN_SERVER];

		if (c->fds[0] == -1 || c->fds[1] == -1 ||
		    client->heard < client->goal ||
		    server->heard < server->goal)
			continue;
		if (c->kind == HELD_CONN_PINGS) {
			/* The last answer is not here, or not read yet. */
			if (c->pinged != 0)
				continue;
			client->goal += HELD_CONN_PING;
			c->pinged = now;
		} else if (c->kind == HELD_CONN_BULK) {
			client->goal += BULK;
			server->goal += BULK;
			client->owed = server->owed = now;
		} else {
			(c->kind == HELD_CONN_CLIENT_ENDED ? server : client)
			    ->goal++;
		}
		held_conn_go_on(&l->set, c);
	}
}

static void
begin(struct load *l, enum held_conn_kind kind, unsigned index)
{
	struct sockaddr_storage *to = &l->to[l->set.tally.opened % l->n_to];
	unsigned port = l->port + (unsigned)(kind == HELD_CONN_SILENT) +
	    2 * (unsigned)(kind == HELD_CONN_QUEUED);

	/* At the same place in both families. */
	((struct sockaddr_in *)to)->sin_port = htons((uint16_t)port);
	held_conn_begin(&l->set, kind, index, to);
}

static void
begin_some(struct load *l, int64_t now)
{
	unsigned fresh = 0;

	for (unsigned i = 0;
	     l->holding && i < BEGIN_MAX && l->n_begun < l->n_held; i++) {
		unsigned index = l->n_begun++, kind = 0, below = 0;

		while (index >= below + l->want[kind])
			below += l->want[kind++];
		begin(l, kind, index);
	}
	if (!l->resting)
		fresh = due(&l->fresh, now);
	for (; fresh > 0 && l->set.n_spare > 0; fresh--)
		begin(l, HELD_CONN_FRESH, l->set.spare[--l->set.n_spare]);
}

/* -- what is asked --------------------------------------------------------- */

/* Is each where it is to be, and does none move that stalls? */
static bool
is_held(const struct load *l, int64_t now)
{
	if (l->n_begun < l->n_held)
		return false;
	for (unsigned i = 0; i < l->n_held; i++) {
		const struct held_conn *c = &l->set.conns[i];
		struct tcp_info info = { 0 };
		socklen_t len = sizeof(info);

		if (c->fds[HELD_CONN_CLIENT] == -1)
			continue;
		if (c->kind == HELD_CONN_SILENT ||
		    c->kind == HELD_CONN_QUEUED) {
			(void)getsockopt(c->fds[HELD_CONN_CLIENT], IPPROTO_TCP,
			    TCP_INFO, &info, &len);
			if (info.tcpi_state != TCP_ESTABLISHED)
				return false;
		} else if (!c->served ||
		    (c->kind >= HELD_CONN_CLIENT_STALLS &&
		        c->kind <= HELD_CONN_URGENT &&
		        now - c->moved < STILL)) {
			return false;
		}
	}
	return true;
}

static unsigned
n_there(const struct load *l)
{
	unsigned n = 0;

	for (unsigned i = 0; i < l->n_begun; i++)
		n += l->set.conns[i].fds[0] != -1 ||
		    l->set.conns[i].fds[1] != -1;
	return n;
}

static int
compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void
print_pings(struct load *l, int64_t now)
{
	struct held_conn_set *s = &l->set;
	size_t n = s->n_pings < HELD_CONN_PINGS_MAX ? (size_t)s->n_pings
	                                            : HELD_CONN_PINGS_MAX;
	uint64_t most;

	qsort(s->ping_us, n, sizeof(*s->ping_us), compare);
	most = n > 0 ? s->ping_us[n - 1] : 0;
	/* Those that are under way have lasted so long at least. */
	for (unsigned i = 0; i < l->ping.n; i++) {
		const struct held_conn *c = &s->conns[l->ping.first + i];
		uint64_t us = (uint64_t)(now - c->pinged) / 1000;

		if (c->fds[0] != -1 && c->pinged != 0 && us > most)
			most = us;
	}
	printf(" \"pings\": %" PRIu64 ", \"p50_us\": %u, \"p99_us\": %u,"
	       " \"max_us\": %" PRIu64 ", \"fresh_max_us\": %" PRIu64
	       ", \"late_us\": %" PRIu64 "}\n",
	    s->n_pings, n > 0 ? s->ping_us[n / 2] : 0,
	    n > 0 ? s->ping_us[n * 99 / 100] : 0, most, s->fresh_max_us,
	    l->late_us);
	s->n_pings = s->fresh_max_us = l->late_us = 0;
}

static void
print(struct load *l, bool done, int64_t now)
{
	const struct held_conn_tally *t = &l->set.tally;
	const char *comma = "";

	printf("{\"done\": %s, \"at\": %.6f, \"held\": %u, \"fresh\": %u,"
	       " \"opened\": %" PRIu64 ", \"in_order\": %" PRIu64
	       ", \"lost\": %" PRIu64 ", \"refused\": %" PRIu64
	       ", \"corrupt\": %" PRIu64 ", \"unmarked\": %" PRIu64
	       ", \"reset\": %" PRIu64 ", \"lost_kinds\": {",
	    done ? "true" : "false", (double)now / 1e9, n_there(l),
	    HELD_CONN_FRESH_MAX - l->set.n_spare, t->opened, t->in_order,
	    t->lost, t->refused, t->corrupt, t->unmarked, t->reset);
	for (unsigned k = 0; k < HELD_CONN_KINDS; k++) {
		if (t->lost_kinds[k] == 0)
			continue;
		printf("%s\"%s\": %" PRIu64, comma, held_conn_kinds[k],
		    t->lost_kinds[k]);
		comma = ", ";
	}
	printf("},");
	held_conn_print_pauses(&l->set, l->n_held, now);
	print_pings(l, now);
	(void)fflush(stdout);
}

static void
answer_if_so(struct load *l, int64_t now)
{
	bool done = true;

	if (l->asked == NULL)
		return;
	if (strcmp(l->asked, "hold") == 0)
		done = is_held(l, now);
	else if (strcmp(l->asked, "rest") == 0)
		done = l->set.n_spare == HELD_CONN_FRESH_MAX;
	else if (strcmp(l->asked, "end") == 0)
		done = n_there(l) == 0;
	if (!done && now < l->deadline)
		return;
	print(l, done, now);
	l->asked = NULL;
}

static void
on_stdin(struct load *l)
{
	static char line[64];
	ssize_t n = read(STDIN_FILENO, line, sizeof(line) - 1);

	/* One who asks waits for the answer: it is one line, and whole. */
	if (n <= 0)
		exit(0);
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	l->asked = line;
	l->deadline = held_conn_now_ns() + PATIENCE;
	if (strcmp(line, "hold") == 0)
		l->holding = true;
	if (strcmp(line, "rest") == 0 || strcmp(line, "end") == 0)
		l->resting = true;
	if (strcmp(line, "go") == 0) {
		l->resting = false;
		l->fresh.since = held_conn_now_ns();
		l->fresh.done = 0;
	}
	if (strcmp(line, "end") == 0) {
		l->set.ending = true;
		for (unsigned i = 0; i < l->n_held; i++)
			held_conn_end(&l->set, &l->set.conns[i]);
	}
}

/* -- all of it ------------------------------------------------------------- */

/* They are looked at between any two others: their time is what counts. */
static void
serve_pings(struct load *l)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(l->set.pings, events, EVENTS, 0);

	for (int i = 0; i < n; i++)
		held_conn_on_event(
		    &l->set, events[i].data.u64, events[i].events);
}

static void
turn(struct load *l)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(l->set.epoll, events, EVENTS, 1);

	for (int i = 0; i < n; i++) {
		uint64_t word = events[i].data.u64;

		serve_pings(l);
		switch ((enum source)(word & 7)) {
		case OF_STDIN:
			on_stdin(l);
			break;
		case OF_LISTENER:
			on_listener(l);
			break;
		case OF_PINGS:
			break;
		case OF_STRANGER:
			on_stranger(l, (int)(word >> 4));
			break;
		case OF_CONN:
			held_conn_on_event(&l->set, word, events[i].events);
			break;
		}
	}
}

static void
go(struct load *l)
{
	int64_t before = held_conn_now_ns();

	for (;;) {
		int64_t now;

		turn(l);
		now = held_conn_now_ns();
		if (now - before > (int64_t)l->late_us * 1000)
			l->late_us = (uint64_t)(now - before) / 1000;
		before = now;
		begin_some(l, now);
		if (!l->set.ending) {
			speak(l, &l->ping, now);
			speak(l, &l->bulk, now);
			speak(l, &l->drip, now);
		}
		answer_if_so(l, now);
	}
}

static void
usage(void)
{
	fprintf(stderr,
	    "usage: mixed_load [-k KIND=N,...] [-p MS] [-b MS] [-f US] LISTENING_FD PORT ADDRESS...\n");
	exit(2);
}

static unsigned
number(const char *text, unsigned long most)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text == '\0' || *end != '\0' || n > most)
		usage();
	return (unsigned)n;
}

static void
parse_kinds(struct load *l, char *text)
{
	for (char *one = strtok(text, ","); one != NULL;
	     one = strtok(NULL, ",")) {
		char *n = strchr(one, '=');
		unsigned kind = 0;

		if (n == NULL)
			usage();
		*n++ = '\0';
		while (kind < HELD_CONN_FRESH &&
		    strcmp(one, held_conn_kinds[kind]) != 0)
			kind++;
		if (kind == HELD_CONN_FRESH)
			usage();
		l->want[kind] = number(n, HELD_MAX);
	}
}

static void
parse_to(struct load *l, const char *text)
{
	struct sockaddr_storage *to = &l->to[l->n_to++];
	bool is_v6 = strchr(text, ':') != NULL;

	to->ss_family = is_v6 ? AF_INET6 : AF_INET;
	if (inet_pton(to->ss_family, text,
	        is_v6 ? (void *)&((struct sockaddr_in6 *)to)->sin6_addr
	              : &((struct sockaddr_in *)to)->sin_addr) != 1)
		usage();
}

static void
parse(struct load *l, int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "k:p:b:f:")) != -1)
		switch (option) {
		case 'k':
			parse_kinds(l, optarg);
			break;
		case 'p':
			l->ping.period = number(optarg, 100000) * MS;
			break;
		case 'b':
			l->bulk.period = number(optarg, 100000) * MS;
			break;
		case 'f':
			l->fresh.period = number(optarg, 1000000) * MS / 1000;
			break;
		default:
			usage();
		}
	if (argc - optind < 3 || argc - optind > 2 + TO_MAX)
		usage();
	l->listener = (int)number(argv[optind++], 100000);
	l->port = number(argv[optind++], 65533);
	while (optind < argc)
		parse_to(l, argv[optind++]);
}

static unsigned
count_below(const struct load *l, enum held_conn_kind kind)
{
	unsigned n = 0;

	for (unsigned k = 0; k < kind; k++)
		n += l->want[k];
	return n;
}

static void
set_pace(struct load *l, struct pace *p, enum held_conn_kind first,
    enum held_conn_kind next)
{
	p->since = held_conn_now_ns();
	p->first = count_below(l, first);
	p->n = count_below(l, next) - p->first;
}

static void
prepare(struct load *l)
{
	struct held_conn_set *s = &l->set;
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = OF_PINGS };
	struct rlimit files;
	const int on = 1;

	l->n_held = count_below(l, HELD_CONN_FRESH);
	set_pace(l, &l->ping, HELD_CONN_PINGS, HELD_CONN_BULK);
	set_pace(l, &l->bulk, HELD_CONN_BULK, HELD_CONN_CLIENT_ENDED);
	set_pace(l, &l->drip, HELD_CONN_CLIENT_ENDED, HELD_CONN_CLIENT_STALLS);
	l->fresh.n = 1;
	s->tag = OF_CONN;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->pings = epoll_create1(EPOLL_CLOEXEC);
	s->ping_us = calloc(HELD_CONN_PINGS_MAX, sizeof(*s->ping_us));
	s->conns = calloc(l->n_held + HELD_CONN_FRESH_MAX, sizeof(*s->conns));
	if (s->epoll == -1 || s->pings == -1 || s->ping_us == NULL ||
	    s->conns == NULL ||
	    epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->pings, &ev) == -1)
		held_conn_die("start");
	for (unsigned i = 0; i < l->n_held + HELD_CONN_FRESH_MAX; i++)
		s->conns[i].fds[0] = s->conns[i].fds[1] = -1;
	for (; s->n_spare < HELD_CONN_FRESH_MAX; s->n_spare++)
		s->spare[s->n_spare] = l->n_held + s->n_spare;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	(void)fcntl(l->listener, F_SETFL, O_NONBLOCK);
	(void)setsockopt(
	    l->listener, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));
	watch(l, l->listener, OF_LISTENER);
	watch(l, STDIN_FILENO, OF_STDIN);
}

int
main(int argc, char **argv)
{
	static struct load l = { .ping.period = 10 * MS,
		.bulk.period = 500 * MS,
		.fresh.period = MS,
		.drip.period = DRIP,
		.resting = true };

	parse(&l, argc, argv);
	held_conn_init();
	prepare(&l);
	go(&l);
	return 0;
}
