#include "core/event.h"

#include "core/buf.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>

static void
what_is_put_is_got(void **state)
{
	struct event a = event_of(EVENT_GROUP, "group main", "backup -> master",
	    "peer silent for 150 ms");
	struct buf b = BUF_WRITER(2 * EVENT_BYTES_MAX), in;
	struct event got;

	(void)state;
	a.id = 7;
	a.wall_ms = 1000;
	event_put(&b, &a);
	a.id = 8;
	event_put(&b, &a);
	in = buf_reader(b.data, b.pos);
	assert_int_equal(event_get(&in, &got), 0);
	assert_int_equal(got.id, 7);
	assert_int_equal(event_get(&in, &got), 0);
	assert_int_equal(in.pos, in.len);
	assert_int_equal(got.id, 8);
	assert_text(got.subject, a.subject);
	assert_text(got.what, a.what);
	assert_text(got.reason, a.reason);
	for (size_t n = 0; n < b.pos / 2; n++) {
		in = buf_reader(b.data, n);
		assert_int_equal(event_get(&in, &got), -EBADMSG);
	}
}

/* What a later version has put behind it. */
static void
more_than_is_known_is_skipped(void **state)
{
	struct event a = event_of(EVENT_RELOAD, "s", "w", NULL), got;
	struct buf b = BUF_WRITER(EVENT_BYTES_MAX), in;

	(void)state;
	a.id = 1;
	event_put(&b, &a);
	b.data[1] += 3;
	b.pos += 3;
	in = buf_reader(b.data, b.pos);
	assert_int_equal(event_get(&in, &got), 0);
	assert_int_equal(in.pos, in.len);
}

static void
a_text_is_cut_and_has_no_control_characters(void **state)
{
	char longest[2 * EVENT_REASON_MAX];
	struct event e;

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	e = event_of(EVENT_SERVER, "a\nb\x1b[2J", longest, longest);
	assert_text(e.subject, "a?b?[2J");
	assert_int_equal(strlen(e.what), EVENT_WHAT_MAX - 1);
	assert_int_equal(strlen(e.reason), EVENT_REASON_MAX - 1);
}

/* Else all of the text would be none: JSON has only whole ones. */
static void
a_text_is_not_cut_within_a_character(void **state)
{
	static const char *const characters[] = { "\xc3\xa9", "\xe2\x82\xac",
		"\xf0\x9f\x98\x80" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(characters); i++) {
		const size_t width = strlen(characters[i]);

		for (size_t shift = 0; shift < width; shift++) {
			char text[2 * EVENT_REASON_MAX] = "xxxx";
			size_t len = shift, kept;

			while (len + width < sizeof(text)) {
				memcpy(text + len, characters[i], width + 1);
				len += width;
			}
			kept =
			    strlen(event_of(EVENT_SERVER, "", "", text).reason);
			assert_int_equal((kept - shift) % width, 0);
			assert_true(kept > EVENT_REASON_MAX - 1 - width);
		}
	}
}

static void
a_kind_has_a_name_or_is_a_later_versions(void **state)
{
	(void)state;
	for (uint8_t k = EVENT_GROUP; k <= EVENT_PROCESS; k++)
		assert_int_equal(event_parse_kind(event_kind_name(k)), k);
	assert_text(event_kind_name(200), "other");
	assert_text(event_kind_name(0), "other");
	assert_int_equal(event_parse_kind("other"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_is_got),
		cmocka_unit_test(more_than_is_known_is_skipped),
		cmocka_unit_test(a_text_is_cut_and_has_no_control_characters),
		cmocka_unit_test(a_text_is_not_cut_within_a_character),
		cmocka_unit_test(a_kind_has_a_name_or_is_a_later_versions),
	};

	TEST_MAIN(tests);
}
