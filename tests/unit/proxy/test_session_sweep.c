#include "proxy/data/session_sweep.h"

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

/* A thread that never runs, with clients that say nothing. */
struct crowd {
	struct session_thread_shared shared;
	struct session_thread thread;
	struct config_service service;
	struct config_pair pair;
	struct pool pool;
	struct pipes pipes;
	struct conn_report conn_report;
};

static struct crowd *
crowd_new(void)
{
	struct crowd *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	STAILQ_INIT(&c->shared.threads);
	conn_limit_init(&c->shared.limit, 0);
	conn_limit_init(&c->pool.limit, 0);
	c->pool.config = &c->service;
	c->thread.conn_report = &c->conn_report;
	c->thread.tools.pipes = &c->pipes;
	pipes_init(&c->pipes, 0);
	assert_int_equal(session_thread_init(&c->thread, &c->shared, 1, 1), 0);
	return c;
}

static void
join(struct crowd *c, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const union addr client = { 0 };
		struct session *s = session_new(&c->thread, &c->pool,
		    socket(AF_INET, SOCK_STREAM, 0), &client);

		assert_non_null(s);
		assert_true(session_thread_enter_limits(&c->thread, &c->pool));
	}
}

static void
crowd_free(struct crowd *c)
{
	session_crowd_end(&c->thread);
	session_thread_fini(&c->thread);
	free(c);
}

static const struct session_sweep_orders everybody = { .all = true },
                                         who_was_cut = { .cut = true };

/* G3: not all in one turn, however many there are. */
static void
g03_a_few_hundred_a_turn(void **state)
{
	struct crowd *c = crowd_new();
	struct session_sweep w = { 0 };
	unsigned turns = 0, left = 450;

	(void)state;
	join(c, left);
	session_sweep_order(&w, &everybody);
	while (!session_sweep_turn(&w, &c->thread, &c->pair)) {
		assert_true(left - c->thread.n_sessions <= 200);
		assert_true(c->thread.n_sessions < left);
		left = c->thread.n_sessions;
		assert_true(++turns < 10);
	}
	assert_int_equal(c->thread.n_sessions, 0);
	assert_int_equal(turns, 2);
	crowd_free(c);
}

/* Accepted between two turns: the order is about them as well. */
static void
who_comes_meanwhile_is_seen(void **state)
{
	struct crowd *c = crowd_new();
	struct session_sweep w = { 0 };
	unsigned turns = 0;

	(void)state;
	join(c, 450);
	session_sweep_order(&w, &everybody);
	while (!session_sweep_turn(&w, &c->thread, &c->pair)) {
		session_crowd_bury(&c->thread);
		if (++turns <= 2)
			join(c, 50);
	}
	assert_int_equal(c->thread.n_sessions, 0);
	crowd_free(c);
}

/* The one that would be next ends by itself between two turns. */
static void
who_leaves_meanwhile_is_no_trap(void **state)
{
	struct crowd *c = crowd_new();
	struct session_sweep w = { 0 };

	(void)state;
	join(c, 450);
	session_sweep_order(&w, &everybody);
	while (!session_sweep_turn(&w, &c->thread, &c->pair)) {
		assert_non_null(c->thread.next_sweep);
		session_end_reset(c->thread.next_sweep, END_REASON_NORMAL, 0);
		session_crowd_bury(&c->thread);
	}
	assert_int_equal(c->thread.n_sessions, 0);
	crowd_free(c);
}

/* The same where all are being given to another process. */
static void
who_leaves_before_it_is_given_is_no_trap(void **state)
{
	struct crowd *c = crowd_new();
	struct session *next;

	(void)state;
	join(c, 2);
	c->thread.next_give = LIST_FIRST(&c->thread.sessions);
	next = LIST_NEXT(c->thread.next_give, all);
	session_end_reset(c->thread.next_give, END_REASON_NORMAL, 0);
	assert_ptr_equal(c->thread.next_give, next);
	session_end_reset(next, END_REASON_NORMAL, 0);
	assert_null(c->thread.next_give);
	crowd_free(c);
}

/* Given to another process: it ends here if it comes back. */
static void
who_is_on_his_way_elsewhere_is_waited_for(void **state)
{
	struct crowd *c = crowd_new();
	struct session_sweep w = { 0 };
	struct session *s;

	(void)state;
	join(c, 3);
	s = LIST_FIRST(&c->thread.sessions);
	s->phase = SESSION_GIVEN;
	session_sweep_order(&w, &everybody);
	for (unsigned turns = 0; turns < 3; turns++)
		assert_false(session_sweep_turn(&w, &c->thread, &c->pair));
	assert_int_equal(c->thread.n_sessions, 1);
	s->phase = SESSION_LISTENING;
	assert_true(session_sweep_turn(&w, &c->thread, &c->pair));
	assert_int_equal(c->thread.n_sessions, 0);
	crowd_free(c);
}

/* Nobody has a server: a cut is about none of them, and ends. */
static void
who_is_not_meant_stays(void **state)
{
	struct crowd *c = crowd_new();
	struct session_sweep w = { 0 };
	unsigned turns = 1;

	(void)state;
	assert_true(session_sweep_turn(&w, &c->thread, &c->pair));
	join(c, 450);
	session_sweep_order(&w, &who_was_cut);
	while (!session_sweep_turn(&w, &c->thread, &c->pair))
		assert_true(++turns < 10);
	assert_int_equal(turns, 3);
	assert_int_equal(c->thread.n_sessions, 450);
	crowd_free(c);
}

/* Of those that stayed with this relay, for whatever reason. */
static void
who_is_gone_ends_alone(void **state)
{
	static const struct session_sweep_orders gone = { .gone = true };
	struct crowd *c = crowd_new();
	struct session_sweep w = { 0 };
	struct session *s;

	(void)state;
	join(c, 5);
	LIST_FOREACH (s, &c->thread.sessions, all)
		s->stays = true;
	s = LIST_FIRST(&c->thread.sessions);
	s->is_gone = LIST_NEXT(s, all)->is_gone = true;
	session_sweep_order(&w, &gone);
	assert_true(session_sweep_is_ordered(&w));
	assert_true(session_sweep_turn(&w, &c->thread, &c->pair));
	assert_int_equal(c->thread.n_sessions, 3);
	LIST_FOREACH (s, &c->thread.sessions, all)
		assert_false(s->is_gone);
	crowd_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(g03_a_few_hundred_a_turn),
		cmocka_unit_test(who_comes_meanwhile_is_seen),
		cmocka_unit_test(who_leaves_meanwhile_is_no_trap),
		cmocka_unit_test(who_leaves_before_it_is_given_is_no_trap),
		cmocka_unit_test(who_is_on_his_way_elsewhere_is_waited_for),
		cmocka_unit_test(who_is_not_meant_stays),
		cmocka_unit_test(who_is_gone_ends_alone),
	};

	TEST_MAIN(tests);
}
