#include "config/rules/duplicates.h"
#include "config/yaml/diag.h"
#include "config/yaml/tree.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS_MAX 6

/* An item for each: a name, an address, a prefix; the place is its number. */
static const struct row {
	const char *name;
	struct {
		const char *name, *addr;
		uint8_t prefix;
		bool derived;
	} items[ITEMS_MAX];
	const char *said;
} rows[] = {
	{ "nothing", { { NULL, NULL, 0, false } }, "" },
	{ "names",
	    { { "b", NULL, 0, false }, { "a", NULL, 0, false },
	        { "b", NULL, 0, false }, { "b", NULL, 0, false } },
	    "f:3:1: error: it 'b' is given twice here; expected once\n"
	    "f:1:1: note: the first one\n"
	    "f:4:1: error: it 'b' is given twice here; expected once\n"
	    "f:1:1: note: the first one\n" },
	{ "one of two names was made of an address",
	    { { "b", NULL, 0, true }, { "b", NULL, 0, false } },
	    "f:2:1: error: it 'b' is given twice here; expected once\n"
	    "f:1:1: note: the first one\n" },
	{ "both were", { { "b", NULL, 0, true }, { "b", NULL, 0, true } }, "" },
	{ "addresses",
	    { { NULL, "10.0.0.1:80", 0, false },
	        { NULL, "10.0.0.1:81", 0, false },
	        { NULL, "[fd00::1]:80", 0, false },
	        { NULL, "10.0.0.1:80", 0, false } },
	    "f:4:1: error: it 'shown' is given twice here; expected once\n"
	    "f:1:1: note: the first one\n" },
	{ "names with their ports among addresses",
	    { { "a", "0.0.0.0:80", 0, false }, { NULL, "0.0.0.0:80", 0, false },
	        { "b", "0.0.0.0:80", 0, false },
	        { "a", "0.0.0.0:81", 0, false },
	        { "b", "0.0.0.0:80", 0, false } },
	    "f:5:1: error: it 'shown' is given twice here; expected once\n"
	    "f:3:1: note: the first one\n" },
	{ "networks",
	    { { NULL, "10.0.0.0:1", 8, false },
	        { NULL, "10.0.0.0:1", 9, false },
	        { NULL, "10.0.0.0:1", 8, false } },
	    "f:3:1: error: it 'shown' is given twice here; expected once\n"
	    "f:1:1: note: the first one\n" },
};

static void
check_row(const struct row *r)
{
	bool failed = false;
	CLEANUP(duplicates_fini) struct duplicates t = { .failed = &failed };
	CLEANUP(diag_free_at) struct diag *diag = diag_new();
	CLEANUP(free_str) char *said = NULL;
	struct tree_node nodes[ITEMS_MAX];
	union addr addrs[ITEMS_MAX];
	size_t len;
	FILE *out = open_memstream(&said, &len);

	assert_non_null(out);
	assert_int_equal(diag_start(diag, "f", NULL, 0), 0);
	for (size_t i = 0; i < ITEMS_MAX; i++) {
		const char *addr = r->items[i].addr;
		unsigned line = (unsigned)i + 1;

		if (r->items[i].name == NULL && addr == NULL)
			continue;
		if (addr != NULL)
			assert_int_equal(addr_parse(addr, &addrs[i]), 0);
		nodes[i] = (struct tree_node){ .shown = "shown",
			.at = { line, 1, line, 2 } };
		duplicates_add(&t,
		    (struct duplicates_item){ .name = r->items[i].name,
		        .addr = addr == NULL ? NULL : &addrs[i],
		        .prefix = r->items[i].prefix,
		        .derived = r->items[i].derived,
		        .node = &nodes[i] });
	}
	duplicates_report(&t, diag, "it", " here");
	diag_print(diag, out);
	assert_int_equal(fclose(out), 0);
	assert_text(said, r->said);
}

static void
each_but_the_first_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_row(rows[i].name);
		check_row(&rows[i]);
	}
}

static void
what_has_no_place_is_left_out(void **state)
{
	bool failed = false;
	CLEANUP(duplicates_fini) struct duplicates t = { .failed = &failed };

	(void)state;
	duplicates_add(&t, (struct duplicates_item){ .name = "a" });
	assert_int_equal(t.n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_but_the_first_is_told),
		cmocka_unit_test(what_has_no_place_is_left_out),
	};

	TEST_MAIN(tests);
}
