/*
 * What a haproxy.cfg means to its clients, where a word has no counterpart of
 * the same meaning: none is refused, let in or cut otherwise without a note.
 */
#include "config/import/import.h"
#include "config/load.h"
#include "config/yaml/diag.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEGIN "defaults\n mode tcp\n"
#define GOOD "listen good\n bind :1\n server a 10.0.0.1:1\n"

/* What must, and what must not, be in the result and in the notes. */
static const struct row {
	const char *name, *text;
	const char *has, *lacks; /* NULL: whatever */
	const char *says;
} rows[] = {
	{ "a port, and more than that",
	    BEGIN "frontend f\n bind :80\n use_backend b if { dst_port 80 } "
	          "{ src 10.0.0.0/8 }\n default_backend c\n"
	          "backend b\n server x 10.0.0.1:1\n"
	          "backend c\n server y 10.0.0.2:1\n",
	    "name: y", "name: x", "'use_backend b' with a condition" },
	{ "a port by its name, and more",
	    BEGIN "frontend f\n bind :80\n acl p dst_port 80\n"
	          " use_backend b if p { src 10.0.0.0/8 }\n"
	          " default_backend c\nbackend b\n server x 10.0.0.1:1\n"
	          "backend c\n server y 10.0.0.2:1\n",
	    "name: y", "name: x", "'use_backend b' with a condition" },
	{ "statistics for some, by a rule of HTTP",
	    GOOD "listen s :9000\n mode http\n stats auth me:secret\n"
	         " http-request deny unless { src 10.0.0.0/8 }\n",
	    "user: me", "0.0.0.0/0, ", "f:7: warning: who may see the page" },
	{ "and by one of TCP",
	    GOOD "listen s :9000\n mode http\n stats auth me:secret\n"
	         " tcp-request connection reject unless { src 10.0.0.0/8 }\n",
	    "user: me", "0.0.0.0/0, ", "f:7: warning: who may see the page" },
	{ "of two pages one is for some",
	    GOOD "listen s :9000\n mode http\n stats auth me:secret\n"
	         "listen t :9001\n mode http\n stats enable\n"
	         " http-request deny unless { src 10.0.0.0/8 }\n",
	    "user: me", "0.0.0.0/0, ", "f:10: warning: who may see the page" },
	{ "numbers for a program are for whoever asks",
	    GOOD
	    "listen s :9000\n mode http\n stats auth me:secret\n"
	    " http-request use-service prometheus-exporter if { path /m }\n",
	    "allow: [0.0.0.0/0, ", NULL, NULL },
	{ "two that know a password",
	    GOOD "listen s :9000\n mode http\n stats auth me:secret\n"
	         " stats auth you:secret\n",
	    "user: you", "user: me",
	    "f:6: warning: this 'stats auth' is not carried over" },
	{ "one server is checked at a port of its own",
	    BEGIN "listen a\n bind :80\n server x 10.0.0.1:1 check port 9\n"
	          " server y 10.0.0.2:1 check\n",
	    "10.0.0.1:1\n        check:\n          port: 9\n"
	    "      - name: y\n        address: 10.0.0.2:1\n",
	    "10.0.0.2:1\n        check", NULL },
	{ "a backup is used at once, and cuts nobody",
	    BEGIN "listen a\n bind :80\n server x 10.0.0.1:1 check\n"
	          " server y 10.0.0.2:1 check backup\n",
	    "failback: true\n    hold: 0s\n    on_down: keep\n", NULL, "" },
	{ "or cuts them, where it is said",
	    BEGIN "listen a\n bind :80\n default-server check "
	          "on-marked-down shutdown-sessions\n server x 10.0.0.1:1\n"
	          " server y 10.0.0.2:1 backup\n",
	    "failback: true\n    hold: 0s\n    on_down: reset\n", NULL, "" },
	{ "times that are not said",
	    BEGIN " timeout connect 4s\n timeout client 1h\n"
	          " timeout server 2h\nlisten a\n bind :80\n"
	          " server x 10.0.0.1:1 check\n",
	    "connect: 4s\n      idle: 1h\n      half_closed: 1h\n"
	    "      queue: 4s\n    check:\n      timeout: 2s\n",
	    NULL, "" },
	{ "as well as another one is",
	    BEGIN "listen a\n bind :80\n server x 10.0.0.1:1 track b/y\n"
	          "backend b\n option httpchk GET /up\n"
	          " server y 10.0.0.1:8080 check inter 7s fall 5\n",
	    "interval: 7s\n      timeout: 7s\n      fall: 5\n"
	    "      port: 8080\n      path: /up\n",
	    NULL, NULL },
	{ "as one of another host",
	    BEGIN "listen a\n bind :80\n server x 10.0.0.1:1 track y\n"
	          " server y 10.0.0.2:1 check\n",
	    "name: x", "port:", "f:5: error: 'track y' is not carried over" },
	{ "as nobody",
	    BEGIN "listen a\n bind :80\n server x 10.0.0.1:1 track b/y\n",
	    "name: x", "type: none",
	    "f:5: error: 'track b/y' is not carried over: there is no such" },
	{ "as one that is asked something else",
	    BEGIN "listen a\n bind :80\n server x 10.0.0.1:1 track b/y\n"
	          " server z 10.0.0.2:1 check\n"
	          "backend b\n option httpchk GET /up\n"
	          " server y 10.0.0.1:8080 check\n",
	    "name: x", "/up", "f:5: error: 'track b/y' is not carried over" },
	{ "bytes that are no text",
	    BEGIN "listen a\n bind :80\n option tcp-check\n"
	          " tcp-check send \\x01\\xffA\\x7f\\r\\n\n"
	          " server x 10.0.0.1:1 check\n",
	    "send: \"\\\\x01\\\\xffA\\\\x7f\\r\\n\"\n", NULL, "" },
	{ "all are refused, also whom nothing has refused before",
	    BEGIN "listen a\n bind :80\n server x 10.0.0.1:1\n"
	          " tcp-request connection reject unless { src 10.0.0.0/8 }\n"
	          " tcp-request connection reject\n",
	    "deny:\n      - 0.0.0.0/0\n      - \"::/0\"\n", "allow", "" },
	{ "who passes one stage meets the next",
	    BEGIN "listen a\n bind :80\n server x 10.0.0.1:1\n"
	          " tcp-request content reject if { src 10.1.0.0/16 }\n"
	          " tcp-request connection accept if { src 10.0.0.0/8 }\n"
	          " tcp-request connection reject\n",
	    "allow: 10.0.0.0/8\n    deny: 10.1.0.0/16\n", NULL, "" },
	{ "however early it is accepted",
	    BEGIN "listen a\n bind :80\n server x 10.0.0.1:1\n"
	          " tcp-request connection accept\n"
	          " tcp-request content reject if { src 10.1.0.0/16 }\n",
	    "deny: 10.1.0.0/16\n", "allow", "" },
	{ "some are refused, and who is let in is lost",
	    GOOD " tcp-request content accept if { req_ssl_hello_type 1 }\n"
	         " tcp-request content reject if { src 10.0.0.0/8 }\n",
	    "deny: 10.0.0.0/8\n", NULL,
	    "f:5: warning: the 'reject' is carried over, and the 'accept' of "
	    "line 4 before it is not" },
	{ "a backend's rules are asked as well",
	    BEGIN "frontend f\n bind :80\n default_backend b\n"
	          " tcp-request connection reject unless { src 10.0.0.0/8 }\n"
	          "backend b\n"
	          " tcp-request content reject if { src 10.1.0.0/16 }\n"
	          " server x 10.0.0.1:1\n",
	    "allow: 10.0.0.0/8\n    deny: 10.1.0.0/16\n", NULL, "" },
	{ "where a connection goes",
	    GOOD " tcp-request content set-dst-port int(90)\n", "name: good",
	    NULL, "'tcp-request content set-dst-port' is not carried over" },
	{ "an end of one side", BEGIN " timeout client-fin 30s\n" GOOD,
	    "half_closed: 30s", NULL,
	    "'timeout client-fin' is 'timeouts.half_closed', which" },
	{ "two ends",
	    BEGIN " timeout client-fin 30s\n timeout server-fin 20s\n" GOOD,
	    "half_closed: 30s", NULL, "it is the longer of both" },
	{ "one end of both",
	    BEGIN " timeout client-fin 30s\n timeout server-fin 30s\n" GOOD,
	    "half_closed: 30s", NULL, "" },
	{ "who comes back",
	    GOOD " server b 10.0.0.2:1 check on-marked-up "
	         "shutdown-backup-sessions minconn 5 maxqueue 6\n",
	    "name: good", NULL,
	    "connections at a backup stay there when another server" },
	{ "how fast bytes pass",
	    GOOD " filter bwlim-out x default-limit 1m default-period 1s\n",
	    "name: good", NULL, "does not limit how fast bytes pass" },
	{ "how long half of it lives, where nothing is said", GOOD,
	    "timeouts:\n      half_closed: 0s\n", NULL, "" },
	{ "nobody is cut by a time that is 0",
	    BEGIN " timeout client 0\n timeout server 0\n" GOOD,
	    "half_closed: 0s\n", "idle", "" },
	{ "a certificate of one server alone",
	    BEGIN "listen a\n bind :80\n"
	          " server x 10.0.0.1:1 check check-ssl verify none\n"
	          " server y 10.0.0.2:1 check check-ssl verify required "
	          "ca-file /ca.pem\n",
	    "verify: false", "/ca.pem",
	    "f:6: error: 'y' is checked as 'x' is, with TLS or without" },
	{ "a server beyond no link",
	    BEGIN "listen a\n bind :80\n bind [fe80::9]:80\n"
	          " server x fe80::1:80\n server y 10.0.0.2:1\n",
	    "name: y", "fe80",
	    "f:6: error: the server 'x' is left out: 'fe80::1:80' is a "
	    "link-local address" },
	{ "and an address of one",
	    BEGIN "listen a\n bind :80\n bind [fe80::9]:80\n"
	          " server y 10.0.0.2:1\n",
	    "listen: 0.0.0.0:80", "fe80",
	    "f:5: error: 'bind [fe80::9]:80' is left out: it is a link-local" },
	{ "all that haproxy logs", "global\n log /dev/log local0 debug\n" GOOD,
	    "facility: local0", "level", NULL },
	{ "servers reached from two addresses",
	    BEGIN "listen a\n bind :80\n source 10.0.0.9 interface eth2\n"
	          " server x 10.0.0.1:1 source 10.0.0.8\n"
	          " server y 10.0.0.2:1\n",
	    "source: 10.0.0.9", NULL,
	    "f:6: error: 'x' differs from the service in 'source'" },
	{ "an answer that is not asked for",
	    BEGIN "listen a\n bind :80\n option tcp-check\n"
	          " tcp-check expect rstring role:(a|b)\n"
	          " server x 10.0.0.1:1 check\n",
	    "name: x", NULL,
	    "f:6: error: 'expect rstring role:(a|b)' is not carried over, so a "
	    "server that does not say so is well here" },
	{ "fewer than so many each",
	    GOOD " tcp-request connection track-sc0 src\n"
	         " tcp-request connection reject if { sc0_conn_cur ge 10 }\n",
	    "max_connections_per_client: 9\n", NULL, "" },
	{ "others are used while these are up",
	    BEGIN "listen f\n bind :80\n acl up nbsrv(b) gt 0\n"
	          " use_backend b if up\n use_backend c\n"
	          "backend b\n server x 10.0.0.1:1\n"
	          "backend c\n server y 10.0.0.2:1\n",
	    "name: y", "name: x",
	    "f:6: error: 'use_backend b' is not carried over: give its servers "
	    "to the same service, and 'backup: true' to those that are there" },
	{ "or while the others are not",
	    BEGIN "listen f\n bind :80\n use_backend b if { nbsrv(c) lt 1 }\n"
	          " use_backend c\nbackend b\n server x 10.0.0.1:1\n"
	          "backend c\n server y 10.0.0.2:1\n",
	    "name: y", "name: x",
	    "f:5: error: 'use_backend b' is not carried over: give its servers "
	    "to the same service, with 'backup: true': they are used when" },
	{ "what one of two groups tracks",
	    "vrrp_instance A {\n interface eth0\n virtual_ipaddress {\n"
	    " 10.0.0.9/24\n }\n track_script {\n c\n }\n track_interface {\n"
	    " eth1 weight 9\n }\n}\n"
	    "vrrp_instance B {\n interface eth1\n virtual_ipaddress {\n"
	    " 10.1.0.9/24\n }\n}\nvrrp_script c {\n script /c\n}\n",
	    "script: /c", "weight",
	    "'c' counted for 'vrrp_instance A', and not for 'B'" },
	{ "others are refused, and who is let in is lost",
	    GOOD " tcp-request content accept if { req_ssl_hello_type 1 }\n"
	         " tcp-request content reject\n",
	    "name: good", "deny",
	    "f:5: error: the 'reject' of all others is not carried over, since "
	    "the 'accept' of line 4 is not" },
};

