/*
 * What `path: auto` becomes. Each row that is relayed is a file that
 * `path: kernel` makes wrong, and each other one is right with it.
 */
#include "config/kernel_fit.h"

#include "config/change_class.h"
#include "config/config_diff.h"
#include "config/load.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#define PAIR_AT(port)                                                          \
	"pair:\n"                                                              \
	"  key_file: /k\n" port                                                \
	"  nodes: [{name: a, address: 10.0.0.1}, {name: b, address: "          \
	"10.0.0.2}]\n"                                                         \
	"  groups:\n"                                                          \
	"  - {name: g, interface: e, addresses: [10.0.0.100/24, "              \
	"'fd00::100/64']}\n"                                                   \
	"  - {name: h, interface: e, addresses: [10.0.0.101/24]}\n"
#define PAIR PAIR_AT("")
#define HERE "listen: '10.0.0.100:80', "
#define ONE "servers: '10.0.0.3:80'"

static const struct row {
	const char *name, *pair, *service;
	const char *why; /* part of it; NULL: the kernel path */
} rows[] = {
	{ "all is there", PAIR, HERE ONE, NULL },
	{ "a name", PAIR, HERE "servers: 'a.example:80'", NULL },
	{ "both families", PAIR,
	    "listen: ['10.0.0.100:80', '[fd00::100]:80'], "
	    "servers: ['10.0.0.3:80', '[fd00::3]:80']",
	    NULL },
	{ "its source is of the group", PAIR, HERE ONE ", source: 10.0.0.100",
	    NULL },
	{ "the longest queue", PAIR, HERE ONE ", timeouts: {queue: 1m}", NULL },
	{ "a single node", "", HERE ONE, "no pair" },
	{ "every address", PAIR, "listen: '*:80', " ONE, "every address" },
	{ "a node's own address", PAIR, "listen: '10.0.0.1:80', " ONE,
	    "no virtual IP" },
	{ "one of two", PAIR, "listen: ['10.0.0.100:80', '10.0.0.1:80'], " ONE,
	    "no virtual IP" },
	{ "a source that stays", PAIR, HERE ONE ", source: 10.0.0.1",
	    "source is no virtual IP" },
	{ "a source of another group", PAIR, HERE ONE ", source: 10.0.0.101",
	    "another group" },
	{ "a source of another version", PAIR,
	    "listen: '[fd00::100]:80', servers: 'a.example:80', "
	    "source: 10.0.0.100",
	    "source is of another IP version" },
	{ "a server on the node", PAIR, HERE "servers: '127.0.0.1:80'",
	    "on a node" },
	{ "a server on the peer", PAIR, HERE "servers: '10.0.0.2:80'",
	    "on a node" },
	{ "no server for IPv6", PAIR,
	    "listen: ['10.0.0.100:80', '[fd00::100]:80'], " ONE,
	    "IP version of some" },
	{ "a PROXY header", PAIR, HERE ONE ", proxy_protocol: v2",
	    "proxy_protocol" },
	{ "a long queue", PAIR, HERE ONE ", timeouts: {queue: 61s}", "queue" },
	{ "the last port", PAIR_AT("  port: 65535\n"), HERE ONE, "port after" },
	{ "the peer's port", PAIR_AT("  port: 79\n"), HERE ONE, NULL },
};

static int
load(const struct row *row, const char *path, struct config **ret_config)
{
	char text[1024];

	(void)snprintf(text, sizeof(text), "%sservices: [{name: s, %s%s}]",
	    row->pair, row->service, path);
	return load_text("f", text, strlen(text), NULL, ret_config);
}

static void
look(const struct row *row)
{
	CLEANUP(config_free_at) struct config *c = NULL, *kernel = NULL;
	CLEANUP(config_free_at) struct config *relay = NULL;
	const char *why;

	assert_int_equal(load(row, ", path: auto", &c), 0);
	assert_int_equal(c->services[0].path_asked, CONFIG_PATH_AUTO);
	why = kernel_fit_why_not(c, &c->services[0]);
	if (row->why == NULL)
		assert_null(why);
	else
		assert_non_null(strstr(why, row->why));
	assert_int_equal(c->services[0].path,
	    row->why == NULL ? CONFIG_PATH_KERNEL : CONFIG_PATH_RELAY);
	assert_int_equal(config_has_kernel(c), row->why == NULL);
	assert_int_equal(
	    load(row, ", path: kernel", &kernel) == 0, row->why == NULL);
	assert_int_equal(load(row, "", &relay), 0);
	assert_int_equal(relay->services[0].path, CONFIG_PATH_RELAY);
}

static void
auto_is_kernel_where_kernel_is_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_row(rows[i].name);
		look(&rows[i]);
	}
}

static void
another_service_has_the_port_of_the_stream(void **state)
{
	static const struct row beside = { "", PAIR,
		HERE ONE ", path: auto}, {name: t, listen: '*:8402', " ONE,
		NULL };
	CLEANUP(config_free_at) struct config *c = NULL;

	(void)state;
	assert_int_equal(load(&beside, "", &c), 0);
	assert_int_equal(c->services[0].path, CONFIG_PATH_RELAY);
	assert_non_null(strstr(
	    kernel_fit_why_not(c, &c->services[0]), "which the nodes need"));
}

/* There and back, each by a reload that replaces relays alone. */
static void
a_reload_changes_to_auto_and_back(void **state)
{
	static const char *const paths[][2] = {
		{ ", path: relay", ", path: auto" },
		{ ", path: auto", ", path: relay" },
		{ ", path: kernel", ", path: auto" },
	};
	static const char *const lines[] = { "service s: path relay -> auto",
		"service s: path auto -> relay",
		"service s: path kernel -> auto" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		CLEANUP(config_free_at) struct config *from = NULL;
		CLEANUP(config_free_at) struct config *to = NULL;
		struct config_diff d;

		assert_int_equal(load(&rows[0], paths[i][0], &from), 0);
		assert_int_equal(load(&rows[0], paths[i][1], &to), 0);
		assert_int_equal(config_diff_init(&d, from, to), 0);
		assert_int_equal(d.n, 1);
		assert_text(TAILQ_FIRST(&d.all)->text, lines[i]);
		assert_int_equal(config_diff_class(&d), CHANGE_CLASS_RELAY);
		config_diff_fini(&d);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(auto_is_kernel_where_kernel_is_taken),
		cmocka_unit_test(another_service_has_the_port_of_the_stream),
		cmocka_unit_test(a_reload_changes_to_auto_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
