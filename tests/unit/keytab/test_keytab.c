#include "keytab/keytab.h"

#include "core/buf.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What an entry says in its own words; a test bends one of them. */
struct words {
	unsigned components; /* as counted; two follow */
	const char *realm, *first, *second;
	uint32_t name_type, timestamp;
	uint8_t kvno;
	uint16_t enctype;
	size_t key_len;
	bool wide;
	uint32_t wide_kvno;
	unsigned padding; /* further bytes of the record */
	uint8_t pad;
	int length_off; /* added to the record's true length */
};

static const struct words usual = { .components = 2,
	.realm = "EXAMPLE.ORG",
	.first = "proxy",
	.second = "vip.example.org",
	.name_type = 1,
	.timestamp = 1700000000,
	.kvno = 2,
	.enctype = 18,
	.key_len = 32,
	.wide = true,
	.wide_kvno = 258 };

static void
put_entry(struct buf *b, const struct words *w)
{
	size_t length_at = b->pos, begun;
	struct buf length;

	buf_put_u32(b, 0);
	begun = b->pos;
	buf_put_u16(b, (uint16_t)w->components);
	buf_put_str(b, w->realm);
	buf_put_str(b, w->first);
	buf_put_str(b, w->second);
	buf_put_u32(b, w->name_type);
	buf_put_u32(b, w->timestamp);
	buf_put_u8(b, w->kvno);
	buf_put_u16(b, w->enctype);
	buf_put_u16(b, (uint16_t)w->key_len);
	for (size_t i = 0; i < w->key_len; i++)
		buf_put_u8(b, (uint8_t)(i + 1));
	if (w->wide)
		buf_put_u32(b, w->wide_kvno);
	for (unsigned i = 0; i < w->padding; i++)
		buf_put_u8(b, w->pad);
	assert_false(b->bad);
	length = buf_writer(b->data + length_at, 4);
	buf_put_u32(&length, (uint32_t)((int)(b->pos - begun) + w->length_off));
}

/*
 * In memory of just that size, so that a sanitizer sees each step beyond it.
 * Returns how many entries came before the end or the fault.
 */
static int
count(const uint8_t *bytes, size_t len, struct keytab_fault *ret_fault)
{
	uint8_t *own = malloc(len == 0 ? 1 : len);
	struct keytab_reader r;
	struct keytab_entry e;
	int n = 0, got;

	assert_non_null(own);
	memcpy(own, bytes, len);
	*ret_fault = (struct keytab_fault){ .offset = SIZE_MAX };
	got = keytab_begin(&r, own, len, ret_fault);
	while (got == 0) {
		got = keytab_next(&r, &e, ret_fault);
		if (got == 0)
			break;
		if (got == 1) {
			n++;
			got = 0;
		}
	}
	assert_true(got == 0 || got == -EBADMSG);
	assert_int_equal(got == 0, ret_fault->offset == SIZE_MAX);
	free(own);
	return n;
}

static void
every_field_is_read(void **state)
{
	uint8_t bytes[512];
	struct buf b = buf_writer(bytes, sizeof(bytes));
	struct words narrow = usual, zero = usual;
	struct keytab_fault fault;
	struct keytab_reader r;
	struct keytab_entry e;
	char name[KEYTAB_TEXT_MAX];

	(void)state;
	narrow.wide = false;
	narrow.padding = 3;
	zero.wide_kvno = 0;
	buf_put_u16(&b, 0x0502);
	put_entry(&b, &usual);
	put_entry(&b, &narrow);
	put_entry(&b, &zero);
	assert_int_equal(keytab_begin(&r, bytes, b.pos, &fault), 0);
	assert_int_equal(keytab_next(&r, &e, &fault), 1);
	assert_int_equal(e.offset, 2);
	assert_text(keytab_principal_text(&e, name),
	    "proxy/vip.example.org@EXAMPLE.ORG");
	assert_int_equal(e.kvno, 258);
	assert_int_equal(e.enctype, 18);
	assert_int_equal(e.name_type, 1);
	assert_int_equal(e.timestamp, 1700000000);
	assert_int_equal(e.key.len, 32);
	assert_int_equal(e.key.at[31], 32);
	assert_true(keytab_span_is(keytab_component(&e, 0), "proxy"));
	assert_true(keytab_span_is(keytab_component(&e, 1), "vip.example.org"));
	assert_int_equal(keytab_component(&e, 2).len, 0);
	/* Without the wide number, or with a wide zero, the byte counts. */
	assert_int_equal(keytab_next(&r, &e, &fault), 1);
	assert_int_equal(e.kvno, 2);
	assert_int_equal(keytab_next(&r, &e, &fault), 1);
	assert_int_equal(e.kvno, 2);
	assert_int_equal(keytab_next(&r, &e, &fault), 0);
	assert_int_equal(keytab_next(&r, &e, &fault), 0);
}

