#include "proxy/web/rate_history.h"

#include "tests/lib/test.h"

#include <stdlib.h>

static const struct mono start = { .ns = 7000000000 };

static struct mono
at(unsigned point)
{
	return mono_add_ms(start, (int64_t)point * RATE_HISTORY_EACH_S * 1000);
}

static void
the_first_sums_are_no_point(void **state)
{
	const struct rate_history_sum first = {
		.active = 3, .total = 1000, .bytes_in = 5000
	};
	struct rate_history h;

	(void)state;
	assert_int_equal(rate_history_init(&h, 1), 0);
	assert_int_equal(rate_history_count(&h), 0);
	rate_history_add(&h, &first, start, 1);
	assert_int_equal(rate_history_count(&h), 0);
	assert_int_equal(h.number, 0);
	rate_history_fini(&h);
}

static void
a_point_is_what_was_gained_a_second(void **state)
{
	struct rate_history_sum sums[2] = { { .active = 3, .total = 10 },
		{ .bytes_in = 100, .bytes_out = 7 } };
	const struct rate_history_point *p;
	struct rate_history h;

	(void)state;
	assert_int_equal(rate_history_init(&h, 2), 0);
	rate_history_add(&h, sums, at(0), 1);
	sums[0].active = 4;
	sums[0].total = 17;
	sums[1].bytes_in += 5000;
	rate_history_add(&h, sums, at(1), 2);
	assert_int_equal(rate_history_count(&h), 1);
	p = rate_history_get(&h, 0, 0);
	assert_int_equal(p->active, 4);
	assert_true(p->opened > 1.39F && p->opened < 1.41F);
	p = rate_history_get(&h, 1, 0);
	assert_true(p->in > 999.F && p->in < 1001.F);
	assert_true(p->out < 0.1F);
	assert_int_equal(h.wall_ms, 2);
	/* Fewer than before: nothing was gained. */
	sums[1].bytes_in = 0;
	rate_history_add(&h, sums, at(2), 3);
	assert_true(rate_history_get(&h, 1, 1)->in < 0.1F);
	/* Twice in one moment is no point. */
	rate_history_add(&h, sums, at(2), 4);
	assert_int_equal(h.number, 2);
	rate_history_fini(&h);
}

static void
the_oldest_make_room(void **state)
{
	struct rate_history_sum sum = { .active = 0 };
	struct rate_history h;
	const unsigned n = 2 * RATE_HISTORY_POINTS + 3;

	(void)state;
	assert_int_equal(rate_history_init(&h, 1), 0);
	for (unsigned i = 0; i <= n; i++) {
		sum.active = i;
		rate_history_add(&h, &sum, at(i), i);
		assert_int_equal(rate_history_count(&h),
		    i < RATE_HISTORY_POINTS ? i : RATE_HISTORY_POINTS);
	}
	assert_int_equal(h.number, n);
	for (unsigned i = 0; i < RATE_HISTORY_POINTS; i++)
		assert_int_equal(rate_history_get(&h, 0, i)->active,
		    n - RATE_HISTORY_POINTS + 1 + i);
	rate_history_fini(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_sums_are_no_point),
		cmocka_unit_test(a_point_is_what_was_gained_a_second),
		cmocka_unit_test(the_oldest_make_room),
	};

	TEST_MAIN(tests);
}
