#include "config/schema/foreign_words.h"

#include <stdio.h>
#include <string.h>

#define HAPROXY "haproxy"
#define KEEPALIVED "keepalived"

/* The tables' own names for what they describe. */
#define FILE_ "the file"
#define PAIR "'pair'"
#define NODE "a node"
#define GROUP "a group"
#define SERVICE "a service"
#define SERVER "a server"
#define TIMEOUTS "'timeouts'"
#define CHECK "a check"

/*
 * By what they say: a key of the same table, another one, or none. A '*' is the
 * rest of the word; small letters stand for capitals, too. Of two rows that fit
 * the one of the table wins, then the first.
 */
static const struct row {
	const char *program, *word;
	const char *what; /* NULL: of any table */
	const char *key;  /* of that table; NULL: none */
	const char *says; /* NULL: "is 'KEY' here" */
} rows[] = {
	/* In capitals: else it would be haproxy's. */
	{ KEEPALIVED, "TCP CHECK", NULL, NULL, "is 'check: {type: tcp}' here" },
	{ KEEPALIVED, "HTTP GET", NULL, NULL, "is 'check: {type: http}' here" },
	{ KEEPALIVED, "SSL GET", NULL, NULL, "is 'check: {type: tls}' here" },
	{ KEEPALIVED, "MISC CHECK", NULL, NULL,
	    "is 'check: {type: script}' here" },
	{ HAPROXY, "global", FILE_, NULL,
	    "has no counterpart: its keys, such as 'threads', stand at the top here" },
	{ HAPROXY, "defaults", FILE_, NULL,
	    "has no counterpart: each service has its own keys, and a default for most" },
	{ HAPROXY, "frontend", FILE_, "services",
	    "is part of a service here: expected 'services', each with 'listen' and 'servers'" },
	{ HAPROXY, "backend", FILE_, "services",
	    "is part of a service here: expected 'services', each with 'listen' and 'servers'" },
	{ HAPROXY, "listen", FILE_, "services",
	    "is part of a service here: expected 'services', each with 'listen' and 'servers'" },
	{ HAPROXY, "peers", FILE_, "pair", "is 'pair' here" },
	{ HAPROXY, "resolvers", FILE_, NULL,
	    "has no counterpart: names are resolved as this host does it" },
	{ HAPROXY, "nbthread", FILE_, "threads", NULL },
	{ HAPROXY, "nbproc", FILE_, "threads", NULL },
	{ HAPROXY, "maxconn", NULL, "max_connections", NULL },
	{ HAPROXY, "pidfile", FILE_, "pid_file", NULL },
	{ HAPROXY, "stats socket", FILE_, "control", NULL },
	{ HAPROXY, "stats", FILE_, NULL,
	    "has no counterpart: `hapair status` tells, also as JSON" },
	{ HAPROXY, "stats", SERVICE, NULL,
	    "has no counterpart: `hapair status` tells, also as JSON" },
	{ HAPROXY, "chroot", FILE_, NULL,
	    "has no counterpart: the relay shuts itself in" },
	{ HAPROXY, "daemon", FILE_, NULL,
	    "is no key but `hapair run --daemon` here" },
	{ HAPROXY, "ulimit n", FILE_, NULL,
	    "has no counterpart: 'max_connections' says how many are needed" },
	{ HAPROXY, "log format", NULL, NULL,
	    "has no counterpart: a line of the log has one form" },
	{ KEEPALIVED, "global defs", FILE_, NULL,
	    "has no counterpart: its keys are not needed" },
	{ KEEPALIVED, "vrrp instance", FILE_, "pair",
	    "is an item of 'groups' here, within 'pair'" },
	{ KEEPALIVED, "vrrp instance", PAIR, "groups", NULL },
	{ KEEPALIVED, "vrrp sync group", FILE_, NULL,
	    "is a group of several 'addresses' here, which move together" },
	{ KEEPALIVED, "vrrp sync group", PAIR, "groups",
	    "is a group of several 'addresses' here, which move together" },
	{ KEEPALIVED, "vrrp script", FILE_, NULL,
	    "is a 'script' of 'track' here, within 'pair'" },
	{ KEEPALIVED, "vrrp script", PAIR, "track", NULL },
	{ KEEPALIVED, "virtual server", FILE_, "services", NULL },
	{ KEEPALIVED, "real server", SERVICE, "servers", NULL },
	{ KEEPALIVED, "advert int", PAIR, "interval", NULL },
	{ KEEPALIVED, "advert int", GROUP, NULL,
	    "is 'interval' of 'pair' here" },
	{ KEEPALIVED, "nopreempt", NULL, NULL,
	    "is 'preempt: false' of 'pair' here, which is the default" },
	{ KEEPALIVED, "preempt delay", GROUP, NULL,
	    "is 'preempt_delay' of 'pair' here" },
	{ KEEPALIVED, "track script", PAIR, "track", NULL },
	{ KEEPALIVED, "track interface", PAIR, "track", NULL },
	{ KEEPALIVED, "track script", GROUP, NULL,
	    "is 'track' of 'pair' here" },
	{ KEEPALIVED, "track interface", GROUP, NULL,
	    "is 'track' of 'pair' here" },
	{ KEEPALIVED, "notify master", PAIR, "notify",
	    "is 'notify' here, which is told the state" },
	{ KEEPALIVED, "notify master", GROUP, NULL,
	    "is 'notify' of 'pair' here, which is told the state" },
	{ KEEPALIVED, "notify backup", PAIR, "notify",
	    "is 'notify' here, which is told the state" },
	{ KEEPALIVED, "notify backup", GROUP, NULL,
	    "is 'notify' of 'pair' here, which is told the state" },
	{ KEEPALIVED, "notify fault", PAIR, "notify",
	    "is 'notify' here, which is told the state" },
	{ KEEPALIVED, "notify fault", GROUP, NULL,
	    "is 'notify' of 'pair' here, which is told the state" },
	{ KEEPALIVED, "notify stop", PAIR, "notify",
	    "is 'notify' here, which is told the state" },
	{ KEEPALIVED, "notify stop", GROUP, NULL,
	    "is 'notify' of 'pair' here, which is told the state" },
	{ KEEPALIVED, "notify", GROUP, NULL, "is 'notify' of 'pair' here" },
	{ KEEPALIVED, "authentication", PAIR, "key_file", NULL },
	{ KEEPALIVED, "authentication", GROUP, NULL,
	    "is 'key_file' of 'pair' here" },
	{ KEEPALIVED, "auth type", PAIR, "key_file", NULL },
	{ KEEPALIVED, "auth type", GROUP, NULL,
	    "is 'key_file' of 'pair' here" },
	{ KEEPALIVED, "auth pass", PAIR, "key_file", NULL },
	{ KEEPALIVED, "auth pass", GROUP, NULL,
	    "is 'key_file' of 'pair' here" },
	{ KEEPALIVED, "virtual router id", NULL, NULL,
	    "has no counterpart: the pair's key tells whose heartbeats they are" },
	{ KEEPALIVED, "router id", NULL, NULL, "is 'name' of a node here" },
	{ KEEPALIVED, "state", PAIR, NULL,
	    "has no counterpart: the node with the higher 'priority' begins as master" },
	{ KEEPALIVED, "state", NODE, NULL,
	    "has no counterpart: the node with the higher 'priority' begins as master" },
	{ KEEPALIVED, "state", GROUP, NULL,
	    "has no counterpart: the node with the higher 'priority' begins as master" },
	{ KEEPALIVED, "virtual ipaddress", GROUP, "addresses", NULL },
	{ KEEPALIVED, "virtual ipaddress excluded", GROUP, "addresses", NULL },
	{ KEEPALIVED, "virtual ipaddress", PAIR, NULL,
	    "is 'addresses' of a group here" },
	{ KEEPALIVED, "unicast peer", NULL, NULL,
	    "is 'address' of the other node here, within 'pair'" },
	{ KEEPALIVED, "unicast src ip", NULL, NULL,
	    "is 'address' of a node here, within 'pair'" },
	{ KEEPALIVED, "mcast src ip", NULL, NULL,
	    "is 'address' of a node here, within 'pair'" },
	{ KEEPALIVED, "vrrp version", NULL, NULL,
	    "has no counterpart: the nodes speak a protocol of their own" },
	{ KEEPALIVED, "protocol", PAIR, NULL,
	    "has no counterpart: the nodes speak a protocol of their own" },
	{ KEEPALIVED, "garp*", NULL, NULL,
	    "has no counterpart: who takes over tells the network by itself" },
	{ KEEPALIVED, "vrrp garp*", NULL, NULL,
	    "has no counterpart: who takes over tells the network by itself" },
	{ KEEPALIVED, "use vmac", NULL, NULL,
	    "has no counterpart: a virtual IP has the interface's own address" },
	{ KEEPALIVED, "dont track primary", NULL, NULL,
	    "has no counterpart: a group's own interfaces always count" },
	{ KEEPALIVED, "smtp*", NULL, NULL,
	    "has no counterpart: 'notify' of 'pair' runs a program that can send mail" },
	{ KEEPALIVED, "notification email*", NULL, NULL,
	    "has no counterpart: 'notify' of 'pair' runs a program that can send mail" },
	{ HAPROXY, "bind", SERVICE, "listen", NULL },
	{ HAPROXY, "server", SERVICE, "servers", NULL },
	{ HAPROXY, "default server", SERVICE, NULL,
	    "has no counterpart: 'check' of the service is for all of its servers" },
	{ HAPROXY, "default backend", NULL, NULL,
	    "is 'servers' of a service here" },
	{ HAPROXY, "use backend", NULL, NULL,
	    "has no counterpart: each service has servers of its own" },
	{ HAPROXY, "acl", NULL, NULL,
	    "is 'allow' and 'deny' here, with networks" },
	{ HAPROXY, "tcp request*", NULL, NULL,
	    "is 'allow' and 'deny' here, with networks" },
	{ HAPROXY, "http request*", NULL, NULL,
	    "has no counterpart: hapair relays TCP, and reads none of it" },
	{ HAPROXY, "http response*", NULL, NULL,
	    "has no counterpart: hapair relays TCP, and reads none of it" },
	{ HAPROXY, "option tcplog", NULL, NULL,
	    "is 'log: {connections: true}' here, which is the default" },
	{ HAPROXY, "option dontlognull", NULL, NULL,
	    "is 'log: {connections: false}' here, for all connections" },
	{ HAPROXY, "option httplog", NULL, NULL,
	    "has no counterpart: hapair relays TCP, and reads none of it" },
	{ HAPROXY, "option httpchk", NULL, NULL,
	    "is 'check: {type: http}' here" },
	{ HAPROXY, "option tcp check", NULL, NULL,
	    "is 'check: {type: tcp}' here, with 'dialog'" },
	{ HAPROXY, "option ssl hello chk", NULL, NULL,
	    "is 'check: {type: tls}' here" },
	{ HAPROXY, "option mysql check", NULL, NULL,
	    "is 'check: {type: mysql}' here" },
	{ HAPROXY, "option pgsql check", NULL, NULL,
	    "is 'check: {type: postgres}' here" },
	{ HAPROXY, "option redis check", NULL, NULL,
	    "is 'check: {type: redis}' here" },
	{ HAPROXY, "option ldap check", NULL, NULL,
	    "is 'check: {type: ldap}' here" },
	{ HAPROXY, "option external check", NULL, NULL,
	    "is 'check: {type: script}' here" },
	{ HAPROXY, "option clitcpka", NULL, "keepalive",
	    "is 'keepalive' of a service here" },
	{ HAPROXY, "option srvtcpka", NULL, "keepalive",
	    "is 'keepalive' of a service here" },
	{ HAPROXY, "option tcpka", NULL, "keepalive",
	    "is 'keepalive' of a service here" },
	{ HAPROXY, "option redispatch", NULL, NULL,
	    "is what 'retries' does here: on another server, if there is one" },
	{ HAPROXY, "option allbackups", NULL, NULL,
	    "is 'backups: all' of a service here" },
	{ HAPROXY, "option*", NULL, NULL, "has no counterpart here" },
	{ HAPROXY, "http check*", NULL, NULL, "is 'check: {type: http}' here" },
	{ HAPROXY, "httpchk", NULL, NULL, "is 'check: {type: http}' here" },
	{ HAPROXY, "tcp check*", NULL, NULL,
	    "is 'check: {type: tcp}' here, with 'dialog'" },
	{ HAPROXY, "timeout connect", NULL, NULL,
	    "is 'connect' of 'timeouts' here" },
	{ HAPROXY, "timeout client", NULL, NULL,
	    "is 'idle' of 'timeouts' here, which is for both sides" },
	{ HAPROXY, "timeout server", NULL, NULL,
	    "is 'idle' of 'timeouts' here, which is for both sides" },
	{ HAPROXY, "timeout tunnel", NULL, NULL,
	    "is 'idle' of 'timeouts' here, which is for both sides" },
	{ HAPROXY, "timeout client fin", NULL, NULL,
	    "is 'half_closed' of 'timeouts' here" },
	{ HAPROXY, "timeout server fin", NULL, NULL,
	    "is 'half_closed' of 'timeouts' here" },
	{ HAPROXY, "timeout queue", NULL, NULL,
	    "is 'queue' of 'timeouts' here" },
	{ HAPROXY, "timeout check", NULL, NULL,
	    "is 'timeout' of 'check' here" },
	{ HAPROXY, "client", TIMEOUTS, "idle",
	    "is 'idle' here, which is for both sides" },
	{ HAPROXY, "server", TIMEOUTS, "idle",
	    "is 'idle' here, which is for both sides" },
	{ HAPROXY, "tunnel", TIMEOUTS, "idle",
	    "is 'idle' here, which is for both sides" },
	{ HAPROXY, "client fin", TIMEOUTS, "half_closed", NULL },
	{ HAPROXY, "server fin", TIMEOUTS, "half_closed", NULL },
	{ HAPROXY, "check", TIMEOUTS, NULL, "is 'timeout' of 'check' here" },
	{ HAPROXY, "cookie", NULL, NULL,
	    "has no counterpart: 'balance: source' sends a client to the same server" },
	{ HAPROXY, "stick*", NULL, NULL,
	    "has no counterpart: 'balance: source' sends a client to the same server" },
	{ HAPROXY, "hash type", NULL, NULL,
	    "has no counterpart: few clients move when a server comes or goes" },
	{ HAPROXY, "errorfile", NULL, NULL,
	    "has no counterpart: hapair relays TCP, and reads none of it" },
	{ HAPROXY, "fullconn", SERVICE, "max_connections", NULL },
	{ KEEPALIVED, "lb algo", SERVICE, "balance", NULL },
	{ KEEPALIVED, "lvs sched", SERVICE, "balance", NULL },
	{ KEEPALIVED, "lb kind", SERVICE, "path",
	    "is 'path' here: relay, or kernel, which needs no route either" },
	{ KEEPALIVED, "lvs method", SERVICE, "path",
	    "is 'path' here: relay, or kernel, which needs no route either" },
	{ KEEPALIVED, "protocol", SERVICE, NULL,
	    "has no counterpart: all services are of TCP" },
	{ KEEPALIVED, "persistence timeout", SERVICE, NULL,
	    "has no counterpart: 'balance: source' sends a client to the same server" },
	{ KEEPALIVED, "sorry server", SERVICE, NULL,
	    "is a server with 'backup: true' here" },
	{ KEEPALIVED, "delay loop", SERVICE, NULL,
	    "is 'interval' of 'check' here" },
	{ KEEPALIVED, "delay loop", CHECK, "interval", NULL },
	{ KEEPALIVED, "connect timeout", CHECK, "timeout", NULL },
	{ KEEPALIVED, "connect port", CHECK, "port", NULL },
	{ KEEPALIVED, "misc path", CHECK, "script", NULL },
	{ KEEPALIVED, "misc timeout", CHECK, "timeout", NULL },
	{ KEEPALIVED, "retry", CHECK, "fall", NULL },
	{ HAPROXY, "addr", SERVER, "address", NULL },
	{ HAPROXY, "inter", SERVER, NULL, "is 'interval' of 'check' here" },
	{ HAPROXY, "fastinter", SERVER, NULL, "is 'interval' of 'check' here" },
	{ HAPROXY, "downinter", SERVER, NULL, "is 'interval' of 'check' here" },
	{ HAPROXY, "inter", SERVICE, NULL, "is 'interval' of 'check' here" },
	{ HAPROXY, "fastinter", SERVICE, NULL,
	    "is 'interval' of 'check' here" },
	{ HAPROXY, "downinter", SERVICE, NULL,
	    "is 'interval' of 'check' here" },
	{ HAPROXY, "inter", CHECK, "interval", NULL },
	{ HAPROXY, "fastinter", CHECK, "interval", NULL },
	{ HAPROXY, "downinter", CHECK, "interval", NULL },
	{ HAPROXY, "slowstart", SERVER, "slow_start", NULL },
	{ HAPROXY, "send proxy", NULL, NULL,
	    "is 'proxy_protocol: v1' of a service here" },
	{ HAPROXY, "send proxy v2", NULL, NULL,
	    "is 'proxy_protocol: v2' of a service here" },
	{ HAPROXY, "on marked down", NULL, NULL,
	    "is 'on_down: reset' of a service here" },
	{ HAPROXY, "disabled", SERVER, NULL,
	    "is no key but `hapair server SERVICE/NAME maint` here" },
	{ HAPROXY, "minconn", SERVER, "max_connections", NULL },
	{ HAPROXY, "maxqueue", SERVER, NULL,
	    "has no counterpart: 'queue' of 'timeouts' is how long a client waits" },
	{ HAPROXY, "ssl", NULL, NULL,
	    "has no counterpart: hapair passes TLS on as it is" },
	{ HAPROXY, "crt", NULL, NULL,
	    "has no counterpart: hapair passes TLS on as it is" },
	{ HAPROXY, "ca file", SERVER, NULL,
	    "has no counterpart: hapair passes TLS on as it is" },
	{ HAPROXY, "verify", SERVER, NULL,
	    "has no counterpart: hapair passes TLS on as it is" },
};

