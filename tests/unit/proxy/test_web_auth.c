#include "proxy/web/web_auth.h"

#include "core/secret.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

static void
only_the_name_and_the_password_are_right(void **state)
{
	/* "ops:s3cret" is b3BzOnMzY3JldA== */
	static const struct {
		const char *header;
		bool right;
	} rows[] = {
		{ "Basic b3BzOnMzY3JldA==", true },
		{ "basic b3BzOnMzY3JldA==", true },
		{ "BASIC   b3BzOnMzY3JldA==  ", true },
		{ NULL, false },
		{ "", false },
		{ "Basic", false },
		{ "Basic ", false },
		{ "Basicb3BzOnMzY3JldA==", false },
		{ "Basic b3BzOnMzY3JldA", false },
		{ "Basic b3BzOnMzY3JldA= =", false },
		{ "Basic b3BzOnMzY3JldB==", false },
		{ "Basic b3BzOnMzY3JldA==x", false },
		{ "Bearer b3BzOnMzY3JldA==", false },
		{ "Basic ops:s3cret", false },
	};
	struct web_auth a;

	(void)state;
	assert_int_equal(web_auth_init(&a, "ops", "s3cret"), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_row(rows[i].header != NULL ? rows[i].header : "none");
		assert_int_equal(
		    web_auth_is_right(&a, rows[i].header), rows[i].right);
	}
	web_auth_fini(&a);
}

static void
without_a_name_in_the_file_everybody_may_ask(void **state)
{
	const struct web_auth a = { .wanted = false };

	(void)state;
	assert_true(web_auth_is_right(&a, NULL));
	assert_true(web_auth_is_right(&a, "Basic x"));
}

static void
without_its_password_nobody_gets_in(void **state)
{
	struct web_auth a;

	(void)state;
	assert_int_equal(web_auth_init(&a, "ops", NULL), 0);
	assert_false(web_auth_is_right(&a, NULL));
	assert_false(web_auth_is_right(&a, "Basic "));
	assert_false(web_auth_is_right(&a, "Basic b3BzOg=="));
	web_auth_fini(&a);
}

static void
the_longest_that_a_file_may_have_fits(void **state)
{
	char user[64] = "", password[SECRET_LINE_MAX] = "";
	char header[1024];
	struct web_auth a;

	(void)state;
	memset(user, 'u', sizeof(user) - 1);
	memset(password, 'p', sizeof(password) - 1);
	assert_int_equal(web_auth_init(&a, user, password), 0);
	(void)snprintf(header, sizeof(header), "Basic %s", a.right);
	assert_true(web_auth_is_right(&a, header));
	memset(header + 6, 'x', sizeof(header) - 7);
	header[sizeof(header) - 1] = '\0';
	assert_false(web_auth_is_right(&a, header));
	web_auth_fini(&a);
	assert_false(a.wanted);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_name_and_the_password_are_right),
		cmocka_unit_test(without_a_name_in_the_file_everybody_may_ask),
		cmocka_unit_test(without_its_password_nobody_gets_in),
		cmocka_unit_test(the_longest_that_a_file_may_have_fits),
	};

	if (secret_init() < 0)
		return 1;
	TEST_MAIN(tests);
}
