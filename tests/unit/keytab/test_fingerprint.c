#include "keytab/fingerprint.h"

#include "core/secret.h"
#include "tests/lib/test.h"

#include <string.h>

static void
one_key_has_one_name_and_another_has_another(void **state)
{
	uint8_t key[32] = { 1, 2, 3 };
	const struct keytab_span s = { .at = key, .len = sizeof(key) };
	char one[FINGERPRINT_TEXT_MAX], again[FINGERPRINT_TEXT_MAX];

	(void)state;
	assert_int_equal(secret_init(), 0);
	assert_int_equal(strlen(fingerprint_text(s, one)), 16);
	assert_text(fingerprint_text(s, again), one);
	key[31] ^= 1;
	assert_string_not_equal(fingerprint_text(s, again), one);
	key[31] ^= 1;
	/* A name that operators have written down does not change. */
	assert_text(one, "38e59b5d0edbbba8");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_key_has_one_name_and_another_has_another),
	};

	TEST_MAIN(tests);
}