static const struct value {
	const char *key, *typed, *says;
} values[] = {
	{ "mode", "tcp",
	    "haproxy's 'mode tcp' is what every service is here: leave it out" },
	{ "mode", "http",
	    "haproxy's 'mode http' has no counterpart: hapair relays TCP, and reads none of it" },
	{ "balance", "static-rr",
	    "haproxy's 'static-rr' is 'roundrobin' here" },
	{ "balance", "first",
	    "haproxy's 'first' has no counterpart: 'backup: true' of a server is near it" },
	{ "balance", "hdr",
	    "haproxy's 'hdr' has no counterpart: hapair relays TCP, and reads none of it" },
	{ "balance", "uri",
	    "haproxy's 'uri' has no counterpart: hapair relays TCP, and reads none of it" },
	{ "balance", "rr", "keepalived's 'rr' is 'roundrobin' here" },
	{ "balance", "wrr", "keepalived's 'wrr' is 'roundrobin' here" },
	{ "balance", "lc", "keepalived's 'lc' is 'leastconn' here" },
	{ "balance", "wlc", "keepalived's 'wlc' is 'leastconn' here" },
	{ "balance", "sh", "keepalived's 'sh' is 'source' here" },
	{ "type", "pgsql", "haproxy's 'pgsql' is 'postgres' here" },
	{ "type", "https", "it is 'type: http' with 'tls: true' here" },
	{ "type", "ssl", "haproxy's 'ssl' is 'tls' here" },
	{ "type", "external", "haproxy's 'external' is 'script' here" },
};

