#include "proxy/data/conn_feed.h"

#include "config/config.h"
#include "core/channel.h"
#include "core/fd.h"
#include "core/msg.h"
#include "tests/lib/test.h"

#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A feed, its loop, and failover's end of the channel. */
struct bed {
	struct config config;
	struct ev_loop *loop;
	struct conn_feed *conn_feed;
	int ours, theirs;
	unsigned woken;
};

static void
on_wake(void *arg)
{
	((struct bed *)arg)->woken++;
}

static void
bed_init(struct bed *b, unsigned n_workers, uint32_t max_connections)
{
	struct conn_feed_setup setup = { .config = &b->config,
		.n_workers = n_workers,
		.max_connections = max_connections,
		.wake = on_wake,
		.arg = b };
	int ends[2];

	*b = (struct bed){ .loop = ev_loop_new(EVFLAG_AUTO) };
	setup.loop = b->loop;
	b->conn_feed = conn_feed_new(&setup);
	assert_non_null(b->conn_feed);
	assert_int_equal(channel_pair(ends), 0);
	b->ours = ends[0];
	b->theirs = ends[1];
}

static void
bed_fini(struct bed *b)
{
	conn_feed_free(b->conn_feed);
	ev_loop_destroy(b->loop);
	fd_close(&b->ours);
	fd_close(&b->theirs);
}

static void
push(struct bed *b, const char *text, bool last)
{
	struct conn_feed_chunk *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	c->epoch = conn_feed_epoch(b->conn_feed);
	c->last = last;
	c->len = strlen(text);
	memcpy(c->bytes, text, c->len);
	conn_feed_push(b->conn_feed, c);
}

static void
turn(struct bed *b)
{
	(void)ev_run(b->loop, EVRUN_NOWAIT);
}

/* Long enough for the feed's timer. */
static void
turns(struct bed *b)
{
	for (unsigned i = 0; i < 20; i++, usleep(1000))
		turn(b);
}

/* What failover hears: "begin one two end". */
static const char *
heard(struct bed *b)
{
	static char text[256];
	static struct channel_packet p;
	size_t n = 0;

	text[0] = '\0';
	while (channel_recv(b->theirs, &p) == 1) {
		const char *space = n > 0 ? " " : "";
		const char *word = p.type == MSG_CONNECTIONS_BEGIN ? "begin"
		    : p.type == MSG_CONNECTIONS_END                ? "end"
		                                                   : NULL;

		if (word != NULL)
			n += (size_t)snprintf(
			    text + n, sizeof(text) - n, "%s%s", space, word);
		else
			n += (size_t)snprintf(text + n, sizeof(text) - n,
			    "%s%.*s", space, (int)p.len, (const char *)p.body);
	}
	return text;
}

static void
all_is_told_and_then_what_changes(void **state)
{
	struct bed b;

	(void)state;
	bed_init(&b, 2, 100);
	conn_feed_begin(b.conn_feed, b.ours);
	assert_int_equal(b.woken, 1);
	push(&b, "one", false);
	push(&b, "two", true);
	turn(&b);
	assert_text(heard(&b), "begin one two");
	push(&b, "", true); /* the other worker has none */
	turn(&b);
	assert_text(heard(&b), "end");
	push(&b, "three", false);
	turn(&b);
	assert_text(heard(&b), "three");
	bed_fini(&b);
}

static void
without_failover_nothing_is_kept(void **state)
{
	struct bed b;

	(void)state;
	bed_init(&b, 1, 100);
	push(&b, "one", false);
	turn(&b);
	conn_feed_begin(b.conn_feed, b.ours);
	turn(&b);
	assert_text(heard(&b), "begin");
	push(&b, "two", false);
	conn_feed_stop(b.conn_feed);
	turn(&b);
	assert_text(heard(&b), "");
	bed_fini(&b);
}

static void
a_new_failover_hears_nothing_of_before(void **state)
{
	struct conn_feed_chunk *late = calloc(1, sizeof(*late));
	struct bed b;

	(void)state;
	bed_init(&b, 1, 100);
	conn_feed_begin(b.conn_feed, b.ours);
	turn(&b);
	push(&b, "one", false);
	late->epoch = conn_feed_epoch(b.conn_feed);
	late->len = 1;
	conn_feed_begin(b.conn_feed, b.ours);
	conn_feed_push(b.conn_feed, late);
	push(&b, "two", true);
	turn(&b);
	assert_text(heard(&b), "begin begin two end");
	bed_fini(&b);
}

/* Fills the channel with what failover does not read. */
static unsigned
stuff(struct bed *b)
{
	unsigned n = 0;

	while (channel_send(b->ours, MSG_ASK, "", 0, -1) == 0)
		n++;
	return n;
}

static void
unstuff(struct bed *b, unsigned n)
{
	static struct channel_packet p;

	while (n-- > 0)
		assert_int_equal(channel_recv(b->theirs, &p), 1);
}

static void
a_full_channel_is_tried_again(void **state)
{
	unsigned stuffed;
	struct bed b;

	(void)state;
	bed_init(&b, 1, 100);
	conn_feed_begin(b.conn_feed, b.ours);
	assert_text(heard(&b), "begin");
	stuffed = stuff(&b);
	push(&b, "one", false);
	push(&b, "two", true);
	turn(&b);
	unstuff(&b, stuffed);
	turns(&b);
	assert_text(heard(&b), "one two end");
	bed_fini(&b);
}

static void
too_much_is_thrown_away_and_told_anew(void **state)
{
	unsigned stuffed;
	struct bed b;

	(void)state;
	bed_init(&b, 1, 1);
	conn_feed_begin(b.conn_feed, b.ours);
	assert_text(heard(&b), "begin");
	stuffed = stuff(&b);
	for (unsigned i = 0; i < 70; i++)
		push(&b, "one", false);
	turn(&b);
	assert_int_equal(b.woken, 2);
	unstuff(&b, stuffed);
	push(&b, "all", true);
	turns(&b);
	assert_text(heard(&b), "begin all end");
	bed_fini(&b);
}

static void
want_of_memory_begins_anew(void **state)
{
	struct bed b;

	(void)state;
	bed_init(&b, 1, 100);
	conn_feed_begin(b.conn_feed, b.ours);
	conn_feed_push(b.conn_feed, NULL);
	turn(&b);
	assert_int_equal(b.woken, 2);
	push(&b, "all", true);
	turn(&b);
	assert_text(heard(&b), "begin begin all end");
	bed_fini(&b);
}

static void
the_end_of_failover_ends_it(void **state)
{
	struct bed b;

	(void)state;
	bed_init(&b, 1, 100);
	conn_feed_begin(b.conn_feed, b.ours);
	fd_close(&b.theirs);
	push(&b, "one", false);
	push(&b, "two", true);
	turn(&b);
	turn(&b);
	bed_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_told_and_then_what_changes),
		cmocka_unit_test(without_failover_nothing_is_kept),
		cmocka_unit_test(a_new_failover_hears_nothing_of_before),
		cmocka_unit_test(a_full_channel_is_tried_again),
		cmocka_unit_test(too_much_is_thrown_away_and_told_anew),
		cmocka_unit_test(want_of_memory_begins_anew),
		cmocka_unit_test(the_end_of_failover_ends_it),
	};

	TEST_MAIN(tests);
}
