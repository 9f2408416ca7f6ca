#include "config/load.h"
#include "config/print.h"
#include "config/yaml/diag.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Values that are written as they are, and those that need quotes. */
static const struct row {
	const char *path, *written;
} rows[] = {
	{ "/run/a", "/run/a" },
	{ "/run/a-b_c.d", "/run/a-b_c.d" },
	{ "/run/a b", "\"/run/a b\"" },
	{ "/run/a: b", "\"/run/a: b\"" },
	{ "/run/a:", "\"/run/a:\"" },
	{ "/run/a #b", "\"/run/a #b\"" },
	{ "/run/\\\"a", "\"/run/\\\\\\\"a\"" },
	{ "/run/{a}", "\"/run/{a}\"" },
	{ "/run/é", "\"/run/é\"" },
	{ "/run/'a'", "\"/run/'a'\"" },
	{ "/run/%a", "\"/run/%a\"" },
};

static void
what_yaml_could_misread_is_quoted(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(free_str) char *text = NULL;
		CLEANUP(free_str) char *twice = NULL;
		CLEANUP(config_free_at) struct config *again = NULL;
		struct config_log log = { .target = LOG_TARGET_STDERR };
		struct config_listen listen;
		struct config_server server = { .name = "a", .weight = 1 };
		struct config_service service = { .name = "s",
			.listens = &listen,
			.n_listens = 1,
			.timeouts = { .connect_ms = 5000,
			    .half_closed_ms = 1,
			    .queue_ms = 1,
			    .first_byte_ms = 1 },
			.servers = &server,
			.n_servers = 1,
			.check = { .interval_ms = 10,
			    .timeout_ms = 10,
			    .rise = 1,
			    .fall = 1 } };
		struct config c = { .services = &service,
			.n_services = 1,
			.log = log,
			.kernel = { .pins = "/b/h", .slots = 1024 },
			.control = rows[i].path };
		char line[64];
		size_t len;

		test_row(rows[i].path);
		server.check = service.check;
		assert_int_equal(addr_parse("10.0.0.1:80", &listen.address), 0);
		assert_int_equal(addr_parse("10.0.0.2:80", &server.address), 0);
		assert_int_equal(print_text(&c, &text, &len), 0);
		assert_int_equal(len, strlen(text));
		(void)snprintf(
		    line, sizeof(line), "\ncontrol: %s\n", rows[i].written);
		if (strstr(text, line) == NULL)
			fail_msg("expected %s in %s", line, text);
		assert_int_equal(load_text("f", text, len, NULL, &again), 0);
		assert_text(again->control, rows[i].path);
		assert_int_equal(print_text(again, &twice, &len), 0);
		assert_text(twice, text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_yaml_could_misread_is_quoted),
	};

	TEST_MAIN(tests);
}
