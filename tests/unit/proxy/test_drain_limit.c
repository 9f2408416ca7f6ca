/* How long a server that an operator drains keeps its connections. */
#include "proxy/control/drain_limit.h"

#include "config/config.h"
#include "core/log.h"
#include "core/mono.h"
#include "proxy/pool/pool.h"
#include "proxy/services.h"
#include "tests/lib/test.h"

#include <ev.h>
#include <stdlib.h>

#define SERVERS 1000 /* of a service there may be as many */
#define PATIENCE_MS 20000

static struct config_server servers[SERVERS];
static struct config_service service = {
	.name = "web", .servers = servers, .n_servers = SERVERS
};
static struct pool pool;
static struct services served;
static struct drain_limit drain;

static void
begin(uint32_t drain_ms)
{
	for (unsigned i = 0; i < SERVERS; i++)
		servers[i] = (struct config_server){ .name = "s", .weight = 1 };
	assert_int_equal(pool_init(&pool, &service, 0, 0), 0);
	served =
	    (struct services){ .shared = { .pools = &pool, .n_pools = 1 } };
	/* As who has been told of a word before a relay began. */
	for (unsigned i = 0; i < SERVERS; i++)
		pool.servers[i].drained_since = mono_never();
	drain_limit_init(&drain, &served, ev_default_loop(0), drain_ms);
}

static void
finish(void)
{
	drain_limit_fini(&drain);
	pool_fini(&pool);
}

static void
say(unsigned server, enum accord_admin word)
{
	pool_set_admin(&pool, &pool.servers[server], word);
	drain_limit_look(&drain, &pool, &pool.servers[server]);
}

static bool
is_over(unsigned server)
{
	return atomic_load(&pool.servers[server].drain_is_over);
}

static unsigned
count_over(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SERVERS; i++)
		n += is_over(i);
	return n;
}

static void
it_is_over_after_its_time_and_not_before(void **state)
{
	const struct mono begun = mono_now();

	(void)state;
	begin(150);
	say(3, ACCORD_DRAIN);
	while (!is_over(3)) {
		assert_true(mono_span_ms(begun, mono_now()) < PATIENCE_MS);
		ev_run(ev_default_loop(0), EVRUN_ONCE);
	}
	assert_true(mono_span_ms(begun, mono_now()) >= 150);
	assert_int_equal(count_over(), 1);
	/* Said again it is no new word: nothing is to be looked at. */
	say(3, ACCORD_DRAIN);
	assert_false(ev_is_active(&drain.look));
	finish();
}

static void
another_word_ends_it(void **state)
{
	(void)state;
	begin(60000);
	pool.servers[3].drained_since = (struct mono){ .ns = 1 };
	say(3, ACCORD_DRAIN);
	assert_true(is_over(3));
	say(3, ACCORD_READY);
	assert_false(is_over(3));
	say(3, ACCORD_DRAIN);
	assert_false(is_over(3)); /* from now on */
	finish();
}

static void
without_a_limit_it_lasts(void **state)
{
	(void)state;
	begin(0);
	pool.servers[3].drained_since = (struct mono){ .ns = 1 };
	say(3, ACCORD_DRAIN);
	assert_false(is_over(3));
	assert_false(ev_is_active(&drain.look));
	finish();
}

/* Until the relay before has given all, it may know of an earlier word. */
static void
a_relay_that_takes_over_looks_later(void **state)
{
	double left;

	(void)state;
	begin(10);
	served.waits = true;
	pool.servers[3].drained_since = (struct mono){ .ns = 1 };
	say(3, ACCORD_DRAIN);
	assert_false(is_over(3));
	left = ev_timer_remaining(ev_default_loop(0), &drain.look);
	assert_true(left > 0.5 && left <= 1.);
	finish();
}

/*
 * Each look is at all servers of the node: where a thousand are due one after
 * the other, within 200 ms, there must not be a thousand looks.
 */
static void
thousands_are_looked_at_together(void **state)
{
	const struct log_options quiet = {
		.target = LOG_TARGET_FILE, .path = "/dev/null", .role = "test"
	};
	struct ev_loop *loop = ev_default_loop(0);
	struct mono begun;
	unsigned turns;

	(void)state;
	assert_int_equal(log_open(&quiet), 0);
	assert_int_equal(log_start(), 0);
	begin(100);
	begun = mono_now();
	turns = ev_iteration(loop);
	for (unsigned i = 0; i < SERVERS; i++) {
		pool.servers[i].drained_since =
		    mono_add_us(begun, (int64_t)i * 200);
		say(i, ACCORD_DRAIN);
	}
	while (count_over() < SERVERS) {
		assert_true(mono_span_ms(begun, mono_now()) < PATIENCE_MS);
		ev_run(loop, EVRUN_ONCE);
	}
	turns = ev_iteration(loop) - turns;
	/* One in 20 ms, and what a timer is early by is looked at again. */
	assert_true(turns <= mono_span_ms(begun, mono_now()) / 20 + 2);
	finish();
	log_close();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_over_after_its_time_and_not_before),
		cmocka_unit_test(another_word_ends_it),
		cmocka_unit_test(without_a_limit_it_lasts),
		cmocka_unit_test(a_relay_that_takes_over_looks_later),
		cmocka_unit_test(thousands_are_looked_at_together),
	};

	TEST_MAIN(tests);
}
