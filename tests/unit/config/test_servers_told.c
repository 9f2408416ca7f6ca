#include "config/servers_told.h"

#include "config/load.h"
#include "config/yaml/diag.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAIR                                                                   \
	"pair:\n"                                                              \
	"  key_file: /k\n"                                                     \
	"  nodes: [{name: a, address: 10.0.0.1}, {name: b, address: "          \
	"10.0.0.2}]\n"                                                         \
	"  groups: {name: g, interface: e, addresses: [10.0.0.100/24, "        \
	"'fd00::100/64']}\n"
#define HERE "listen: '10.0.0.100:5432', "
#define ONE "servers: '10.0.0.3:5432'"

static const struct row {
	const char *name, *pair, *service;
	enum servers_told told;
	bool matters;
	const char *source; /* that could be; NULL: none */
	bool warned;
} rows[] = {
	{ "a database", PAIR, HERE ONE, SERVERS_TOLD_NO, true, "10.0.0.100",
	    true },
	{ "from a virtual IP", PAIR, HERE ONE ", source: 10.0.0.100",
	    SERVERS_TOLD_YES, true, "10.0.0.100", false },
	{ "from the host's own address", PAIR, HERE ONE ", source: 10.0.0.1",
	    SERVERS_TOLD_NO, true, "10.0.0.100", true },
	{ "what goes on at the other node", PAIR, HERE ONE ", path: kernel",
	    SERVERS_TOLD_VOID, true, "10.0.0.100", false },
	{ "a single node", "", HERE ONE, SERVERS_TOLD_VOID, true, NULL, false },
	{ "an address that never moves", PAIR, "listen: '10.0.0.1:80', " ONE,
	    SERVERS_TOLD_VOID, true, "10.0.0.100", false },
	{ "every address", PAIR, "listen: '*:80', " ONE, SERVERS_TOLD_NO, true,
	    "10.0.0.100", true },
	{ "no database", PAIR, HERE "servers: '10.0.0.3:80'", SERVERS_TOLD_NO,
	    false, "10.0.0.100", false },
	{ "by its check", PAIR,
	    HERE "servers: '10.0.0.3:80', check: {type: redis}",
	    SERVERS_TOLD_NO, true, "10.0.0.100", true },
	{ "by the second server", PAIR,
	    HERE "servers: ['10.0.0.3:80', '10.0.0.3:1521']", SERVERS_TOLD_NO,
	    true, "10.0.0.100", true },
	{ "the other family", PAIR, HERE "servers: '[fd00::3]:3306'",
	    SERVERS_TOLD_NO, true, "fd00::100", true },
	{ "of both families there is no one source", PAIR,
	    HERE "servers: ['10.0.0.3:5432', '[fd00::3]:5432']",
	    SERVERS_TOLD_NO, true, NULL, false },
	{ "a name", PAIR, HERE "servers: 'db.example:5432'", SERVERS_TOLD_NO,
	    true, "10.0.0.100", true },
};

/* Of several services the first is named. */
static void
one_warning_speaks_for_all(void **state)
{
	CLEANUP(diag_free_at) struct diag *diag = diag_new();
	CLEANUP(config_free_at) struct config *c = NULL;
	CLEANUP(free_str) char *said = NULL;
	const char *const text = PAIR
	    "services:\n"
	    "- {name: w, listen: '10.0.0.100:1', servers: '10.0.0.3:80'}\n"
	    "- {name: s, listen: '10.0.0.100:2', servers: '10.0.0.3:5432'}\n"
	    "- {name: t, listen: '10.0.0.100:3', servers: '10.0.0.3:3306', "
	    "check: {type: none}}\n";
	const char *first;
	size_t len;
	FILE *out = open_memstream(&said, &len);

	(void)state;
	assert_non_null(out);
	assert_int_equal(load_text("f", text, strlen(text), diag, &c), 0);
	diag_print(diag, out);
	assert_int_equal(fclose(out), 0);
	first = strstr(said, "f:7:46: warning: these servers are databases");
	assert_non_null(first);
	assert_non_null(
	    strstr(first, "; so it is with 1 more of the services"));
	assert_null(strstr(strstr(first, "databases"), "these servers"));
}

static void
look(const struct row *row)
{
	CLEANUP(diag_free_at) struct diag *diag = diag_new();
	CLEANUP(config_free_at) struct config *c = NULL;
	CLEANUP(free_str) char *said = NULL;
	char text[1024], ip[ADDR_TEXT_MAX] = "";
	const union addr *source;
	size_t len;
	FILE *out = open_memstream(&said, &len);

	assert_non_null(out);
	(void)snprintf(text, sizeof(text), "%sservices: [{name: s, %s}]",
	    row->pair, row->service);
	assert_int_equal(load_text("f", text, strlen(text), diag, &c), 0);
	diag_print(diag, out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(servers_told_of(c, &c->services[0]), row->told);
	assert_int_equal(servers_told_matters(&c->services[0]), row->matters);
	source = servers_told_source(c, &c->services[0]);
	if (source != NULL)
		(void)addr_format_ip(source, ip);
	assert_text(ip, row->source != NULL ? row->source : "");
	assert_int_equal(
	    strstr(said, "these servers are databases") != NULL, row->warned);
	(void)snprintf(text, sizeof(text), "'source: %s'", ip);
	assert_int_equal(strstr(said, text) != NULL, row->warned);
}

static void
databases_that_a_takeover_does_not_tell_are_warned_of(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_row(rows[i].name);
		look(&rows[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_warning_speaks_for_all),
		cmocka_unit_test(
		    databases_that_a_takeover_does_not_tell_are_warned_of),
	};

	TEST_MAIN(tests);
}
