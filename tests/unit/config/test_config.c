#include "config/config.h"
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

static void
values_have_the_words_of_the_file(void **state)
{
	(void)state;
	assert_text(
	    config_balance_words[CONFIG_BALANCE_ROUNDROBIN], "roundrobin");
	assert_text(config_balance_words[CONFIG_BALANCE_RANDOM], "random");
	assert_text(config_connect_words[CONFIG_CONNECT_AT_FIRST_BYTE],
	    "at_first_byte");
	assert_text(config_preface_words[CONFIG_PROXY_PROTOCOL_NONE], "none");
	assert_text(config_preface_words[CONFIG_PROXY_PROTOCOL_V2], "v2");
	assert_text(config_check_type_words[CONFIG_CHECK_TCP], "tcp");
	assert_text(config_log_level_words[LOG_LEVEL_ERROR], "error");
	assert_text(config_log_level_words[LOG_LEVEL_DEBUG], "debug");
}

/* RFC 5424, table 1. */
static void
facilities_have_the_numbers_of_the_rfc(void **state)
{
	(void)state;
	assert_text(config_log_facility_words[0], "kern");
	assert_text(config_log_facility_words[3], "daemon");
	assert_text(config_log_facility_words[10], "authpriv");
	assert_text(config_log_facility_words[11], "ftp");
	assert_text(config_log_facility_words[16], "local0");
	assert_text(config_log_facility_words[23], "local7");
	assert_null(config_log_facility_words[24]);
}

/* Under a sanitizer: nothing is left and nothing is freed twice. */
static void
the_half_built_is_freed(void **state)
{
	struct config *c = calloc(1, sizeof(*c));

	(void)state;
	assert_non_null(c);
	c->services = arena_alloc(&c->memory, 2 * sizeof(*c->services));
	assert_non_null(c->services);
	c->n_services = 2;
	c->services[1].name = arena_copy(&c->memory, "s", 1);
	assert_non_null(c->services[1].name);
	config_free_at(&c);
	assert_null(c);
	config_free(NULL);
}

static union addr
address(const char *text)
{
	union addr a;

	assert_int_equal(addr_parse_ip(text, &a), 0);
	return a;
}

static void
the_kernel_path_has_its_sources(void **state)
{
	struct config_listen here[] = { { address("10.0.0.100") },
		{ address("fd00::100") } };
	struct config_service services[] = {
		{ .listens = here, .n_listens = 1 },
		{ .listens = here, .n_listens = 2 },
	};
	const struct config c = { .services = services,
		.n_services = ARRAY_LEN(services) };
	const union addr other = address("10.1.0.100");

	(void)state;
	assert_false(config_has_kernel(&c));
	assert_false(config_is_kernel_source(&c, &here[0].address));
	services[1].path = CONFIG_PATH_KERNEL;
	assert_true(config_has_kernel(&c));
	assert_true(config_is_kernel_source(&c, &here[0].address));
	assert_true(config_is_kernel_source(&c, &here[1].address));
	assert_false(config_is_kernel_source(&c, &other));
	services[1].has_source = true;
	services[1].source = other;
	assert_true(config_is_kernel_source(&c, &other));
	assert_false(config_is_kernel_source(&c, &here[0].address));
}

static void
an_address_has_its_group(void **state)
{
	struct config_address one = { .addr = address("10.0.0.100") };
	struct config_address two = { .addr = address("fd00::100") };
	struct config_group groups[] = { { .addresses = &one,
		                             .n_addresses = 1 },
		{ .addresses = &two, .n_addresses = 1 } };
	const struct config_pair pair = {
		.groups = groups, .n_groups = ARRAY_LEN(groups), .port = 8401
	};
	const union addr none = address("10.0.0.1");

	(void)state;
	assert_int_equal(config_group_of(&pair, &one.addr), 0);
	assert_int_equal(config_group_of(&pair, &two.addr), 1);
	assert_int_equal(config_group_of(&pair, &none), -1);
	assert_true(config_has_virtual(&pair, &two.addr));
	assert_false(config_has_virtual(&pair, &none));
	assert_int_equal(config_stream_port(&pair), 8402);
}

static void
a_priority_is_that_of_the_group_or_else_of_the_node(void **state)
{
	struct config_group groups[] = { { .priority = { 0, 7 } },
		{ .priority = { 9, 0 } } };
	struct config_pair pair = { .nodes = { { .priority = 150 },
		                        { .priority = 100 } },
		.groups = groups,
		.n_groups = 2 };

	(void)state;
	assert_int_equal(config_priority(&pair, 0, 0), 150);
	assert_int_equal(config_priority(&pair, 0, 1), 7);
	assert_int_equal(config_priority(&pair, 1, 0), 9);
	assert_int_equal(config_priority(&pair, 1, 1), 100);
}

