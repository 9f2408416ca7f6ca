#include "proxy/health/talk_mysql.h"

#include "config/config.h"
#include "tests/lib/talking.h"

#include <stdlib.h>

#define USER "type: mysql, user: me"
#define ROLE "type: mysql, user: me, role: primary"
#define LOGIN "type: mysql, user: me, password_file: /p"

/* Of MariaDB 10.11; of the scramble, a to t. */
#define GREETING                                                               \
	"\x4f\0\0\0\x0a"                                                       \
	"5.5.5-10.11\0\1\0\0\0abcdefgh\0\xff\xf7\x21\2\0\xff\x81\x15"          \
	"\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0mysql_native_password\0"
#define OK "\7\0\0\2\0\0\0\2\0\0\0"
#define DENIED "\x16\0\0\2\xff\x15\4#28000Access denied"
#define ANSWER(value)                                                          \
	"\1\0\0\1\1\3\0\0\2def\5\0\0\3\xfe\0\0\2\0\2\0\0\4\1" value

static const struct talking_row rows[] = {
	{ "nothing yet", USER, NULL, TALKING_BYTES(""), NULL, HEALTH_FAILED,
	    SERVER_ROLE_UNSAID },
	{ "a greeting is not enough", USER, NULL, TALKING_BYTES(GREETING), NULL,
	    HEALTH_FAILED, SERVER_ROLE_UNSAID },
	{ "a login is", USER, NULL, TALKING_BYTES(GREETING OK), "logged in",
	    HEALTH_PASSED, SERVER_ROLE_UNSAID },
	{ "with a password", LOGIN, "secret", TALKING_BYTES(GREETING OK),
	    "logged in", HEALTH_PASSED, SERVER_ROLE_UNSAID },
	{ "a login that fails", USER, NULL, TALKING_BYTES(GREETING DENIED),
	    "error 1045: Access denied", HEALTH_FAILED, SERVER_ROLE_UNSAID },
	{ "R23: blocked", USER, NULL,
	    TALKING_BYTES("\x16\0\0\0\xff\x69\4Host 'x' is blocked"),
	    "error 1129: Host 'x' is blocked", HEALTH_FAILED,
	    SERVER_ROLE_UNSAID },
	{ "an error without words", USER, NULL,
	    TALKING_BYTES("\2\0\0\0\xff\x69"), "an error that is not told",
	    HEALTH_FAILED, SERVER_ROLE_UNSAID },
	{ "a primary", ROLE, NULL, TALKING_BYTES(GREETING OK ANSWER("0")),
	    "logged in, primary", HEALTH_PASSED, SERVER_ROLE_ACTIVE },
	{ "a replica", ROLE, NULL, TALKING_BYTES(GREETING OK ANSWER("1")),
	    "logged in, replica", HEALTH_PASSED, SERVER_ROLE_STANDBY },
	{ "an answer with nothing in it", ROLE, NULL,
	    TALKING_BYTES(GREETING OK ANSWER("\0")),
	    "not an answer about read_only", HEALTH_FAILED,
	    SERVER_ROLE_UNSAID },
	{ "an answer that is cut", ROLE, NULL,
	    TALKING_BYTES(GREETING OK
	        "\1\0\0\1\1\3\0\0\2def\5\0\0\3\xfe\0\0\2\0\1\0\0\4\x05"),
	    "not an answer about read_only", HEALTH_FAILED,
	    SERVER_ROLE_UNSAID },
	{ "another protocol", USER, NULL, TALKING_BYTES("220 mail.example\r\n"),
	    "not a greeting of MySQL or MariaDB", HEALTH_FAILED,
	    SERVER_ROLE_UNSAID },
	{ "another version", USER, NULL, TALKING_BYTES("\2\0\0\0\x09x"),
	    "not a greeting of MySQL or MariaDB", HEALTH_FAILED,
	    SERVER_ROLE_UNSAID },
	{ "a greeting that is cut", USER, NULL,
	    TALKING_BYTES("\x0d\0\0\0\x0a"
	                  "5.5.5-10.11\0"),
	    "not a greeting of MySQL or MariaDB", HEALTH_FAILED,
	    SERVER_ROLE_UNSAID },
	{ "another way to log in, which we know", LOGIN, "secret",
	    TALKING_BYTES(GREETING "\x2b\0\0\2\xfe"
	                           "caching_sha2_password\0abcdefghijklmnopqrst"
	                           "\2\0\0\4\1\3" OK),
	    "logged in", HEALTH_PASSED, SERVER_ROLE_UNSAID },
	{ "which we do not know", LOGIN, "secret",
	    TALKING_BYTES(GREETING "\x10\0\0\2\xfe"
	                           "client_ed25519\0" DENIED),
	    "it wants neither mysql_native_password nor "
	    "caching_sha2_password",
	    HEALTH_FAILED, SERVER_ROLE_UNSAID },
	{ "which we cannot without TLS", LOGIN, "secret",
	    TALKING_BYTES(GREETING "\x2b\0\0\2\xfe"
	                           "caching_sha2_password\0abcdefghijklmnopqrst"
	                           "\2\0\0\4\1\4" DENIED),
	    "caching_sha2_password wants this password by TLS first",
	    HEALTH_FAILED, SERVER_ROLE_UNSAID },
};

