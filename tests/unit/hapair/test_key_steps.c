#include "hapair/cli/key_steps.h"
#include "tests/lib/test.h"

#include <string.h>

/* A change as it goes, on the node that begins and on the one that follows. */
static const struct row {
	const char *name;
	struct key_steps s;
	bool to_do;
	const char *says; /* among other things */
} rows[] = {
	{ "one key", { { "old" }, { "old" }, { "old" }, false }, false,
	    "the peer has the same" },
	{ "one key, alone", { { "old" }, { "old" }, { NULL }, false }, false,
	    "the peer is not heard" },
	{ "the file has two", { { "new", "old" }, { "old" }, { "old" }, false },
	    true, "next: `hapair reload`" },
	{ "read", { { "new", "old" }, { "new", "old" }, { "old" }, false },
	    true, "on the peer, put new before the old line" },
	{ "the follower sees it",
	    { { "old" }, { "old" }, { "new", "old" }, false }, true,
	    "put it before the line of old in the key file here" },
	{ "both have both",
	    { { "new", "old" }, { "new", "old" }, { "new", "old" }, false },
	    true, "take the line of old out of the key file here" },
	{ "taken out here", { { "new" }, { "new" }, { "new", "old" }, false },
	    true, "take its line out of the key file there" },
	{ "taken out there",
	    { { "new", "old" }, { "new", "old" }, { "new" }, false }, true,
	    "take the line of old out of the key file here" },
	{ "done", { { "new" }, { "new" }, { "new" }, false }, false,
	    "the peer has the same" },
	{ "appended there, put first here",
	    { { "new", "old" }, { "new", "old" }, { "old", "new" }, false },
	    true, "name new first here and old first on the peer; next: make" },
	{ "and as it is seen there",
	    { { "old", "new" }, { "old", "new" }, { "new", "old" }, false },
	    true, "name old first here and new first on the peer; next: make" },
	{ "another new one on each node",
	    { { "one", "old" }, { "one", "old" }, { "two", "old" }, false },
	    true, "name one first here and two first on the peer; next: make" },
	{ "appended here",
	    { { "old", "new" }, { "old", "new" }, { "old" }, false }, true,
	    "the line of new out of the key file here, and `hapair reload`; or put it first" },
	{ "appended there", { { "old" }, { "old" }, { "old", "new" }, false },
	    true, "or put it first there, if that is the new one" },
	{ "the peer is away",
	    { { "new", "old" }, { "new", "old" }, { NULL }, false }, true,
	    "is not heard" },
	{ "the peer fell silent", { { "old" }, { "old" }, { "old" }, true },
	    false, "silent now, and this is as last heard" },
	{ "the peer has another", { { "new" }, { "new" }, { "old" }, true },
	    true, "the peer takes old, which the key file here does not" },
	{ "it has two others",
	    { { "new" }, { "new" }, { "old", "odd" }, false }, true,
	    "the peer takes old and odd, which" },
	{ "both here are others",
	    { { "new", "old" }, { "new", "old" }, { "odd" }, false }, true,
	    "put the same keys into the key file of both nodes" },
};

static void
each_step_tells_the_next(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[KEY_STEPS_TEXT];

		test_row(rows[i].name);
		assert_int_equal(
		    key_steps_next(&rows[i].s, text), rows[i].to_do);
		assert_non_null(strstr(text, rows[i].says));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_step_tells_the_next),
	};

	TEST_MAIN(tests);
}
