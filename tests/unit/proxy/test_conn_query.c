/*
 * What an operator asks about connections, with the test as the workers, as the
 * supervisor, and as who asks.
 */
#include "proxy/control/conn_query.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "core/mono.h"
#include "core/msg.h"
#include "proxy/control/conn_lines.h"
#include "proxy/data/session.h"
#include "proxy/data/session_tour.h"
#include "proxy/data/worker.h"
#include "proxy/kernel/kernel_query.h"
#include "proxy/pool/pool.h"
#include "tests/lib/session_crowd.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WORKERS 2
#define MOST 64 /* lists at once, and kills */
#define ROOM ((size_t)1024 * 1024)
#define PATIENCE_MS 20000

static struct config_server servers[] = { { .name = "s1" }, { .name = "s2" } };
static struct config_service service = {
	.name = "web", .servers = servers, .n_servers = 2
};
static struct config config = { .services = &service, .n_services = 1 };

struct bed {
	struct worker_shared shared;
	struct pool pool;
	struct kernel_query kernel; /* there is no director */
	struct conn_query *query;
	int channel, supervisor; /* its two ends */
	char *text;
};

static void
add_session(struct bed *b, struct worker *w)
{
	const union addr client = { 0 };
	struct session_thread *t = &w->sessions;

	assert_non_null(
	    session_new(t, &b->pool, socket(AF_INET, SOCK_STREAM, 0), &client));
	assert_true(session_thread_enter_limits(t, &b->pool));
}

static void
set_up(struct bed *b, unsigned n_sessions)
{
	struct worker_shared *s = &b->shared;
	int ends[2];

	memset(b, 0, sizeof(*b));
	b->text = malloc(ROOM);
	s->workers = calloc(WORKERS, sizeof(*s->workers));
	assert_true(b->text != NULL && s->workers != NULL);
	s->config = &config;
	s->pools = &b->pool;
	s->n_pools = 1;
	s->n_workers = WORKERS;
	s->sessions.main = ev_default_loop(0);
	STAILQ_INIT(&s->sessions.threads);
	conn_limit_init(&s->sessions.limit, 0);
	assert_int_equal(pool_init(&b->pool, &service, 0, 0), 0);
	for (unsigned i = 0; i < WORKERS; i++) {
		struct worker *w = &s->workers[i];

		pipes_init(&w->pipes, 0);
		w->sessions.tools.pipes = &w->pipes;
		w->sessions.conn_report = &w->conn_report;
		assert_int_equal(
		    session_thread_init(&w->sessions, &s->sessions, 2, 1), 0);
	}
	for (unsigned i = 0; i < n_sessions; i++)
		add_session(b, &s->workers[i % WORKERS]);
	assert_int_equal(channel_pair(ends), 0);
	b->supervisor = ends[1];
	b->channel = ends[0];
	b->query = conn_query_new(s, b->channel, &b->kernel);
	assert_non_null(b->query);
}

static void
tear_down(struct bed *b)
{
	conn_query_stop(b->query);
	for (unsigned i = 0; i < WORKERS; i++) {
		struct session_thread *t = &b->shared.workers[i].sessions;

		session_crowd_end(t);
		session_thread_fini(t);
	}
	conn_query_free(b->query);
	pool_fini(&b->pool);
	free(b->shared.workers);
	free(b->text);
	fd_close(&b->channel);
	fd_close(&b->supervisor);
}

/* Returns the end of who asks, whose answer may wait in so few bytes. */
static int
ask_with_room(struct bed *b, const char *request, int room)
{
	int ends[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	if (room > 0)
		assert_int_equal(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF,
		                     &room, sizeof(room)),
		    0);
	assert_true(conn_query_obey(b->query, request, &ends[0]));
	assert_int_equal(ends[0], -1);
	return ends[1];
}

static int
ask(struct bed *b, const char *request)
{
	return ask_with_room(b, request, 0);
}

/* A turn of the workers and of the main thread. */
static void
turn(struct bed *b)
{
	for (unsigned i = 0; i < WORKERS; i++) {
		struct session_thread *t = &b->shared.workers[i].sessions;

		session_thread_begin_to_look(t);
		session_tour_begin_sent(t);
		(void)!session_tour_turn(t);
		session_crowd_bury(t);
	}
	ev_run(ev_default_loop(0), EVRUN_NOWAIT);
}

