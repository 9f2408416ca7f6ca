#include "config/yaml/nearest.h"
#include "tests/lib/test.h"

#include <limits.h>

static const struct row {
	const char *a, *b;
	unsigned distance;
} rows[] = {
	{ "", "", 0 },
	{ "address", "address", 0 },
	{ "adress", "address", 1 },   /* one is missing */
	{ "addresss", "address", 1 }, /* one too many */
	{ "adddess", "address", 1 },  /* a wrong one */
	{ "adrdess", "address", 1 },  /* two neighbours swapped */
	{ "retires", "retries", 1 },
	{ "", "port", 4 },
	{ "port", "", 4 },
	{ "kitten", "sitting", 3 },
	{ "ca", "abc", 3 },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	    "a", UINT_MAX },
};

static void
the_distance_counts_the_slips_of_a_hand(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_row(rows[i].a);
		assert_int_equal(
		    nearest_distance(rows[i].a, rows[i].b), rows[i].distance);
		assert_int_equal(
		    nearest_distance(rows[i].b, rows[i].a), rows[i].distance);
	}
}

static void
a_longer_word_may_have_more_slips(void **state)
{
	(void)state;
	assert_int_equal(nearest_limit(""), 1);
	assert_int_equal(nearest_limit("port"), 1);
	assert_int_equal(nearest_limit("adress"), 2);
	assert_int_equal(nearest_limit("max_connection"), 4);
}

static void
the_nearest_word_is_proposed_if_it_is_near(void **state)
{
	static const struct {
		const char *typed, *text;
	} near[] = {
		{ "drian", "; did you mean 'drain'?" },
		{ "mainz", "; did you mean 'maint'?" },
		{ "gone", "" },
		{ "x", "" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(near); i++) {
		struct nearest n = nearest_to(near[i].typed);
		char buf[NEAREST_TEXT];

		test_row(near[i].typed);
		nearest_offer(&n, "ready");
		nearest_offer(&n, "maint");
		nearest_offer(&n, "drain");
		nearest_offer(&n, "a");
		assert_text(nearest_text(&n, buf), near[i].text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_distance_counts_the_slips_of_a_hand),
		cmocka_unit_test(a_longer_word_may_have_more_slips),
		cmocka_unit_test(the_nearest_word_is_proposed_if_it_is_near),
	};

	TEST_MAIN(tests);
}
