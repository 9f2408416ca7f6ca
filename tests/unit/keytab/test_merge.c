#include "keytab/merge.h"

#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>

#define SPAN(text)                                                             \
	{                                                                      \
		(const uint8_t *)(text), sizeof(text) - 1                      \
	}

/* Short names: the letter is principal and key of an entry. */
static struct keytab_entry
entry(const char *letter, uint32_t kvno, uint16_t enctype, const char *key)
{
	return (struct keytab_entry){
		.realm = SPAN("R"),
		.n_components = 1,
		.components = { (const uint8_t *)letter, 1 },
		.kvno = kvno,
		.enctype = enctype,
		.key = { (const uint8_t *)key, strlen(key) },
	};
}

static void
the_first_of_equals_stays_in_its_place(void **state)
{
	struct keytab_entry e[] = {
		entry("a", 1, 18, "x"),
		entry("b", 1, 18, "x"),   /* another principal, same key */
		entry("a", 1, 18, "x"),   /* again */
		entry("a", 2, 18, "y"),   /* another kvno */
		entry("a", 1, 17, "z"),   /* another enctype */
		entry("b", 1, 18, "x"),   /* again */
		entry("a", 257, 18, "w"), /* not 1, though its low 8 bits are */
	};
	struct merge_item items[ARRAY_LEN(e)];
	struct merge_conflict conflict;
	size_t n = ARRAY_LEN(e);
	const size_t stays[] = { 0, 1, 3, 4, 6 };

	(void)state;
	for (size_t i = 0; i < n; i++)
		items[i] = (struct merge_item){ &e[i], "f" };
	assert_int_equal(merge_union(items, &n, &conflict), 0);
	assert_int_equal(n, ARRAY_LEN(stays));
	for (size_t i = 0; i < n; i++)
		assert_ptr_equal(items[i].entry, &e[stays[i]]);
	/* Once more: nothing to do. */
	assert_int_equal(merge_union(items, &n, &conflict), 0);
	assert_int_equal(n, ARRAY_LEN(stays));
}

static void
other_bytes_under_one_name_are_a_conflict_of_both(void **state)
{
	struct keytab_entry e[] = {
		entry("a", 1, 18, "x"),
		entry("b", 1, 18, "x"),
		entry("b", 1, 18, "longer"),
	};
	struct merge_item items[] = { { &e[0], "f" }, { &e[1], "g" },
		{ &e[2], "h" } };
	struct merge_conflict conflict;
	size_t n = ARRAY_LEN(e);

	(void)state;
	assert_int_equal(merge_union(items, &n, &conflict), -EEXIST);
	assert_text(conflict.first.path, "g");
	assert_text(conflict.second.path, "h");
}

/*
 * Entries of one principal by kvno and timestamp, 0 ends; what stays of them.
 */
static const struct row {
	const char *name;
	struct {
		uint32_t kvno, timestamp;
	} has[4];
	uint32_t oldest;
	uint32_t stays[4];
} rows[] = {
	{ "nothing asked", { { 1, 1 }, { 2, 2 } }, 0, { 1, 2 } },
	{ "the older goes", { { 1, 1 }, { 2, 2 } }, 2, { 2 } },
	{ "the newest stays", { { 1, 1 }, { 2, 2 } }, 9, { 2 } },
	{ "in whatever order", { { 2, 2 }, { 1, 1 } }, 9, { 2 } },
	{ "both enctypes of it", { { 1, 1 }, { 2, 2 }, { 2, 2 } }, 9,
	    { 2, 2 } },
	{ "not by time", { { 1, 9 }, { 2, 2 } }, 9, { 2 } },
	{ "wrapped", { { 250, 1 }, { 1, 2 } }, 255, { 1 } },
	{ "not wrapped", { { 250, 2 }, { 1, 1 } }, 255, { 250 } },
	{ "no two that agree", { { 250, 2 }, { 1, 1 }, { 200, 3 } }, 255,
	    { 250 } },
	{ "each newer than another", { { 1, 9 }, { 250, 1 }, { 200, 5 } }, 255,
	    { 250 } },
};

static void
of_no_principal_goes_the_newest(void **state)
{
	(void)state;
	for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
		struct keytab_entry e[5];
		struct merge_item items[5];
		size_t n = 0, kept;

		test_row(rows[r].name);
		for (; n < 4 && rows[r].has[n].kvno != 0; n++) {
			e[n] = entry(
			    "a", rows[r].has[n].kvno, (uint16_t)(17 + n), "x");
			e[n].timestamp = rows[r].has[n].timestamp;
			items[n] = (struct merge_item){ &e[n], "f" };
		}
		/* Another principal's has nothing to do with it. */
		e[n] = entry("b", 300, 18, "x");
		items[n] = (struct merge_item){ &e[n], "f" };
		kept = merge_prune(items, n + 1, rows[r].oldest) - 1;
		assert_ptr_equal(items[kept].entry, &e[n]);
		for (size_t i = 0; i < kept; i++)
			assert_int_equal(
			    items[i].entry->kvno, rows[r].stays[i]);
		assert_true(kept > 0);
		assert_true(kept == 4 || rows[r].stays[kept] == 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_of_equals_stays_in_its_place),
		cmocka_unit_test(
		    other_bytes_under_one_name_are_a_conflict_of_both),
		cmocka_unit_test(of_no_principal_goes_the_newest),
	};

	TEST_MAIN(tests);
}
