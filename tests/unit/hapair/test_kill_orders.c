#include "hapair/supervisor/kill_orders.h"

#include "tests/lib/test.h"

#include <stdio.h>

static void
what_was_asked_for_counts_once_for_each_time(void **state)
{
	static const struct row {
		const char *request, *order;
		bool is;
	} rows[] = {
		{ "kill 1f", "kill 1f", true },
		{ "kill 1f", "kill 2f", false },
		{ "kill 001f", "kill 1f", true }, /* as the relay says it */
		{ "kill web/s1", "kill web/s1", true },
		{ "lingering 0 kill web/s1", "kill web/s1", true },
		{ "lingering 12 kill 1f", "kill 1f", true },
		{ "lingering 0 connections web/s1", "kill web/s1", false },
		{ "lingering", "kill ", false },
		{ "kill", "kill ", false },
		{ "kill xyz", "kill xyz", false }, /* no relay obeys it */
		{ "connections web", "connections web", false },
		{ "server web/s1 drain reason=kill 1f", "kill 1f", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct kill_orders k = { .next = 0 };

		test_row(rows[i].request);
		kill_orders_note(&k, rows[i].request);
		assert_int_equal(
		    kill_orders_take(&k, rows[i].order), rows[i].is);
		assert_false(kill_orders_take(&k, rows[i].order));
		kill_orders_note(&k, rows[i].request);
		kill_orders_note(&k, rows[i].request);
		assert_int_equal(
		    kill_orders_take(&k, rows[i].order), rows[i].is);
		assert_int_equal(
		    kill_orders_take(&k, rows[i].order), rows[i].is);
	}
}

static void
one_too_many_takes_the_place_of_the_oldest(void **state)
{
	struct kill_orders k = { .next = UINT32_MAX - 3 };
	char order[32];

	(void)state;
	for (unsigned i = 1; i <= KILL_ORDERS_MAX + 1; i++) {
		(void)snprintf(order, sizeof(order), "kill %x", i);
		kill_orders_note(&k, order);
	}
	assert_false(kill_orders_take(&k, "kill 1"));
	assert_true(kill_orders_take(&k, "kill 2"));
	assert_true(kill_orders_take(&k, order));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_asked_for_counts_once_for_each_time),
		cmocka_unit_test(one_too_many_takes_the_place_of_the_oldest),
	};

	TEST_MAIN(tests);
}
