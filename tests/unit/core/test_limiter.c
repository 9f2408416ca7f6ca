#include "core/limiter.h"

#include "tests/lib/test.h"

static struct mono
at(int64_t ms)
{
	return mono_add_ms((struct mono){ 0 }, ms);
}

static void
one_a_second_and_how_many_were_left_out(void **state)
{
	struct limiter l = { 0 };
	uint64_t left_out = 99;

	(void)state;
	assert_true(limiter_allows(&l, at(5000), &left_out));
	assert_int_equal(left_out, 0);
	for (int i = 0; i < 10; i++)
		assert_false(limiter_allows(&l, at(5000 + i * 99), &left_out));
	assert_true(limiter_allows(&l, at(6000), &left_out));
	assert_int_equal(left_out, 10);
	assert_true(limiter_allows(&l, at(7000), &left_out));
	assert_int_equal(left_out, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_a_second_and_how_many_were_left_out),
	};

	TEST_MAIN(tests);
}
