#include "hapair/supervisor/restart.h"

#include "tests/lib/test.h"

/* It ends again and again after running `ran_ms`: the pauses. */
static const struct row {
	const char *name;
	uint32_t well_ms;
	int64_t ran_ms;
	uint32_t pauses[10];
} rows[] = {
	{ "at once, then ever slower, to a limit", RESTART_WELL_MS, 10,
	    { 0, 50, 100, 200, 400, 800, 1600, 3200, 5000, 5000 } },
	{ "after a good run each end is the first", RESTART_WELL_MS,
	    RESTART_WELL_MS, { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
	{ "R25: a relay that has served is there again at once",
	    RESTART_WELL_RELAY_MS, 700, { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
	{ "but not one that cannot start", RESTART_WELL_RELAY_MS, 100,
	    { 0, 50, 100, 200, 400, 800, 1600, 3200, 5000, 5000 } },
};

static void
pauses_grow_while_it_keeps_ending(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct restart r = { .well_ms = rows[i].well_ms };
		struct mono now = { 0 };

		test_row(rows[i].name);
		for (size_t k = 0; k < ARRAY_LEN(rows[i].pauses); k++) {
			restart_started(&r, now);
			now = mono_add_ms(now, rows[i].ran_ms);
			assert_int_equal(
			    restart_ended(&r, now), rows[i].pauses[k]);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pauses_grow_while_it_keeps_ending),
	};

	TEST_MAIN(tests);
}
