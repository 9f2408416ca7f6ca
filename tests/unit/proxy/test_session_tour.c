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

/* A thread that never runs, its clients, and who has ordered a tour. */
struct crowd {
	struct session_thread_shared shared;
	struct session_thread thread;
	struct config_service service, other;
	struct pool pool;
	struct pipes pipes;
	struct conn_report conn_report;
	struct session_tour tour;
	struct session_tour_order order;
	unsigned listed, ended, meant;
	uint64_t ids[512];
	bool is_full;
};

static bool
on_part(void *arg, struct session_tour_part *part)
{
	struct crowd *c = arg;

	assert_non_null(part);
	for (unsigned i = 0; i < part->n; i++) {
		assert_true(c->listed < ARRAY_LEN(c->ids));
		assert_ptr_equal(part->rows[i].service, &c->service);
		assert_int_equal(part->rows[i].server, -1);
		c->ids[c->listed++] = part->rows[i].id;
	}
	free(part);
	return !c->is_full;
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
	c->order = (struct session_tour_order){
		.server = -1, .on_part = on_part, .on_end = on_end, .arg = c
	};
	assert_int_equal(session_thread_init(&c->thread, &c->shared, 1, 1), 0);
	while (n-- > 0) {
		assert_non_null(session_new(&c->thread, &c->pool,
		    socket(AF_INET, SOCK_STREAM, 0), &client));
		assert_true(session_thread_enter_limits(&c->thread, &c->pool));
	}
	session_tour_begin(&c->tour, &c->thread, &c->order);
	return c;
}

static void
crowd_free(struct crowd *c)
{
	session_crowd_end(&c->thread);
	session_thread_fini(&c->thread);
	free(c);
}

/* Returns how many turns it took. */
static unsigned
go(struct crowd *c)
{
	unsigned turns = 1;

	while (session_tour_turn(&c->tour, &c->thread)) {
		session_crowd_bury(&c->thread);
		assert_true(++turns < 100);
	}
	assert_int_equal(c->ended, 1);
	assert_null(c->thread.next_tour);
	assert_false(session_tour_turn(&c->tour, &c->thread));
	assert_int_equal(c->ended, 1);
	return turns;
}

static void
each_is_listed_once_under_an_id_of_its_own(void **state)
{
	struct crowd *c = crowd_new(200);

	(void)state;
	assert_int_equal(go(c), 7); /* 32 a turn */
	assert_int_equal(c->listed, 200);
	assert_int_equal(c->meant, 200);
	for (unsigned i = 0; i < c->listed; i++)
		for (unsigned k = 0; k < i; k++)
			assert_true(c->ids[i] != c->ids[k]);
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
	while (session_tour_turn(&c->tour, &c->thread)) {
		session_end_reset(c->thread.next_tour, END_REASON_NORMAL, 0);
		session_crowd_bury(&c->thread);
	}
	assert_int_equal(c->listed, 97);
	crowd_free(c);
}

static void
those_that_are_meant_are_reset_a_few_a_turn(void **state)
{
	struct crowd *c = crowd_new(200);

	(void)state;
	c->order.kills = true;
	c->order.service = &c->service;
	assert_true(session_tour_turn(&c->tour, &c->thread));
	assert_true(c->thread.n_sessions >= 200 - 33);
	(void)go(c);
	assert_int_equal(c->thread.n_sessions, 0);
	assert_int_equal(c->meant, 200);
	crowd_free(c);
}

static void
one_is_reset_by_its_id_and_no_other(void **state)
{
	struct crowd *c = crowd_new(200);

	(void)state;
	c->order.kills = true;
	c->order.id = LIST_FIRST(&c->thread.sessions)->info.id;
	assert_int_equal(go(c), 1);
	assert_int_equal(c->thread.n_sessions, 199);
	assert_int_equal(c->meant, 1);
	assert_int_equal(c->thread.services[0].endings[END_REASON_OPERATOR], 1);
	crowd_free(c);
}

static void
those_of_others_and_those_on_their_way_elsewhere_stay(void **state)
{
	struct crowd *c = crowd_new(3);

	(void)state;
	LIST_FIRST(&c->thread.sessions)->phase = SESSION_GIVEN;
	c->order.kills = true;
	c->order.service = &c->other;
	(void)go(c);
	assert_int_equal(c->meant, 0);
	c->ended = 0;
	c->order.service = NULL;
	session_tour_begin(&c->tour, &c->thread, &c->order);
	(void)go(c);
	assert_int_equal(c->meant, 2);
	assert_int_equal(c->thread.n_sessions, 1);
	crowd_free(c);
}

static void
a_receiver_that_is_full_is_waited_for(void **state)
{
	struct crowd *c = crowd_new(100);

	(void)state;
	c->is_full = true;
	assert_false(session_tour_turn(&c->tour, &c->thread));
	assert_int_equal(c->ended, 0);
	c->is_full = false;
	(void)go(c);
	assert_int_equal(c->listed, 100);
	crowd_free(c);
}

static void
a_cancelled_tour_ends(void **state)
{
	struct crowd *c = crowd_new(100);

	(void)state;
	assert_true(session_tour_turn(&c->tour, &c->thread));
	atomic_store(&c->order.cancelled, true);
	assert_int_equal(go(c), 1);
	assert_int_equal(c->listed, 32);
	crowd_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_listed_once_under_an_id_of_its_own),
		cmocka_unit_test(two_threads_give_no_id_twice),
		cmocka_unit_test(who_leaves_meanwhile_is_no_trap),
		cmocka_unit_test(those_that_are_meant_are_reset_a_few_a_turn),
		cmocka_unit_test(one_is_reset_by_its_id_and_no_other),
		cmocka_unit_test(
		    those_of_others_and_those_on_their_way_elsewhere_stay),
		cmocka_unit_test(a_receiver_that_is_full_is_waited_for),
		cmocka_unit_test(a_cancelled_tour_ends),
	};

	TEST_MAIN(tests);
}
