#include "proxy/web/event_lines.h"

#include "proxy/web/page_json.h"
#include "proxy/web/shared_text.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
assert_all(struct event_lines *l, const char *expected)
{
	struct shared_text *t = event_lines_text(l);

	assert_non_null(t);
	assert_int_equal(t->len, strlen(expected));
	assert_text(t->text, expected);
	shared_text_let_go(&t);
	assert_null(t);
}

static void
take(struct event_lines *l, const char *text)
{
	event_lines_take(l, text, strlen(text));
}

static void
lines_come_in_any_pieces(void **state)
{
	struct event_lines l = { .n = 0 };

	(void)state;
	assert_all(&l, "");
	take(&l, "{\"a\"");
	assert_all(&l, "");
	take(&l, ": 1}\n{}");
	assert_all(&l, "{\"a\": 1}\n");
	take(&l, "\n\n\n");
	assert_all(&l, "{\"a\": 1}\n{}\n");
	event_lines_fini(&l);
}

static void
what_somebody_reads_stays_as_it_was(void **state)
{
	struct event_lines l = { .n = 0 };
	struct shared_text *before, *same;

	(void)state;
	take(&l, "1\n");
	before = event_lines_text(&l);
	same = event_lines_text(&l);
	assert_ptr_equal(before, same);
	take(&l, "2\n");
	event_lines_fini(&l);
	assert_text(before->text, "1\n");
	shared_text_let_go(&before);
	shared_text_let_go(&same);
}

static void
the_last_thousand_are_kept_and_none_that_is_too_long(void **state)
{
	static char longest[EVENT_LINES_LONGEST + 3];
	struct event_lines *l = calloc(1, sizeof(*l));
	struct shared_text *t;
	char line[32];

	(void)state;
	assert_non_null(l);
	for (unsigned i = 0; i < EVENT_LINES_MAX + 5; i++) {
		(void)snprintf(line, sizeof(line), "%u\n", i);
		take(l, line);
	}
	memset(longest, 'x', sizeof(longest) - 2);
	longest[sizeof(longest) - 2] = '\n';
	take(l, longest);
	take(l, "end\n");
	assert_int_equal(l->n, EVENT_LINES_MAX);
	t = event_lines_text(l);
	assert_non_null(t);
	assert_int_equal(strncmp(t->text, "6\n7\n", 4), 0);
	assert_non_null(strstr(t->text, "\n1004\nend\n"));
	assert_null(strchr(t->text, 'x'));
	shared_text_let_go(&t);
	event_lines_fini(l);
	free(l);
}

static void
the_newest_are_the_first(void **state)
{
	static const char lines[] = "a\nbb\nccc\n";
	const char *at[PAGE_JSON_EVENTS];
	size_t lens[PAGE_JSON_EVENTS];

	(void)state;
	assert_int_equal(page_json_last_lines("", 0, at, lens), 0);
	assert_int_equal(
	    page_json_last_lines(lines, strlen(lines), at, lens), 3);
	assert_int_equal(lens[0], 3);
	assert_int_equal(strncmp(at[0], "ccc", 3), 0);
	assert_int_equal(lens[1], 2);
	assert_int_equal(lens[2], 1);
	assert_ptr_equal(at[2], lines);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_in_any_pieces),
		cmocka_unit_test(what_somebody_reads_stays_as_it_was),
		cmocka_unit_test(
		    the_last_thousand_are_kept_and_none_that_is_too_long),
		cmocka_unit_test(the_newest_are_the_first),
	};

	TEST_MAIN(tests);
}
