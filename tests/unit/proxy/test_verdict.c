#include "proxy/verdict.h"

#include "tests/lib/test.h"

/* A row of results, + - and ~ (drains), and the states: ? u d r. */
static const struct row {
	const char *name, *results, *states;
	uint32_t rise, fall;
} rows[] = {
	{ "the first result counts alone: up", "+", "u", 2, 3 },
	{ "the first result counts alone: down", "-", "d", 2, 3 },
	{ "three failures in a row", "+---", "uuud", 2, 3 },
	{ "a success in between starts anew", "+--+--", "uuuuuu", 2, 3 },
	{ "two successes bring it back", "-++", "ddu", 2, 3 },
	{ "a failure in between starts anew", "-+-+", "dddd", 2, 3 },
	{ "rise and fall of one", "+-+-", "udud", 1, 1 },
	{ "down stays down", "-----", "ddddd", 2, 3 },
	{ "after a return the failures count from zero", "+---++--", "uuudduuu",
	    2, 3 },
	{ "who drains is believed at once, both ways", "+~+~~+", "ururru", 2,
	    3 },
	{ "the first result counts alone: drain", "~", "r", 2, 3 },
	{ "draining, it can fail", "+~---", "urrrd", 2, 3 },
	{ "draining, a success starts anew", "~--~--", "rrrrrr", 2, 3 },
	{ "it comes back as it says it is", "-+~", "ddr", 2, 3 },
	{ "and the other way round", "-~+", "ddu", 2, 3 },
};

static enum verdict_result
result_of(char c)
{
	if (c == '~')
		return VERDICT_DRAINS;
	return c == '+' ? VERDICT_PASSED : VERDICT_FAILED;
}

static void
results_in_a_row_turn_the_state(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct verdict v = { .rise = rows[i].rise,
			.fall = rows[i].fall };
		char states[16] = "";

		test_row(rows[i].name);
		for (size_t k = 0; rows[i].results[k] != '\0'; k++) {
			enum server_state was = v.state;
			bool changed =
			    verdict_step(&v, result_of(rows[i].results[k]));

			assert_int_equal(changed, v.state != was);
			states[k] = "?udr"[v.state];
		}
		assert_text(states, rows[i].states);
	}
}

static void
it_wavers_while_results_contradict_it(void **state)
{
	struct verdict v = { .rise = 2, .fall = 3 };

	(void)state;
	(void)verdict_step(&v, VERDICT_PASSED);
	assert_false(verdict_is_wavering(&v));
	(void)verdict_step(&v, VERDICT_FAILED);
	assert_true(verdict_is_wavering(&v));
	(void)verdict_step(&v, VERDICT_PASSED);
	assert_false(verdict_is_wavering(&v));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(results_in_a_row_turn_the_state),
		cmocka_unit_test(it_wavers_while_results_contradict_it),
	};

	TEST_MAIN(tests);
}
