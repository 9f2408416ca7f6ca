#include "hapair/supervisor/event_log.h"

#include "core/buf.h"
#include "core/fd.h"
#include "hapair/supervisor/state_file.h"
#include "tests/lib/scratch.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct ev_loop *loop;
static struct event_log node; /* as after a start */

static void
begin(void)
{
	assert_int_equal(event_log_init(&node, loop, scratch_folder()), 0);
	node.names[0] = "p1";
	node.names[1] = "p2";
}

/* What "events" is answered with. */
static char answer[65536];

static void
ask_for(const char *request)
{
	CLEANUP(fd_close) int own = -1;
	ssize_t n;
	size_t len = 0;
	int ends[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	own = ends[1];
	event_log_obey(&node, request, &ends[0]);
	for (int i = 0; i < 100 && ends[0] != -1; i++)
		(void)ev_run(loop, EVRUN_NOWAIT);
	while ((n = recv(own, answer + len, sizeof(answer) - 1 - len, 0)) > 0)
		len += (size_t)n;
	answer[len] = '\0';
}

static void
ask(void)
{
	ask_for("events");
}

static void
they_outlive_the_process(void **state)
{
	const char *one, *two;

	(void)state;
	begin();
	event_log_add(&node, EVENT_GROUP, "group main", "init -> backup", "x");
	event_log_add(&node, EVENT_OPERATOR, "an operator", "resume", NULL);
	event_log_fini(&node);
	begin();
	event_log_add(&node, EVENT_PROCESS, "daemon", "started", NULL);
	ask();
	one = strstr(answer, "\"what\":\"init -> backup\",\"reason\":\"x\"}\n");
	assert_non_null(one);
	two = strstr(one, "\"node\":\"p1\",\"kind\":\"operator\"");
	assert_non_null(two);
	assert_non_null(strstr(two, "started"));
	assert_non_null(strstr(two, "\n{\"end\": true}\n"));
	event_log_fini(&node);
}

static void
a_damaged_file_costs_nothing_else(void **state)
{
	char path[SCRATCH_PATH_MAX];
	static const char *const texts[] = {
		"", "{", "[]", "{\"version\":1,\"events\":[{}]}",
		"{\"version\":2,\"events\":[]}",
		"{\"version\":1,\"events\":[{\"id\":-1,\"own\":true,\"at\":1}]}",
		/* No later one could be told of. */
		"{\"version\":1,\"events\":[{\"id\":9223372036854775807,\"own\":true,\"at\":1}]}"
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		test_row(texts[i]);
		(void)scratch_write(EVENT_FILE_NAME, texts[i], 0600, path);
		begin();
		assert_int_equal(node.lists[0].n + node.lists[1].n, 0);
		event_log_add(&node, EVENT_PROCESS, "d", "started", NULL);
		event_log_fini(&node);
		begin();
		assert_int_equal(node.lists[0].n, 1);
		event_log_fini(&node);
	}
	assert_int_equal(unlink(path), 0);
}

static void
the_oldest_go_of_what_there_is_most(void **state)
{
	(void)state;
	begin();
	for (unsigned i = 0; i < 100; i++)
		event_log_add(&node, EVENT_GROUP, "group main", "x", NULL);
	for (unsigned i = 0; i < 1000; i++)
		event_log_add(&node, EVENT_SERVER, "server a/b", "x", NULL);
	for (unsigned i = 0; i < 1000; i++)
		event_log_add(&node, EVENT_OPERATOR, "kill", "x", NULL);
	assert_int_equal(node.lists[0].n, EVENT_FILE_MAX);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(node.lists[0].all[i].kind, EVENT_GROUP);
	for (unsigned i = 1; i < EVENT_FILE_MAX; i++)
		assert_true(
		    node.lists[0].all[i].id > node.lists[0].all[i - 1].id);
	event_log_fini(&node);
}

/* To the peer, which is told all of it once more over the next wire. */
static void
the_peer_has_each_once(void **state)
{
	static struct event_log peer;
	uint8_t room[4096];

	(void)state;
	begin();
	assert_int_equal(event_log_init(&peer, loop, NULL), 0);
	peer.names[0] = "p2";
	peer.names[1] = "p1";
	for (unsigned wire = 0; wire < 2; wire++) {
		event_log_forget_peer(&node);
		while (event_log_has_news(&node)) {
			struct buf b = buf_writer(room, sizeof(room)), in;

			event_log_put(&node, &b);
			in = buf_reader(room, b.pos);
			assert_int_equal(event_log_take(&peer, &in), 0);
		}
		assert_int_equal(peer.lists[1].n, node.lists[0].n);
	}
	for (size_t i = 0; i < peer.lists[1].n; i++)
		assert_int_equal(
		    peer.lists[1].all[i].id, node.lists[0].all[i].id);
	event_log_fini(&peer);
	event_log_fini(&node);
}

static void
who_follows_is_told_of_each(void **state)
{
	char text[4096] = "";
	ssize_t n;
	int ends[2];

	(void)state;
	(void)unlink(
	    scratch_path(EVENT_FILE_NAME, (char[SCRATCH_PATH_MAX]){ 0 }));
	begin();
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	event_log_add(&node, EVENT_GROUP, "group main", "first", NULL);
	event_log_obey(&node, "events follow", &ends[0]);
	event_log_add(&node, EVENT_GROUP, "group main", "second", NULL);
	n = recv(ends[1], text, sizeof(text) - 1, 0);
	assert_true(n > 0 && text[n - 1] == '\n');
	assert_non_null(strstr(strstr(text, "first"), "second"));
	assert_null(strstr(text, "\"end\""));
	/* It goes: found out when it is told the next. */
	(void)close(ends[1]);
	event_log_add(&node, EVENT_GROUP, "group main", "third", NULL);
	assert_false(event_feed_has_readers(&node.feed));
	event_log_fini(&node);
}

/* However many others follow, and go or stay. */
static void
a_relay_need_not_go_for_others(void **state)
{
	enum {
		FOLLOWERS = 20
	};
	int relay[2], ends[FOLLOWERS][2];
	char text[65536] = "";
	unsigned n = 0;

	(void)state;
	(void)unlink(
	    scratch_path(EVENT_FILE_NAME, (char[SCRATCH_PATH_MAX]){ 0 }));
	begin();
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, relay), 0);
	event_log_feed(&node, &relay[0]);
	assert_int_equal(relay[0], -1);
	for (size_t i = 0; i < FOLLOWERS; i++) {
		assert_int_equal(socketpair(AF_UNIX,
		                     SOCK_STREAM | SOCK_NONBLOCK, 0, ends[i]),
		    0);
		event_log_obey(&node, "events follow", &ends[i][0]);
	}
	event_log_add(&node, EVENT_GROUP, "group main", "told", NULL);
	assert_true(recv(relay[1], text, sizeof(text) - 1, 0) > 0);
	assert_non_null(strstr(text, "told"));
	/* The others are told why they had to go. */
	for (size_t i = 0; i < FOLLOWERS; i++) {
		const ssize_t len = recv(ends[i][1], text, sizeof(text) - 1, 0);

		assert_true(len > 0);
		text[len] = '\0';
		n += strstr(text, "told") != NULL;
		assert_true(strstr(text, "told") != NULL ||
		    strstr(text, "{\"error\": \"others follow") == text);
	}
	assert_int_equal(n, 16);
	for (size_t i = 0; i < FOLLOWERS; i++)
		(void)close(ends[i][1]);
	(void)close(relay[1]);
	event_log_add(&node, EVENT_GROUP, "group main", "to nobody", NULL);
	assert_false(event_feed_has_readers(&node.feed));
	assert_int_equal(node.feed.n_kept, 0);
	event_log_fini(&node);
}