static void
what_is_tracked_is_known_by_its_name(void **state)
{
	struct config_service services[] = { { .name = NULL }, { .name = "b" },
		{ .name = "c" } };
	struct config c = { .services = services, .n_services = 3 };

	(void)state;
	assert_int_equal(config_find_service(&c, "c"), 2);
	assert_int_equal(config_find_service(&c, "a"), -1);
	assert_int_equal(
	    config_track_kind(&(struct config_track){ .interface = "eth0" }),
	    CONFIG_TRACK_INTERFACE);
	assert_int_equal(
	    config_track_kind(&(struct config_track){ .service = "b" }),
	    CONFIG_TRACK_SERVICE);
	assert_int_equal(
	    config_track_kind(&(struct config_track){ .script = "/s" }),
	    CONFIG_TRACK_SCRIPT);
	assert_text(config_track_kind_name(CONFIG_TRACK_SERVICE), "service");
	assert_text(config_track_kind_name(CONFIG_TRACK_SCRIPT), "script");
	assert_text(
	    config_track_kind_name(CONFIG_TRACK_INTERFACE), "interface");
}

static void
a_virtual_ip_is_one_whatever_its_prefix(void **state)
{
	struct config_address own[] = { { .prefix = 24 } };
	struct config_group groups[] = { { .addresses = own,
	    .n_addresses = 1 } };
	struct config_pair pair = { .groups = groups, .n_groups = 1 };
	union addr a;

	(void)state;
	assert_int_equal(addr_parse_ip("fd00::100", &own[0].addr), 0);
	assert_int_equal(addr_parse_ip("fd00:0::100", &a), 0);
	assert_true(config_has_virtual(&pair, &a));
	assert_int_equal(addr_parse_ip("fd00::101", &a), 0);
	assert_false(config_has_virtual(&pair, &a));
}

/* Two files have the same addresses, in other orders. */
static void
the_place_of_an_interface_hangs_on_its_addresses(void **state)
{
	static const struct {
		const char *addresses[4];
		unsigned at[4], places[3];
	} rows[] = {
		{ { "10.0.0.9", "10.1.0.1", "fd00::1", NULL }, { 0, 1, 0 },
		    { 0, 1, 2 } },
		{ { "10.1.0.1", "10.0.0.9", "fd00::1", NULL }, { 0, 1, 1 },
		    { 1, 0, 2 } },
		{ { "fd00::1", "10.1.0.1", "10.0.0.9", NULL }, { 1, 0, 1 },
		    { 1, 0, 2 } },
		/* The first, where what names none would be, has none. */
		{ { "10.1.0.1", "10.0.0.9", NULL }, { 1, 2 }, { 2, 1, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct config_address all[4] = { 0 };
		struct config_group g = { .addresses = all, .n_interfaces = 3 };

		for (; rows[i].addresses[g.n_addresses]; g.n_addresses++) {
			struct config_address *a = &all[g.n_addresses];

			assert_int_equal(
			    addr_parse_ip(
			        rows[i].addresses[g.n_addresses], &a->addr),
			    0);
			a->at = rows[i].at[g.n_addresses];
		}
		for (unsigned k = 0; k < 3; k++)
			assert_int_equal(
			    config_group_place(&g, k), rows[i].places[k]);
	}
}

/* "*:80" is two; [::] alone is what somebody wants. */
static void
the_ipv6_of_a_star_is_known(void **state)
{
	static const struct {
		const char *first, *second;
		uint16_t second_port;
		bool is;
	} rows[] = {
		{ "0.0.0.0", "::", 80, true },
		{ "0.0.0.0", "::", 81, false },
		{ "10.0.0.1", "::", 80, false },
		{ "0.0.0.0", "fd00::1", 80, false },
		{ "::", "0.0.0.0", 80, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct config_listen listens[2];
		const struct config_service s = { .listens = listens,
			.n_listens = 2 };

		test_row(rows[i].second);
		assert_int_equal(
		    addr_parse_ip(rows[i].first, &listens[0].address), 0);
		assert_int_equal(
		    addr_parse_ip(rows[i].second, &listens[1].address), 0);
		addr_set_port(&listens[0].address, 80);
		addr_set_port(&listens[1].address, rows[i].second_port);
		assert_int_equal(config_is_star_v6(&s, 1), rows[i].is);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernel_path_has_its_sources),
		cmocka_unit_test(an_address_has_its_group),
		cmocka_unit_test(values_have_the_words_of_the_file),
		cmocka_unit_test(facilities_have_the_numbers_of_the_rfc),
		cmocka_unit_test(the_half_built_is_freed),
		cmocka_unit_test(
		    a_priority_is_that_of_the_group_or_else_of_the_node),
		cmocka_unit_test(what_is_tracked_is_known_by_its_name),
		cmocka_unit_test(the_ipv6_of_a_star_is_known),
		cmocka_unit_test(
		    the_place_of_an_interface_hangs_on_its_addresses),
		cmocka_unit_test(a_virtual_ip_is_one_whatever_its_prefix),
	};

	TEST_MAIN(tests);
}