/* One slip each; the offset is where a person should look. */
static const struct row {
	const char *name;
	const char *fault;
	size_t offset;
	unsigned components;
	const char *realm, *first, *second;
	uint16_t enctype;
	size_t key_len;
	bool wide;
	unsigned padding;
	int length_off;
} rows[] = {
	/* clang-format off */
	{ "no components", "a principal without components", 6,
		0, "R", "p", "h", 18, 32, true, 0, 0 },
	{ "more components than there are", "a principal with an empty component", 17,
		60000, "R", "p", "h", 18, 32, true, 0, 0 },
	{ "empty realm", "a principal with an empty realm", 8,
		2, "", "p", "h", 18, 32, true, 0, 0 },
	{ "empty first component", "a principal with an empty component", 11,
		2, "R", "", "h", 18, 32, true, 0, 0 },
	{ "empty second component", "a principal with an empty component", 14,
		2, "R", "p", "", 18, 32, true, 0, 0 },
	{ "no key", "an empty key", 28,
		2, "R", "p", "h", 18, 0, true, 0, 0 },
	{ "half a key", "a key of the wrong length", 28,
		2, "R", "p", "h", 18, 16, true, 0, 0 },
	{ "a key of another enctype", "a key of the wrong length", 28,
		2, "R", "p", "h", 17, 32, true, 0, 0 },
	{ "a record that cuts the key", "a field goes beyond the end of its record", 2,
		2, "R", "p", "h", 18, 32, true, 0, -5 },
	{ "a record that cuts the names", "a field goes beyond the end of its record", 2,
		2, "R", "p", "h", 18, 32, true, 0, -50 },
	{ "a long record", "truncated", 2,
		2, "R", "p", "h", 18, 32, true, 0, 1 },
	{ "something behind the entry", "bytes that mean nothing", 66,
		2, "R", "p", "h", 18, 32, true, 5, 0 },
	{ "a narrow entry and 3 odd bytes", "bytes that mean nothing", 62,
		2, "R", "p", "h", 18, 32, false, 3, 0 },
	/* clang-format on */
};

static void
each_slip_is_told_with_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		uint8_t bytes[256];
		struct buf b = buf_writer(bytes, sizeof(bytes));
		struct keytab_fault fault;
		const struct words bent = { .components = row->components,
			.realm = row->realm,
			.first = row->first,
			.second = row->second,
			.kvno = 1,
			.enctype = row->enctype,
			.key_len = row->key_len,
			.wide = row->wide,
			.wide_kvno = 1,
			.padding = row->padding,
			.pad = 7,
			.length_off = row->length_off };

		test_row(row->name);
		buf_put_u16(&b, 0x0502);
		put_entry(&b, &bent);
		assert_int_equal(count(bytes, b.pos, &fault), 0);
		assert_non_null(strstr(fault.text, row->fault));
		assert_int_equal(fault.offset, row->offset);
	}
}

static const struct plain {
	const char *name;
	const char *bytes;
	size_t len;
	const char *fault; /* NULL: fine, without entries */
	const char *says;
} plain[] = {
	{ "empty", "", 0, "the file is empty",
	    "the file is empty, which is no keytab" },
	{ "one byte", "\5", 1, "this is no keytab",
	    "this is no keytab: it does not begin with 05 02" },
	{ "old", "\5\1\0\0", 4, "format 5.01", NULL },
	{ "text", "root:x:0", 8, "this is no keytab", NULL },
	{ "nothing in it", "\5\2", 2, NULL, NULL },
	{ "half a length", "\5\2\0\0\0", 5, "truncated",
	    "byte 2: truncated: 4 bytes should follow, and 3 do" },
	{ "a hole", "\5\2\xff\xff\xff\xfe\x41\x41", 8, NULL, NULL },
	{ "a hole beyond the end", "\5\2\xff\xff\xff\xfd\x41\x41", 8,
	    "truncated", NULL },
	{ "the largest hole", "\5\2\x80\0\0\0", 6,
	    "a record of -2147483648 bytes",
	    "byte 2: a record of -2147483648 bytes" },
	{ "the largest record", "\5\2\x7f\xff\xff\xff", 6, "truncated",
	    "byte 2: truncated: 2147483647 bytes should follow, and 0 do" },
	{ "a record of a byte", "\5\2\0\0\0\1\0", 7,
	    "a field goes beyond the end of its record",
	    "byte 2: a field goes beyond the end of its record of 1 bytes" },
	{ "the mark of the end", "\5\2\0\0\0\0\0\0", 8, NULL, NULL },
	{ "bytes behind the end", "\5\2\0\0\0\0\0\1", 8,
	    "bytes behind the mark of the end",
	    "byte 7: bytes behind the mark of the end" },
};

static void
what_is_no_keytab_is_called_so(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
		const struct plain *p = &plain[i];
		struct keytab_fault fault;

		test_row(p->name);
		assert_int_equal(
		    count((const uint8_t *)p->bytes, p->len, &fault), 0);
		if (p->fault == NULL) {
			assert_int_equal(fault.offset, SIZE_MAX);
			continue;
		}
		assert_non_null(strstr(fault.text, p->fault));
		if (p->says != NULL)
			assert_text(fault.text, p->says);
	}
}