static void
check_row(const struct row *row)
{
	const struct import_file file = {
		.name = "f", .text = row->text, .len = strlen(row->text)
	};
	CLEANUP(diag_free_at) struct diag *diag = diag_new();
	CLEANUP(free_str) char *text = NULL;
	struct config *c = NULL;
	struct import_result r;
	size_t len;
	FILE *notes = open_memstream(&text, &len);

	test_row(row->name);
	assert_non_null(notes);
	assert_int_equal(import_files(&file, 1, NULL, notes, &r), 0);
	assert_int_equal(fclose(notes), 0);
	assert_int_equal(load_text("result", r.text, r.len, diag, &c), 0);
	config_free(c);
	if (strstr(r.text, row->has) == NULL)
		fail_msg("%s: '%s' is lacking in\n%s%s", row->name, row->has,
		    r.text, text);
	if (row->lacks != NULL && strstr(r.text, row->lacks) != NULL)
		fail_msg("%s: '%s' is in\n%s%s", row->name, row->lacks, r.text,
		    text);
	if (row->says != NULL && strstr(text, row->says) == NULL)
		fail_msg(
		    "%s: '%s' is lacking in\n%s", row->name, row->says, text);
	import_fini(&r);
}

static void
it_means_the_same_or_a_note_says_what_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_row(&rows[i]);
}

