/*
 * Connections that stay with the process before this one.
 */
#include "config/config.h"
#include "proxy/pool/pool.h"
#include "tests/lib/test.h"

static unsigned wakes;

static void
count_wake(void *owner)
{
	(void)owner;
	wakes++;
}

static int
take(struct pool *p, struct pool_waiter *w)
{
	enum pool_choice wants;

	w->wake = count_wake;
	return pool_take(p, w, mono_now(), &wants);
}

/* Each has its place at the server, until there are fewer. */
static void
who_stays_elsewhere_has_a_place(void **state)
{
	struct config_server server = {
		.name = "a", .weight = 1, .max_connections = 2
	};
	const struct config_service service = { .servers = &server,
		.n_servers = 1 };
	struct pool_waiter w[3] = { 0 };
	struct pool_view view;
	struct pool p;

	(void)state;
	assert_int_equal(pool_init(&p, &service, 0, 0), 0);
	pool_set_state(&p, &p.servers[0], SERVER_UP, mono_now());
	pool_set_elsewhere(&p, &p.servers[0], POOL_BEFORE, 1);
	assert_int_equal(take(&p, &w[0]), 0);
	assert_int_equal(take(&p, &w[1]), POOL_QUEUED);
	assert_int_equal(take(&p, &w[2]), POOL_QUEUED);
	pool_look(&p, &p.servers[0], &view);
	assert_int_equal(view.load, 2);
	pool_give(&p, 0);
	assert_int_equal(wakes, 1);
	pool_set_elsewhere(&p, &p.servers[0], POOL_BEFORE, 0);
	assert_int_equal(wakes, 2);
	pool_set_elsewhere(&p, &p.servers[0], POOL_BEFORE, 3);
	pool_look(&p, &p.servers[0], &view);
	assert_int_equal(view.load, 5);
	/* The kernel's are others: neither is said by who says the other. */
	pool_set_elsewhere(&p, &p.servers[0], POOL_KERNEL, 4);
	pool_set_elsewhere(&p, &p.servers[0], POOL_BEFORE, 1);
	pool_look(&p, &p.servers[0], &view);
	assert_int_equal(view.load, 7);
	assert_int_equal(view.kernel, 4);
	pool_fini(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_stays_elsewhere_has_a_place),
	};

	TEST_MAIN(tests);
}
