#include "proxy/data/session_tour.h"

#include "config/config.h"
#include "proxy/data/conn_report.h"
#include "proxy/data/pipes.h"
#include "proxy/data/session.h"
#include "proxy/data/session_end.h"
#include "proxy/pool/pool.h"
#include "tests/lib/session_crowd.h"
#include "tests/lib/test.h"

#include <stdlib.h>
#include <sys/socket.h>

#define TOURS 3

/* A thread that never runs, its clients, and who has ordered tours. */
struct crowd {
	struct session_thread_shared shared;
	struct session_thread thread;
	struct config_service service, other;
	struct pool pool;
	struct pipes pipes;
	struct conn_report conn_report;
	struct session_tour tours[TOURS];
	struct session_tour_ring rings[TOURS];
	struct session_tour_order orders[TOURS];
	unsigned listed, ended, meant;
	uint64_t ids[512];
};

/* What the thread has left in the ring. Returns how many parts it was. */
static unsigned
read_ring(struct crowd *c, unsigned tour)
{
	const struct session_tour_part *part;
	unsigned n = 0;

	while ((part = session_tour_peek(&c->rings[tour])) != NULL) {
		assert_in_range(part->n, 1, SESSION_TOUR_ROWS);
		for (unsigned i = 0; i < part->n; i++) {
			assert_true(c->listed < ARRAY_LEN(c->ids));
			assert_ptr_equal(part->rows[i].service, &c->service);
			assert_int_equal(part->rows[i].server, -1);
			c->ids[c->listed++] = part->rows[i].id;
		}
		session_tour_pop(&c->rings[tour]);
		n++;
	}
	return n;
}

static void
on_end(void *arg, unsigned meant)
{
	struct crowd *c = arg;

	c->ended++;
	c->meant = meant;
}

static struct crowd *
crowd_new(unsigned n)
{
	struct crowd *c = calloc(1, sizeof(*c));
	const union addr client = { 0 };

	assert_non_null(c);
	STAILQ_INIT(&c->shared.threads);
	conn_limit_init(&c->shared.limit, 0);
	conn_limit_init(&c->pool.limit, 0);
	c->pool.config = &c->service;
	c->thread.conn_report = &c->conn_report;
	c->thread.tools.pipes = &c->pipes;
	pipes_init(&c->pipes, 0);
	for (unsigned i = 0; i < TOURS; i++)
		c->orders[i] = (struct session_tour_order){
			.server = -1, .on_end = on_end, .arg = c
		};
	assert_int_equal(session_thread_init(&c->thread, &c->shared, 1, 1), 0);
	while (n-- > 0) {
		assert_non_null(session_new(&c->thread, &c->pool,
		    socket(AF_INET, SOCK_STREAM, 0), &client));
		assert_true(session_thread_enter_limits(&c->thread, &c->pool));
	}
	return c;
}

/* The thread is woken, too. */
static void
send_tour(struct crowd *c, unsigned tour, bool kills)
{
	c->tours[tour] = (struct session_tour){ .order = &c->orders[tour],
		.ring = kills ? NULL : &c->rings[tour] };
	session_tour_send(&c->tours[tour], &c->thread);
	assert_true(c->thread.woken);
	session_thread_begin_to_look(&c->thread);
	session_tour_begin_sent(&c->thread);
}

static void
crowd_free(struct crowd *c)
{
	session_crowd_end(&c->thread);
	session_thread_fini(&c->thread);
	free(c);
}

/* Until the first has ended; its reader is quick. Returns how many turns. */
static unsigned
go(struct crowd *c, enum session_tour_next next)
{
	unsigned turns = 1;

	while (session_tour_turn(&c->thread) == next) {
		(void)read_ring(c, 0);
		session_crowd_bury(&c->thread);
		assert_true(++turns < 1000);
	}
	(void)read_ring(c, 0);
	assert_int_equal(c->ended, 1);
	assert_int_equal(session_tour_turn(&c->thread), SESSION_TOUR_NONE);
	assert_int_equal(c->ended, 1);
	return turns;
}

