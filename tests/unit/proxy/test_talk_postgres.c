#include "proxy/health/talk_postgres.h"

#include "config/config.h"
#include "tests/lib/talking.h"

#include <stdlib.h>

#define PLAIN "type: postgres"
#define USER "type: postgres, user: me"
#define ROLE "type: postgres, user: me, role: primary"

#define IN "R\0\0\0\x08\0\0\0\0"
#define READY                                                                  \
	"S\0\0\0\x08"                                                          \
	"a\0b\0K\0\0\0\x0c\0\0\0\1\0\0\0\2Z\0\0\0\5I"
#define ROW(value) "T\0\0\0\6\0\1D\0\0\0\x0b\0\1\0\0\0\1" value
#define STARTING "E\0\0\0\x21SFATAL\0C57P03\0Mit starts up\0\0"

static const struct talking_row rows[] = {
	{ "nothing yet", PLAIN, NULL, TALKING_BYTES(""), NULL, HEALTH_FAILED,
	    SERVER_ROLE_UNSAID },
	{ "it encrypts by GSSAPI", PLAIN, NULL, TALKING_BYTES("G"), "answers",
	    HEALTH_PASSED, SERVER_ROLE_UNSAID },
	{ "it does not", PLAIN, NULL, TALKING_BYTES("N"), "answers",
	    HEALTH_PASSED, SERVER_ROLE_UNSAID },
	{ "an error", PLAIN, NULL, TALKING_BYTES(STARTING), "it starts up",
	    HEALTH_FAILED, SERVER_ROLE_UNSAID },
	{ "another protocol", PLAIN, NULL, TALKING_BYTES("220 mail\r\n"),
	    "not an answer of PostgreSQL", HEALTH_FAILED, SERVER_ROLE_UNSAID },
	{ "a login needs more", USER, NULL, TALKING_BYTES(IN), NULL,
	    HEALTH_FAILED, SERVER_ROLE_UNSAID },
	{ "a login", USER, NULL, TALKING_BYTES(IN READY), "logged in",
	    HEALTH_PASSED, SERVER_ROLE_UNSAID },
	{ "starting up", USER, NULL, TALKING_BYTES(STARTING), "it starts up",
	    HEALTH_FAILED, SERVER_ROLE_UNSAID },
	{ "an error without words", USER, NULL, TALKING_BYTES("E\0\0\0\5\0"),
	    "an error that is not told", HEALTH_FAILED, SERVER_ROLE_UNSAID },
	{ "an error without an end", USER, NULL, TALKING_BYTES("E\0\0\0\6Mx"),
	    "an error that is not told", HEALTH_FAILED, SERVER_ROLE_UNSAID },
	{ "a password that we have not", USER, NULL,
	    TALKING_BYTES("R\0\0\0\x08\0\0\0\3"), "it wants a password",
	    HEALTH_FAILED, SERVER_ROLE_UNSAID },
	{ "in the clear", USER, "secret",
	    TALKING_BYTES("R\0\0\0\x08\0\0\0\3" IN READY), "logged in",
	    HEALTH_PASSED, SERVER_ROLE_UNSAID },
	{ "GSSAPI", USER, "secret", TALKING_BYTES("R\0\0\0\x08\0\0\0\7"),
	    "it wants a login that checks have not (7)", HEALTH_FAILED,
	    SERVER_ROLE_UNSAID },
	{ "a way of SASL that we have not", USER, "secret",
	    TALKING_BYTES("R\0\0\0\x0e\0\0\0\x0aPLAIN\0"),
	    "it wants a login that checks have not", HEALTH_FAILED,
	    SERVER_ROLE_UNSAID },
	{ "SASL that goes on and never began", USER, "secret",
	    TALKING_BYTES("R\0\0\0\x1a\0\0\0\x0br=abc,s=AAAA,i=4096"),
	    "not a message of SCRAM", HEALTH_FAILED, SERVER_ROLE_UNSAID },
	{ "a request that is cut", USER, "secret", TALKING_BYTES("R\0\0\0\4"),
	    "not an answer of PostgreSQL", HEALTH_FAILED, SERVER_ROLE_UNSAID },
	{ "a primary", ROLE, NULL, TALKING_BYTES(IN READY ROW("f")),
	    "logged in, primary", HEALTH_PASSED, SERVER_ROLE_ACTIVE },
	{ "a replica", ROLE, NULL, TALKING_BYTES(IN READY ROW("t")),
	    "logged in, replica", HEALTH_PASSED, SERVER_ROLE_STANDBY },
	{ "neither", ROLE, NULL, TALKING_BYTES(IN READY ROW("x")),
	    "not an answer about recovery", HEALTH_FAILED, SERVER_ROLE_UNSAID },
	{ "a length below that of itself", USER, NULL,
	    TALKING_BYTES("R\0\0\0\3\0\0\0\0"), "not an answer of PostgreSQL",
	    HEALTH_FAILED, SERVER_ROLE_UNSAID },
};

static void
a_server_is_well_when_it_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		talking_check_row(&rows[i]);
}

static void
said(const struct talk *t, const char *bytes, size_t len)
{
	assert_int_equal(t->out_len, len);
	assert_memory_equal(t->out, bytes, len);
}

/* md5(md5("secretme") + salt), reckoned by another program. */
static void
md5_is_answered(void **state)
{
	struct config *config = talking_config(USER);
	struct talk t = { .check = &config->services[0].check,
		.password = "secret" };

	(void)state;
	assert_int_equal(talk_begin(&t), TALK_HEARS);
	t.out_len = 0;
	assert_int_equal(
	    talking_hear(&t, TALKING_BYTES("R\0\0\0\x0c\0\0\0\5salt"), 100),
	    TALK_HEARS);
	said(&t,
	    TALKING_BYTES("p\0\0\0\x28"
	                  "md541c83370953958037c7298c50b238bda\0"));
	config_free(config);
}

static void
it_leaves_in_order(void **state)
{
	struct config *config = talking_config(USER);
	struct talk t = { .check = &config->services[0].check };

	(void)state;
	assert_int_equal(talk_begin(&t), TALK_HEARS);
	t.out_len = 0;
	assert_int_equal(
	    talking_hear(&t, TALKING_BYTES(IN READY), 100), TALK_ENDS);
	said(&t, TALKING_BYTES("X\0\0\0\4"));
	config_free(config);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_is_well_when_it_answers),
		cmocka_unit_test(md5_is_answered),
		cmocka_unit_test(it_leaves_in_order),
	};

	TEST_MAIN(tests);
}
