#include "hapair/supervisor/secret_print.h"

#include "core/secret.h"
#include "tests/lib/from_yaml.h"
#include "tests/lib/scratch.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

static struct config *
config_of_secrets(void)
{
	char text[2048];

	(void)snprintf(text, sizeof(text),
	    "web: {listen: '*:8404', user: u, password_file: %1$s/web}\n"
	    "services:\n"
	    "  name: s\n"
	    "  listen: 127.0.0.1:1\n"
	    "  check: {type: http, user: u, password_file: %1$s/p1}\n"
	    "  servers:\n"
	    "    - {name: a, address: 10.0.0.1:1}\n"
	    "    - {name: b, address: 10.0.0.2:1}\n"
	    "    - {name: c, address: 10.0.0.3:1,\n"
	    "        check: {user: v, password_file: %1$s/p2}}\n",
	    scratch_folder());
	return from_yaml(text);
}

static void
write_one(const char *name, const char *text, mode_t mode)
{
	char path[SCRATCH_PATH_MAX];

	(void)scratch_write(name, text, mode, path);
}

/* Each change of any of them is one, and none is none. */
static void
another_secret_is_noticed(void **state)
{
	static const struct {
		const char *name, *text;
		mode_t mode;
		bool differs;
	} steps[] = {
		{ "p1", "one\n", 0400, false },
		{ "p1", "other\n", 0400, true },
		{ "p2", "other\n", 0400, true },
		{ "web", "three\n", 0400, true },
		{ "web", "three\n", 0400, false },
		{ "web", "three\n", 0444, true }, /* refused: as good as none */
		{ "web", "four\n", 0444, false },
		{ "web", "four\n", 0400, true },
	};
	uint8_t before[SECRET_PRINT_BYTES], now[SECRET_PRINT_BYTES];
	struct config *c = config_of_secrets();

	(void)state;
	write_one("p1", "one\n", 0400);
	write_one("p2", "two\n", 0400);
	write_one("web", "web\n", 0400);
	secret_print_take(c, before);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "step %zu", i);
		test_row(name);
		write_one(steps[i].name, steps[i].text, steps[i].mode);
		secret_print_take(c, now);
		assert_int_equal(
		    memcmp(before, now, sizeof(now)) != 0, steps[i].differs);
		memcpy(before, now, sizeof(now));
	}
	config_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_secret_is_noticed),
	};

	if (secret_init() < 0)
		return 1;
	TEST_MAIN_WITH(tests, scratch_make, scratch_remove);
}
