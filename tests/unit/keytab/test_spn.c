#include "keytab/spn.h"

#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>

static const struct row {
	const char *text;
	const char *service, *host, *realm; /* service NULL: none */
} rows[] = {
	{ "proxy/vip.org@R.ORG", "proxy", "vip.org", "R.ORG" },
	{ "impala/h1", "impala", "h1", "" },
	{ "impala", NULL, NULL, NULL },
	{ "user@R.ORG", NULL, NULL, NULL },
	{ "user@R.ORG/x", NULL, NULL, NULL },
	{ "/h1@R", NULL, NULL, NULL },
	{ "impala/@R", NULL, NULL, NULL },
	{ "impala/h1@", NULL, NULL, NULL },
	{ "impala/h1/x@R", NULL, NULL, NULL },
	{ "impala/h1@R@S", NULL, NULL, NULL },
	{ "", NULL, NULL, NULL },
};

static void
service_host_and_realm_or_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct spn s;
		int e = spn_parse(rows[i].text, &s);

		test_row(rows[i].text);
		if (rows[i].service == NULL) {
			assert_int_equal(e, -EINVAL);
			continue;
		}
		assert_int_equal(e, 0);
		assert_text(s.service, rows[i].service);
		assert_text(s.host, rows[i].host);
		assert_text(s.realm, rows[i].realm);
	}
}

static void
what_is_too_long_is_none(void **state)
{
	char text[2 * SPN_PART_MAX];
	struct spn s;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "impala/", 7);
	text[7 + SPN_PART_MAX] = '\0';
	assert_int_equal(spn_parse(text, &s), -EINVAL);
	text[7 + SPN_PART_MAX - 1] = '\0';
	assert_int_equal(spn_parse(text, &s), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(service_host_and_realm_or_nothing),
		cmocka_unit_test(what_is_too_long_is_none),
	};

	TEST_MAIN(tests);
}
