#include "director/syn_valve.h"

#include "tests/lib/test.h"

static const struct syn_valve_limits limits = {
	.young_most = 100, .slots_least = 10, .rest_ms = 1000
};

/* One after the other. */
static const struct row {
	const char *name;
	int64_t at_ms;
	uint32_t young, slots;
	bool open;
} rows[] = {
	{ "few", 0, 10, 1000, false },
	{ "as many as may be", 0, 100, 1000, false },
	{ "one too many", 10, 101, 1000, true },
	{ "between the bounds it stays", 500, 80, 1000, true },
	{ "few, but just now there were many", 600, 20, 1000, true },
	{ "few for long", 1010, 20, 1000, false },
	{ "between the bounds it stays shut", 1020, 80, 1000, false },
	{ "no slots", 1030, 80, 9, true },
	{ "slots, but not many yet", 3000, 10, 19, true },
	{ "many", 3000, 10, 20, false },
};

static void
it_opens_above_a_bound_and_shuts_below_half(void **state)
{
	struct syn_valve v = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct syn_valve_load load = { rows[i].young,
			rows[i].slots };

		test_row(rows[i].name);
		assert_int_equal(
		    syn_valve_look(&v, &limits, &load,
		        mono_add_ms((struct mono){ 0 }, rows[i].at_ms)),
		    rows[i].open);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_opens_above_a_bound_and_shuts_below_half),
	};

	TEST_MAIN(tests);
}