static void
each_is_listed_once_under_an_id_of_its_own(void **state)
{
	struct crowd *c = crowd_new(200);

	(void)state;
	send_tour(c, 0, false);
	assert_int_equal(go(c, SESSION_TOUR_LATER), 13); /* 16 a turn */
	assert_int_equal(c->listed, 200);
	assert_int_equal(c->meant, 200);
	for (unsigned i = 0; i < c->listed; i++)
		for (unsigned k = 0; k < i; k++)
			assert_true(c->ids[i] != c->ids[k]);
	crowd_free(c);
}

static void
where_nobody_is_there_a_tour_ends_at_once(void **state)
{
	struct crowd *c = crowd_new(0);

	(void)state;
	assert_int_equal(session_tour_turn(&c->thread), SESSION_TOUR_NONE);
	send_tour(c, 0, false);
	assert_int_equal(go(c, SESSION_TOUR_LATER), 1);
	c->ended = 0;
	send_tour(c, 0, true);
	assert_int_equal(go(c, SESSION_TOUR_AT_ONCE), 1);
	assert_int_equal(c->listed + c->meant, 0);
	crowd_free(c);
}

/* Of another thread of the relay, at the same moment. */
static void
two_threads_give_no_id_twice(void **state)
{
	struct crowd *c = crowd_new(0);
	struct session_thread other = { 0 };
	const struct mono now = { .ns = 123456789 };

	(void)state;
	assert_int_equal(session_thread_init(&other, &c->shared, 1, 1), 0);
	for (unsigned i = 0; i < 100; i++) {
		c->ids[2 * i] = session_thread_id(&c->thread, now);
		c->ids[2 * i + 1] = session_thread_id(&other, now);
	}
	for (unsigned i = 0; i < 200; i++)
		for (unsigned k = 0; k < i; k++)
			assert_true(c->ids[i] != c->ids[k]);
	session_thread_fini(&other);
	crowd_free(c);
}

/* The one that would be next ends by itself between two turns. */
static void
who_leaves_meanwhile_is_no_trap(void **state)
{
	struct crowd *c = crowd_new(100);

	(void)state;
	send_tour(c, 0, false);
	send_tour(c, 1, false);
	while (session_tour_turn(&c->thread) == SESSION_TOUR_LATER &&
	    c->ended == 0) {
		session_end_reset(c->tours[0].next, END_REASON_NORMAL, 0);
		session_crowd_bury(&c->thread);
		(void)read_ring(c, 0);
		(void)read_ring(c, 1);
	}
	while (session_tour_turn(&c->thread) != SESSION_TOUR_NONE)
		(void)read_ring(c, 1);
	assert_int_equal(c->ended, 2);
	crowd_free(c);
}

/* Two resets are the work of a turn: 50 us. */
static void
those_that_are_meant_are_reset_a_few_a_turn(void **state)
{
	struct crowd *c = crowd_new(200);

	(void)state;
	c->orders[0].service = &c->service;
	send_tour(c, 0, true);
	assert_int_equal(session_tour_turn(&c->thread), SESSION_TOUR_AT_ONCE);
	assert_int_equal(c->thread.n_sessions, 198);
	(void)go(c, SESSION_TOUR_AT_ONCE);
	assert_int_equal(c->thread.n_sessions, 0);
	assert_int_equal(c->meant, 200);
	crowd_free(c);
}

/* A look at each is a few hundred a turn; the search ends with the find. */
static void
one_is_reset_by_its_id_and_no_other(void **state)
{
	struct crowd *c = crowd_new(500);

	(void)state;
	c->orders[0].id = LIST_FIRST(&c->thread.sessions)->info.id;
	send_tour(c, 0, true);
	assert_int_equal(go(c, SESSION_TOUR_AT_ONCE), 1);
	assert_int_equal(c->thread.n_sessions, 499);
	assert_int_equal(c->meant, 1);
	assert_int_equal(c->thread.services[0].endings[END_REASON_OPERATOR], 1);
	/* The other workers need not look for it any longer. */
	assert_true(c->orders[0].cancelled);
	c->ended = 0;
	c->orders[1].id = 1;
	send_tour(c, 1, true);
	assert_int_equal(go(c, SESSION_TOUR_AT_ONCE), 2);
	assert_int_equal(c->meant, 0);
	crowd_free(c);
}