static char
plain(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	return c == '-' || c == '_' ? ' ' : c;
}

static bool
fits(const char *typed, const char *word)
{
	for (; *word != '\0' && *word != '*'; typed++, word++)
		if (plain(*typed) != *word && *typed != *word)
			return false;
	return *word == '*' || *typed == '\0';
}

static const struct row *
find(const char *what, const char *typed)
{
	const struct row *any = NULL;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (!fits(typed, rows[i].word))
			continue;
		if (rows[i].what == NULL && any == NULL)
			any = &rows[i];
		if (rows[i].what != NULL && strcmp(rows[i].what, what) == 0)
			return &rows[i];
	}
	return any;
}

const char *
foreign_words_key(const char *what, const char *typed,
    char ret_text[static FOREIGN_WORDS_TEXT], const char **ret_key)
{
	const struct row *r = find(what, typed);

	if (r == NULL)
		return NULL;
	*ret_key = r->key;
	if (r->says != NULL)
		(void)snprintf(ret_text, FOREIGN_WORDS_TEXT, "%s's '%.60s' %s",
		    r->program, typed, r->says);
	else
		(void)snprintf(ret_text, FOREIGN_WORDS_TEXT,
		    "%s's '%.60s' is '%s' here", r->program, typed, r->key);
	return ret_text;
}

