/*
 * Files of haproxy and keepalived and what they become, compared byte for byte:
 * tests/golden/import/NAME.haproxy.cfg, NAME.keepalived.conf and, of the other
 * host, NAME.keepalived-2.conf, with NAME.yaml and NAME.notes.
 */
#include "config/import/import.h"
#include "config/load.h"
#include "config/yaml/diag.h"
#include "tests/lib/golden.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER "tests/golden/import/"

static const char *
env(const char *name)
{
	return strcmp(name, "MQTT_VIP") == 0 ? "10.80.0.10" : NULL;
}

/* What `hapair check` would say of it: nothing. */
static void
assert_loads(const struct import_result *r)
{
	CLEANUP(diag_free_at) struct diag *diag = diag_new();
	struct config *c = NULL;
	const int e = load_text("result", r->text, r->len, diag, &c);

	diag_print(diag, stderr);
	assert_int_equal(e, 0);
	config_free(c);
}

/* The result and the notes; the caller frees both. */
static int
import_text(const struct import_file *files, size_t n,
    struct import_result *ret_result, char **ret_notes)
{
	size_t len;
	FILE *notes = open_memstream(ret_notes, &len);
	int e;

	assert_non_null(notes);
	e = import_files(files, n, env, notes, ret_result);
	assert_int_equal(fclose(notes), 0);
	assert_int_equal(e == 0, ret_result->text != NULL);
	if (e == 0)
		assert_loads(ret_result);
	return e;
}

static void
check_example(const char *name)
{
	static const char *const ends[] = { "haproxy.cfg", "keepalived.conf",
		"keepalived-2.conf" };
	char paths[3][128], expected[128];
	struct import_file files[3];
	char *texts[3] = { NULL };
	struct import_result r;
	CLEANUP(free_str) char *notes = NULL;
	size_t n = 0;

	test_row(name);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		(void)snprintf(
		    paths[n], sizeof(paths[n]), FOLDER "%s.%s", name, ends[i]);
		texts[n] = golden_read(paths[n], &files[n].len);
		if (texts[n] == NULL)
			continue;
		files[n].text = texts[n];
		files[n].name = strrchr(paths[n], '/') + 1;
		n++;
	}
	assert_true(n >= 2);
	assert_int_equal(import_text(files, n, &r, &notes), 0);
	(void)snprintf(expected, sizeof(expected), FOLDER "%s.yaml", name);
	golden_compare(expected, r.text);
	(void)snprintf(expected, sizeof(expected), FOLDER "%s.notes", name);
	golden_compare(expected, notes);
	import_fini(&r);
	for (size_t i = 0; i < n; i++)
		free(texts[i]);
}

