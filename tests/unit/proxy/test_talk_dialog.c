#include "proxy/health/talk_dialog.h"

#include "config/config.h"
#include "tests/lib/talking.h"

#include <stdlib.h>

#define MAIL "dialog: [{expect: '220 '}, {send: 'QUIT\\r\\n', expect: '221 '}]"

static const struct talking_row rows[] = {
	{ "nothing to say", "type: tcp", NULL, TALKING_BYTES(""), "connected",
	    HEALTH_PASSED, SERVER_ROLE_UNSAID },
	{ "all of it", MAIL, NULL, TALKING_BYTES("220 here\r\n221 bye\r\n"),
	    "answers as expected", HEALTH_PASSED, SERVER_ROLE_UNSAID },
	{ "not the beginning", MAIL, NULL, TALKING_BYTES("x22220 221 "),
	    "answers as expected", HEALTH_PASSED, SERVER_ROLE_UNSAID },
	{ "one of two", MAIL, NULL, TALKING_BYTES("220 here\r\n"), NULL,
	    HEALTH_PASSED, SERVER_ROLE_UNSAID },
	{ "in the wrong order", MAIL, NULL, TALKING_BYTES("221 220 "), NULL,
	    HEALTH_PASSED, SERVER_ROLE_UNSAID },
	{ "what was heard is used up", "dialog: [{expect: ab}, {expect: bc}]",
	    NULL, TALKING_BYTES("abc"), NULL, HEALTH_PASSED,
	    SERVER_ROLE_UNSAID },
	{ "bytes that are no text", "dialog: {expect: 'hex:00ff0a'}", NULL,
	    TALKING_BYTES("\x01\x00\x00\xff\n"), "answers as expected",
	    HEALTH_PASSED, SERVER_ROLE_UNSAID },
};

static void
a_dialog_goes_as_the_file_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		talking_check_row(&rows[i]);
}

static void
what_is_said_waits_for_what_is_expected(void **state)
{
	struct config *config = talking_config(MAIL);
	struct talk t = { .check = &config->services[0].check };

	(void)state;
	assert_int_equal(talk_begin(&t), TALK_HEARS);
	assert_int_equal(t.out_len, 0);
	assert_int_equal(
	    talking_hear(&t, TALKING_BYTES("220 "), 1), TALK_HEARS);
	assert_int_equal(t.out_len, 6);
	assert_memory_equal(t.out, "QUIT\r\n", 6);
	talk_break(&t, "closed");
	assert_text(t.said.detail, "closed before '221 '");
	assert_int_equal(t.said.result, HEALTH_FAILED);
	config_free(config);
}

static void
who_says_too_much_has_failed(void **state)
{
	static char much[TALK_HEARD_MAX + TALK_IN_MAX];
	struct config *config = talking_config(MAIL);
	struct talk t = { .check = &config->services[0].check };

	(void)state;
	memset(much, 'x', sizeof(much));
	assert_int_equal(talk_begin(&t), TALK_HEARS);
	assert_int_equal(talking_hear(&t, much, sizeof(much), 1000), TALK_ENDS);
	assert_text(t.said.detail, "it says too much, and not '220 '");
	config_free(config);
}

/* As many, and as long ones, as the file may have. */
static void
a_whole_dialog_has_room(void **state)
{
	static char keys[8192];
	char words[201];
	struct config *config;
	struct talk t = { .check = NULL };
	size_t used = 0;

	(void)state;
	memset(words, 'w', 200);
	words[200] = '\0';
	used += (size_t)snprintf(keys, sizeof(keys),
	    "services:\n  name: s\n  listen: 127.0.0.1:1\n"
	    "  servers: 10.0.0.1:1\n  check:\n    dialog:\n");
	for (unsigned i = 0; i < 16; i++)
		used += (size_t)snprintf(keys + used, sizeof(keys) - used,
		    "      - {send: %s}\n", words);
	config = from_yaml(keys);
	t.check = &config->services[0].check;
	assert_int_equal(talk_begin(&t), TALK_ENDS);
	assert_int_equal(t.out_len, 16 * 200);
	config_free(config);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dialog_goes_as_the_file_says),
		cmocka_unit_test(what_is_said_waits_for_what_is_expected),
		cmocka_unit_test(who_says_too_much_has_failed),
		cmocka_unit_test(a_whole_dialog_has_room),
	};

	TEST_MAIN(tests);
}
