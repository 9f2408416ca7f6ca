#include "failover/vip/vip.h"

#include "config/config.h"
#include "tests/lib/test.h"

static struct config_cidr
cidr(const char *ip, uint8_t prefix)
{
	struct config_cidr c = { .prefix = prefix };

	assert_int_equal(addr_parse_ip(ip, &c.addr), 0);
	return c;
}

static struct config_cidr ours[3];

static struct config_group
group(void)
{
	ours[0] = cidr("10.0.0.100", 24);
	ours[1] = cidr("10.0.1.100", 24);
	ours[2] = cidr("fd00::100", 64);
	return (struct config_group){ .addresses = ours, .n_addresses = 3 };
}

/* Whether a survey is needed then. */
static bool
note(struct vip *h, const char *ip, uint8_t prefix, bool there)
{
	const struct config_cidr c = cidr(ip, prefix);

	return vip_note_other(h, &c.addr, c.prefix, there);
}

static void
others_of_a_subnet_bring_its_route(void **state)
{
	const struct config_group g = group();
	struct vip h = vip_init(&g, NULL, 1);

	(void)state;
	assert_false(note(&h, "10.0.0.7", 24, true));
	assert_false(note(&h, "fd00::7", 64, true));
	assert_true(h.no_route[0] && !h.no_route[1] && h.no_route[2]);
	/* There may be another that does. */
	assert_true(note(&h, "10.0.0.7", 24, false));
	assert_true(h.no_route[0]);
}

/* A host may have thousands of them. */
static void
what_is_in_no_subnet_of_ours_costs_nothing(void **state)
{
	const struct config_group g = group();
	struct vip h = vip_init(&g, NULL, 1);

	(void)state;
	for (unsigned there = 0; there < 2; there++) {
		assert_false(note(&h, "10.0.0.7", 32, there == 1));
		assert_false(note(&h, "10.0.2.7", 24, there == 1));
		assert_false(note(&h, "fd00::7", 128, there == 1));
		assert_false(note(&h, "fd00:0:0:1::7", 64, there == 1));
	}
	assert_false(h.no_route[0] || h.no_route[1] || h.no_route[2]);
}

static void
a_lease_is_as_long_as_a_hang_and_outlasts_pauses(void **state)
{
	(void)state;
	assert_int_equal(vip_lease_s(1000, 60), 1);
	assert_int_equal(vip_lease_s(1001, 60), 2);
	assert_int_equal(vip_lease_s(1000, 600), 2);
	assert_int_equal(vip_lease_s(100, 10), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_of_a_subnet_bring_its_route),
		cmocka_unit_test(what_is_in_no_subnet_of_ours_costs_nothing),
		cmocka_unit_test(
		    a_lease_is_as_long_as_a_hang_and_outlasts_pauses),
	};

	TEST_MAIN(tests);
}
