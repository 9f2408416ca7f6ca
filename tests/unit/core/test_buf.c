#include "core/buf.h"

#include "tests/lib/test.h"

#include <string.h>

static void
what_was_put_is_got(void **state)
{
	uint8_t room[64];
	struct buf w = buf_writer(room, sizeof(room));
	struct buf r;
	char text[8];
	uint8_t bytes[3];

	(void)state;
	buf_put_u8(&w, 0xab);
	buf_put_u16(&w, 0x1234);
	buf_put_u32(&w, 0xdeadbeef);
	buf_put_u64(&w, 0x0102030405060708);
	buf_put_bytes(&w, "xyz", 3);
	buf_put_str(&w, "hello");
	assert_false(w.bad);
	r = buf_reader(room, w.pos);
	assert_int_equal(buf_get_u8(&r), 0xab);
	assert_int_equal(buf_get_u16(&r), 0x1234);
	assert_int_equal(buf_get_u32(&r), 0xdeadbeef);
	assert_true(buf_get_u64(&r) == 0x0102030405060708);
	buf_get_bytes(&r, bytes, 3);
	assert_memory_equal(bytes, "xyz", 3);
	buf_get_str(&r, text, sizeof(text));
	assert_string_equal(text, "hello");
	assert_true(buf_is_done(&r));
}

static void
numbers_are_in_network_order(void **state)
{
	uint8_t room[4];
	struct buf w = buf_writer(room, sizeof(room));

	(void)state;
	buf_put_u32(&w, 0x01020304);
	assert_memory_equal(room, "\1\2\3\4", 4);
}

static void
a_field_that_does_not_fit_spoils_the_rest(void **state)
{
	uint8_t room[3] = { 0, 0, 7 };
	struct buf w = buf_writer(room, sizeof(room));

	(void)state;
	buf_put_u16(&w, 1);
	buf_put_u16(&w, 2);
	assert_true(w.bad);
	buf_put_u8(&w, 3); /* would fit, but comes after a failure */
	assert_int_equal(room[2], 7);
	assert_int_equal(w.pos, 2);
}

static void
short_data_is_refused_and_reads_as_zero(void **state)
{
	const uint8_t bytes[] = { 1, 2, 3 };
	struct buf r = buf_reader(bytes, sizeof(bytes));
	uint8_t out[2] = { 9, 9 };

	(void)state;
	assert_int_equal(buf_get_u32(&r), 0);
	assert_true(r.bad);
	buf_get_bytes(&r, out, 2);
	assert_memory_equal(out, "\0\0", 2);
	assert_false(buf_is_done(&r));
}

static void
bytes_left_over_are_not_done(void **state)
{
	struct buf r = buf_reader("\1\2", 2);

	(void)state;
	(void)buf_get_u8(&r);
	assert_false(buf_is_done(&r));
}

static const struct row {
	const char *name;
	const char *bytes;
	size_t len, room;
	bool good;
} strings[] = {
	{ "fits exactly", "\0\3abc", 5, 4, true },
	{ "no room for its NUL", "\0\3abc", 5, 3, false },
	{ "says more than there is", "\0\4abc", 5, 8, false },
	{ "holds a NUL", "\0\3a\0c", 5, 8, false },
	{ "empty", "\0\0", 2, 1, true },
	{ "half a length", "\0", 1, 8, false },
};

static void
strings_are_taken_whole_or_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
		const struct row *row = &strings[i];
		struct buf r = buf_reader(row->bytes, row->len);
		char text[16] = "?";

		test_row(row->name);
		buf_get_str(&r, text, row->room);
		assert_int_equal(buf_is_done(&r), row->good);
		if (!row->good)
			assert_string_equal(text, "");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_got),
		cmocka_unit_test(numbers_are_in_network_order),
		cmocka_unit_test(a_field_that_does_not_fit_spoils_the_rest),
		cmocka_unit_test(short_data_is_refused_and_reads_as_zero),
		cmocka_unit_test(bytes_left_over_are_not_done),
		cmocka_unit_test(strings_are_taken_whole_or_not),
	};

	TEST_MAIN(tests);
}
