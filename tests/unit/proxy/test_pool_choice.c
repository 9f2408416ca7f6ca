#include "proxy/pool/pool_choice.h"

#include "tests/lib/test.h"

#include <string.h>

/*
 * Each server is two letters: of its tier (a, b, c), and how it stands: u
 * usable, f full, t tried in vain, d down.
 */
static const struct row {
	const char *name;
	const char *servers;
	enum pool_choice choice;
	const char *may; /* a mark under each that may be chosen */
} rows[] = {
	{ "all are up", "auauau", POOL_CHOICE_SERVER, "yyy" },
	{ "one is down", "auadau", POOL_CHOICE_SERVER, "y-y" },
	{ "one was tried", "atauau", POOL_CHOICE_SERVER, "-yy" },
	{ "one is full", "afauau", POOL_CHOICE_SERVER, "-yy" },
	{ "tried and full: the other", "afatau", POOL_CHOICE_SERVER, "--y" },
	{ "one is full, the other was tried", "afat", POOL_CHOICE_PLACE, "--" },
	{ "in the other order", "ataf", POOL_CHOICE_PLACE, "--" },
	{ "room before a full one", "auaf", POOL_CHOICE_SERVER, "y-" },
	{ "each was tried", "atatad", POOL_CHOICE_ROUND, "---" },
	{ "nobody is up", "adadad", POOL_CHOICE_UP, "---" },
	{ "there is nobody", "", POOL_CHOICE_UP, "" },
	{ "R7: a backup rests", "aubu", POOL_CHOICE_SERVER, "y-" },
	{ "R7: all others are down", "adbu", POOL_CHOICE_SERVER, "-y" },
	{ "R7: all others refused this one", "atbu", POOL_CHOICE_SERVER, "-y" },
	{ "R7: some of them are left", "atbuau", POOL_CHOICE_SERVER, "--y" },
	{ "R7: full is not down", "atbuaf", POOL_CHOICE_PLACE, "---" },
	{ "R7: the backup refused it, too", "atbt", POOL_CHOICE_ROUND, "--" },
	{ "R7: the backup is full", "atbf", POOL_CHOICE_PLACE, "--" },
	{ "R8: the first backup", "adbucu", POOL_CHOICE_SERVER, "-y-" },
	{ "R8: in any order", "cubuad", POOL_CHOICE_SERVER, "-y-" },
	{ "R8: the second", "adbdcu", POOL_CHOICE_SERVER, "--y" },
	{ "R8: two at once", "adbubu", POOL_CHOICE_SERVER, "-yy" },
	{ "room in a later tier is none", "afbucu", POOL_CHOICE_PLACE, "---" },
};

static void
each_client_has_what_it_may_have(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pool_choice_server s[4] = { { .tier = 0 } };
		size_t n = strlen(rows[i].servers) / 2;
		enum pool_choice choice;
		unsigned tier;

		test_row(rows[i].name);
		for (size_t k = 0; k < n; k++) {
			char how = rows[i].servers[2 * k + 1];

			s[k].tier = (unsigned)(rows[i].servers[2 * k] - 'a');
			s[k].usable = how != 'd';
			s[k].full = how == 'f';
			s[k].tried = how == 't';
		}
		choice = pool_choice_look(s, n, &tier);
		assert_int_equal(choice, rows[i].choice);
		for (size_t k = 0; k < n; k++)
			assert_int_equal(choice == POOL_CHOICE_SERVER &&
			        pool_choice_has(&s[k], tier),
			    rows[i].may[k] == 'y');
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_client_has_what_it_may_have),
	};

	TEST_MAIN(tests);
}