/* A cut between two records cannot be seen; anywhere else it is. */
static void
a_cut_at_any_place_is_seen_or_between_entries(void **state)
{
	uint8_t bytes[512];
	struct buf b = buf_writer(bytes, sizeof(bytes));
	size_t ends[4] = { 2 };
	struct words narrow = usual;

	(void)state;
	narrow.wide = false;
	buf_put_u16(&b, 0x0502);
	for (unsigned i = 1; i <= 3; i++) {
		put_entry(&b, i == 2 ? &narrow : &usual);
		ends[i] = b.pos;
	}
	for (size_t len = 0; len <= b.pos; len++) {
		struct keytab_fault fault;
		int whole = 0, n;

		while (whole < 3 && ends[whole + 1] <= len)
			whole++;
		n = count(bytes, len, &fault);
		assert_int_equal(n, len < 2 ? 0 : whole);
		if (len >= 2 && ends[whole] == len)
			assert_int_equal(fault.offset, SIZE_MAX);
		else
			assert_int_equal(
			    fault.offset, len < 2 ? 0 : ends[whole]);
	}
}

/* Whatever one byte becomes: a fault, or something that can be shown. */
static void
a_changed_byte_never_leads_outside(void **state)
{
	uint8_t bytes[256];
	struct buf b = buf_writer(bytes, sizeof(bytes));

	(void)state;
	buf_put_u16(&b, 0x0502);
	put_entry(&b, &usual);
	put_entry(&b, &usual);
	for (size_t at = 0; at < b.pos; at++)
		for (unsigned flip = 1; flip < 256; flip <<= 1) {
			struct keytab_fault fault;

			bytes[at] ^= (uint8_t)flip;
			assert_in_range(count(bytes, b.pos, &fault), 0, 2);
			bytes[at] ^= (uint8_t)flip;
		}
}

static void
names_are_shown_so_that_no_terminal_suffers(void **state)
{
	uint8_t bytes[256];
	struct buf b = buf_writer(bytes, sizeof(bytes));
	struct words odd = usual;
	struct keytab_fault fault;
	struct keytab_reader r;
	struct keytab_entry e;
	char name[KEYTAB_TEXT_MAX];

	(void)state;
	odd.first = "a/b@c";
	odd.second = "x\033[31m\\";
	buf_put_u16(&b, 0x0502);
	put_entry(&b, &odd);
	assert_int_equal(keytab_begin(&r, bytes, b.pos, &fault), 0);
	assert_int_equal(keytab_next(&r, &e, &fault), 1);
	assert_text(keytab_principal_text(&e, name),
	    "a\\/b\\@c/x\\x1b[31m\\\\@EXAMPLE.ORG");
}

static void
principals_are_the_same_by_their_parts(void **state)
{
	uint8_t bytes[512];
	struct buf b = buf_writer(bytes, sizeof(bytes));
	struct words other = usual;
	struct keytab_fault fault;
	struct keytab_reader r;
	struct keytab_entry e[3];

	(void)state;
	buf_put_u16(&b, 0x0502);
	put_entry(&b, &usual);
	put_entry(&b, &usual);
	other.realm = "EXAMPLE.ORh";
	put_entry(&b, &other);
	assert_int_equal(keytab_begin(&r, bytes, b.pos, &fault), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(keytab_next(&r, &e[i], &fault), 1);
	assert_true(keytab_is_same_principal(&e[0], &e[1]));
	assert_false(keytab_is_same_principal(&e[0], &e[2]));
}

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
	assert_int_equal(KEYTAB_HEAD_BYTES + keytab_entry_bytes(&e), len);
	keytab_put_head(&out);
	keytab_put_entry(&out, &e);
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
	keytab_put_entry(&out, &e);
	assert_false(out.bad);
	assert_int_equal(out.pos, keytab_entry_bytes(&e));
	assert_memory_equal(bytes + out.pos - 4, "\0\0\0\7", 4);
	/* Without room it is not written in part and taken for whole. */
	out = buf_writer(bytes, keytab_entry_bytes(&e) - 1);
	keytab_put_entry(&out, &e);
	assert_true(out.bad);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_is_read),
		cmocka_unit_test(each_slip_is_told_with_its_place),
		cmocka_unit_test(what_is_no_keytab_is_called_so),
		cmocka_unit_test(a_cut_at_any_place_is_seen_or_between_entries),
		cmocka_unit_test(a_changed_byte_never_leads_outside),
		cmocka_unit_test(names_are_shown_so_that_no_terminal_suffers),
		cmocka_unit_test(principals_are_the_same_by_their_parts),
		cmocka_unit_test(what_was_read_comes_out_byte_for_byte),
		cmocka_unit_test(a_narrow_kvno_gets_its_wide_form),
	};

	TEST_MAIN(tests);
}
