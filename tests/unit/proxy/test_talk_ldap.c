#include "proxy/health/talk_ldap.h"

#include "config/config.h"
#include "tests/lib/talking.h"

#include <stdlib.h>

#define PLAIN "type: ldap"
#define NAMED "type: ldap, user: 'cn=a', password_file: /p"

/* A message, numbered, with a result; its code and its text follow. */
#define RESULT(code) "\x30\x0c\2\1\1\x61\7\x0a\1" code "\4\0\4\0"

static const struct talking_row rows[] = {
	{ "nothing yet", PLAIN, NULL, TALKING_BYTES("\x30\x0c\2\1\1\x61\7"),
	    NULL, HEALTH_FAILED, SERVER_ROLE_UNSAID },
	{ "bound", PLAIN, NULL, TALKING_BYTES(RESULT("\0")), "bound",
	    HEALTH_PASSED, SERVER_ROLE_UNSAID },
	{ "bound with a name", NAMED, "secret", TALKING_BYTES(RESULT("\0")),
	    "bound", HEALTH_PASSED, SERVER_ROLE_UNSAID },
	{ "long lengths", PLAIN, NULL,
	    TALKING_BYTES("\x30\x84\0\0\0\x10\2\1\1\x61\x84\0\0\0\7\x0a\1\0"
	                  "\4\0\4\0"),
	    "bound", HEALTH_PASSED, SERVER_ROLE_UNSAID },
	{ "nobody without a name", PLAIN, NULL, TALKING_BYTES(RESULT("\x30")),
	    "answers, no anonymous bind (48)", HEALTH_PASSED,
	    SERVER_ROLE_UNSAID },
	{ "busy", PLAIN, NULL, TALKING_BYTES(RESULT("\x33")),
	    "the bind is refused (51)", HEALTH_FAILED, SERVER_ROLE_UNSAID },
	{ "a wrong password", NAMED, "secret",
	    TALKING_BYTES("\x30\x0f\2\1\1\x61\x0a\x0a\1\x31\4\0\4\3who"),
	    "the bind is refused: who", HEALTH_FAILED, SERVER_ROLE_UNSAID },
	{ "a name is not nobody", NAMED, "secret",
	    TALKING_BYTES(RESULT("\x30")), "the bind is refused (48)",
	    HEALTH_FAILED, SERVER_ROLE_UNSAID },
	{ "a notice of disconnection", PLAIN, NULL,
	    TALKING_BYTES("\x30\x0c\2\1\0\x78\7\x0a\1\x34\4\0\4\0"),
	    "it ends the connection (52)", HEALTH_FAILED, SERVER_ROLE_UNSAID },
	{ "an answer to another question", PLAIN, NULL,
	    TALKING_BYTES("\x30\x0c\2\1\2\x61\7\x0a\1\0\4\0\4\0"),
	    "not an answer of an LDAP server", HEALTH_FAILED,
	    SERVER_ROLE_UNSAID },
	{ "a length that is too long for its message", PLAIN, NULL,
	    TALKING_BYTES("\x30\x0c\2\1\1\x61\x70\x0a\1\0\4\0\4\0"),
	    "not an answer of an LDAP server", HEALTH_FAILED,
	    SERVER_ROLE_UNSAID },
	{ "a message that is too long", PLAIN, NULL,
	    TALKING_BYTES("\x30\x84\xff\xff\xff\xff\2\1\1"),
	    "its answer is too long", HEALTH_FAILED, SERVER_ROLE_UNSAID },
	{ "an empty message", PLAIN, NULL, TALKING_BYTES("\x30\0"),
	    "not an answer of an LDAP server", HEALTH_FAILED,
	    SERVER_ROLE_UNSAID },
	{ "another protocol", PLAIN, NULL, TALKING_BYTES("220 mail\r\n"),
	    "not an answer of an LDAP server", HEALTH_FAILED,
	    SERVER_ROLE_UNSAID },
};

static void
a_server_is_well_when_it_answers_a_bind(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		talking_check_row(&rows[i]);
}

static void
it_binds_and_unbinds(void **state)
{
	static const char bind[] =
	    "\x30\x18\2\1\1\x60\x13\2\1\3\4\4cn=a\x80\x08"
	    "se cret!";
	static const char unbind[] = "\x30\5\2\1\2\x42\0";
	struct config *config = talking_config(NAMED);
	struct talk t = { .check = &config->services[0].check,
		.password = "se cret!" };

	(void)state;
	assert_int_equal(talk_begin(&t), TALK_HEARS);
	assert_int_equal(t.out_len, sizeof(bind) - 1);
	assert_memory_equal(t.out, bind, t.out_len);
	t.out_len = 0;
	assert_int_equal(
	    talking_hear(&t, TALKING_BYTES(RESULT("\0")), 100), TALK_ENDS);
	assert_int_equal(t.out_len, sizeof(unbind) - 1);
	assert_memory_equal(t.out, unbind, t.out_len);
	config_free(config);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_is_well_when_it_answers_a_bind),
		cmocka_unit_test(it_binds_and_unbinds),
	};

	TEST_MAIN(tests);
}
