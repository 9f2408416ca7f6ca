#include "proxy/pool/server.h"

#include "tests/lib/test.h"

static void
states_and_roles_have_the_words_of_status(void **state)
{
	(void)state;
	assert_text(server_state_name(SERVER_UNKNOWN), "unknown");
	assert_text(server_state_name(SERVER_UP), "up");
	assert_text(server_state_name(SERVER_DOWN), "down");
	assert_text(server_state_name(SERVER_DRAIN), "drain");
	assert_text(server_role_name(SERVER_ROLE_ACTIVE), "active");
	assert_text(server_role_name(SERVER_ROLE_STANDBY), "standby");
	assert_null(server_role_name(SERVER_ROLE_UNSAID));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_and_roles_have_the_words_of_status),
	};

	TEST_MAIN(tests);
}
