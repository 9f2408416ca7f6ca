/* How long a list's reader is waited for, with the test as the workers. */
#include "proxy/control/conn_writer.h"

#include "config/config.h"
#include "core/fd.h"
#include "core/mono.h"
#include "proxy/data/session.h"
#include "proxy/data/session_tour.h"
#include "proxy/data/worker.h"
#include "proxy/kernel/kernel_query.h"
#include "proxy/pool/pool.h"
#include "tests/lib/session_crowd.h"
#include "tests/lib/test.h"

#include <dirent.h>
#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define SESSIONS 400
#define PATIENCE_MS 20000

static struct config_service service = { .name = "web" };

struct bed {
	struct worker_shared shared;
	struct worker *worker;
	struct pool pool;
	struct kernel_query kernel; /* there is no director */
	struct conn_writer *writer;
	int reader, socket;
};

static void
set_up(struct bed *b, const struct conn_writer_limits *limits)
{
	const union addr client = { 0 };
	const int room = 4096;
	struct session_thread *t;
	int ends[2];

	memset(b, 0, sizeof(*b));
	b->worker = calloc(1, sizeof(*b->worker));
	assert_non_null(b->worker);
	b->shared.workers = b->worker;
	b->shared.n_workers = 1;
	b->shared.sessions.main = ev_loop_new(EVBACKEND_EPOLL);
	assert_non_null(b->shared.sessions.main);
	STAILQ_INIT(&b->shared.sessions.threads);
	conn_limit_init(&b->shared.sessions.limit, 0);
	assert_int_equal(pool_init(&b->pool, &service, 0, 0), 0);
	pipes_init(&b->worker->pipes, 0);
	t = &b->worker->sessions;
	t->tools.pipes = &b->worker->pipes;
	t->conn_report = &b->worker->conn_report;
	assert_int_equal(session_thread_init(t, &b->shared.sessions, 1, 1), 0);
	for (unsigned i = 0; i < SESSIONS; i++) {
		assert_non_null(session_new(
		    t, &b->pool, socket(AF_INET, SOCK_STREAM, 0), &client));
		assert_true(session_thread_enter_limits(t, &b->pool));
	}
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	assert_int_equal(
	    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
	b->socket = ends[0];
	b->reader = ends[1];
	b->writer = conn_writer_new(&b->shared, &b->kernel, limits);
	assert_non_null(b->writer);
	assert_int_equal(conn_writer_begin(b->writer,
	                     &(const struct session_tour_order){ .server = -1 },
	                     false, &b->socket),
	    0);
	assert_int_equal(b->socket, -1);
}

static void
tear_down(struct bed *b)
{
	struct session_thread *t = &b->worker->sessions;

	conn_writer_stop(b->writer);
	session_crowd_end(t);
	session_thread_fini(t);
	conn_writer_free(b->writer);
	ev_loop_destroy(b->shared.sessions.main);
	pool_fini(&b->pool);
	free(b->worker);
	fd_close(&b->reader);
}

static enum session_tour_next
turn(struct bed *b)
{
	session_thread_begin_to_look(&b->worker->sessions);
	session_tour_begin_sent(&b->worker->sessions);
	return session_tour_turn(&b->worker->sessions);
}

/* Until the worker has nothing to do with it any more. */
static void
go_until_it_is_given_up(struct bed *b)
{
	const struct mono end = mono_add_ms(mono_now(), PATIENCE_MS);

	while (turn(b) != SESSION_TOUR_NONE) {
		assert_true(mono_before(mono_now(), end));
		(void)usleep(500);
	}
}

/* What is there to be read is no whole list. */
static void
assert_broken_off(struct bed *b)
{
	static char text[SESSIONS * 1024];
	const struct mono end = mono_add_ms(mono_now(), PATIENCE_MS);
	size_t len = 0;
	ssize_t n = -1;

	while (n != 0 && mono_before(mono_now(), end)) {
		n = recv(b->reader, text + len, sizeof(text) - 1 - len, 0);
		if (n > 0)
			len += (size_t)n;
		else
			(void)usleep(500);
	}
	text[len] = '\0';
	assert_int_equal(n, 0);
	assert_non_null(strstr(text, "{\"id\":"));
	assert_null(strstr(text, "\"end\""));
}

static void
who_takes_nothing_is_given_up(void **state)
{
	static const struct conn_writer_limits limits = {
		.lists = 1, .idle_ms = 100, .whole_ms = 3600000
	};
	const struct mono begun = mono_now();
	struct bed b;

	(void)state;
	set_up(&b, &limits);
	go_until_it_is_given_up(&b);
	assert_true(mono_span_ms(begun, mono_now()) >= 100);
	assert_broken_off(&b);
	tear_down(&b);
}

/* A few bytes now and then do not hold it for ever. */
static void
who_takes_it_too_slowly_is_given_up(void **state)
{
	static const struct conn_writer_limits limits = {
		.lists = 1, .idle_ms = 3600000, .whole_ms = 200
	};
	const struct mono begun = mono_now();
	char some[2048];
	struct bed b;

	(void)state;
	set_up(&b, &limits);
	while (turn(&b) != SESSION_TOUR_NONE) {
		assert_true(mono_span_ms(begun, mono_now()) < PATIENCE_MS);
		(void)recv(b.reader, some, sizeof(some), 0);
		(void)usleep(20000);
	}
	assert_true(mono_span_ms(begun, mono_now()) >= 200);
	assert_broken_off(&b);
	tear_down(&b);
}

/* Of the thread of that name here; 0 where there is none. */
static int
niceness_of(const char *name)
{
	DIR *tasks = opendir("/proc/self/task");
	char path[64], found[32];
	struct dirent *d;
	int nice = 0;

	assert_non_null(tasks);
	while ((d = readdir(tasks)) != NULL) {
		FILE *f;

		(void)snprintf(path, sizeof(path), "/proc/self/task/%.20s/comm",
		    d->d_name);
		f = fopen(path, "re");
		if (f == NULL)
			continue;
		if (fscanf(f, "%31s", found) == 1 && strcmp(found, name) == 0)
			nice = getpriority(
			    PRIO_PROCESS, (id_t)strtoul(d->d_name, NULL, 10));
		(void)fclose(f);
	}
	(void)closedir(tasks);
	return nice;
}

/* A worker that wants the same processor has it. */
static void
who_writes_is_nicer_than_who_serves(void **state)
{
	static const struct conn_writer_limits limits = {
		.lists = 1, .idle_ms = 3600000, .whole_ms = 3600000
	};
	const struct mono begun = mono_now();
	struct bed b;

	(void)state;
	set_up(&b, &limits);
	while (niceness_of("relay-conns") == 0) {
		assert_true(mono_span_ms(begun, mono_now()) < PATIENCE_MS);
		(void)usleep(1000);
	}
	assert_true(getpriority(PRIO_PROCESS, 0) < niceness_of("relay-conns"));
	tear_down(&b);
}

/* The worker is told at its next turn. */
static void
whose_reader_has_left_ends(void **state)
{
	static const struct conn_writer_limits limits = {
		.lists = 1, .idle_ms = 3600000, .whole_ms = 3600000
	};
	struct bed b;

	(void)state;
	set_up(&b, &limits);
	fd_close(&b.reader);
	go_until_it_is_given_up(&b);
	tear_down(&b);
}

static void
on_patience(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)loop;
	(void)revents;
	*(bool *)t->data = true;
}

/* Who has begun it, and frees it, is told: it waits for no other list. */
static void
an_ended_list_comes_back(void **state)
{
	static const struct conn_writer_limits limits = {
		.lists = 1, .idle_ms = 3600000, .whole_ms = 3600000
	};
	bool waited = false;
	ev_timer patience;
	struct bed b;

	(void)state;
	set_up(&b, &limits);
	fd_close(&b.reader);
	go_until_it_is_given_up(&b);
	ev_timer_init(&patience, on_patience, PATIENCE_MS / 1e3, 0.);
	patience.data = &waited;
	ev_timer_start(b.shared.sessions.main, &patience);
	(void)ev_run(b.shared.sessions.main, EVRUN_ONCE);
	assert_false(waited);
	ev_timer_stop(b.shared.sessions.main, &patience);
	tear_down(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_takes_nothing_is_given_up),
		cmocka_unit_test(who_takes_it_too_slowly_is_given_up),
		cmocka_unit_test(whose_reader_has_left_ends),
		cmocka_unit_test(an_ended_list_comes_back),
		cmocka_unit_test(who_writes_is_nicer_than_who_serves),
	};

	TEST_MAIN(tests);
}
