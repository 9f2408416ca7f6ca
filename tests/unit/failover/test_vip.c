#include "failover/vip/vip.h"

#include "tests/lib/test.h"

static void
a_lease_is_as_long_as_a_hang_and_outlasts_pauses(void **state)
{
	(void)state;
	assert_int_equal(vip_lease_s(1000, 60), 1);
	assert_int_equal(vip_lease_s(1001, 60), 2);
	assert_int_equal(vip_lease_s(1000, 600), 2);
	assert_int_equal(vip_lease_s(100, 10), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_lease_is_as_long_as_a_hang_and_outlasts_pauses),
	};

	TEST_MAIN(tests);
}