static void
those_of_others_and_those_on_their_way_elsewhere_stay(void **state)
{
	struct crowd *c = crowd_new(3);

	(void)state;
	LIST_FIRST(&c->thread.sessions)->phase = SESSION_GIVEN;
	c->orders[0].service = &c->other;
	send_tour(c, 0, true);
	(void)go(c, SESSION_TOUR_AT_ONCE);
	assert_int_equal(c->meant, 0);
	c->ended = 0;
	send_tour(c, 1, true);
	(void)go(c, SESSION_TOUR_AT_ONCE);
	assert_int_equal(c->meant, 2);
	assert_int_equal(c->thread.n_sessions, 1);
	crowd_free(c);
}

/* Its tour stands still; another list, and a kill, go on. */
static void
who_does_not_read_keeps_nobody_else(void **state)
{
	struct crowd *c = crowd_new(100);

	(void)state;
	send_tour(c, 1, false);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(
		    session_tour_turn(&c->thread), SESSION_TOUR_LATER);
	assert_int_equal(
	    c->tours[1].meant, SESSION_TOUR_PARTS * SESSION_TOUR_ROWS);
	send_tour(c, 0, false);
	while (c->ended == 0) {
		assert_int_equal(
		    session_tour_turn(&c->thread), SESSION_TOUR_LATER);
		(void)read_ring(c, 0);
	}
	assert_int_equal(c->listed, 100);
	c->orders[2].id = LIST_FIRST(&c->thread.sessions)->info.id;
	send_tour(c, 2, true);
	assert_int_equal(session_tour_turn(&c->thread), SESSION_TOUR_LATER);
	assert_int_equal(c->ended, 2);
	assert_int_equal(c->thread.n_sessions, 99);
	/* Where it reads after all it goes on where it was. */
	while (session_tour_turn(&c->thread) != SESSION_TOUR_NONE)
		(void)read_ring(c, 1);
	assert_int_equal(c->ended, 3);
	assert_int_equal(c->meant, 100);
	crowd_free(c);
}

/* However many there are, a turn is one part of one of them. */
static void
lists_have_their_turn_one_after_the_other(void **state)
{
	struct crowd *c = crowd_new(100);

	(void)state;
	for (unsigned i = 0; i < TOURS; i++)
		send_tour(c, i, false);
	for (unsigned i = 0; i < 2 * TOURS; i++)
		(void)!session_tour_turn(&c->thread);
	for (unsigned i = 0; i < TOURS; i++)
		assert_int_equal(c->tours[i].meant, 2 * SESSION_TOUR_ROWS);
	crowd_free(c);
}

/* Also where its reader has not taken what is there. */
static void
a_cancelled_tour_ends(void **state)
{
	struct crowd *c = crowd_new(100);

	(void)state;
	send_tour(c, 0, false);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(
		    session_tour_turn(&c->thread), SESSION_TOUR_LATER);
	atomic_store(&c->orders[0].cancelled, true);
	assert_int_equal(session_tour_turn(&c->thread), SESSION_TOUR_NONE);
	assert_int_equal(c->ended, 1);
	crowd_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_listed_once_under_an_id_of_its_own),
		cmocka_unit_test(where_nobody_is_there_a_tour_ends_at_once),
		cmocka_unit_test(two_threads_give_no_id_twice),
		cmocka_unit_test(who_leaves_meanwhile_is_no_trap),
		cmocka_unit_test(those_that_are_meant_are_reset_a_few_a_turn),
		cmocka_unit_test(one_is_reset_by_its_id_and_no_other),
		cmocka_unit_test(
		    those_of_others_and_those_on_their_way_elsewhere_stay),
		cmocka_unit_test(who_does_not_read_keeps_nobody_else),
		cmocka_unit_test(lists_have_their_turn_one_after_the_other),
		cmocka_unit_test(a_cancelled_tour_ends),
	};

	TEST_MAIN(tests);
}
