/* Written and read as json_doc.h does it, or not at all. */
#include "core/text/json_line.h"

#include "core/json_doc.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX 1024
#define KEYS 5

static const char *const keys[KEYS] = { "id", "why", "in", "out", "good" };

/* Everything there can be, once as a line and once as a document. */
static void
write_both(const char *text, int64_t number, bool good, char line[LINE_MAX],
    char document[LINE_MAX])
{
	struct json_line l = json_line_begin(line, LINE_MAX);
	CLEANUP(json_doc_free_at) struct json_doc *d = json_doc_new();
	CLEANUP(free_str) char *whole = NULL;
	struct json_doc *within;
	size_t len;

	json_line_put_string(&l, "id", text);
	json_line_put_string(&l, "why", NULL);
	json_line_open(&l, "bytes");
	json_line_put_int(&l, "in", number);
	json_line_put_int(&l, "out", -number);
	json_line_close(&l);
	json_line_put_bool(&l, "good", good);
	json_line_open(&l, "empty");
	json_line_close(&l);
	len = json_line_end(&l);
	assert_int_equal(len, strlen(line));

	json_doc_put_string(d, "id", text);
	json_doc_put_string(d, "why", NULL);
	within = json_doc_put_object(d, "bytes");
	json_doc_put_int(within, "in", number);
	json_doc_put_int(within, "out", -number);
	json_doc_put_bool(d, "good", good);
	(void)json_doc_put_object(d, "empty");
	whole = json_doc_text(d, false);
	(void)snprintf(document, LINE_MAX, "%s\n", whole);
}

static void
a_line_is_what_a_document_would_say(void **state)
{
	static const char *const texts[] = { "", "s1", "a\"b\\c/d",
		"\b\f\n\r\t", "\x01\x1f\x7f", "é€😀", "10.0.0.1:80" };
	static const int64_t numbers[] = { 0, 1, -1, 10, 5000000000, INT64_MAX,
		-INT64_MAX };
	char line[LINE_MAX], document[LINE_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		for (size_t k = 0; k < ARRAY_LEN(numbers); k++) {
			write_both(
			    texts[i], numbers[k], k % 2 == 0, line, document);
			assert_text(line, document);
		}
}

static void
a_line_that_does_not_fit_is_none(void **state)
{
	char line[LINE_MAX], document[LINE_MAX], small[LINE_MAX];
	size_t len;

	(void)state;
	write_both("x", 1, true, line, document);
	len = strlen("{\"id\":\"x\"}\n");
	for (size_t room = 2; room <= len + 1; room++) {
		struct json_line l = json_line_begin(small, room);

		json_line_put_string(&l, "id", "x");
		assert_int_equal(json_line_end(&l), room > len ? len : 0);
	}
}

/* The reader's answer, where it has one, is the document's. */
static void
compare(const char *text, size_t len, bool must_read)
{
	struct json_line_value values[KEYS];
	CLEANUP(json_doc_free_at) struct json_doc *d = NULL;

	test_row(text);
	if (!json_line_read(text, len, keys, KEYS, values)) {
		assert_false(must_read);
		return;
	}
	d = json_doc_parse(text, len);
	assert_non_null(d);
	for (size_t i = 0; i < KEYS; i++) {
		const struct json_doc *at = json_doc_get(d, keys[i]) != NULL
		    ? d
		    : json_doc_get(d, "bytes");
		const struct json_doc *value = json_doc_get(at, keys[i]);
		char said[LINE_MAX];

		if (json_doc_is_null(value) || json_doc_is_object(value)) {
			assert_null(values[i].at);
			continue;
		}
		(void)snprintf(said, sizeof(said), "%.*s", (int)values[i].len,
		    values[i].at);
		if (json_doc_is_string(value))
			assert_text(said, json_doc_text_value(value));
		else if (json_doc_is_bool(value, true))
			assert_true(json_line_is(&values[i], "true"));
		else if (json_doc_is_bool(value, false))
			assert_true(json_line_is(&values[i], "false"));
		else
			assert_true(json_line_int(&values[i]) ==
			    json_doc_int(at, keys[i]));
	}
}

static void
what_is_read_is_what_a_document_says(void **state)
{
	static const struct row {
		const char *text;
		bool reads;
	} rows[] = {
		{ "{}", true },
		{ "{\"id\":\"7f\",\"why\":null,\"bytes\":{\"in\":12,\"out\":0},"
		  "\"good\":true}",
		    true },
		{ "{\"good\":false,\"other\":\"x\",\"id\":\"\"}", true },
		{ "{\"in\":-12,\"bytes\":{}}", true },
		{ "{\"in\":999999999999999999}", true },
		/* A document may make something of these, and they are rare. */
		{ "{\"in\":9223372036854775807}", false },
		{ "{\"in\":1.5}", false },
		{ "{\"id\": \"7f\"}", false },
		{ "{\"id\":\"a\\\"b\"}", false },
		{ "{\"id\":\"é\"}", false },
		{ "{\"id\":[1]}", false },
		{ "{\"a\":{\"b\":{}}}", false },
		/* These are no JSON. */
		{ "", false },
		{ "{", false },
		{ "{}x", false },
		{ "{\"id\"}", false },
		{ "{\"id\":}", false },
		{ "{\"id\":\"x}", false },
		{ "{\"id\":\"x\",}", false },
		{ "{\"id\":\"x\" \"in\":1}", false },
		{ "{\"in\":01}", false },
		{ "{\"in\":-}", false },
		{ "{\"id\":nul}", false },
		{ "{\"id\":\"1\",\"id\":\"2\"}", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct json_line_value values[KEYS];
		const size_t len = strlen(rows[i].text);

		compare(rows[i].text, len, rows[i].reads);
		assert_int_equal(
		    json_line_read(rows[i].text, len, keys, KEYS, values),
		    rows[i].reads);
	}
}

/* Half of it, and with a byte changed: never another answer. */
static void
a_damaged_line_is_never_read_otherwise(void **state)
{
	static const char odd[] = "\"\\{}:,[]0-1 nte\x7f\x80\n";
	char line[LINE_MAX], document[LINE_MAX], damaged[LINE_MAX];
	size_t len;

	(void)state;
	write_both("7f", 12, true, line, document);
	len = strlen(line) - 1;
	for (size_t i = 0; i < len; i++) {
		compare(line, i, false);
		for (size_t k = 0; k < sizeof(odd) - 1; k++) {
			memcpy(damaged, line, len);
			damaged[i] = odd[k];
			damaged[len] = '\0';
			/* Where else a key may be is not looked at here. */
			if (strstr(damaged, "\"bytes\":{") != NULL)
				compare(damaged, len, false);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_what_a_document_would_say),
		cmocka_unit_test(a_line_that_does_not_fit_is_none),
		cmocka_unit_test(what_is_read_is_what_a_document_says),
		cmocka_unit_test(a_damaged_line_is_never_read_otherwise),
	};

	TEST_MAIN(tests);
}