static void
every_example_becomes_what_it_was(void **state)
{
	static const char *const names[] = { "impala", "galera", "patroni",
		"redis", "ldap", "rabbitmq", "mqtt", "hive", "kerberos",
		"two_armed" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		check_example(names[i]);
}

#define BEGIN "defaults\n mode tcp\n"
#define GOOD "listen good\n bind :1\n server a 10.0.0.1:1\n"

/* Of a text: what must, and what must not, be in the result and in the notes.
 */
static const struct row {
	const char *name, *text;
	const char *has, *lacks; /* the result; NULL: whatever */
	const char *says;        /* of the notes */
} rows[] = {
	{ "a word that is misspelt", "global\n deamon\n" GOOD, "name: good",
	    NULL,
	    "f:2: error: unknown word of 'global' 'deamon'; did you mean "
	    "'daemon'?" },
	{ "an option that is misspelt", GOOD " option mysql-chek\n",
	    "name: good", NULL, "did you mean 'mysql-check'?" },
	{ "a parameter that is misspelt",
	    BEGIN "listen a\n bind :1\n"
	          " server x 10.0.0.1:1 chek\n",
	    "type: none", NULL, "did you mean 'check'?" },
	{ "a section of HTTP",
	    GOOD "listen web\n mode http\n bind :80\n"
	         " server x 10.0.0.1:80\n",
	    "name: good", "web",
	    "f:4: warning: 'listen web' is of mode http, and left out" },
	{ "numbers are milliseconds", BEGIN " timeout connect 4000\n" GOOD,
	    "connect: 4s", NULL, "" },
	{ "v4v6", BEGIN "listen a\n bind :::80 v4v6\n server x 10.0.0.1:1\n",
	    "listen: \"*:80\"", NULL, "" },
	{ "v6only",
	    BEGIN "listen a\n bind :::80 v6only\n server x 10.0.0.1:1\n",
	    "listen: \"[::]:80\"", NULL, "" },
	{ "both families",
	    BEGIN "listen a\n bind *:80\n bind :::80 v6only\n"
	          " server x 10.0.0.1:1\n",
	    "listen: \"*:80\"", "0.0.0.0", "" },
	{ "one address twice",
	    BEGIN "listen a\n bind *:80\n bind 10.0.0.9:80\n"
	          " server x 10.0.0.1:1\n",
	    "listen: 0.0.0.0:80", "10.0.0.9", "" },
	{ "ports in a row",
	    BEGIN "listen a\n bind :80-82,10.0.0.9:90\n"
	          " server x 10.0.0.1:1\n",
	    "- 0.0.0.0:82\n      - 10.0.0.9:90", NULL, "" },
	{ "TLS that ends here",
	    GOOD "listen t\n bind :443 ssl crt /x.pem\n"
	         " server x 10.0.0.1:80\n",
	    "name: good", "443", "with 'ssl' is left out: hapair ends no TLS" },
	{ "TLS towards servers",
	    GOOD "listen t\n bind :80\n"
	         " server x 10.0.0.1:443 ssl verify none\n",
	    "name: good", "443", "hapair speaks no TLS to servers" },
	{ "first",
	    BEGIN "listen a\n bind :80\n balance first\n"
	          " server x 10.0.0.1:1 check\n server y 10.0.0.2:1 check\n",
	    "mode: standby", "balance:", "" },
	{ "one server and a backup",
	    BEGIN
	    "listen a\n bind :80\n"
	    " server y 10.0.0.2:1 check backup\n server x 10.0.0.1:1 check\n",
	    "failback: true\n    hold: 0s\n", "backup", "" },
	{ "its order",
	    BEGIN
	    "listen a\n bind :80\n"
	    " server y 10.0.0.2:1 check backup\n server x 10.0.0.1:1 check\n",
	    "- name: x\n        address: 10.0.0.1:1\n      - name: y", NULL,
	    "" },
	{ "one entry for all",
	    BEGIN
	    "listen a\n bind :80\n stick on dst\n"
	    " server x 10.0.0.1:1 check\n server y 10.0.0.2:1 backup check\n",
	    "failback: false", NULL, "" },
	{ "a table of clients",
	    BEGIN "listen a\n bind :80\n stick on src\n"
	          " server x 10.0.0.1:1 check\n server y 10.0.0.2:1 check\n",
	    "balance: source", NULL, "" },
	{ "several backups",
	    BEGIN "listen a\n bind :80\n"
	          " server x 10.0.0.1:1 check\n server y 10.0.0.2:1 check\n"
	          " server z 10.0.0.3:1 check backup\n"
	          " server u 10.0.0.4:1 check backup\n",
	    "backups: ordered", "standby", "" },
	{ "cut when down",
	    BEGIN "listen a\n bind :80\n default-server check "
	          "on-marked-down shutdown-sessions\n server x 10.0.0.1:1\n",
	    "on_down: reset", NULL, "" },
	{ "no check", GOOD, "check:\n      type: none", NULL, "" },
	{ "some are checked",
	    BEGIN "listen a\n bind :80\n"
	          " server x 10.0.0.1:1 check inter 3s\n server y 10.0.0.2:1\n",
	    "interval: 3s\n      timeout: 3s\n", NULL, "" },
	{ "and some are not",
	    BEGIN "listen a\n bind :80\n"
	          " server x 10.0.0.1:1 check inter 3s\n server y 10.0.0.2:1\n",
	    "address: 10.0.0.2:1\n        check:\n          type: none", NULL,
	    "" },
	{ "a page",
	    BEGIN "listen a\n bind :80\n option httpchk HEAD /x "
	          "HTTP/1.1\\r\\nHost:\\ www.example.org\n server x 10.0.0.1:1 "
	          "check port 81\n",
	    "port: 81\n      path: /x\n      method: HEAD\n"
	    "      host: www.example.org\n      status: 200-399",
	    NULL, "" },
	{ "a status that must not be",
	    BEGIN "listen a\n bind :80\n"
	          " option httpchk\n http-check expect ! rstatus ^5\n"
	          " server x 10.0.0.1:1 check\n",
	    "status: 100-499", NULL, "" },
	{ "a variable that is not set",
	    BEGIN "listen a\n bind \"$NOWHERE:80\"\n server x 10.0.0.1:1\n",
	    "listen: 192.0.2.1:80", NULL,
	    "f:4: error: the variable 'NOWHERE' is not set here" },
	{ "a default of its own",
	    BEGIN "listen a\n bind \"${NOWHERE-10.0.0.7}:80\"\n"
	          " server x 10.0.0.1:1\n",
	    "listen: 10.0.0.7:80", NULL, "" },
	{ "no default section before",
	    "listen a from b\n bind :80\n"
	    " server x 10.0.0.1:1\n",
	    "name: a", NULL, "there is no 'defaults b' before this line" },
	{ "names that are none here",
	    BEGIN "listen a,b\n bind :80\n"
	          " server x/1 10.0.0.1:1\n server x/1 10.0.0.2:1\n",
	    "name: a-b", NULL, "is called 'a-b' here" },
	{ "ports that collide",
	    GOOD "listen other\n bind 10.0.0.9:1\n"
	         " server x 10.0.0.1:2\n",
	    "name: good", "other",
	    "f:4: error: service 'other' is left out: '10.0.0.9:1' collides "
	    "with '0.0.0.0:1' of service 'good'" },
	{ "a server that is the listener",
	    GOOD "listen loop\n bind :80\n"
	         " server x 127.0.0.1:80\n",
	    "name: good", "loop",
	    "service 'loop' is left out: the server '127.0.0.1:80' is where "
	    "the service itself listens" },
	{ "one server twice",
	    BEGIN "listen a\n bind :80\n"
	          " server x 10.0.0.1:1\n server y 10.0.0.1:1\n",
	    "name: x", "name: y", "'10.0.0.1:1' is a server already" },
	{ "disabled",
	    BEGIN "listen a\n bind :80\n server x 10.0.0.1:1\n"
	          " server y 10.0.0.2:1 disabled\n",
	    "weight: 0", NULL, "'y' is disabled" },
	{ "a backend of nobody", GOOD "backend b\n server x 10.0.0.1:2\n",
	    "name: good", "10.0.0.1:2", "no frontend that is carried over" },
	{ "no backend of that name",
	    GOOD "frontend f\n bind :2\n"
	         " default_backend no\n",
	    "name: good", "name: f", "there is no backend 'no'" },
	{ "nothing of TCP",
	    "listen a\n mode http\n bind :80\n"
	    " server x 10.0.0.1:1\n",
	    NULL, NULL, "there is nothing to carry over" },
	{ "another file", "services:\n  - name: a\n", NULL, NULL,
	    "f: error: is neither a haproxy.cfg nor a keepalived.conf" },
	{ "a quote that stays open", GOOD "listen 'b\n", "name: good", NULL,
	    "f:4: error: a ' is never closed" },
	{ "mysql without a user",
	    BEGIN "listen a\n bind :80\n"
	          " option mysql-check\n server x 10.0.0.1:3306 check\n",
	    "servers:", "mysql", "'mysql-check' without a user" },
	{ "statistics",
	    GOOD "listen s\n bind :9000\n mode http\n stats enable\n",
	    "# f:4: listen s\nweb:\n  listen: 0.0.0.0:9000\n", "name: s",
	    "this host and the nodes may see it" },
	{ "statistics with a password",
	    GOOD "listen s :9000\n mode http\n stats auth me:secret\n",
	    "  allow: [0.0.0.0/0, \"::/0\"]\n  user: me\n  password_file: "
	    "/etc/hapair/web.password",
	    "secret", "put the password of 'me' into the first line" },
	{ "and with rules",
	    GOOD "listen s :9000\n mode http\n stats auth me:secret\n"
	         " acl a src 10.0.0.0/8\n stats http-request deny unless a\n",
	    "user: me", "0.0.0.0/0", "is not carried over: this host" },
};

static void
check_row(const struct row *row)
{
	const struct import_file file = {
		.name = "f", .text = row->text, .len = strlen(row->text)
	};
	CLEANUP(free_str) char *notes = NULL;
	struct import_result r;
	const int e = import_text(&file, 1, &r, &notes);

	test_row(row->name);
	assert_int_equal(e, row->has == NULL ? -EINVAL : 0);
	if (row->has != NULL && strstr(r.text, row->has) == NULL)
		fail_msg("%s: '%s' is lacking in\n%s%s", row->name, row->has,
		    r.text, notes);
	if (row->lacks != NULL && strstr(r.text, row->lacks) != NULL)
		fail_msg("%s: '%s' is in\n%s%s", row->name, row->lacks, r.text,
		    notes);
	if (row->says != NULL && strstr(notes, row->says) == NULL)
		fail_msg(
		    "%s: '%s' is lacking in\n%s", row->name, row->says, notes);
	import_fini(&r);
}

static void
each_thing_becomes_what_it_is_here_or_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_row(&rows[i]);
}

