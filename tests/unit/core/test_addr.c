#include "core/addr.h"

#include "tests/lib/test.h"

#include <string.h>

static const struct row {
	const char *text;
	const char *printed; /* NULL: refused */
} rows[] = {
	{ "10.0.0.1:80", "10.0.0.1:80" },
	{ "[fd00::1]:80", "[fd00::1]:80" },
	{ "[FD00:0:0::1]:65535", "[fd00::1]:65535" },
	{ "[::ffff:10.0.0.1]:80", "10.0.0.1:80" },
	{ "0.0.0.0:1", "0.0.0.0:1" },
	{ "255.100.99.10:12345", "255.100.99.10:12345" },
	{ "10.0.0.1", NULL },
	{ "10.0.0.1:0", NULL },
	{ "10.0.0.1:65536", NULL },
	{ "10.0.0.1:080", NULL },
	{ "10.0.0.1:80x", NULL },
	{ "10.0.0.1:-1", NULL },
	{ "10.0.0.1: 80", NULL },
	{ "10.0.0.256:80", NULL },
	{ "[10.0.0.1]:80", NULL },
	{ "fd00::1:80", NULL },
	{ "[fd00::1:80", NULL },
	{ "[]:80", NULL },
	{ "host:80", NULL },
	{ ":80", NULL },
	{ "", NULL },
};

static void
text_and_address_go_together(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char buf[ADDR_TEXT_MAX];
		union addr a;
		int r = addr_parse(rows[i].text, &a);

		test_row(rows[i].text);
		assert_text(
		    r == 0 ? addr_format(&a, buf) : NULL, rows[i].printed);
	}
}

static void
addresses_without_a_port(void **state)
{
	char buf[ADDR_TEXT_MAX];
	union addr a;

	(void)state;
	assert_int_equal(addr_parse_ip("fd00::7", &a), 0);
	assert_string_equal(addr_format_ip(&a, buf), "fd00::7");
	assert_int_equal(addr_parse_ip("10.1.2.3", &a), 0);
	assert_string_equal(addr_format_ip(&a, buf), "10.1.2.3");
	assert_int_not_equal(addr_parse_ip("10.1.2", &a), 0);
	assert_int_not_equal(addr_parse_ip("[fd00::7]", &a), 0);
}

static union addr
parsed(const char *text)
{
	union addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static void
sameness_and_order(void **state)
{
	union addr a = parsed("10.0.0.1:1"), b = parsed("10.0.0.1:2");
	union addr c = parsed("10.0.0.2:1"), d = parsed("[fd00::1]:1");
	union addr any = parsed("[::]:1");

	(void)state;
	assert_true(addr_is_same_ip(&a, &b));
	assert_false(addr_is_same(&a, &b));
	assert_true(addr_compare_ip(&a, &c) < 0);
	assert_true(addr_compare_ip(&c, &a) > 0);
	assert_true(addr_compare_ip(&c, &d) < 0);
	assert_true(addr_compare_ip(&a, &b) == 0);
	assert_true(addr_is_any(&any));
	assert_false(addr_is_any(&a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_and_address_go_together),
		cmocka_unit_test(addresses_without_a_port),
		cmocka_unit_test(sameness_and_order),
	};

	TEST_MAIN(tests);
}
