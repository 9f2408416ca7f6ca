#include "core/jdoc.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(what_is_not_there_reads_as_nothing),
		cmocka_unit_test(bytes_that_are_no_utf8_do_not_lose_the_value),
	};

	TEST_MAIN(tests);
}
