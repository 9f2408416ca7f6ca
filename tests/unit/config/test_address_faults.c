#include "config/config.h"
#include "config/rules/address_faults.h"
#include "config/schema/scalar.h"
#include "tests/lib/test.h"

#include <string.h>

/* The first words of what is wrong; NULL: nothing. */
static const struct row {
	const char *ip;
	const char *address, *link, *node;
} rows[] = {
	{ "10.0.0.1", NULL, NULL, NULL },
	{ "fd00::1", NULL, NULL, NULL },
	{ "223.255.255.255", NULL, NULL, NULL },
	{ "127.0.0.1", NULL, NULL, "is a loopback address" },
	{ "::1", NULL, NULL, "is a loopback address" },
	{ "fe80::1", NULL, "is a link-local", "is a link-local" },
	{ "0.0.0.0", "stands for every", "stands for every",
	    "stands for every" },
	{ "::", "stands for every", "stands for every", "stands for every" },
	{ "224.0.0.1", "is a multicast", "is a multicast", "is a multicast" },
	{ "ff02::1", "is a multicast", "is a multicast", "is a multicast" },
	{ "255.255.255.255", "is not the address", "is not the address",
	    "is not the address" },
	{ "0.1.2.3", "is not the address", "is not the address",
	    "is not the address" },
};

static void
check(const char *actual, const char *expected)
{
	if (expected == NULL) {
		assert_null(actual);
		return;
	}
	assert_non_null(actual);
	assert_int_equal(strncmp(actual, expected, strlen(expected)), 0);
}

static void
an_address_is_good_for_some_places(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		union addr a;

		test_row(rows[i].ip);
		assert_int_equal(addr_parse_ip(rows[i].ip, &a), 0);
		check(address_faults_of_address(&a), rows[i].address);
		check(address_faults_of_link(&a), rows[i].link);
		check(address_faults_of_node(&a), rows[i].node);
	}
}

static void
a_virtual_ip_is_not_the_end_of_its_network(void **state)
{
	static const struct {
		const char *text, *fault;
	} cidrs[] = {
		{ "10.0.0.100/24", NULL },
		{ "10.0.0.0/24", "is the address of the network" },
		{ "10.0.0.255/24", "is the broadcast address" },
		{ "10.0.0.255/16", NULL },
		{ "10.0.0.3/30", "is the broadcast address" },
		{ "10.0.0.1/31", NULL },
		{ "10.0.0.0/32", NULL },
		{ "fd00::/64", NULL },
		{ "127.0.0.1/8", "is a loopback address" },
		{ "ff02::1/64", "is a multicast" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cidrs); i++) {
		struct config_cidr c;

		test_row(cidrs[i].text);
		assert_int_equal(scalar_cidr(cidrs[i].text, &c), 0);
		check(address_faults_of_cidr(&c), cidrs[i].fault);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_good_for_some_places),
		cmocka_unit_test(a_virtual_ip_is_not_the_end_of_its_network),
	};

	TEST_MAIN(tests);
}
