#include "proxy/health/talk_redis.h"

#include "config/config.h"
#include "tests/lib/talking.h"

#include <stdlib.h>

#define PLAIN "type: redis"
#define ROLE "type: redis, role: primary"
#define AUTH "type: redis, password_file: /p"
#define ARRAY(name) "+PONG\r\n*3\r\n" name "\r\n:0\r\n*0\r\n"

static const struct talking_row rows[] = {
	{ "nothing yet", PLAIN, NULL, TALKING_BYTES("+PONG\r"), NULL,
	    HEALTH_FAILED, SERVER_ROLE_UNSAID },
	{ "pong", PLAIN, NULL, TALKING_BYTES("+PONG\r\n"), "PONG",
	    HEALTH_PASSED, SERVER_ROLE_UNSAID },
	{ "a password is wanted that we have not", PLAIN, NULL,
	    TALKING_BYTES("-NOAUTH Authentication required.\r\n"),
	    "asks for a password", HEALTH_PASSED, SERVER_ROLE_UNSAID },
	{ "and a role is wanted", ROLE, NULL,
	    TALKING_BYTES("-NOAUTH Authentication required.\r\n"),
	    "NOAUTH Authentication required.", HEALTH_FAILED,
	    SERVER_ROLE_UNSAID },
	{ "a password", AUTH, "secret", TALKING_BYTES("+OK\r\n+PONG\r\n"),
	    "PONG", HEALTH_PASSED, SERVER_ROLE_UNSAID },
	{ "a wrong password", AUTH, "secret",
	    TALKING_BYTES("-WRONGPASS invalid username-password pair\r\n"),
	    "WRONGPASS invalid username-password pair", HEALTH_FAILED,
	    SERVER_ROLE_UNSAID },
	{ "loading", PLAIN, NULL,
	    TALKING_BYTES("-LOADING Redis is loading\r\n"),
	    "LOADING Redis is loading", HEALTH_FAILED, SERVER_ROLE_UNSAID },
	{ "a primary", ROLE, NULL, TALKING_BYTES(ARRAY("$6\r\nmaster")),
	    "PONG, primary", HEALTH_PASSED, SERVER_ROLE_ACTIVE },
	{ "a replica", ROLE, NULL, TALKING_BYTES(ARRAY("$5\r\nslave")),
	    "PONG, replica", HEALTH_PASSED, SERVER_ROLE_STANDBY },
	{ "a sentinel", ROLE, NULL, TALKING_BYTES(ARRAY("$8\r\nsentinel")),
	    "neither primary nor replica: sentinel", HEALTH_FAILED,
	    SERVER_ROLE_UNSAID },
	{ "no array", ROLE, NULL, TALKING_BYTES("+PONG\r\n+master\r\n"),
	    "not an answer of Redis: +master", HEALTH_FAILED,
	    SERVER_ROLE_UNSAID },
	{ "another protocol", PLAIN, NULL, TALKING_BYTES("220 mail\r\n"),
	    "not an answer of Redis: 220 mail", HEALTH_FAILED,
	    SERVER_ROLE_UNSAID },
	{ "an empty line", PLAIN, NULL, TALKING_BYTES("\r\n"),
	    "not an answer of Redis: (nothing)", HEALTH_FAILED,
	    SERVER_ROLE_UNSAID },
	{ "an error without words", PLAIN, NULL, TALKING_BYTES("-\r\n"),
	    "(nothing)", HEALTH_FAILED, SERVER_ROLE_UNSAID },
};

static void
a_server_is_well_when_it_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		talking_check_row(&rows[i]);
}

static void
all_is_asked_at_once(void **state)
{
	static const char expected[] = "*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$6\r\n"
	                               "se cre\r\n*1\r\n$4\r\nPING\r\n*1\r\n"
	                               "$4\r\nROLE\r\n";
	struct config *config = talking_config(
	    "type: redis, user: me, password_file: /p, role: replica");
	struct talk t = { .check = &config->services[0].check,
		.password = "se cre" };

	(void)state;
	assert_int_equal(talk_begin(&t), TALK_HEARS);
	assert_int_equal(t.out_len, sizeof(expected) - 1);
	assert_memory_equal(t.out, expected, t.out_len);
	config_free(config);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_is_well_when_it_answers),
		cmocka_unit_test(all_is_asked_at_once),
	};

	TEST_MAIN(tests);
}
