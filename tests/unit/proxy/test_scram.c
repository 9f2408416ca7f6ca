#include "proxy/health/scram.h"

#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

/* With the salt of RFC 7677, section 3; reckoned by another program. */
static void
each_proves_to_the_other(void **state)
{
	char message[SCRAM_MESSAGE_MAX];
	struct scram s;

	(void)state;
	scram_begin(&s, "123456789012345678", 18, message);
	assert_text(message, "n,,n=,r=MTIzNDU2Nzg5MDEyMzQ1Njc4");
	assert_null(scram_answer(&s, "pencil",
	    "r=MTIzNDU2Nzg5MDEyMzQ1Njc4abc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
	    message));
	assert_text(message,
	    "c=biws,r=MTIzNDU2Nzg5MDEyMzQ1Njc4abc,p="
	    "Cf5DDy8VMf+PC6juOTzdRY2c8EQkU5a01NUal67KNnI=");
	assert_true(scram_is_proven(
	    &s, "v=zm3eIetoIAPHN0r0+qD5FluiwQtSxg9VkiDL2DbpaFM="));
	assert_false(scram_is_proven(
	    &s, "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
	assert_false(scram_is_proven(&s, "e=other-error"));
}

static const struct row {
	const char *name, *message;
} rows[] = {
	{ "nothing", "" },
	{ "another's nonce", "r=abc,s=AAAA,i=4096" },
	{ "no rounds", "r=MTIzNDU2Nzg5MDEyMzQ1Njc4abc,s=AAAA,i=0" },
	{ "no salt", "r=MTIzNDU2Nzg5MDEyMzQ1Njc4abc,s=,i=4096" },
	{ "a salt that is none", "r=MTIzNDU2Nzg5MDEyMzQ1Njc4abc,s=A!AA,i=1" },
	{ "rounds that are none", "r=MTIzNDU2Nzg5MDEyMzQ1Njc4abc,s=AAAA,i=x" },
	{ "too many rounds", "r=MTIzNDU2Nzg5MDEyMzQ1Njc4abc,s=AAAA,i=100001" },
	{ "rounds that fit no number",
	    "r=MTIzNDU2Nzg5MDEyMzQ1Njc4abc,s=AAAA,i=99999999999" },
};

static void
what_is_no_challenge_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char message[SCRAM_MESSAGE_MAX];
		struct scram s;

		test_row(rows[i].name);
		scram_begin(&s, "123456789012345678", 18, message);
		assert_non_null(
		    scram_answer(&s, "pencil", rows[i].message, message));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_proves_to_the_other),
		cmocka_unit_test(what_is_no_challenge_is_refused),
	};

	TEST_MAIN(tests);
}