/* Who is let in: rules of which the first decides, and what they become. */
static const struct rules_row {
	const char *name, *rules;
	const char *lists; /* what stands behind `listen` */
} rules_rows[] = {
	{ "nobody but",
	    " acl a src 10.0.0.0/8\n"
	    " tcp-request connection reject if !a\n",
	    "    allow: 10.0.0.0/8\n" },
	{ "unless",
	    " acl a src 10.0.0.0/8 10.9.9.9\n"
	    " tcp-request connection reject unless a\n",
	    "    allow: 10.0.0.0/8\n" },
	{ "accept, then reject",
	    " tcp-request connection accept if { src "
	    "10.0.0.0/8 }\n tcp-request connection reject\n",
	    "    allow: 10.0.0.0/8\n" },
	{ "all but",
	    " acl a src 10.1.0.0/255.255.0.0\n"
	    " tcp-request connection reject if a\n",
	    "    deny: 10.1.0.0/16\n" },
	{ "one of the denied",
	    " tcp-request connection accept if { src "
	    "10.1.1.1 }\n tcp-request connection reject if { src 10.1.0.0/16 "
	    "}\n",
	    "    allow:\n      - 10.1.1.1/32\n      - 0.0.0.0/0\n      - "
	    "\"::/0\"\n    deny: 10.1.0.0/16\n" },
	{ "either",
	    " acl a src 10.0.0.0/8\n acl b src 172.16.0.0/12\n"
	    " tcp-request connection reject if !a !b\n",
	    "    allow:\n      - 10.0.0.0/8\n      - 172.16.0.0/12\n" },
	{ "both at once is nothing of ours",
	    " acl a src 10.0.0.0/8\n"
	    " acl b src 10.1.0.0/16\n"
	    " tcp-request connection reject if a b\n",
	    "" },
	{ "what was decided stays so",
	    " tcp-request connection reject if { "
	    "src 10.0.0.0/8 }\n tcp-request connection accept if { src "
	    "10.1.0.0/16 }\n",
	    "    deny: 10.0.0.0/8\n" },
	{ "how many each",
	    " tcp-request connection reject if { src_conn_cur "
	    "ge 9 }\n",
	    "    max_connections_per_client: 9\n" },
	{ "how many each of some",
	    " acl known src -f /etc/known\n tcp-request connection reject "
	    "if !known { src_conn_cur ge 20 }\n",
	    "" },
	{ "of another stage",
	    " tcp-request content accept if { req_ssl_hello_type 1 }\n"
	    " tcp-request connection reject\n",
	    "    deny:\n      - 0.0.0.0/0\n      - \"::/0\"\n" },
	{ "an accept is for its own stage",
	    " tcp-request connection accept if { src 10.0.0.0/8 }\n"
	    " tcp-request content reject if { src 10.1.0.0/16 }\n",
	    "    deny: 10.1.0.0/16\n" },
	{ "refused by one stage, let in by another",
	    " tcp-request connection reject if { src 10.1.0.0/16 }\n"
	    " tcp-request content accept if { src 10.0.0.0/8 }\n"
	    " tcp-request content reject\n",
	    "    allow: 10.0.0.0/8\n    deny: 10.1.0.0/16\n" },
	{ "let in by both",
	    " tcp-request connection reject unless { src 10.0.0.0/8 }\n"
	    " tcp-request content reject unless { src 10.2.0.0/16 }\n",
	    "    allow: 10.2.0.0/16\n    deny: 10.0.0.0/8\n" },
	{ "nobody", " tcp-request connection reject\n",
	    "    deny:\n      - 0.0.0.0/0\n      - \"::/0\"\n" },
};

