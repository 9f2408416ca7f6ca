#include "proxy/pool/server_addresses.h"

#include "config/config.h"
#include "tests/lib/test.h"

#include <string.h>
#include <sys/socket.h>

/* Addresses by a letter: a to e are IPv4, A to E are IPv6. */
static union addr
address_of(char c)
{
	const char *const text = c >= 'a' ? "10.0.0.1" : "fd00::1";
	union addr a;

	assert_int_equal(addr_parse_ip(text, &a), 0);
	if (c >= 'a')
		a.in.sin_addr.s_addr = htonl(0x0a000000U + (unsigned)c);
	else
		a.in6.sin6_addr.s6_addr[15] = (uint8_t)c;
	return a;
}

static bool
set(struct server_addresses *s, const char *all, int family, bool only)
{
	union addr a[2 * SERVER_ADDRESSES_MAX];
	unsigned n = (unsigned)strlen(all);

	for (unsigned i = 0; i < n; i++)
		a[i] = address_of(all[i]);
	return server_addresses_set(s, a, n, family, only);
}

/* All of them in their order, the one to be asked first. */
static const char *
shown(const struct server_addresses *s, char *buf)
{
	unsigned k;

	for (k = 0; k < s->n; k++) {
		const union addr *a = &s->all[(s->asked + k) % s->n];

		for (char c = 'A'; c <= 'z'; c++) {
			union addr other = address_of(c);

			if (addr_is_same_ip(a, &other))
				buf[k] = c;
		}
	}
	buf[k] = '\0';
	return buf;
}

static const struct row {
	const char *name, *all;
	int family;
	bool only;
	const char *order;
} rows[] = {
	{ "as the answer has them", "Aab", AF_UNSPEC, false, "Aab" },
	{ "R13: prefer: ipv4", "AaBb", AF_INET, false, "abAB" },
	{ "prefer: ipv6", "aAbB", AF_INET6, false, "ABab" },
	{ "the family of `source` alone", "AaBb", AF_INET, true, "ab" },
	{ "none of it", "AB", AF_INET, true, "" },
	{ "more than fit", "abcdefghijklmnopqrst", AF_UNSPEC, false,
	    "abcdefghijklmnop" },
};

static void
the_order_is_that_of_the_answer_and_of_what_is_preferred(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct server_addresses s = { .n = 0 };
		char buf[SERVER_ADDRESSES_MAX + 1];

		test_row(rows[i].name);
		assert_int_equal(
		    set(&s, rows[i].all, rows[i].family, rows[i].only),
		    rows[i].order[0] != '\0');
		assert_text(shown(&s, buf), rows[i].order);
	}
}

static void
each_is_asked_before_the_server_has_failed(void **state)
{
	struct server_addresses s = { .n = 0 };
	char buf[SERVER_ADDRESSES_MAX + 1];

	(void)state;
	assert_true(set(&s, "Aab", AF_UNSPEC, false));
	assert_true(server_addresses_fail(&s));
	assert_text(shown(&s, buf), "abA");
	assert_true(server_addresses_fail(&s));
	assert_false(server_addresses_fail(&s)); /* three times: all of them */
	assert_text(shown(&s, buf), "Aab");
	assert_true(server_addresses_fail(&s));
	server_addresses_pass(&s); /* a answers, and begins anew when not */
	assert_true(server_addresses_fail(&s));
	assert_true(server_addresses_fail(&s));
	assert_false(server_addresses_fail(&s));
	assert_true(set(&s, "d", AF_UNSPEC, false));
	assert_false(server_addresses_fail(&s)); /* there is no other one */
}

static void
the_one_that_is_asked_stays_while_the_name_has_it(void **state)
{
	struct server_addresses s = { .n = 0 };
	char buf[SERVER_ADDRESSES_MAX + 1];

	(void)state;
	assert_true(set(&s, "Aab", AF_UNSPEC, false));
	assert_true(server_addresses_fail(&s));
	assert_false(set(&s, "bcaA", AF_UNSPEC, false));
	assert_text(shown(&s, buf), "aAbc");
	assert_true(set(&s, "bc", AF_UNSPEC, false));
	assert_text(shown(&s, buf), "bc");
}

static bool
is_here(const void *arg, const union addr *a)
{
	const bool *here = arg;

	(void)a;
	return *here;
}

static unsigned
drop_own(union addr *all, unsigned n, uint16_t port,
    const struct config_service *service, const bool *here)
{
	return server_addresses_drop_own(all, n, port, service, is_here, here);
}

/* Who listens everywhere listens at each address that is here. */
static void
r17_a_name_of_this_host_is_not_followed_from_everywhere(void **state)
{
	struct config_listen listen = { .address = {
		                            .in = { .sin_family = AF_INET } } };
	struct config_service service = { .listens = &listen, .n_listens = 1 };
	const struct {
		char name;
		uint16_t port;
		bool here;
		unsigned left;
	} looks[] = {
		{ 'a', 80, true, 0 }, { 'a', 81, true, 1 },
		{ 'a', 80, false, 1 },
		{ 'A', 80, true, 1 }, /* of the other family */
	};

	(void)state;
	addr_set_port(&listen.address, 80);
	for (size_t i = 0; i < ARRAY_LEN(looks); i++) {
		union addr a = address_of(looks[i].name);

		assert_int_equal(
		    drop_own(&a, 1, looks[i].port, &service, &looks[i].here),
		    looks[i].left);
	}
}

/* R17: one client would make connections until the node is full. */
static void
r17_a_name_that_leads_back_is_not_followed(void **state)
{
	struct config_listen listens[2];
	struct config_service service = { .listens = listens, .n_listens = 2 };
	union addr all[4];
	bool here = false;

	(void)state;
	listens[0].address = address_of('b');
	listens[1].address = address_of('A');
	for (int i = 0; i < 2; i++)
		addr_set_port(&listens[i].address, 80);
	for (int i = 0; i < 4; i++)
		all[i] = address_of("abAB"[i]);
	assert_int_equal(drop_own(all, 4, 81, &service, &here), 4);
	assert_int_equal(drop_own(all, 4, 80, &service, &here), 2);
	for (int i = 0; i < 2; i++) {
		union addr left = address_of("aB"[i]);

		assert_true(addr_is_same_ip(&all[i], &left));
	}
	assert_int_equal(drop_own(all, 0, 80, &service, &here), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    the_order_is_that_of_the_answer_and_of_what_is_preferred),
		cmocka_unit_test(r17_a_name_that_leads_back_is_not_followed),
		cmocka_unit_test(
		    r17_a_name_of_this_host_is_not_followed_from_everywhere),
		cmocka_unit_test(each_is_asked_before_the_server_has_failed),
		cmocka_unit_test(
		    the_one_that_is_asked_stays_while_the_name_has_it),
	};

	TEST_MAIN(tests);
}
