#include "proxy/web/web_guests.h"

#include "tests/lib/from_yaml.h"
#include "tests/lib/test.h"

#define PAIR                                                                   \
	"pair:\n"                                                              \
	"  key_file: /k\n"                                                     \
	"  nodes: [{name: a, address: 10.0.0.1, links: 'fd00::1'},"            \
	" {name: b, address: 10.0.0.2, links: 'fd00::2'}]\n"
#define SERVICE                                                                \
	"services: [{name: s, listen: '10.0.0.9:80', servers: '10.0.0.3:80'}]\n"

static const struct row {
	const char *yaml, *client;
	bool welcome;
} rows[] = {
	{ SERVICE "web: {listen: '*:8404'}\n", "127.0.0.1", true },
	{ SERVICE "web: {listen: '*:8404'}\n", "127.1.2.3", true },
	{ SERVICE "web: {listen: '*:8404'}\n", "::1", true },
	{ SERVICE "web: {listen: '*:8404'}\n", "128.0.0.1", false },
	{ SERVICE "web: {listen: '*:8404'}\n", "::2", false },
	{ SERVICE "web: {listen: '*:8404'}\n", "10.0.0.1", false },
	{ PAIR "web: {listen: '*:8404'}\n", "10.0.0.1", true },
	{ PAIR "web: {listen: '*:8404'}\n", "10.0.0.2", true },
	{ PAIR "web: {listen: '*:8404'}\n", "fd00::2", true },
	{ PAIR "web: {listen: '*:8404'}\n", "10.0.0.3", false },
	{ PAIR "web: {listen: '*:8404'}\n", "127.0.0.1", true },
	{ PAIR "web: {listen: '*:8404', allow: 192.168.0.0/16}\n",
	    "192.168.7.9", true },
	{ PAIR "web: {listen: '*:8404', allow: 192.168.0.0/16}\n", "10.0.0.1",
	    false },
	{ PAIR "web: {listen: '*:8404', allow: 192.168.0.0/16}\n", "127.0.0.1",
	    false },
	{ PAIR "web: {listen: '*:8404', allow: [0.0.0.0/0, '::/0']}\n",
	    "2001:db8::1", true },
};

static void
those_of_the_file_or_this_host_and_the_nodes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct config *c = from_yaml(rows[i].yaml);
		struct web_guests *g = web_guests_new(c);
		union addr client;

		test_row(rows[i].client);
		assert_non_null(g);
		assert_int_equal(addr_parse_ip(rows[i].client, &client), 0);
		addr_set_port(&client, 4711);
		assert_int_equal(
		    web_guests_are_welcome(g, &client), rows[i].welcome);
		web_guests_free(g);
		config_free(c);
	}
	web_guests_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_of_the_file_or_this_host_and_the_nodes),
	};

	TEST_MAIN(tests);
}
