#include "core/json_doc.h"

#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

static void
what_is_written_is_read_back(void **state)
{
	struct jdoc *d = jdoc_new(), *list, *back;
	char *text;

	(void)state;
	jdoc_put_string(d, "name", "impala \"1\"");
	jdoc_put_int(d, "n", -5);
	jdoc_put_real(d, "latency_ms", 0.4);
	jdoc_put_bool(d, "up", true);
	jdoc_put_null(d, "never");
	list = jdoc_put_array(d, "list");
	jdoc_put_string(list, NULL, "a");
	jdoc_put_int(jdoc_put_object(list, NULL), "x", 1);
	text = jdoc_text(d, false);
	assert_string_equal(text,
	    "{\"name\":\"impala \\\"1\\\"\",\"n\":-5,\"latency_ms\":0.4,\"up\":true,\"never\":null,\"list\":[\"a\",{\"x\":1}]}");
	back = jdoc_parse(text, strlen(text));
	assert_string_equal(jdoc_string(back, "name"), "impala \"1\"");
	assert_int_equal(jdoc_int(back, "n"), -5);
	assert_true(jdoc_real(back, "latency_ms") == 0.4);
	assert_true(jdoc_bool(back, "up"));
	assert_true(jdoc_is_null(jdoc_get(back, "never")));
	assert_int_equal(jdoc_count(jdoc_get(back, "list")), 2);
	assert_string_equal(
	    jdoc_text_value(jdoc_at(jdoc_get(back, "list"), 0)), "a");
	jdoc_free(back);
	jdoc_free(d);
	free(text);
}

static void
what_is_not_there_reads_as_nothing(void **state)
{
	struct jdoc *d = jdoc_parse("{}", 2);

	(void)state;
	assert_string_equal(jdoc_string(d, "x"), "");
	assert_int_equal(jdoc_int(d, "x"), 0);
	assert_false(jdoc_bool(jdoc_get(d, "x"), "y"));
	assert_int_equal(jdoc_count(jdoc_get(d, "x")), 0);
	assert_null(jdoc_at(NULL, 3));
	jdoc_free(d);
	assert_null(jdoc_parse("{", 1));
	assert_null(jdoc_text(NULL, false));
	jdoc_free(NULL);
}

static void
bytes_that_are_no_utf8_do_not_lose_the_value(void **state)
{
	struct jdoc *d = jdoc_new();

	(void)state;
	jdoc_put_string(d, "path", "/tmp/\xff");
	assert_string_equal(jdoc_string(d, "path"), "(not UTF-8)");
	jdoc_free(d);
}

static void
what_others_wrote_is_shown_and_compared(void **state)
{
	const char *const text = "{\"a\": 1, \"a\": 2.50, \"b\": true, "
	                         "\"c\": \"x\\u0000\\u00e4\", "
	                         "\"d\": [1], \"e\": {}, \"f\": null}";
	static const struct {
		const char *key, *shown;
	} rows[] = {
		{ "a", "2.5" },
		{ "b", "true" },
		{ "c", "\"x\\u0000\\u00E4\"" },
		{ "d", "[...]" },
		{ "e", "{...}" },
		{ "f", "null" },
	};
	struct jdoc *d = jdoc_parse_foreign(text, strlen(text));
	char shown[32];

	(void)state;
	assert_null(jdoc_parse(text, strlen(text)));
	assert_true(jdoc_is_object(d));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_row(rows[i].key);
		jdoc_show(jdoc_get(d, rows[i].key), shown, sizeof(shown));
		assert_text(shown, rows[i].shown);
	}
	jdoc_show(jdoc_get(d, "c"), shown, 4);
	assert_text(shown, "\"x\\");
	assert_true(jdoc_is_number(jdoc_get(d, "a"), 2.5));
	assert_false(jdoc_is_number(jdoc_get(d, "a"), 2.6));
	assert_false(jdoc_is_number(jdoc_get(d, "f"), 0.));
	assert_true(jdoc_is_bool(jdoc_get(d, "b"), true));
	assert_false(jdoc_is_bool(jdoc_get(d, "b"), false));
	assert_false(jdoc_is_bool(jdoc_get(d, "f"), false));
	assert_true(jdoc_is_string(jdoc_get(d, "c")));
	assert_false(jdoc_is_string(jdoc_get(d, "x")));
	jdoc_free(d);
	assert_null(jdoc_parse_foreign("<html>", 6));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(what_is_not_there_reads_as_nothing),
		cmocka_unit_test(bytes_that_are_no_utf8_do_not_lose_the_value),
		cmocka_unit_test(what_others_wrote_is_shown_and_compared),
	};

	TEST_MAIN(tests);
}
