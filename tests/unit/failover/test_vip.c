#include "failover/vip/vip.h"

#include "config/config.h"
#include "tests/lib/test.h"

#include <errno.h>

static void
a_lease_is_as_long_as_a_hang_and_outlasts_pauses(void **state)
{
	(void)state;
	assert_int_equal(vip_lease_s(1000, 60), 1);
	assert_int_equal(vip_lease_s(1001, 60), 2);
	assert_int_equal(vip_lease_s(1000, 600), 2);
	assert_int_equal(vip_lease_s(100, 10), 1);
}

/* Else an operator looks for another program that there is none of. */
static void
who_removed_an_address_is_known_by_the_time(void **state)
{
	(void)state;
	assert_false(vip_lease_has_ended(1, 0));
	assert_false(vip_lease_has_ended(1, 400));
	assert_true(vip_lease_has_ended(1, 990));
	assert_true(vip_lease_has_ended(1, 1700));
	assert_false(vip_lease_has_ended(4, 1700));
}

/* The rest is served, and complete without it. */
static void
a_refused_address_is_that_address_s_trouble(void **state)
{
	struct config_address cidrs[2] = { { .prefix = 24 }, { .prefix = 64 } };
	const struct config_group group = { .interfaces = { "v0" },
		.n_interfaces = 1,
		.addresses = cidrs,
		.n_addresses = 2 };
	struct vip h = vip_init(&group, NULL, 1);
	char why[VIP_WHY_MAX];

	(void)state;
	assert_int_equal(addr_parse_ip("10.9.0.100", &cidrs[0].addr), 0);
	assert_int_equal(addr_parse_ip("fd09::100", &cidrs[1].addr), 0);
	h.held = true;
	h.usable = 1;
	assert_false(vip_is_complete(&h));
	h.errors[1] = -EACCES;
	assert_int_equal(vip_refused(&h), 2);
	assert_true(vip_is_complete(&h));
	assert_false(vip_is_usable(&h, 1));
	assert_string_equal(vip_why(&h, 1, why), "IPv6 is switched off there");
	h.errors[0] = -EACCES;
	assert_string_equal(vip_why(&h, 0, why), "Permission denied");
	assert_false(vip_is_usable(&h, 0));
	h.usable = 0;
	assert_false(vip_is_complete(&h));
}

/* Renewals of another group come by all the time: they are no news. */
static void
what_is_known_of_ipv6_is_no_news(void **state)
{
	static const struct {
		const char *name;
		int index;
		enum netlink_change_type type;
		bool v6, contradicts;
	} rows[] = {
		{ "renewed where it is on", 7, NETLINK_ADDRESS, true, false },
		{ "came where it was off", 7, NETLINK_ADDRESS, false, true },
		{ "went where it is on", 7, NETLINK_ADDRESS_GONE, true, true },
		{ "went where it was off", 7, NETLINK_ADDRESS_GONE, false,
		    false },
		{ "came elsewhere", 8, NETLINK_ADDRESS, false, false },
		{ "went elsewhere", 8, NETLINK_ADDRESS_GONE, true, false },
	};
	const struct netlink_change came = { .type = NETLINK_ADDRESS,
		.index = 7 };
	struct config_address cidr = { .at = 1, .prefix = 64 };
	const struct config_group group = { .interfaces = { "v0", "v1" },
		.n_interfaces = 2,
		.addresses = &cidr,
		.n_addresses = 1 };
	struct vip h = vip_init(&group, NULL, 1);

	(void)state;
	assert_int_equal(addr_parse_ip("fd09::100", &cidr.addr), 0);
	h.links[0].index = 6;
	h.links[1].index = 7;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct netlink_change c = { .type = rows[i].type,
			.index = rows[i].index };

		test_row(rows[i].name);
		h.links[0].v6 = !rows[i].v6;
		h.links[1].v6 = rows[i].v6;
		assert_int_equal(vip_contradicts(&h, &c), rows[i].contradicts);
	}
	h.links[1].v6 = true;
	assert_false(vip_contradicts(&h, &came));
	/* A backup that was refused it does not try again by itself. */
	h.errors[0] = -EACCES;
	assert_true(vip_contradicts(&h, &came));
	h.held = true;
	assert_false(vip_contradicts(&h, &came));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_removed_an_address_is_known_by_the_time),
		cmocka_unit_test(
		    a_lease_is_as_long_as_a_hang_and_outlasts_pauses),
		cmocka_unit_test(a_refused_address_is_that_address_s_trouble),
		cmocka_unit_test(what_is_known_of_ipv6_is_no_news),
	};

	TEST_MAIN(tests);
}
