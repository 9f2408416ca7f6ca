#include "hapair/cli/preflight.h"
#include "tests/lib/test.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#define VIP "192.0.2.100"
#define CABLE "198.51.100.1"

static struct config_address vip;
static struct config_group group = {
	.addresses = &vip, .n_addresses = 1, .n_interfaces = 1
};
static char host[HOST_NAME_MAX + 1];

/* This host has no address of it; `own` is the first node's. */
static struct config
pair(const char *first, const char *own, const char *link, union addr *links)
{
	struct config c = { .has_pair = true };

	c.pair.nodes[0].name = first;
	c.pair.nodes[1].name = "no-such-host";
	c.pair.groups = &group;
	c.pair.n_groups = 1;
	vip.prefix = 24;
	assert_int_equal(addr_parse_ip(VIP, &vip.addr), 0);
	assert_int_equal(addr_parse_ip(own, &c.pair.nodes[0].address), 0);
	assert_int_equal(
	    addr_parse_ip("198.51.100.2", &c.pair.nodes[1].address), 0);
	assert_int_equal(addr_parse_ip(link, links), 0);
	c.pair.nodes[0].links = links;
	c.pair.nodes[0].n_links = 1;
	return c;
}

static void
who_lacks_an_address_aside_is_known_otherwise(void **state)
{
	static const struct {
		bool named;
		const char *own, *link;
		bool starts;
		const char *by;
	} rows[] = {
		{ true, CABLE, "198.51.100.9", true, "host name" },
		{ false, CABLE, "127.0.0.1", true, "link's address" },
		{ false, CABLE, "198.51.100.9", false, NULL },
		/* On the group's network: at fault without it. */
		{ true, "192.0.2.1", "127.0.0.1", false, NULL },
	};

	(void)state;
	(void)gethostname(host, sizeof(host) - 1);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[PREFLIGHT_TEXT];
		union addr link;
		const struct config c =
		    pair(rows[i].named ? host : "another-host", rows[i].own,
		        rows[i].link, &link);
		int node = CONFIG_NO_NODE;

		assert_int_equal(
		    preflight_lacks_address(&c, NULL, text), !rows[i].starts);
		assert_int_equal(preflight_node(&c, "file", NULL, &node, text),
		    rows[i].starts ? COMMAND_DONE : COMMAND_FAILED);
		assert_int_equal(node, rows[i].starts ? 0 : CONFIG_NO_NODE);
		if (rows[i].starts)
			assert_non_null(strstr(text, rows[i].by));
	}
}

static void
a_node_that_was_mistyped_is_proposed(void **state)
{
	static struct config c = { .has_pair = true };
	char text[PREFLIGHT_TEXT];
	int node;

	(void)state;
	c.pair.nodes[0].name = "proxy1";
	c.pair.nodes[1].name = "backup";
	assert_int_equal(
	    preflight_node(&c, "f", "proxi1", &node, text), COMMAND_WRONG);
	assert_string_equal(
	    text, "--node proxi1: no such node; did you mean 'proxy1'?");
	assert_int_equal(
	    preflight_node(&c, "f", "x", &node, text), COMMAND_WRONG);
	assert_string_equal(
	    text, "--node x: no such node; expected 'proxy1' or 'backup'");
	assert_int_equal(
	    preflight_node(&c, "f", "backup", &node, text), COMMAND_DONE);
	assert_int_equal(node, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_lacks_an_address_aside_is_known_otherwise),
		cmocka_unit_test(a_node_that_was_mistyped_is_proposed),
	};

	TEST_MAIN(tests);
}
