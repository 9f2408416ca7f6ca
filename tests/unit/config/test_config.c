#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"

static void
values_have_the_words_of_the_file(void **state)
{
	(void)state;
	assert_text(
	    config_balance_name(CONFIG_BALANCE_ROUNDROBIN), "roundrobin");
	assert_text(config_balance_name(CONFIG_BALANCE_RANDOM), "random");
	assert_text(
	    config_connect_name(CONFIG_CONNECT_AT_FIRST_BYTE), "at_first_byte");
	assert_text(config_preface_name(CONFIG_PREFACE_NONE), "none");
	assert_text(config_preface_name(CONFIG_PREFACE_V2), "v2");
	assert_text(config_check_type_name(CONFIG_CHECK_TCP), "tcp");
	assert_text(config_log_level_name(LOG_LEVEL_ERROR), "error");
	assert_text(config_log_level_name(LOG_LEVEL_DEBUG), "debug");
}

/* RFC 5424, table 1. */
static void
facilities_have_the_numbers_of_the_rfc(void **state)
{
	(void)state;
	assert_text(config_log_facility_name(0), "kern");
	assert_text(config_log_facility_name(3), "daemon");
	assert_text(config_log_facility_name(10), "authpriv");
	assert_text(config_log_facility_name(11), "ftp");
	assert_text(config_log_facility_name(16), "local0");
	assert_text(config_log_facility_name(23), "local7");
	assert_null(config_log_facility_name(24));
	assert_null(config_log_facility_name(1000));
}

/* Under a sanitizer: nothing is left and nothing is freed twice. */
static void
the_half_built_is_freed(void **state)
{
	struct config *c = calloc(1, sizeof(*c));

	(void)state;
	assert_non_null(c);
	c->pair.nodes[1].name = strdup("b");
	c->pair.groups = calloc(2, sizeof(*c->pair.groups));
	c->pair.n_groups = 2;
	c->pair.groups[1].interface = strdup("eth0");
	c->services = calloc(2, sizeof(*c->services));
	c->n_services = 2;
	c->services[0].servers = calloc(1, sizeof(*c->services[0].servers));
	c->services[0].n_servers = 1;
	c->services[0].servers[0].host = strdup("h");
	c->services[0].deny = calloc(1, sizeof(*c->services[0].deny));
	c->services[1].name = strdup("s");
	c->log.path = strdup("/l");
	config_free_at(&c);
	assert_null(c);
	config_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_have_the_words_of_the_file),
		cmocka_unit_test(facilities_have_the_numbers_of_the_rfc),
		cmocka_unit_test(the_half_built_is_freed),
	};

	TEST_MAIN(tests);
}
