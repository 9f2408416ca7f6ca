#include "config/load.h"
#include "config/yaml/diag.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAIR                                                                   \
	"pair:\n"                                                              \
	"  key_file: /k\n"                                                     \
	"  nodes: [{name: a, address: 10.0.0.1}, {name: b, address: "          \
	"10.0.0.2}]\n"
#define SERVICE(name, listen, servers)                                         \
	"  - {name: " name ", listen: [" listen "], servers: [" servers "]}\n"
#define GROUP(name, addresses)                                                 \
	"    - {name: " name ", interface: eth0, addresses: [" addresses "]}\n"
#define S "services:\n"

/* What is allowed, and what only looks alike. */
static const struct row {
	const char *name, *text;
	const char *error; /* in the first message; NULL: none */
} rows[] = {
	{ "a pair alone", PAIR, NULL },
	{ "a listener that is no virtual IP",
	    PAIR "  groups:\n" GROUP("g", "10.0.0.100/24")
	        S SERVICE("s", "10.9.9.9:80", "10.0.0.1:80"),
	    NULL },
	{ "the same port of two addresses",
	    S SERVICE("s", "'10.0.0.1:80', '10.0.0.2:80'", "'10.0.0.3:80'"),
	    NULL },
	{ "the same address, two ports",
	    S SERVICE("s", "'10.0.0.1:80', '10.0.0.1:81'", "'10.0.0.3:80'"),
	    NULL },
	{ "every IPv4 address and one of IPv6",
	    S SERVICE("s", "'0.0.0.0:80', '[fd00::1]:80'", "'10.0.0.3:80'"),
	    NULL },
	{ "every IPv6 address and one of IPv4",
	    S SERVICE("s", "'[::]:80', '10.0.0.1:80'", "'10.0.0.3:80'"), NULL },
	{ "every address of both, one by one",
	    S SERVICE("s", "'[::]:80'", "'10.0.0.3:80'")
	        SERVICE("t", "'0.0.0.0:80'", "'10.0.0.3:80'"),
	    NULL },
	{ "a server of two services",
	    S SERVICE("s", "'10.0.0.1:80'", "'10.0.0.3:80'")
	        SERVICE("t", "'10.0.0.1:81'", "'10.0.0.3:80'"),
	    NULL },
	{ "two ports of a server",
	    S SERVICE("s", "'10.0.0.1:80'", "'10.0.0.3:80', '10.0.0.3:81'"),
	    NULL },
	{ "a server on this host",
	    S SERVICE("s", "'10.0.0.1:80'", "'127.0.0.1:80'"), NULL },
	{ "a listener for this host alone",
	    S SERVICE("s", "'127.0.0.1:80'", "'10.0.0.1:80'"), NULL },
	{ "a check that may take longer than its interval",
	    S "  - {name: s, listen: '10.0.0.1:80', servers: '10.0.0.2:80', "
	      "check: {interval: 1s, timeout: 2s}}\n",
	    NULL },
	{ "virtual IPs of both families",
	    PAIR "  groups:\n" GROUP("g", "10.0.0.100/24, 'fd00::100/64'"),
	    NULL },
	{ "single addresses and those of a link of two",
	    PAIR
	    "  groups:\n" GROUP("g", "10.0.0.0/32, 10.0.1.0/31, 10.0.1.1/31"),
	    NULL },
	{ "the same name for a service and a group",
	    PAIR "  groups:\n" GROUP("x", "10.0.0.100/24")
	        S SERVICE("x", "'10.0.0.1:80'", "'10.0.0.3:80'"),
	    NULL },
	{ "host names that differ, or their ports do",
	    S SERVICE("s", "'*:80'", "'a:80', 'b:80', 'a:81', '10.0.0.3:80'"),
	    NULL },
	{ "a host name where the service listens on every address",
	    S SERVICE("s", "'0.0.0.0:80'", "'a:80'"), NULL },
	{ "a source of the family of its servers, and names",
	    S "  - {name: s, listen: '10.0.0.1:80', source: 'fd00::1', "
	      "servers: ['[fd00::2]:80', 'a:80']}\n",
	    NULL },
	{ "a network within a network",
	    S "  - {name: s, listen: '10.0.0.1:80', servers: 'a:80', "
	      "allow: [10.0.0.0/8, 10.0.0.0/16], deny: [10.0.0.0/12]}\n",
	    NULL },
	{ "the same network of two services",
	    S "  - {name: s, listen: '10.0.0.1:80', servers: 'a:80', "
	      "allow: 10.0.0.0/8}\n"
	      "  - {name: t, listen: '10.0.0.1:81', servers: 'a:80', "
	      "deny: 10.0.0.0/8}\n",
	    NULL },
	{ "a backup and a server",
	    S SERVICE("s", "'10.0.0.1:80'",
	        "{address: 'a:80', backup: true}, 'b:80'"),
	    NULL },
	{ "links of both families, each with its counterpart",
	    "pair:\n"
	    "  key_file: /k\n"
	    "  nodes:\n"
	    "  - {name: a, address: 10.0.0.1, links: [10.1.0.1, 'fd01::1']}\n"
	    "  - {name: b, address: 10.0.0.2, links: [10.1.0.2, 'fd01::2']}\n",
	    NULL },
	{ "a hang timeout that is longer by a millisecond",
	    PAIR "  interval: 50ms\n  misses: 2\n  hang_timeout: 101ms\n",
	    NULL },
	{ "a hang timeout that is as long",
	    PAIR "  interval: 50ms\n  misses: 2\n  hang_timeout: 100ms\n",
	    "f:6:17: error: 'hang_timeout' is 100ms, and a peer is suspect "
	    "only after 100ms" },
	{ "a delay of 0s without preempt", PAIR "  preempt_delay: 0s\n", NULL },
	{ "a tracked service that follows",
	    PAIR "  track: {service: s, min_servers: 1}\n" S SERVICE(
	        "s", "'10.0.0.1:80'", "'10.0.0.3:80'"),
	    NULL },
	{ "an interface that is a group's and tracked",
	    PAIR "  groups:\n" GROUP(
	        "g", "10.0.0.100/24") "  track: {interface: eth0}\n",
	    NULL },
	{ "a tracked service of which one server was refused",
	    PAIR "  track: {service: s, min_servers: 1}\n" S SERVICE(
	        "s", "'10.0.0.1:80'", "nothing"),
	    "'nothing' has no port" },
	{ "a witness of the other family", PAIR "  witness: 'fd00::1'\n",
	    NULL },
	{ "the same host name in two ways of writing",
	    S SERVICE("s", "'10.0.0.1:80'", "'Web1:80', 'b:80', 'web1:80'"),
	    "the server address 'web1:80' is given twice in service 's'" },
	{ "a name made of a host, and the same given to another",
	    S SERVICE("s", "'10.0.0.1:80'",
	        "'web1:80', {name: web1, address: 'b:80'}"),
	    "the server name 'web1' is given twice in service 's'" },
	{ "nothing but backups",
	    S SERVICE("s", "'10.0.0.1:80'",
	        "{address: 'a:80', backup: true}, "
	        "{address: 'b:80', backup: true}"),
	    "f:2:76: error: every server of this service is a backup" },
	{ "a network that is allowed and denied",
	    S "  - {name: s, listen: '10.0.0.1:80', servers: 'a:80', "
	      "allow: 10.0.0.1, deny: [10.0.0.0/8, 10.0.0.1/32]}\n",
	    "'10.0.0.1/32' is both allowed and denied" },
	{ "the same listener twice in a service",
	    S SERVICE("s", "'10.0.0.1:80', '10.0.0.1:80'", "'10.0.0.3:80'"),
	    "collides with '10.0.0.1:80' of service 's'" },
	{ "equals with others between them",
	    S SERVICE("s",
	        "'10.0.0.5:80', '10.0.0.7:80', '10.0.0.6:80', '10.0.0.5:80'",
	        "'10.0.0.3:80'"),
	    "f:2:69: error: '10.0.0.5:80' collides with '10.0.0.5:80'" },
	{ "one form of an address and another",
	    S SERVICE(
	        "s", "'10.0.0.1:80', '[::ffff:10.0.0.1]:80'", "'10.0.0.3:80'"),
	    "'[::ffff:10.0.0.1]:80' collides with '10.0.0.1:80'" },
	{ "one form of an IPv6 address and another",
	    S SERVICE("s", "'[fd00::1]:80', '[fd00:0::1]:80'", "'10.0.0.3:80'"),
	    "'[fd00:0::1]:80' collides with '[fd00::1]:80'" },
	{ "a wildcard before and one after",
	    S SERVICE("s", "'0.0.0.0:80'", "'10.0.0.3:80'")
	        SERVICE("t", "'*:80'", "'10.0.0.3:80'"),
	    "'*:80' collides with '0.0.0.0:80' of service 's'" },
	{ "a virtual IP in two groups, with two prefixes",
	    PAIR "  groups:\n" GROUP("g", "10.0.0.100/24")
	        GROUP("h", "10.0.0.100/25"),
	    "the virtual IP '10.0.0.100/25' is given twice" },
	{ "a virtual IP that is a node",
	    PAIR "  groups:\n" GROUP("g", "10.0.0.2/24"),
	    "is the address of a node" },
	{ "a server's name made from an address and given to another",
	    S SERVICE("s", "'10.0.0.1:80'",
	        "'10.0.0.3:80', {name: 10.0.0.3, address: '10.0.0.4:80'}"),
	    "the server name '10.0.0.3' is given twice in service 's'" },
	{ "a service that is its own server",
	    S SERVICE(
	        "s", "'*:81', '[fd00::1]:80'", "'10.0.0.3:80', '[fd00::1]:80'"),
	    "'[fd00::1]:80' is where the service itself listens" },
	{ "a service that is its own server, by listening everywhere",
	    S SERVICE("s", "'*:80'", "'10.0.0.3:80', '127.0.0.2:80'"),
	    "'127.0.0.2:80' is where the service itself listens" },
	{ "the same server twice is one mistake",
	    S SERVICE("s", "'10.0.0.1:80'", "'10.0.0.3:80', '10.0.0.3:80'"),
	    "the server address '10.0.0.3:80' is given twice" },
};