const char *
foreign_words_value(const char *key, const char *typed)
{
	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		if (strcmp(values[i].key, key) == 0 &&
		    strcmp(values[i].typed, typed) == 0)
			return values[i].says;
	return NULL;
}

/*
 * A section of theirs: its word, and then what is no YAML of ours, the end of
 * the line, a name or a brace.
 */
static const char *
program_of(const char *line, size_t len)
{
	static const struct section {
		const char *program, *word;
	} sections[] = {
		{ HAPROXY, "global" },
		{ HAPROXY, "defaults" },
		{ HAPROXY, "frontend" },
		{ HAPROXY, "backend" },
		{ HAPROXY, "listen" },
		{ HAPROXY, "userlist" },
		{ HAPROXY, "peers" },
		{ HAPROXY, "resolvers" },
		{ KEEPALIVED, "global_defs" },
		{ KEEPALIVED, "vrrp_instance" },
		{ KEEPALIVED, "vrrp_script" },
		{ KEEPALIVED, "vrrp_sync_group" },
		{ KEEPALIVED, "virtual_server" },
	};

	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		const size_t n = strlen(sections[i].word);

		if (len >= n && memcmp(line, sections[i].word, n) == 0 &&
		    (len == n || strchr(" \t\r{", line[n]) != NULL) &&
		    memchr(line, ':', len) == NULL)
			return sections[i].program;
	}
	return NULL;
}

const char *
foreign_words_file(const char *text, size_t len, unsigned *ret_line)
{
	const char *const end = text + len;

	for (*ret_line = 1; text < end; (*ret_line)++) {
		const char *eol = memchr(text, '\n', (size_t)(end - text));
		const char *next = eol != NULL ? eol + 1 : end;

		if (eol == NULL)
			eol = end;
		while (text < eol && strchr(" \t\r", *text) != NULL)
			text++;
		/* Both have comments with '#', keepalived also with '!'. */
		if (text < eol && *text != '#' && *text != '!')
			return program_of(text, (size_t)(eol - text));
		text = next;
	}
	return NULL;
}
