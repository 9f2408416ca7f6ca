#include "keytab/enctype.h"

#include "tests/lib/test.h"

static const struct row {
	uint16_t enctype;
	const char *name;
	size_t key_bytes;
	bool weak;
} rows[] = {
	{ 18, "aes256-cts-hmac-sha1-96", 32, false },
	{ 17, "aes128-cts-hmac-sha1-96", 16, false },
	{ 20, "aes256-cts-hmac-sha384-192", 32, false },
	{ 23, "arcfour-hmac", 16, true },
	{ 16, "des3-cbc-sha1", 24, true },
	{ 3, "des-cbc-md5", 8, true },
	{ 99, "enctype 99", 0, false },
	/* Of private use: negative, as RFC 3961 s. 7 has it. */
	{ 0xff80, "enctype -128", 0, false },
};

static void
enctypes_have_names_and_lengths(void **state)
{
	char name[ENCTYPE_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_row(rows[i].name);
		assert_text(enctype_name(rows[i].enctype, name), rows[i].name);
		assert_int_equal(
		    enctype_key_bytes(rows[i].enctype), rows[i].key_bytes);
		assert_int_equal(
		    enctype_is_weak(rows[i].enctype), rows[i].weak);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(enctypes_have_names_and_lengths),
	};

	TEST_MAIN(tests);
}