static void
what_belongs_together_is_checked_together(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		CLEANUP(diag_free_at) struct diag *diag = diag_new();
		CLEANUP(config_free_at) struct config *c = NULL;
		CLEANUP(free_str) char *said = NULL;
		size_t len;
		FILE *out = open_memstream(&said, &len);
		int result = load_text("f", r->text, strlen(r->text), diag, &c);

		test_row(r->name);
		assert_non_null(out);
		diag_print(diag, out);
		assert_int_equal(fclose(out), 0);
		if (r->error == NULL) {
			assert_text(said, "");
			assert_int_equal(result, 0);
			continue;
		}
		assert_int_equal(result, -EINVAL);
		assert_int_equal(diag_count(diag), 1);
		if (strstr(said, r->error) == NULL)
			fail_msg("%s: %s", r->name, said);
	}
}

#define TWO_BACKUPS                                                            \
	"servers: ['10.0.0.3:80', {address: '10.0.0.4:80', backup: true}, "    \
	"{address: '10.0.0.5:80', backup: true}]"

/* What is possible and perhaps not meant is told, and loads. */
static const struct {
	const char *name, *keys;
	const char *warning; /* NULL: none */
} doubts[] = {
	{ "R8: two backups", TWO_BACKUPS, "the service has 2 backups" },
	{ "two, and it is said how they serve",
	    TWO_BACKUPS ", backups: ordered", NULL },
	{ "likewise", TWO_BACKUPS ", backups: all", NULL },
	{ "R24: a server that speaks first",
	    "connect: at_first_byte, servers: ['10.0.0.3:80', '10.0.0.4:3306']",
	    "servers at port 3306 speak first" },
	{ "at a port of who does not",
	    "connect: at_first_byte, servers: '10.0.0.3:21050'", NULL },
	{ "it is connected to at once",
	    "servers: '10.0.0.3:3306', check: {type: none}", NULL },
};

