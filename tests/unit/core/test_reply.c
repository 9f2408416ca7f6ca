#include "core/reply.h"

#include "core/fd.h"
#include "tests/lib/test.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	MUCH = 4 * 1024 * 1024, /* more than a socket takes at once */
};

struct line {
	struct ev_loop *loop;
	int ours, theirs;
};

static struct line
open_line(void)
{
	struct line l = { .loop = ev_loop_new(EVFLAG_AUTO) };
	int ends[2];

	assert_non_null(l.loop);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	l.ours = ends[0];
	l.theirs = ends[1];
	return l;
}

static void
close_line(struct line *l)
{
	fd_close(&l->ours);
	fd_close(&l->theirs);
	ev_loop_destroy(l->loop);
}

/* All that arrives while the loop has something to do. */
static size_t
collect(const struct line *l, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t n;

	do {
		(void)ev_run(l->loop, EVRUN_NOWAIT);
		while ((n = read(l->theirs, buf + len, size - len)) > 0)
			len += (size_t)n;
	} while (n == -1);
	return len;
}

/* Without the loop: see reply_send on sockets that another has open, too. */
static void
a_short_answer_is_there_at_once(void **state)
{
	struct line l = open_line();
	char text[32] = "";

	(void)state;
	reply_send(l.loop, &l.ours, strdup("yes\n"));
	assert_int_equal(l.ours, -1);
	assert_int_equal(read(l.theirs, text, sizeof(text)), 4);
	assert_string_equal(text, "yes\n");
	assert_int_equal(read(l.theirs, text, sizeof(text)), 0);
	close_line(&l);
}

static void
a_long_answer_arrives_whole(void **state)
{
	struct line l = open_line();
	char *text = malloc(MUCH + 1), *got = malloc(MUCH + 1);

	(void)state;
	assert_non_null(text);
	assert_non_null(got);
	for (size_t i = 0; i < MUCH; i++)
		text[i] = (char)('a' + i % 23);
	text[MUCH] = '\0';
	assert_int_equal(reply_waiting(), 0);
	reply_send(l.loop, &l.ours, strdup(text));
	assert_int_equal(reply_waiting(), 1);
	assert_int_equal(collect(&l, got, MUCH + 1), MUCH);
	assert_int_equal(reply_waiting(), 0);
	assert_memory_equal(got, text, MUCH);
	free(got);
	free(text);
	close_line(&l);
}

static void
a_reader_who_is_gone_ends_it(void **state)
{
	struct line l = open_line();
	char *text = malloc(MUCH + 1);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', MUCH);
	text[MUCH] = '\0';
	reply_send(l.loop, &l.ours, text);
	assert_true(ev_run(l.loop, EVRUN_NOWAIT));
	fd_close(&l.theirs);
	assert_false(ev_run(l.loop, EVRUN_ONCE));
	close_line(&l);
}

static void
without_memory_the_socket_is_closed(void **state)
{
	struct line l = open_line();
	char c;

	(void)state;
	reply_send(l.loop, &l.ours, NULL);
	assert_int_equal(l.ours, -1);
	assert_int_equal(read(l.theirs, &c, 1), 0);
	close_line(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_short_answer_is_there_at_once),
		cmocka_unit_test(a_long_answer_arrives_whole),
		cmocka_unit_test(a_reader_who_is_gone_ends_it),
		cmocka_unit_test(without_memory_the_socket_is_closed),
	};

	TEST_MAIN(tests);
}