/* He reads when much has come: all of it, in order; and then what comes next.
 */
static void
who_reads_late_misses_nothing(void **state)
{
	static char text[1 << 20];
	char subject[32], wanted[64];
	const char *at = text;
	size_t len = 0;
	ssize_t n;
	int ends[2], small = 4096;

	(void)state;
	(void)unlink(
	    scratch_path(EVENT_FILE_NAME, (char[SCRATCH_PATH_MAX]){ 0 }));
	begin();
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	assert_int_equal(
	    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)),
	    0);
	event_log_obey(&node, "events follow", &ends[0]);
	for (unsigned i = 0; i < 2000; i++) {
		(void)snprintf(subject, sizeof(subject), "server web/s%u.", i);
		event_log_add(&node, EVENT_SERVER, subject, "up -> down", "x");
		/* Some now and then, so that what waits has a gap before it. */
		if (i % 7 == 0 && (n = recv(ends[1], text + len, 300, 0)) > 0)
			len += (size_t)n;
	}
	for (unsigned i = 0; i < 10000 && len < sizeof(text) - 1; i++) {
		n = recv(ends[1], text + len, sizeof(text) - 1 - len, 0);
		len += n > 0 ? (size_t)n : 0;
		(void)ev_run(loop, EVRUN_NOWAIT);
	}
	text[len] = '\0';
	for (unsigned i = 0; i < 2000; i++) {
		(void)snprintf(
		    wanted, sizeof(wanted), "\"server web/s%u.\"", i);
		at = strstr(at, wanted);
		if (at == NULL)
			fail_msg("%s is missing", wanted);
	}
	assert_true(event_feed_has_readers(&node.feed));
	(void)close(ends[1]);
	event_log_fini(&node);
}

