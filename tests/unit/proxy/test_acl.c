#include "proxy/pool/acl.h"

#include "config/config.h"
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

#define LIST_MAX 4

static const struct row {
	const char *name;
	const char *allow[LIST_MAX], *deny[LIST_MAX];
	const char *in[LIST_MAX], *out[LIST_MAX];
} rows[] = {
	{ "allow alone keeps the rest out", { "10.0.0.0/8" }, { NULL },
	    { "10.0.0.0", "10.255.255.255" },
	    { "9.255.255.255", "11.0.0.0", "fd00::1" } },
	{ "deny alone lets the rest in", { NULL }, { "10.0.0.0/8" },
	    { "9.255.255.255", "11.0.0.0", "fd00::1" },
	    { "10.0.0.0", "10.255.255.255" } },
	{ "a hole in an allowed network", { "10.0.0.0/8" }, { "10.1.0.0/16" },
	    { "10.0.255.255", "10.2.0.0" },
	    { "10.1.0.0", "10.1.255.255", "1.1.1.1" } },
	{ "an island in a denied network", { "10.1.2.3/32" }, { "10.0.0.0/8" },
	    { "10.1.2.3" }, { "10.1.2.2", "10.1.2.4", "11.0.0.1" } },
	{ "islands in holes", { "10.0.0.0/8", "10.1.2.0/24" },
	    { "10.1.0.0/16", "10.1.2.128/25" }, { "10.9.9.9", "10.1.2.127" },
	    { "10.1.3.1", "10.1.2.128" } },
	{ "of twins deny decides", { "10.0.0.0/8", "10.1.0.0/16" },
	    { "10.1.0.0/16" }, { "10.2.0.1" }, { "10.1.0.1" } },
	{ "all of a family", { "0.0.0.0/0" }, { NULL },
	    { "0.0.0.0", "255.255.255.255" }, { "::", "fd00::1" } },
	{ "all but some", { "0.0.0.0/0", "::/0" }, { "192.0.2.7/32" },
	    { "192.0.2.6", "192.0.2.8", "2001:db8::1" }, { "192.0.2.7" } },
	{ "IPv6", { "fd00::/8" }, { "fd00:0:0:1::/64", "fd00::bad/128" },
	    { "fdff::1", "fd00:0:0:2::1", "fd00::bac" },
	    { "fd00:0:0:1::1", "fd00::bad", "fe00::1", "10.0.0.1" } },
	{ "bits of the host do not count", { "10.1.2.3/8" }, { NULL },
	    { "10.9.9.9" }, { "11.1.2.3" } },
};

static union addr
parsed(const char *text)
{
	union addr a;

	assert_int_equal(addr_parse_ip(text, &a), 0);
	return a;
}

static struct config_cidr
network(const char *text)
{
	const char *slash = strchr(text, '/');
	char ip[ADDR_TEXT_MAX] = "";

	memcpy(ip, text, (size_t)(slash - text));
	return (struct config_cidr){ .addr = parsed(ip),
		.prefix = (uint8_t)strtoul(slash + 1, NULL, 10) };
}

static size_t
networks(const char *const *texts, struct config_cidr *list)
{
	size_t n = 0;

	for (; n < LIST_MAX && texts[n] != NULL; n++)
		list[n] = network(texts[n]);
	return n;
}

static void
the_longest_prefix_decides(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		struct config_cidr allow[LIST_MAX], deny[LIST_MAX];
		struct config_service service = {
			.allow = allow,
			.deny = deny,
			.n_allow = networks(r->allow, allow),
			.n_deny = networks(r->deny, deny),
		};
		struct acl *a;

		assert_int_equal(acl_new(&service, &a), 0);
		assert_non_null(a);
		for (size_t k = 0; k < LIST_MAX && r->in[k] != NULL; k++) {
			union addr client = parsed(r->in[k]);

			if (!acl_is_allowed(a, &client))
				fail_msg("%s: %s is out", r->name, r->in[k]);
		}
		for (size_t k = 0; k < LIST_MAX && r->out[k] != NULL; k++) {
			union addr client = parsed(r->out[k]);

			if (acl_is_allowed(a, &client))
				fail_msg("%s: %s is in", r->name, r->out[k]);
		}
		acl_free(a);
	}
}

