#include "core/json_doc.h"

#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

static void
what_is_written_is_read_back(void **state)
{
	struct json_doc *d = json_doc_new(), *list, *back;
	char *text;

	(void)state;
	json_doc_put_string(d, "name", "impala \"1\"");
	json_doc_put_int(d, "n", -5);
	json_doc_put_real(d, "latency_ms", 0.4);
	json_doc_put_bool(d, "up", true);
	json_doc_put_null(d, "never");
	list = json_doc_put_array(d, "list");
	json_doc_put_string(list, NULL, "a");
	json_doc_put_int(json_doc_put_object(list, NULL), "x", 1);
	text = json_doc_text(d, false);
	assert_string_equal(text,
	    "{\"name\":\"impala \\\"1\\\"\",\"n\":-5,\"latency_ms\":0.4,\"up\":true,\"never\":null,\"list\":[\"a\",{\"x\":1}]}");
	back = json_doc_parse(text, strlen(text));
	assert_string_equal(json_doc_string(back, "name"), "impala \"1\"");
	assert_int_equal(json_doc_int(back, "n"), -5);
	assert_true(json_doc_real(back, "latency_ms") == 0.4);
	assert_true(json_doc_bool(back, "up"));
	assert_true(json_doc_is_null(json_doc_get(back, "never")));
	assert_int_equal(json_doc_count(json_doc_get(back, "list")), 2);
	assert_string_equal(
	    json_doc_text_value(json_doc_at(json_doc_get(back, "list"), 0)),
	    "a");
	json_doc_free_at(&back);
	json_doc_free_at(&d);
	free(text);
}

static void
what_is_not_there_reads_as_nothing(void **state)
{
	struct json_doc *d = json_doc_parse("{}", 2);

	(void)state;
	assert_string_equal(json_doc_string(d, "x"), "");
	assert_int_equal(json_doc_int(d, "x"), 0);
	assert_false(json_doc_bool(json_doc_get(d, "x"), "y"));
	assert_int_equal(json_doc_count(json_doc_get(d, "x")), 0);
	assert_null(json_doc_at(NULL, 3));
	assert_null(json_doc_named(NULL, "x"));
	json_doc_free_at(&d);
	assert_null(json_doc_parse("{", 1));
	assert_null(json_doc_text(NULL, false));
	json_doc_free_at(&d);
}

static void
one_of_a_list_is_found_by_its_name(void **state)
{
	static const char text[] =
	    "[1,{\"n\":2},{\"name\":\"a\",\"n\":3},{\"name\":\"b\",\"n\":4}]";
	struct json_doc *d = json_doc_parse(text, strlen(text));

	(void)state;
	assert_int_equal(json_doc_int(json_doc_named(d, "b"), "n"), 4);
	assert_null(json_doc_named(d, "c"));
	json_doc_free_at(&d);
}

/* Of another document, which may go before this one does. */
static void
a_value_of_another_document_is_copied(void **state)
{
	static const char text[] = "{\"list\":[{\"n\":2},\"b\"]}";
	struct json_doc *from = json_doc_parse(text, strlen(text));
	struct json_doc *d = json_doc_new();
	char *copy;

	(void)state;
	json_doc_put_copy(d, "list", json_doc_get(from, "list"));
	json_doc_put_copy(d, "none", json_doc_get(from, "none"));
	json_doc_free_at(&from);
	copy = json_doc_text(d, false);
	assert_string_equal(copy, text);
	free(copy);
	json_doc_free_at(&d);
}

static void
bytes_that_are_no_utf8_do_not_lose_the_value(void **state)
{
	struct json_doc *d = json_doc_new();

	(void)state;
	json_doc_put_string(d, "path", "/tmp/\xff");
	assert_string_equal(json_doc_string(d, "path"), "(not UTF-8)");
	json_doc_free_at(&d);
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
	struct json_doc *d = json_doc_parse_foreign(text, strlen(text));
	char shown[32];

	(void)state;
	assert_null(json_doc_parse(text, strlen(text)));
	assert_true(json_doc_is_object(d));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_row(rows[i].key);
		json_doc_show(
		    json_doc_get(d, rows[i].key), shown, sizeof(shown));
		assert_text(shown, rows[i].shown);
	}
	json_doc_show(json_doc_get(d, "c"), shown, 4);
	assert_text(shown, "\"x\\");
	assert_true(json_doc_is_number(json_doc_get(d, "a"), 2.5));
	assert_false(json_doc_is_number(json_doc_get(d, "a"), 2.6));
	assert_false(json_doc_is_number(json_doc_get(d, "f"), 0.));
	assert_true(json_doc_is_bool(json_doc_get(d, "b"), true));
	assert_false(json_doc_is_bool(json_doc_get(d, "b"), false));
	assert_false(json_doc_is_bool(json_doc_get(d, "f"), false));
	assert_true(json_doc_is_string(json_doc_get(d, "c")));
	assert_false(json_doc_is_string(json_doc_get(d, "x")));
	json_doc_free_at(&d);
	assert_null(json_doc_parse_foreign("<html>", 6));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(what_is_not_there_reads_as_nothing),
		cmocka_unit_test(one_of_a_list_is_found_by_its_name),
		cmocka_unit_test(a_value_of_another_document_is_copied),
		cmocka_unit_test(bytes_that_are_no_utf8_do_not_lose_the_value),
		cmocka_unit_test(what_others_wrote_is_shown_and_compared),
	};

	TEST_MAIN(tests);
}
