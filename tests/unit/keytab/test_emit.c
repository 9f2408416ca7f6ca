#include "keytab/emit.h"

#include "tests/lib/test.h"

#include <string.h>

#define SPAN(bytes, n)                                                         \
	{                                                                      \
		(const uint8_t *)(bytes), n                                    \
	}

static void
what_was_read_comes_out_byte_for_byte(void **state)
{
	/* Two components, name type 3, kvno 258 in both forms. */
	static const char file[] = "\5\2"
	                           "\0\0\0\054\0\2\0\1R\0\1p\0\1h\0\0\0\3"
	                           "\x65\x53\xf1\0\2\0\021\0\020"
	                           "0123456789abcdef"
	                           "\0\0\1\2";
	const size_t len = sizeof(file) - 1;
	uint8_t again[100];
	struct buf out = buf_writer(again, sizeof(again));
	struct keytab_reader r;
	struct keytab_fault fault;
	struct keytab_entry e;

	(void)state;
	assert_int_equal(keytab_begin(&r, file, len, &fault), 0);
	assert_int_equal(keytab_next(&r, &e, &fault), 1);
	assert_int_equal(e.kvno, 258);
	assert_int_equal(EMIT_HEAD_BYTES + emit_entry_bytes(&e), len);
	emit_put_head(&out);
	emit_put_entry(&out, &e);
	assert_int_equal(out.pos, len);
	assert_memory_equal(again, file, len);
}

static void
a_narrow_kvno_gets_its_wide_form(void **state)
{
	struct keytab_entry e = { .realm = SPAN("R", 1),
		.n_components = 1,
		.components = SPAN("\0\1p", 3),
		.kvno = 7,
		.enctype = 99,
		.key = SPAN("k", 1) };
	uint8_t bytes[100];
	struct buf out = buf_writer(bytes, sizeof(bytes));

	(void)state;
	emit_put_entry(&out, &e);
	assert_false(out.bad);
	assert_int_equal(out.pos, emit_entry_bytes(&e));
	assert_memory_equal(bytes + out.pos - 4, "\0\0\0\7", 4);
	/* Without room it is not written in part and taken for whole. */
	out = buf_writer(bytes, emit_entry_bytes(&e) - 1);
	emit_put_entry(&out, &e);
	assert_true(out.bad);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_read_comes_out_byte_for_byte),
		cmocka_unit_test(a_narrow_kvno_gets_its_wide_form),
	};

	TEST_MAIN(tests);
}
