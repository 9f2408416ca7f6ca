#include "core/rate.h"
#include "tests/lib/test.h"

static struct mono
at(int64_t ms)
{
	return mono_add_ms((struct mono){ 0 }, ms);
}

static unsigned
count(struct rate *r, int64_t now_ms)
{
	unsigned n = 0;

	while (n < 100 && rate_allows(r, 5, 100, at(now_ms)))
		n++;
	return n;
}

static void
so_many_at_once_and_then_one_each_so_long(void **state)
{
	struct rate r = { 0 };

	(void)state;
	assert_int_equal(count(&r, 1000), 5);
	assert_int_equal(count(&r, 1099), 0);
	assert_int_equal(count(&r, 1100), 1);
	assert_int_equal(count(&r, 1300), 2);
	assert_int_equal(count(&r, 1750), 4);
	/* However long it rested: no more than at first. */
	assert_int_equal(count(&r, 1000000), 5);
}

static void
in_the_long_run_it_is_the_rate(void **state)
{
	struct rate r = { 0 };
	unsigned n = 0;

	(void)state;
	for (int64_t ms = 0; ms < 100000; ms++)
		n += rate_allows(&r, 5, 100, at(ms));
	assert_int_equal(n, 5 + 999);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_many_at_once_and_then_one_each_so_long),
		cmocka_unit_test(in_the_long_run_it_is_the_rate),
	};

	TEST_MAIN(tests);
}
