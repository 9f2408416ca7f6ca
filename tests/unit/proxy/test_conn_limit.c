#include "proxy/pool/conn_limit.h"

#include "tests/lib/test.h"

#include <pthread.h>

#define THREADS 4
#define ROUNDS 50000

static void
a_full_gate_turns_away_and_tells_the_next_that_leaves(void **state)
{
	struct conn_limit g;

	(void)state;
	conn_limit_init(&g, 2);
	assert_true(conn_limit_enter(&g));
	assert_true(conn_limit_enter(&g));
	assert_false(conn_limit_leave(&g)); /* nobody waits */
	assert_true(conn_limit_enter(&g));
	assert_false(conn_limit_enter(&g));
	assert_true(conn_limit_leave(&g));
	assert_false(conn_limit_leave(&g)); /* told once */
}

static void
no_limit_turns_nobody_away(void **state)
{
	struct conn_limit g;

	(void)state;
	conn_limit_init(&g, 0);
	for (int i = 0; i < 1000; i++)
		assert_true(conn_limit_enter(&g));
}

struct crowd {
	struct conn_limit limit;
	atomic_uint inside, most;
};

static void *
come_and_go(void *arg)
{
	struct crowd *c = arg;

	for (int i = 0; i < ROUNDS; i++) {
		unsigned now;

		if (!conn_limit_enter(&c->limit))
			continue;
		now = atomic_fetch_add(&c->inside, 1) + 1;
		if (now > atomic_load(&c->most))
			atomic_store(&c->most, now);
		atomic_fetch_sub(&c->inside, 1);
		if (conn_limit_leave(&c->limit))
			continue;
	}
	return NULL;
}

static void
threads_never_overrun_the_limit(void **state)
{
	static struct crowd c;
	pthread_t threads[THREADS];

	(void)state;
	conn_limit_init(&c.limit, 2);
	for (int i = 0; i < THREADS; i++)
		(void)pthread_create(&threads[i], NULL, come_and_go, &c);
	for (int i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	assert_true(atomic_load(&c.most) <= 2);
	assert_int_equal(atomic_load(&c.limit.inside), 0);
}

/* Of the relay before: they count until it is known how many have come. */
static void
places_are_kept_for_those_who_may_come(void **state)
{
	struct conn_limit g;

	(void)state;
	conn_limit_init(&g, 3);
	conn_limit_reserve(&g, 2);
	assert_true(conn_limit_enter(&g));
	assert_false(conn_limit_enter(&g));
	conn_limit_join(&g);
	assert_true(conn_limit_release(&g, 2));
	assert_true(conn_limit_enter(&g));
	assert_false(conn_limit_enter(&g));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_full_gate_turns_away_and_tells_the_next_that_leaves),
		cmocka_unit_test(no_limit_turns_nobody_away),
		cmocka_unit_test(threads_never_overrun_the_limit),
		cmocka_unit_test(places_are_kept_for_those_who_may_come),
	};

	TEST_MAIN(tests);
}
