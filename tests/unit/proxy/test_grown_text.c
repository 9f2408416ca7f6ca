#include "proxy/web/grown_text.h"

#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

static void
it_grows_with_what_is_put(void **state)
{
	static const size_t rooms[] = { 0, 1, 10, 100000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rooms); i++) {
		CLEANUP(free_str) char *text = NULL;
		struct grown_text t;
		size_t len = 0;

		grown_text_init(&t, rooms[i]);
		for (unsigned k = 0; k < 10000; k++)
			grown_text_put(&t, "0123456789", 10);
		text = grown_text_take(&t, &len);
		assert_non_null(text);
		assert_int_equal(len, 100000);
		assert_int_equal(strlen(text), len);
		for (size_t k = 0; k < len; k++)
			assert_int_equal(text[k], '0' + (int)(k % 10));
		assert_null(t.bytes);
	}
}

static void
numbers_are_written_whole(void **state)
{
	CLEANUP(free_str) char *text = NULL;
	struct grown_text t = { .len = 0 };
	size_t len;

	(void)state;
	grown_text_put_number(&t, 0);
	grown_text_put_string(&t, " ");
	grown_text_put_number(&t, INT64_MIN);
	grown_text_put_string(&t, " ");
	grown_text_put_number(&t, INT64_MAX);
	text = grown_text_take(&t, &len);
	assert_text(text, "0 -9223372036854775808 9223372036854775807");
}

static void
nothing_is_a_text_too(void **state)
{
	CLEANUP(free_str) char *text = NULL;
	struct grown_text t = { .len = 0 };
	size_t len = 1;

	(void)state;
	grown_text_put(&t, NULL, 0);
	text = grown_text_take(&t, &len);
	assert_non_null(text);
	assert_int_equal(len, 0);
	assert_text(text, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_grows_with_what_is_put),
		cmocka_unit_test(numbers_are_written_whole),
		cmocka_unit_test(nothing_is_a_text_too),
	};

	TEST_MAIN(tests);
}
