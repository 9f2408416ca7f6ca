#include "hapair/supervisor/upgrade_answer.h"

#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>

static void
what_is_said_is_read(void **state)
{
	const struct upgrade_answer own = upgrade_answer_own();
	char text[UPGRADE_ANSWER_MAX];
	struct upgrade_answer a;

	(void)state;
	memset(&a, 0, sizeof(a));
	assert_int_equal(
	    upgrade_answer_parse(upgrade_answer_text(&own, text), &a), 0);
	assert_string_equal(a.version, own.version);
	assert_int_equal(a.state_from, own.state_from);
	assert_int_equal(a.state_to, own.state_to);
	assert_int_equal(a.roles_from, own.roles_from);
	assert_int_equal(a.roles_to, own.roles_to);
	assert_null(upgrade_answer_fault(&a, &own, text));
}

static void
other_lines_are_no_answer(void **state)
{
	static const char *const rows[] = {
		"",
		"\n",
		"hapair 0.2.0\n",
		"hapair 0.2.0 takes over from state 1-1, roles 1-1",
		"hapair 0.2.0 takes over from state 1-1, roles 1-1\nmore\n",
		"hapair 0.2.0 takes over from state x-1, roles 1-1\n",
		"hapair 0.2.0-and-a-name-of-more-than-31-letters takes over from state 1-1, roles 1-1\n",
		"uid=0(root)\n",
	};
	struct upgrade_answer a;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(upgrade_answer_parse(rows[i], &a), -EBADMSG);
}

static void
what_cannot_take_over_is_named(void **state)
{
	static const struct upgrade_answer own = { "0.2.0", 2, 3, 5, 5 };
	static const struct row {
		struct upgrade_answer a;
		const char *fault;
	} rows[] = {
		{ { "0.3.0", 3, 4, 5, 6 }, NULL },
		{ { "0.1.0", 1, 2, 5, 5 },
		    "hapair 0.1.0 reads states of version 1 to 2, and this is 3: it is too old" },
		{ { "9.0.0", 4, 9, 5, 5 },
		    "hapair 9.0.0 reads states of version 4 to 9, and this is 3: it is too new" },
		{ { "0.1.0", 1, 3, 3, 4 },
		    "hapair 0.1.0 talks with roles of version 3 to 4, and this is 5: it is too old" },
		{ { "9.0.0", 1, 3, 6, 7 },
		    "hapair 9.0.0 talks with roles of version 6 to 7, and this is 5: it is too new" },
	};
	char text[UPGRADE_ANSWER_MAX];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		const char *fault =
		    upgrade_answer_fault(&rows[i].a, &own, text);

		if (rows[i].fault == NULL)
			assert_null(fault);
		else
			assert_string_equal(fault, rows[i].fault);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_said_is_read),
		cmocka_unit_test(other_lines_are_no_answer),
		cmocka_unit_test(what_cannot_take_over_is_named),
	};

	TEST_MAIN(tests);
}
