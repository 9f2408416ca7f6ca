/* Users and groups by name and by number, as Debian's base system has them. */
#include "hapair/supervisor/user_name.h"

#include "tests/lib/test.h"

#define NONE 0xffffffff

static const struct row {
	const char *name;
	uid_t uid; /* NONE: there is no such user */
	gid_t user_gid, gid;
} rows[] = {
	{ "root", 0, 0, 0 },
	{ "0", 0, 0, 0 },
	{ "games", 5, 60, 60 },
	{ "5", 5, 60, 5 }, /* group 5 is tty */
	{ "71488", 71488, 71488, 71488 },
	{ "4294967294", 4294967294, 4294967294, 4294967294 },
	{ "4294967295", NONE, 0, NONE },
	{ "071488", NONE, 0, NONE },
	{ "-1", NONE, 0, NONE },
	{ "no-such-user", NONE, 0, NONE },
	{ "", NONE, 0, NONE },
};

static void
a_name_or_a_number_is_an_id(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		struct proc_user user = { NONE, 0 };
		gid_t gid = NONE;

		test_row(r->name);
		assert_int_equal(
		    user_name_find(r->name, &user), r->uid != NONE);
		assert_int_equal(user.uid, r->uid);
		assert_int_equal(user.gid, r->user_gid);
		assert_int_equal(
		    user_name_find_group(r->name, &gid), r->gid != NONE);
		assert_int_equal(gid, r->gid);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_or_a_number_is_an_id),
	};

	TEST_MAIN(tests);
}