static struct event
peers_event(uint64_t id, int64_t wall_ms)
{
	struct event e =
	    event_of(EVENT_GROUP, "group main", "master -> backup", "y");

	e.id = id;
	e.wall_ms = wall_ms;
	return e;
}

/*
 * For `status`: newest first, of both nodes, few; and a host with twenty
 * servers that died a second after a takeover does not hide it.
 */
static void
the_last_are_few_and_of_several_kinds(void **state)
{
	static const char *const order[] = { "server 19", "server 18",
		"server 17", "init -> backup", "master -> backup",
		"\"started\"", NULL };
	const char *at = answer;
	const struct event early = peers_event(7, 1000);
	uint8_t room[EVENT_BYTES_MAX];
	struct buf b = buf_writer(room, sizeof(room)), in;
	char subject[32];

	(void)state;
	(void)unlink(
	    scratch_path(EVENT_FILE_NAME, (char[SCRATCH_PATH_MAX]){ 0 }));
	begin();
	ask_for("events last");
	assert_string_equal(answer, "{\"events\":[]}");
	event_log_add(&node, EVENT_PROCESS, "daemon", "started", NULL);
	node.lists[0].all[0].wall_ms = 500;
	event_log_add(&node, EVENT_GROUP, "group main", "init -> backup", "x");
	event_put(&b, &early);
	in = buf_reader(room, b.pos);
	assert_int_equal(event_log_take(&node, &in), 0);
	for (unsigned i = 0; i < 20; i++) {
		(void)snprintf(subject, sizeof(subject), "server %u", i);
		event_log_add(&node, EVENT_SERVER, subject, "up -> down", "z");
	}
	ask_for("events last");
	for (size_t i = 0; order[i] != NULL; i++) {
		test_row(order[i]);
		at = strstr(at, order[i]);
		assert_non_null(at);
	}
	assert_null(strstr(answer, "server 16"));
	assert_non_null(strstr(answer, "\"node\":\"p2\""));
	/* More would be told by `events`. */
	ask_for("events first");
	assert_non_null(strstr(answer, "expected: events, events last"));
	event_log_fini(&node);
}

static int
set_up(void **state)
{
	loop = ev_default_loop(0);
	return scratch_make(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_outlive_the_process),
		cmocka_unit_test(a_damaged_file_costs_nothing_else),
		cmocka_unit_test(the_oldest_go_of_what_there_is_most),
		cmocka_unit_test(the_peer_has_each_once),
		cmocka_unit_test(who_follows_is_told_of_each),
		cmocka_unit_test(a_relay_need_not_go_for_others),
		cmocka_unit_test(who_reads_late_misses_nothing),
		cmocka_unit_test(the_last_are_few_and_of_several_kinds),
	};

	TEST_MAIN_WITH(tests, set_up, scratch_remove);
}