static void
a_server_is_well_when_it_lets_us_in(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		talking_check_row(&rows[i]);
}

/* The last bytes that were said. */
static void
said_last(const struct talk *t, const char *bytes, size_t len)
{
	assert_true(t->out_len >= len);
	assert_memory_equal(t->out + t->out_len - len, bytes, len);
}

/* As the servers' manuals have it, reckoned by another program. */
static void
passwords_are_not_said_but_known(void **state)
{
	struct config *config = talking_config(LOGIN);
	struct talk t = { .check = &config->services[0].check,
		.password = "secret" };

	(void)state;
	assert_int_equal(talk_begin(&t), TALK_HEARS);
	assert_int_equal(
	    talking_hear(&t, TALKING_BYTES(GREETING), 100), TALK_HEARS);
	said_last(&t,
	    TALKING_BYTES("me\0\x14"
	                  "\x88\x17\xc5\x0f\xa7\x79\xda\xef\x01\x0e"
	                  "\xe7\x57\x78\x25\xb0\x84\x7d\xf9\x84\x2e"
	                  "mysql_native_password\0"));
	t.out_len = 0;
	assert_int_equal(talking_hear(&t,
	                     TALKING_BYTES("\x2b\0\0\2\xfe"
	                                   "caching_sha2_password\0"
	                                   "abcdefghijklmnopqrst"),
	                     100),
	    TALK_HEARS);
	said_last(&t,
	    TALKING_BYTES("\x20\0\0\3"
	                  "\xc7\x6e\x28\x98\x61\x2a\x4c\xf0\x42\xc7"
	                  "\x7f\xa8\xc4\x70\x2c\x4c\x64\xc0\xc2\xc5"
	                  "\x57\xc5\x3c\x4d\x75\x59\x5a\xaa\x6a\xba"
	                  "\xe8\x09"));
	config_free(config);
}

/* R23: who only leaves is counted; a good-bye is what the log wants. */
static void
it_leaves_in_order(void **state)
{
	struct config *config = talking_config(USER);
	struct talk t = { .check = &config->services[0].check };

	(void)state;
	assert_int_equal(talk_begin(&t), TALK_HEARS);
	assert_int_equal(
	    talking_hear(&t, TALKING_BYTES(GREETING), 100), TALK_HEARS);
	said_last(&t, TALKING_BYTES("me\0\0mysql_native_password\0"));
	t.out_len = 0;
	assert_int_equal(talking_hear(&t, TALKING_BYTES(OK), 100), TALK_ENDS);
	assert_int_equal(t.out_len, 5);
	said_last(&t, TALKING_BYTES("\1\0\0\0\1"));
	config_free(config);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_is_well_when_it_lets_us_in),
		cmocka_unit_test(passwords_are_not_said_but_known),
		cmocka_unit_test(it_leaves_in_order),
	};

	TEST_MAIN(tests);
}