static void
what_may_not_be_meant_is_warned_of(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(doubts); i++) {
		CLEANUP(diag_free_at) struct diag *diag = diag_new();
		CLEANUP(config_free_at) struct config *c = NULL;
		CLEANUP(free_str) char *said = NULL;
		const bool warned = doubts[i].warning != NULL;
		char text[512];
		size_t len;
		FILE *out = open_memstream(&said, &len);

		test_row(doubts[i].name);
		assert_non_null(out);
		(void)snprintf(text, sizeof(text),
		    "services: [{name: s, listen: '10.0.0.1:80', %s}]",
		    doubts[i].keys);
		assert_int_equal(
		    load_text("f", text, strlen(text), diag, &c), 0);
		assert_int_equal(diag_count(diag), 0);
		diag_print(diag, out);
		assert_int_equal(fclose(out), 0);
		assert_int_equal(len > 0, warned);
		if (warned && strstr(said, doubts[i].warning) == NULL)
			fail_msg("%s", said);
	}
}

/* R23: which servers are warned of, and which are not. */
static const struct {
	const char *name, *server;
	bool warned;
} mysql[] = {
	{ "by tcp", "'10.0.0.3:3306'", true },
	{ "by tcp, at another port",
	    "{address: '10.0.0.3:3306', check: {port: 80}}", false },
	{ "by tcp, at that port of another one",
	    "{address: '10.0.0.3:80', check: {port: 3306}}", true },
	{ "by a login",
	    "{address: '10.0.0.3:3306', check: {type: mysql, user: a}}",
	    false },
	{ "not at all", "{address: '10.0.0.3:3306', check: {type: none}}",
	    false },
};

static void
r23_checks_that_mysql_counts_are_warned_of(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(mysql); i++) {
		CLEANUP(diag_free_at) struct diag *diag = diag_new();
		CLEANUP(config_free_at) struct config *c = NULL;
		CLEANUP(free_str) char *said = NULL;
		char text[512];
		size_t len;
		FILE *out = open_memstream(&said, &len);

		test_row(mysql[i].name);
		assert_non_null(out);
		(void)snprintf(text, sizeof(text),
		    "services: [{name: s, listen: '10.0.0.1:80', servers: %s}]",
		    mysql[i].server);
		assert_int_equal(
		    load_text("f", text, strlen(text), diag, &c), 0);
		diag_print(diag, out);
		assert_int_equal(fclose(out), 0);
		assert_int_equal(
		    strstr(said, "a check by tcp at port 3306") != NULL,
		    mysql[i].warned);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_belongs_together_is_checked_together),
		cmocka_unit_test(what_may_not_be_meant_is_warned_of),
		cmocka_unit_test(r23_checks_that_mysql_counts_are_warned_of),
	};

	TEST_MAIN(tests);
}