/* A line for each, whole: a shell is to run it. */
static void
every_command_of_notify_is_there(void **state)
{
	const int n = 12;
	CLEANUP(free_str) char *text = NULL;
	CLEANUP(free_str) char *said = NULL;
	struct import_file file = { .name = "keepalived.conf" };
	struct import_result r;
	char line[160];
	size_t len, said_len;
	FILE *conf = open_memstream(&text, &len);
	FILE *notes = open_memstream(&said, &said_len);

	(void)state;
	assert_non_null(conf);
	for (int i = 1; i <= n; i++)
		(void)fprintf(conf,
		    "vrrp_instance V%d {\n interface eth0\n"
		    " virtual_ipaddress { 10.0.0.%d/24 }\n"
		    " notify_master \"/bin/m %d %0150d\"\n"
		    " notify_backup \"/bin/b %d\"\n"
		    " notify_fault \"/bin/f %d\"\n}\n",
		    i, i, i, 7, i, i);
	(void)fprintf(conf,
	    "vrrp_instance W {\n interface eth0\n"
	    " virtual_ipaddress { 10.0.0.99/24 }\n"
	    " notify \"/bin/long %0700d\"\n}\n",
	    7);
	assert_int_equal(fclose(conf), 0);
	file.text = text;
	file.len = len;
	assert_non_null(notes);
	assert_int_equal(import_files(&file, 1, NULL, notes, &r), 0);
	assert_int_equal(fclose(notes), 0);
	for (int i = 1; i <= n; i++) {
		(void)snprintf(line, sizeof(line),
		    "  case $1/$state in V%d/fault) /bin/f %d ;; esac\n", i, i);
		assert_non_null(strstr(r.text, line));
	}
	assert_non_null(strstr(r.text, "007 ;; esac\n"));
	assert_null(strstr(r.text, "/bin/long"));
	assert_non_null(strstr(said, "is longer than 599 bytes"));
	import_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_means_the_same_or_a_note_says_what_not),
		cmocka_unit_test(every_command_of_notify_is_there),
	};

	TEST_MAIN(tests);
}
