#include "proxy/health/health.h"

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

static enum health_result
result_of(char c)
{
	if (c == '~')
		return HEALTH_DRAINS;
	return c == '+' ? HEALTH_PASSED : HEALTH_FAILED;
}

static void
results_in_a_row_turn_the_state(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct health v = { .rise = rows[i].rise,
			.fall = rows[i].fall };
		char states[16] = "";

		test_row(rows[i].name);
		for (size_t k = 0; rows[i].results[k] != '\0'; k++) {
			enum server_state was = v.state;
			bool changed =
			    health_step(&v, result_of(rows[i].results[k]));

			assert_int_equal(changed, v.state != was);
			states[k] = "?udr"[v.state];
		}
		assert_text(states, rows[i].states);
	}
}

/* A row of results, o where it could not be asked. */
static const struct row lacks[] = {
	{ "R5: three times in a row", "ooo", "??d", 2, 3 },
	{ "it was up", "+ooooo", "uuuuuu", 2, 3 },
	{ "an answer in between", "+oo+oo", "uuuuuu", 2, 3 },
	{ "a bad answer in between", "+oo-oo", "uuuuuu", 2, 3 },
	{ "it comes back as from any failure", "ooo++", "??ddu", 2, 3 },
	{ "down stays down", "-oooo", "ddddd", 2, 3 },
};

static void
r05_who_cannot_be_asked_is_down_in_the_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lacks); i++) {
		struct health v = { .rise = lacks[i].rise,
			.fall = lacks[i].fall };
		char states[16] = "";

		test_row(lacks[i].name);
		for (size_t k = 0; lacks[i].results[k] != '\0'; k++) {
			if (lacks[i].results[k] != 'o') {
				(void)health_step(
				    &v, result_of(lacks[i].results[k]));
			} else if (health_lack(&v)) {
				(void)health_step(&v, HEALTH_FAILED);
			}
			states[k] = "?udr"[v.state];
		}
		assert_text(states, lacks[i].states);
	}
}

/* At each moment (of 100 ms) with a mark an accusation, which counts or not. */
static const struct accusations {
	const char *name;
	enum server_state state;
	const char *at, *counts;
} accusations[] = {
	{ "R6: a hundred in a moment are one", SERVER_UP, "xxxxxxxxx",
	    "x--------" },
	{ "one an interval", SERVER_UP, "xxxxxxxxxxxxxxxxxxxxxxx",
	    "x---------x---------x--" },
	{ "the next one after a rest", SERVER_UP, "x..............x........x",
	    "x..............x........-" },
	{ "of one that drains, too", SERVER_DRAIN, "xx", "x-" },
	{ "nothing is known", SERVER_UNKNOWN, "xx", "--" },
	{ "it is down anyway", SERVER_DOWN, "xx", "--" },
};

static void
r06_clients_count_once_an_interval(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(accusations); i++) {
		const struct accusations *a = &accusations[i];
		struct health v = { .state = a->state, .rise = 2, .fall = 3 };

		test_row(a->name);
		for (size_t k = 0; a->at[k] != '\0'; k++) {
			struct mono now = { .ns =
				                (int64_t)(k + 7) * 100000000 };

			if (a->at[k] == 'x')
				assert_int_equal(health_hear(&v, 1000, now),
				    a->counts[k] == 'x');
		}
	}
}

static void
it_wavers_while_results_contradict_it(void **state)
{
	struct health v = { .rise = 2, .fall = 3 };

	(void)state;
	(void)health_step(&v, HEALTH_PASSED);
	assert_false(health_is_wavering(&v));
	(void)health_step(&v, HEALTH_FAILED);
	assert_true(health_is_wavering(&v));
	(void)health_step(&v, HEALTH_PASSED);
	assert_false(health_is_wavering(&v));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(results_in_a_row_turn_the_state),
		cmocka_unit_test(r05_who_cannot_be_asked_is_down_in_the_end),
		cmocka_unit_test(r06_clients_count_once_an_interval),
		cmocka_unit_test(it_wavers_while_results_contradict_it),
	};

	TEST_MAIN(tests);
}
