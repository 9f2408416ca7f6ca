/*
 * Files as people get them wrong: as many errors as there are mistakes, each in
 * one line that says what was expected, and no error that is the consequence of
 * another.
 */
#include "config/config.h"
#include "config/load.h"
#include "config/yaml/diag.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#define SERVICE(more)                                                          \
	"services:\n"                                                          \
	"  - {name: s, listen: 10.0.0.9:80, servers: 10.0.0.1:80" more "}\n"
#define SERVER(more)                                                           \
	"services:\n"                                                          \
	"  - {name: s, listen: 10.0.0.9:80,\n"                                 \
	"     servers: [{address: 10.0.0.1:80" more "}]}\n"
#define NODES                                                                  \
	"nodes: [{name: a, address: 10.0.0.1}, {name: b, address: 10.0.0.2}]"
#define PAIR(more) "pair: {" NODES ", key_file: /k" more "}\n"
#define GROUP(more)                                                            \
	PAIR(", groups: [{name: g, interface: eth0, addresses: "               \
	     "10.0.0.9/24" more "}]")

static const struct row {
	const char *text;
	const char *said[4]; /* an error each, as it begins */
} rows[] = {
	/* haproxy's words. */
	{ "services:\n  - {name: s, bind: 10.0.0.9:80, servers: 10.0.0.1:80}\n",
	    { "unknown key 'bind'; haproxy's 'bind' is 'listen' here" } },
	{ "services:\n  - {name: s, listen: 10.0.0.9:80, server: 10.0.0.1:80}\n",
	    { "unknown key 'server'; haproxy's 'server' is 'servers' here" } },
	{ SERVICE(", maxconn: 5"),
	    { "unknown key 'maxconn'; haproxy's 'maxconn' is 'max_connections' here" } },
	{ SERVER(", maxconn: 5"),
	    { "unknown key 'maxconn'; haproxy's 'maxconn' is 'max_connections' here" } },
	{ "maxconn: 5\n" SERVICE(""),
	    { "unknown key 'maxconn'; haproxy's 'maxconn' is 'max_connections' here" } },
	{ SERVER(", inter: 2s"),
	    { "unknown key 'inter'; haproxy's 'inter' is 'interval' of 'check' here" } },
	{ SERVICE(", check: {inter: 2s}"),
	    { "unknown key 'inter'; haproxy's 'inter' is 'interval' here" } },
	{ SERVICE(", check: {fastinter: 2s}"),
	    { "unknown key 'fastinter'; haproxy's 'fastinter' is 'interval' here" } },
	{ SERVER(", rise: 2"),
	    { "unknown key 'rise' in a server; it belongs below 'check'" } },
	{ SERVICE(", fall: 2"),
	    { "unknown key 'fall' in a service; it belongs below 'check'" } },
	{ SERVICE(", interval: 2s"),
	    { "unknown key 'interval' in a service; it belongs below 'check'" } },
	{ SERVER(", slowstart: 2s"),
	    { "unknown key 'slowstart'; haproxy's 'slowstart' is 'slow_start' here" } },
	{ SERVER(", send-proxy: true"),
	    { "unknown key 'send-proxy'; haproxy's 'send-proxy' is 'proxy_protocol: v1' of a service" } },
	{ SERVER(", disabled: true"),
	    { "unknown key 'disabled'; haproxy's 'disabled' is no key but `hapair server" } },
	{ SERVER(", ssl: true"),
	    { "unknown key 'ssl'; haproxy's 'ssl' has no counterpart" } },
	{ SERVICE(", timeout client: 1m"),
	    { "unknown key 'timeout client'; haproxy's 'timeout client' is 'idle' of 'timeouts' here" } },
	{ SERVICE(", timeout server: 1m"),
	    { "unknown key 'timeout server'; haproxy's 'timeout server' is 'idle' of 'timeouts'" } },
	{ SERVICE(", timeout connect: 1m"),
	    { "unknown key 'timeout connect'; haproxy's 'timeout connect' is 'connect' of" } },
	{ SERVICE(", timeouts: {client: 1m}"),
	    { "unknown key 'client'; haproxy's 'client' is 'idle' here" } },
	{ SERVICE(", timeouts: {client-fin: 1m}"),
	    { "unknown key 'client-fin'; haproxy's 'client-fin' is 'half_closed' here" } },
	{ SERVICE(", option tcplog: true"),
	    { "unknown key 'option tcplog'; haproxy's 'option tcplog' is 'log: {connections: true}'" } },
	{ SERVICE(", option httpchk: GET /"),
	    { "unknown key 'option httpchk'; haproxy's 'option httpchk' is 'check: {type: http}'" } },
	{ SERVICE(", option_redispatch: true"),
	    { "unknown key 'option_redispatch'; haproxy's 'option_redispatch' is what 'retries'" } },
	{ SERVICE(", option forwardfor: true"),
	    { "unknown key 'option forwardfor'; haproxy's 'option forwardfor' has no counterpart" } },
	{ SERVICE(", default_backend: x"),
	    { "unknown key 'default_backend'; haproxy's 'default_backend' is 'servers' of a service" } },
	{ SERVICE(", acl: x"),
	    { "unknown key 'acl'; haproxy's 'acl' is 'allow' and 'deny' here" } },
	{ SERVICE(", stick-table: x"),
	    { "unknown key 'stick-table'; haproxy's 'stick-table' has no counterpart: 'balance: source'" } },
	{ SERVICE(", cookie: x"),
	    { "unknown key 'cookie'; haproxy's 'cookie' has no counterpart: 'balance: source'" } },
	{ SERVICE(", mode: tcp"),
	    { "unknown mode 'tcp'; haproxy's 'mode tcp' is what every service is here: leave it out" } },
	{ SERVICE(", mode: http"),
	    { "unknown mode 'http'; haproxy's 'mode http' has no counterpart" } },
	{ SERVICE(", balance: static-rr"),
	    { "unknown balance 'static-rr'; haproxy's 'static-rr' is 'roundrobin' here" } },
	{ SERVICE(", balance: wlc"),
	    { "unknown balance 'wlc'; keepalived's 'wlc' is 'leastconn' here" } },
	{ SERVICE(", check: {type: pgsql}"),
	    { "unknown type 'pgsql'; haproxy's 'pgsql' is 'postgres' here" } },
	{ "global: {maxconn: 5}\n" SERVICE(""),
	    { "unknown key 'global'; haproxy's 'global' has no counterpart" } },
	{ "defaults: {mode: tcp}\n" SERVICE(""),
	    { "unknown key 'defaults'; haproxy's 'defaults' has no counterpart" } },
	{ "frontend: {bind: x}\n",
	    { "unknown key 'frontend'; haproxy's 'frontend' is part of a service here" } },
	{ "backend: {server: x}\n",
	    { "unknown key 'backend'; haproxy's 'backend' is part of a service here" } },
	{ "listen: {server: x}\n",
	    { "unknown key 'listen'; haproxy's 'listen' is part of a service here" } },
	{ "nbthread: 4\n" SERVICE(""),
	    { "unknown key 'nbthread'; haproxy's 'nbthread' is 'threads' here" } },
	{ "pidfile: /x\n" SERVICE(""),
	    { "unknown key 'pidfile'; haproxy's 'pidfile' is 'pid_file' here" } },
	{ "stats socket: /x\n" SERVICE(""),
	    { "unknown key 'stats socket'; haproxy's 'stats socket' is 'control' here" } },
	/* keepalived's words. */
	{ "vrrp_instance: {}\n",
	    { "unknown key 'vrrp_instance'; keepalived's 'vrrp_instance' is an item of 'groups' here" } },
	{ PAIR(", vrrp_instance: {}"),
	    { "unknown key 'vrrp_instance'; keepalived's 'vrrp_instance' is 'groups' here" } },
	{ "virtual_server: {}\n",
	    { "unknown key 'virtual_server'; keepalived's 'virtual_server' is 'services' here" } },
	{ PAIR(
	      ", groups: [{name: g, interface: eth0, virtual_ipaddress: 10.0.0.9/24}]"),
	    { "unknown key 'virtual_ipaddress'; keepalived's 'virtual_ipaddress' is 'addresses' here" } },
	{ GROUP(", state: MASTER"),
	    { "unknown key 'state'; keepalived's 'state' has no counterpart: the node with the higher" } },
	{ PAIR(", state: BACKUP"),
	    { "unknown key 'state'; keepalived's 'state' has no counterpart" } },
	{ GROUP(", virtual_router_id: 51"),
	    { "unknown key 'virtual_router_id'; keepalived's 'virtual_router_id' has no counterpart" } },
	{ GROUP(", advert_int: 1"),
	    { "unknown key 'advert_int'; keepalived's 'advert_int' is 'interval' of 'pair' here" } },
	{ PAIR(", advert_int: 1"),
	    { "unknown key 'advert_int'; keepalived's 'advert_int' is 'interval' here" } },
	{ PAIR(", nopreempt: true"),
	    { "unknown key 'nopreempt'; keepalived's 'nopreempt' is 'preempt: false' of 'pair'" } },
	{ "pair: {" NODES ", authentication: {auth_pass: x}}\n",
	    { "unknown key 'authentication'; keepalived's 'authentication' is 'key_file' here" } },
	{ PAIR(", notify_master: /x"),
	    { "unknown key 'notify_master'; keepalived's 'notify_master' is 'notify' here, which is told" } },
	{ GROUP(", track_interface: eth1"),
	    { "unknown key 'track_interface'; keepalived's 'track_interface' is 'track' of 'pair' here" } },
	{ GROUP(", unicast_peer: 10.0.0.2"),
	    { "unknown key 'unicast_peer'; keepalived's 'unicast_peer' is 'address' of the other node" } },
	{ GROUP(", garp_master_delay: 1"),
	    { "unknown key 'garp_master_delay'; keepalived's 'garp_master_delay' has no counterpart" } },
	{ SERVICE(", lb_algo: rr"),
	    { "unknown key 'lb_algo'; keepalived's 'lb_algo' is 'balance' here" } },
	{ SERVICE(", lb_kind: DR"),
	    { "unknown key 'lb_kind'; keepalived's 'lb_kind' is 'path' here" } },
	{ SERVICE(", persistence_timeout: 50"),
	    { "unknown key 'persistence_timeout'; keepalived's 'persistence_timeout' has no counterpart" } },
	{ SERVICE(", TCP_CHECK: {}"),
	    { "unknown key 'TCP_CHECK'; keepalived's 'TCP_CHECK' is 'check: {type: tcp}' here" } },
	{ SERVICE(", check: {connect_timeout: 3s}"),
	    { "unknown key 'connect_timeout'; keepalived's 'connect_timeout' is 'timeout' here" } },
	/* Their whole files. */
	{ "global\n    daemon\n    maxconn 256\n\ndefaults\n    mode http\n",
	    { "this looks like haproxy's configuration; hapair has a file of its own" } },
	{ "# a comment\n\nfrontend x\n  bind *:80\n  default_backend y\n",
	    { "this looks like haproxy's configuration" } },
	{ "  listen stats\n\tbind *:80\n",
	    { "this looks like haproxy's configuration" } },
	{ "! Configuration File for keepalived\n\nglobal_defs {\n  router_id x\n}\n",
	    { "this looks like keepalived's configuration" } },
	{ "vrrp_instance VI_1 {\n    state MASTER\n}\n",
	    { "this looks like keepalived's configuration" } },
	{ "virtual_server 10.0.0.1 80 {\n",
	    { "this looks like keepalived's configuration" } },
	/* Slips: of a key that has to be there one error, too. */
	{ "services:\n  - {nmae: s, listen: 10.0.0.9:80, servers: 10.0.0.1:80}\n",
	    { "unknown key 'nmae'; did you mean 'name'?" } },
	{ "services:\n  - {name: s, lisetn: 10.0.0.9:80, servers: 10.0.0.1:80}\n",
	    { "unknown key 'lisetn'; did you mean 'listen'?" } },
	{ "services:\n  - {name: s, listen: 10.0.0.9:80, severs: 10.0.0.1:80}\n",
	    { "unknown key 'severs'; did you mean 'servers'?" } },
	{ "services:\n  - {name: s, listen: 10.0.0.9:80, servers: [{adress: 10.0.0.1:80}]}\n",
	    { "unknown key 'adress'; did you mean 'address'?" } },
	{ "service:\n  - {name: s, listen: 10.0.0.9:80, servers: 10.0.0.1:80}\n",
	    { "unknown key 'service'; did you mean 'services'?" } },
	{ "pari: {" NODES ", key_file: /k}\n",
	    { "unknown key 'pari'; did you mean 'pair'?" } },
	{ "pair: {" NODES ", keyfile: /k}\n",
	    { "unknown key 'keyfile'; did you mean 'key_file'?" } },
	{ "pair: {node: [{name: a, address: 10.0.0.1}, {name: b, address: 10.0.0.2}], key_file: /k}\n",
	    { "unknown key 'node'; did you mean 'nodes'?" } },
	{ "pair: {nodes: [{nam: a, address: 10.0.0.1}, {name: b, address: 10.0.0.2}], key_file: /k}\n",
	    { "unknown key 'nam'; did you mean 'name'?" } },
	{ "pair: {nodes: [{name: a, addr: 10.0.0.1}, {name: b, address: 10.0.0.2}], key_file: /k}\n",
	    { "unknown key 'addr'; did you mean 'address'?" } },
	{ PAIR(
	      ", groups: [{name: g, interfaces: eth0, addresses: 10.0.0.9/24}]"),
	    { "unknown key 'interfaces'; did you mean 'interface'?" } },
	{ PAIR(", groups: [{name: g, interface: eth0, adresses: 10.0.0.9/24}]"),
	    { "unknown key 'adresses'; did you mean 'addresses'?" } },
	{ PAIR(", groups: [{name: g, interface: eth0, address: 10.0.0.9/24}]"),
	    { "unknown key 'address'; did you mean 'addresses'?" } },
	{ PAIR(", group: [{name: g, interface: eth0, addresses: 10.0.0.9/24}]"),
	    { "unknown key 'group'; did you mean 'groups'?" } },
	{ PAIR(", track: [{servcie: s, min_servers: 1}]") SERVICE(""),
	    { "unknown key 'servcie'; did you mean 'service'?" } },
	{ PAIR(", track: [{scrpit: /x, interval: 1s, rise: 2}]"),
	    { "unknown key 'scrpit'; did you mean 'script'?" } },
	{ PAIR(", track: [{interfce: eth0}]"),
	    { "unknown key 'interfce'; did you mean 'interface'?" } },
	{ SERVICE(", mdoe: standby, failback: true, fence: /x"),
	    { "unknown key 'mdoe'; did you mean 'mode'?" } },
	{ SERVICE(", check: {tpye: http, path: /x, status: 200}"),
	    { "unknown key 'tpye'; did you mean 'type'?" } },
	{ SERVICE(", check: {type: htpp, path: /x, status: 200}"),
	    { "unknown type 'htpp'; did you mean 'http'?" } },
	{ SERVICE(", prest: impalad"),
	    { "unknown key 'prest'; did you mean 'preset'?" } },
	{ PAIR(
	      ", track: [{service: s}]") "servces:\n  - {name: s, listen: 10.0.0.9:80, servers: 10.0.0.1:80}\n",
	    { "unknown key 'servces'; did you mean 'services'?" } },
	/* Keys of another place, and keys of nobody. */
	{ SERVICE(", idle: 5m"),
	    { "unknown key 'idle' in a service; it belongs below 'timeouts'" } },
	{ "key_file: /k\n" SERVICE(""),
	    { "unknown key 'key_file' in the file; it belongs below 'pair'" } },
	{ "balance: source\n" SERVICE(""),
	    { "unknown key 'balance' in the file; it belongs below 'services'" } },
	{ SERVICE(", weight: 5"),
	    { "unknown key 'weight' in a service; it belongs below 'servers'" } },
	{ SERVICE(", connections_total: 5"),
	    { "unknown key 'connections_total'; a service has max_connections and max_connections_per_client; `hapair help keys` lists all" } },
	{ SERVICE(", colour: red"),
	    { "unknown key 'colour'; a service has none like it; `hapair help keys` lists all" } },
	{ SERVICE(", timeouts: {colour: 1s}"),
	    { "unknown key 'colour'; 'timeouts' has the keys connect, idle, half_closed, queue and first_byte" } },
	/* Values. */
	{ "services:\n  - {name: s, listen: 10.0.0.9, servers: 10.0.0.1:80}\n",
	    { "'10.0.0.9' has no port" } },
	{ "services:\n  - {name: s, listen: 10.0.0.9:80, servers: 10.0.0.1}\n",
	    { "'10.0.0.1' has no port" } },
	{ "services:\n  - {name: s, listen: 10.0.0.9:80, servers: []}\n",
	    { "'servers' is empty; expected at least 1" } },
	{ SERVICE(", hold: 5"),
	    { "'5' has no unit (ms, s, m or h); expected" } },
	{ SERVICE(", retries: many"), { "'many' is not a number; expected" } },
	{ SERVER(", backup: yes"), { "'yes' is neither true nor false" } },
	{ SERVICE(", mode: stanby, failback: true"),
	    { "unknown mode 'stanby'; did you mean 'standby'?" } },
	{ SERVICE(", balance: Roundrobin"),
	    { "unknown balance 'Roundrobin'; did you mean 'roundrobin'?" } },
	{ "log: {facility: locl0}\n" SERVICE(""),
	    { "unknown facility 'locl0'; did you mean 'local" } },
	{ SERVICE(", on_down: drop"),
	    { "unknown on_down 'drop'; expected keep or reset" } },
	{ SERVICE(", failback: true"),
	    { "'failback' belongs to 'mode: standby'" } },
	{ SERVICE(", check: {type: http, dialog: [{send: x}]}"),
	    { "'dialog' belongs to 'type: tcp'" } },
	{ SERVICE(", check: http"), { "'check' wants keys, found 'http'" } },
	{ SERVICE(", allow: 10.0.0.5/24"),
	    { "'10.0.0.5/24' is an address within its network" } },
	{ GROUP(", priority: 100"), { "'priority' wants keys" } },
	{ GROUP(", priority: {c: 100}"),
	    { "unknown key 'c'; the pair has the keys a and b" } },
	{ "pair: {nodes: [{name: a, address: 10.0.0.1}], key_file: /k}\n",
	    { "1 in 'nodes'; this version expects exactly 2" } },
	{ PAIR(", groups: [{name: g, interface: eth0, addresses: 10.0.0.9}]"),
	    { "'10.0.0.9' has no prefix length" } },
	{ PAIR(", track: [{service: t}]") SERVICE(""),
	    { "there is no service 't'" } },
	{ PAIR(", track: [{service: sx}]") SERVICE(""),
	    { "there is no service 'sx'; did you mean 's'?" } },
	{ PAIR(", track: [{weight: 5}]"),
	    { "an item of 'track' lacks one of the keys" } },
	{ PAIR(", preempt_delay: 5s"),
	    { "'preempt_delay' has no effect without 'preempt: true'" } },
	{ "user: -1\n" SERVICE(""), { "'-1' is not a name" } },
	{ "log: syslog\n" SERVICE(""), { "'log' wants keys, found 'syslog'" } },
	/* Several at once. */
	{ "services:\n  - {nmae: s, bind: 10.0.0.9:80, server: 10.0.0.1}\n",
	    { "unknown key 'nmae'", "unknown key 'bind'",
	        "unknown key 'server'" } },
	{ SERVICE(", inter: 2s, rise: 2, maxcon: 5, retries: x"),
	    { "unknown key 'inter'", "unknown key 'rise'",
	        "unknown key 'maxcon'", "'x' is not a number" } },
	{ "pari: {}\nservce: []\n",
	    { "unknown key 'pari'", "unknown key 'servce'" } },
	/* Forms. */
	{ "", { "nothing is configured" } },
	{ "# nothing\n", { "nothing is configured" } },
	{ "- a\n- b\n", { "the file is not a map of keys" } },
	{ "services\n", { "the file is not a map of keys" } },
	{ "threads: 4\n", { "there is neither a pair nor a service" } },
	{ "services:\n", { "'services' has no value; expected a list" } },
	{ "pair:\n", { "'pair' is empty; expected keys such as 'nodes'" } },
	{ "services:\n  - s\n", { "'services' wants keys here, found 's'" } },
	{ "services:\n\t- name: s\n", { "" } },
	{ "services: [\n", { "" } },
	{ SERVICE("") SERVICE(""), { "" } },
};

static size_t
count(const char *text, const char *word)
{
	size_t n = 0;

	for (; (text = strstr(text, word)) != NULL; text += strlen(word))
		n++;
	return n;
}

static void
there_are_as_many_errors_as_mistakes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(diag_free_at) struct diag *diag = diag_new();
		CLEANUP(config_free_at) struct config *c = NULL;
		CLEANUP(free_str) char *said = NULL;
		const char *text = rows[i].text;
		size_t len, n = 0;
		FILE *out = open_memstream(&said, &len);

		test_row(text);
		assert_true(load_text("f", text, strlen(text), diag, &c) < 0);
		diag_print(diag, out);
		assert_int_equal(fclose(out), 0);
		for (; n < ARRAY_LEN(rows[i].said) && rows[i].said[n] != NULL;
		     n++) {
			CLEANUP(free_str) char *line = NULL;

			assert_true(
			    asprintf(&line, " error: %s", rows[i].said[n]) > 0);
			if (strstr(said, line) == NULL)
				assert_text(said, line);
		}
		if (count(said, ": error: ") != n)
			assert_text(said, "as many as there are mistakes");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_are_as_many_errors_as_mistakes),
	};

	TEST_MAIN(tests);
}