static void
cut(char *text, const char *what)
{
	char *at = strstr(text, what);

	assert_non_null(at);
	memmove(at, at + strlen(what), strlen(at + strlen(what)) + 1);
}

static void
rules_of_which_the_first_decides_become_networks(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rules_rows); i++) {
		const struct rules_row *row = &rules_rows[i];
		CLEANUP(free_str) char *notes = NULL;
		struct import_result r;
		char text[1024], expected[1024];
		const struct import_file file = { .name = "f", .text = text };
		struct import_file own = file;

		test_row(row->name);
		(void)snprintf(text, sizeof(text),
		    BEGIN "listen a\n bind :80\n%s server x 10.0.0.1:1\n",
		    row->rules);
		(void)snprintf(expected, sizeof(expected),
		    "listen: 0.0.0.0:80\n%s    check:", row->lists);
		own.len = strlen(text);
		assert_int_equal(import_text(&own, 1, &r, &notes), 0);
		cut(r.text, "    timeouts:\n      half_closed: 0s\n");
		if (strstr(r.text, expected) == NULL)
			fail_msg("%s\n%s", r.text, notes);
		import_fini(&r);
	}
}

/* The last of them would be let in without a word. */
static void
more_networks_than_there_is_room_for_are_told_once(void **state)
{
	CLEANUP(free_str) char *notes = NULL, *text = NULL;
	struct import_file file = { .name = "f" };
	FILE *out = open_memstream(&text, &file.len);
	struct import_result r;

	(void)state;
	assert_non_null(out);
	(void)fputs(GOOD, out);
	for (int i = 0; i < 600; i++)
		(void)fprintf(out,
		    " tcp-request connection reject if { src 10.%d.%d.0/24 }\n",
		    i / 256, i % 256);
	assert_int_equal(fclose(out), 0);
	file.text = text;
	assert_int_equal(import_text(&file, 1, &r, &notes), 0);
	assert_non_null(strstr(notes,
	    "f:1: error: the rules of service 'good' "
	    "have more than 512 networks"));
	assert_int_equal(r.counts[IMPORT_NOTES_ERROR], 1);
	import_fini(&r);
}