/* All of it, up to its end, with its newlines. Closes. */
static const char *
answer(struct bed *b, int fd)
{
	const struct mono end = mono_add_ms(mono_now(), PATIENCE_MS);
	size_t len = 0;
	ssize_t n = -1;

	while (n != 0) {
		assert_true(mono_before(mono_now(), end));
		turn(b);
		n = recv(fd, b->text + len, ROOM - 1 - len, 0);
		if (n > 0)
			len += (size_t)n;
		else if (n == -1)
			assert_int_equal(errno, EAGAIN);
		if (n == -1)
			(void)usleep(100);
	}
	b->text[len] = '\0';
	fd_close(&fd);
	return b->text;
}

static unsigned
count_lines(const char *text)
{
	unsigned n = 1;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

/* Until they stand still: their readers take nothing. */
static void
let_them_fill(struct bed *b)
{
	for (unsigned i = 0; i < 100; i++) {
		turn(b);
		(void)usleep(1000);
	}
}

static uint64_t
some_id(struct bed *b)
{
	return LIST_FIRST(&b->shared.workers[1].sessions.sessions)->info.id;
}

static const char *
kill_text(uint64_t id, char buf[static 64])
{
	char hex[CONN_LINES_ID_MAX];

	(void)snprintf(buf, 64, "kill %s", conn_lines_id_text(id, hex));
	return buf;
}

/* What the supervisor is told, and that it is all. */
static void
hears_killed(struct bed *b, uint64_t id, uint16_t server)
{
	static struct channel_packet p;
	struct msg_killed m;
	struct buf r;

	assert_int_equal(channel_recv(b->supervisor, &p), 1);
	assert_int_equal(p.type, MSG_KILLED);
	r = buf_reader(p.body, p.len);
	assert_int_equal(msg_get_killed(&r, &m), 0);
	assert_true(m.id == id);
	assert_int_equal(m.service, 0);
	assert_int_equal(m.server, server);
	assert_int_equal(channel_recv(b->supervisor, &p), -EAGAIN);
}

static void
hears_nothing(struct bed *b)
{
	static struct channel_packet p;

	assert_int_equal(channel_recv(b->supervisor, &p), -EAGAIN);
}

static void
a_list_has_all_of_all_workers_and_their_number(void **state)
{
	struct bed b;
	const char *text;

	(void)state;
	set_up(&b, 301);
	text = answer(&b, ask(&b, "connections"));
	assert_int_equal(count_lines(text), 302);
	assert_text(strrchr(text, '\n'), "\n{\"end\":301}");
	assert_text(answer(&b, ask(&b, "connections web/s1")), "{\"end\":0}");
	assert_int_equal(
	    count_lines(answer(&b, ask(&b, "lingering connections web"))), 302);
	assert_non_null(strstr(b.text, "\"lingering\":true"));
	hears_nothing(&b);
	tear_down(&b);
}

/* Neither a list nor a kill waits for another one's reader. */
static void
who_does_not_read_keeps_nobody_else(void **state)
{
	struct mono asked;
	char line[64];
	struct bed b;
	uint64_t id;
	int deaf;

	(void)state;
	set_up(&b, 400);
	deaf = ask_with_room(&b, "connections", 4096);
	let_them_fill(&b);
	id = some_id(&b);
	asked = mono_now();
	assert_non_null(
	    strstr(answer(&b, ask(&b, kill_text(id, line))), "is closed"));
	assert_int_equal(count_lines(answer(&b, ask(&b, "connections"))), 400);
	/* Its patience is 5 s: it was not what they waited for. */
	assert_true(mono_span_ms(asked, mono_now()) < 4000);
	/* If it reads after all it gets the rest. */
	assert_non_null(strstr(answer(&b, deaf), "\n{\"end\":"));
	tear_down(&b);
}

static void
too_many_lists_are_refused_and_kills_are_not(void **state)
{
	const struct mono begun = mono_now();
	char line[64];
	int deaf[MOST];
	struct bed b;

	(void)state;
	set_up(&b, 400);
	for (unsigned i = 0; i < MOST; i++)
		deaf[i] = ask_with_room(&b, "connections", 4096);
	assert_text(answer(&b, ask(&b, "connections")),
	    "{\"error\":\"too many requests at once\"}");
	assert_non_null(strstr(
	    answer(&b, ask(&b, kill_text(some_id(&b), line))), "is closed"));
	/* Who leaves makes room, within a moment. */
	fd_close(&deaf[0]);
	while (strstr(answer(&b, ask(&b, "connections")), "too many") != NULL)
		assert_true(mono_span_ms(begun, mono_now()) < PATIENCE_MS);
	assert_non_null(strstr(b.text, "{\"end\":399}"));
	for (unsigned i = 1; i < MOST; i++)
		fd_close(&deaf[i]);
	tear_down(&b);
}

static void
too_many_kills_are_refused(void **state)
{
	int asked[MOST];
	struct bed b;

	(void)state;
	set_up(&b, 10);
	for (unsigned i = 0; i < MOST; i++)
		asked[i] = ask(&b, "kill web/s2");
	assert_text(answer(&b, ask(&b, "kill web/s2")),
	    "{\"error\":\"too many requests at once\"}");
	for (unsigned i = 0; i < MOST; i++)
		assert_non_null(strstr(answer(&b, asked[i]), "\"closed\":0"));
	tear_down(&b);
}

/* Told to the supervisor is what was an order, not what found nobody. */
static void
a_kill_tells_what_became_of_it(void **state)
{
	char line[64], text[128];
	struct bed b;
	uint64_t id;

	(void)state;
	set_up(&b, 20);
	id = some_id(&b);
	(void)snprintf(text, sizeof(text),
	    "{\"text\":\"connection %s is closed\",\"closed\":1}",
	    kill_text(id, line) + strlen("kill "));
	assert_text(answer(&b, ask(&b, line)), text);
	hears_killed(&b, id, 0);
	(void)snprintf(text, sizeof(text), "there is no connection %s; ",
	    line + strlen("kill "));
	assert_non_null(strstr(answer(&b, ask(&b, line)), text));
	assert_non_null(strstr(b.text, "\"unknown\":true,\"closed\":0}"));
	hears_nothing(&b);
	LIST_FIRST(&b.shared.workers[0].sessions.sessions)->info.server = 1;
	assert_non_null(strstr(answer(&b, ask(&b, "kill web/s2")),
	    "server s2 of service web: 1 connection closed"));
	hears_killed(&b, 0, 1);
	assert_non_null(
	    strstr(answer(&b, ask(&b, "connections")), "{\"end\":18}"));
	tear_down(&b);
}

static void
what_makes_no_sense_is_told(void **state)
{
	static const struct {
		const char *request, *says;
	} rows[] = {
		{ "connections wep", "did you mean 'web'?" },
		{ "connections web/s9", "s9" },
		{ "kill web/s9", "s9" },
		{ "kill xyz", "'xyz' is no connection's ID" },
		{ "kill 0", "'0' is no connection's ID" },
		{ "kill", "'' is no connection's ID" },
		{ "lingering kill xyz", "'xyz' is no connection's ID" },
	};
	int socket = -1;
	struct bed b;

	(void)state;
	set_up(&b, 2);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_row(rows[i].request);
		assert_non_null(
		    strstr(answer(&b, ask(&b, rows[i].request)), rows[i].says));
		assert_non_null(strstr(b.text, "\"error\""));
		assert_non_null(strstr(b.text, "\"unknown\":true"));
	}
	hears_nothing(&b);
	assert_false(conn_query_obey(b.query, "status", &socket));
	assert_false(conn_query_obey(b.query, "killer", &socket));
	tear_down(&b);
}

/* In the midst of a list and a kill, with workers that do nothing more. */
static void
its_end_waits_for_nobody(void **state)
{
	struct bed b;
	int asked[2];

	(void)state;
	set_up(&b, 100);
	asked[0] = ask(&b, "connections");
	asked[1] = ask(&b, "kill web/s2");
	turn(&b);
	tear_down(&b);
	fd_close(&asked[0]);
	fd_close(&asked[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_list_has_all_of_all_workers_and_their_number),
		cmocka_unit_test(who_does_not_read_keeps_nobody_else),
		cmocka_unit_test(too_many_lists_are_refused_and_kills_are_not),
		cmocka_unit_test(too_many_kills_are_refused),
		cmocka_unit_test(a_kill_tells_what_became_of_it),
		cmocka_unit_test(what_makes_no_sense_is_told),
		cmocka_unit_test(its_end_waits_for_nobody),
	};

	TEST_MAIN(tests);
}