static void
no_list_lets_everybody_in(void **state)
{
	struct config_service service = { 0 };
	union addr client = parsed("10.0.0.1");
	struct acl *a;

	(void)state;
	assert_int_equal(acl_new(&service, &a), 0);
	assert_null(a);
	assert_true(acl_is_allowed(a, &client));
	acl_free(a);
}

/* The same seed, the same run: a failure can be looked at again. */
static uint32_t
chance(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)(*seed >> 32);
}

/*
 * Few different bits, so that networks nest and clients meet them: a byte is
 * 0, 128, 255 or (seldom) anything.
 */
static union addr
random_addr(uint64_t *seed)
{
	static const uint8_t usual[] = { 0, 128, 255 };
	union addr a = { .sa.sa_family = AF_INET };
	uint8_t *bytes = (uint8_t *)&a.in.sin_addr;
	size_t len = 4;

	if (chance(seed) % 2 == 0) {
		a.sa.sa_family = AF_INET6;
		bytes = a.in6.sin6_addr.s6_addr;
		len = 16;
	}
	for (size_t i = 0; i < len; i++) {
		uint32_t c = chance(seed);

		bytes[i] = c % 8 == 0 ? (uint8_t)(c >> 8) : usual[c % 3];
	}
	return a;
}

static bool
covers(const struct config_cidr *c, const union addr *client)
{
	size_t len;
	const uint8_t *ours = addr_bytes(&c->addr, &len);
	const uint8_t *theirs = addr_bytes(client, &len);

	if (c->addr.sa.sa_family != client->sa.sa_family)
		return false;
	for (unsigned bit = 0; bit < c->prefix; bit++)
		if (((ours[bit / 8] ^ theirs[bit / 8]) & 128 >> bit % 8) != 0)
			return false;
	return true;
}

/* The longest prefix of a list that covers the client, or -1. */
static int
longest(const struct config_cidr *list, size_t n, const union addr *client)
{
	int best = -1;

	for (size_t i = 0; i < n; i++)
		if (list[i].prefix > best && covers(&list[i], client))
			best = list[i].prefix;
	return best;
}

static void
random_lists(uint64_t seed)
{
	struct config_cidr lists[2][40];
	struct config_service service = { .allow = lists[0], .deny = lists[1] };
	struct acl *a;

	for (size_t k = 0; k < ARRAY_LEN(lists); k++)
		for (size_t i = 0; i < ARRAY_LEN(lists[k]); i++) {
			struct config_cidr *c = &lists[k][i];
			bool v6;

			c->addr = random_addr(&seed);
			v6 = c->addr.sa.sa_family == AF_INET6;
			c->prefix = (uint8_t)(chance(&seed) % (v6 ? 129 : 33));
		}
	service.n_allow = chance(&seed) % (ARRAY_LEN(lists[0]) + 1);
	service.n_deny = chance(&seed) % ARRAY_LEN(lists[1]) + 1;
	assert_int_equal(acl_new(&service, &a), 0);
	for (int i = 0; i < 2000; i++) {
		union addr client = random_addr(&seed);
		int in = longest(service.allow, service.n_allow, &client);
		int out = longest(service.deny, service.n_deny, &client);
		bool expected =
		    in > out || (in == -1 && out == -1 && service.n_allow == 0);

		assert_int_equal(acl_is_allowed(a, &client), expected);
	}
	acl_free(a);
}

static void
it_agrees_with_a_scan_of_the_lists(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++)
		random_lists(seed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_prefix_decides),
		cmocka_unit_test(no_list_lets_everybody_in),
		cmocka_unit_test(it_agrees_with_a_scan_of_the_lists),
	};

	TEST_MAIN(tests);
}