/* Of keepalived alone. */
#define INSTANCE(more)                                                         \
	"vrrp_instance A {\n interface eth0\n unicast_src_ip 10.0.0.1\n"       \
	" unicast_peer {\n 10.0.0.2\n }\n virtual_ipaddress {\n 10.0.0.9/24\n" \
	" }\n" more "}\n"

static const struct row pair_rows[] = {
	{ "addresses of both", INSTANCE(""), "address: 10.0.0.2  # f:5", NULL,
	    "" },
	{ "preempt", INSTANCE(""), "preempt: true", NULL, "" },
	{ "nopreempt", INSTANCE(" nopreempt\n"), "groups:", "preempt", "" },
	{ "a delay", INSTANCE(" preempt_delay 30\n"), "preempt_delay: 30s",
	    NULL, "" },
	{ "a brace on the line behind",
	    "vrrp_instance A\n{\n interface eth0\n virtual_ipaddress\n {\n"
	    " 10.0.0.9/24\n }\n}\n",
	    "- 10.0.0.9/24", NULL,
	    "no file says the address of the other host" },
	{ "the host among its own peers",
	    "vrrp_instance A {\n interface eth0\n unicast_src_ip 10.0.0.1\n"
	    " unicast_peer {\n 10.0.0.1\n 10.0.0.2\n }\n"
	    " virtual_ipaddress {\n 10.0.0.9/24\n }\n}\n",
	    "address: 10.0.0.2", NULL, "" },
	{ "three hosts",
	    "vrrp_instance A {\n interface eth0\n unicast_src_ip 10.0.0.1\n"
	    " unicast_peer {\n 10.0.0.2\n 10.0.0.3\n }\n"
	    " virtual_ipaddress {\n 10.0.0.9/24\n }\n}\n",
	    "address: 10.0.0.2", "10.0.0.3",
	    "f:6: error: '10.0.0.3' is one peer too many" },
	{ "no prefix",
	    INSTANCE(" virtual_ipaddress_excluded {\n 10.7.0.1\n }\n"),
	    "- 10.7.0.1/32", NULL, "'10.7.0.1' has no prefix length" },
	{ "that of its neighbour",
	    INSTANCE(" virtual_ipaddress_excluded {\n 10.0.0.8\n }\n"),
	    "- 10.0.0.8/24", NULL, "" },
	{ "another interface",
	    INSTANCE(
	        " virtual_ipaddress_excluded {\n 10.7.0.1/24 dev eth1\n }\n"),
	    "- address: 10.7.0.1/24\n          interface: eth1", NULL, "" },
	{ "haproxy is us",
	    INSTANCE(
	        " track_script {\n c\n }\n") "vrrp_script c {\n script \"killall -0 haproxy\"\n weight 2\n}\n",
	    "groups:", "track:", "note: 'vrrp_script c' looks after haproxy" },
	{ "weights of both signs",
	    INSTANCE(
	        " track_script {\n c weight -7\n }\n") "vrrp_script c {\n script /c\n weight 2\n interval 2\n}\n",
	    "script: /c\n      interval: 2s\n      timeout: 2s\n      weight: 7",
	    NULL, "" },
	{ "a script with words",
	    INSTANCE(
	        " track_script {\n c\n }\n") "vrrp_script c {\n script \"/c -x\"\n}\n",
	    "script: /etc/hapair/track-c", NULL, "that runs '/c -x'" },
	{ "an interface",
	    INSTANCE(" track_interface {\n eth0\n eth1 weight 9\n }\n"),
	    "- interface: eth1\n      weight: 9", "- interface: eth0", "" },
	{ "LVS", INSTANCE("") "virtual_server 10.0.0.9 80 {\n}\n",
	    "groups:", "10.0.0.9 80", "hapair does no LVS" },
	{ "an include", INSTANCE("") "include /etc/keepalived/more.conf\n",
	    "groups:", NULL,
	    "'include /etc/keepalived/more.conf' is not "
	    "followed" },
	{ "a word that is misspelt", INSTANCE(" priorty 10\n"), "groups:", NULL,
	    "did you mean 'priority'?" },
	{ "no virtual IP of that text",
	    "vrrp_instance A {\n interface eth0\n virtual_ipaddress {\n <VIP>\n"
	    " }\n}\n",
	    "- 192.0.2.1/32  # FILL IN: a virtual IP", NULL,
	    "'<VIP>' is no virtual IP" },
	{ "a virtual IP that is a node's",
	    "vrrp_instance A {\n interface eth0\n unicast_src_ip 10.0.0.9\n"
	    " virtual_ipaddress {\n 10.0.0.9/24\n }\n}\n",
	    "- 10.0.0.9/24", NULL, "is no address of a host" },
	{ "a block that stays open", INSTANCE("") "vrrp_script x {\n",
	    "groups:", NULL, "this { is never closed" },
	{ "a block that was never open", INSTANCE("") "}\n", "groups:", NULL,
	    "a } without a { before it" },
	{ "told", INSTANCE(" notify_master /m\n"), "notify: /etc/hapair/notify",
	    NULL, "which run '/m'" },
	{ "a restart of haproxy",
	    INSTANCE(" notify_master \"systemctl restart haproxy\"\n"),
	    "groups:", "notify", "hapair's relay runs on both" },
	{ "a script that has haproxy in its name",
	    INSTANCE(
	        " track_script {\n c\n }\n") "vrrp_script c {\n script /x/haproxy.sh\n}\n",
	    "groups:", "track:",
	    "warning: 'vrrp_script c' is left out, since" },
	{ "no prefix in IPv6",
	    INSTANCE(" virtual_ipaddress_excluded {\n 2001:db8::1\n }\n"),
	    "2001:db8::1/128", NULL, "'2001:db8::1/64', perhaps" },
	{ "nothing in it", "global_defs {\n router_id x\n}\n", NULL, NULL,
	    "there is nothing to carry over" },
};

static void
what_keepalived_says_becomes_the_pair(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pair_rows); i++)
		check_row(&pair_rows[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_example_becomes_what_it_was),
		cmocka_unit_test(
		    each_thing_becomes_what_it_is_here_or_is_named),
		cmocka_unit_test(
		    rules_of_which_the_first_decides_become_networks),
		cmocka_unit_test(
		    more_networks_than_there_is_room_for_are_told_once),
		cmocka_unit_test(what_keepalived_says_becomes_the_pair),
	};

	TEST_MAIN(tests);
}
