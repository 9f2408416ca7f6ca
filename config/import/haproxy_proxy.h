#pragma once

/*
 * The sections of a haproxy.cfg, each with what its `defaults` say. As they are
 * there: what they become is haproxy_service.c's. All belongs to the plan.
 */

#include "config/import/haproxy_text.h"

struct import_plan;

enum haproxy_proxy_kind {
	HAPROXY_PROXY_DEFAULTS,
	HAPROXY_PROXY_LISTEN,
	HAPROXY_PROXY_FRONTEND,
	HAPROXY_PROXY_BACKEND,
};

enum haproxy_proxy_mode {
	HAPROXY_PROXY_TCP,
	HAPROXY_PROXY_HTTP,
	HAPROXY_PROXY_ODD, /* health, log, spop ... */
};

enum haproxy_proxy_timeout {
	HAPROXY_PROXY_CONNECT,
	HAPROXY_PROXY_CLIENT,
	HAPROXY_PROXY_SERVER,
	HAPROXY_PROXY_TUNNEL,
	HAPROXY_PROXY_QUEUE,
	HAPROXY_PROXY_CHECK,
	HAPROXY_PROXY_CLIENT_FIN,
	HAPROXY_PROXY_SERVER_FIN,
	HAPROXY_PROXY_TIMEOUTS,
};

/* What `option` says how servers are checked. */
enum haproxy_proxy_check {
	HAPROXY_PROXY_CHECK_CONNECT,
	HAPROXY_PROXY_CHECK_TCP, /* option tcp-check */
	HAPROXY_PROXY_CHECK_HTTP,
	HAPROXY_PROXY_CHECK_MYSQL,
	HAPROXY_PROXY_CHECK_PGSQL,
	HAPROXY_PROXY_CHECK_REDIS,
	HAPROXY_PROXY_CHECK_LDAP,
	HAPROXY_PROXY_CHECK_SMTP,
	HAPROXY_PROXY_CHECK_SSL,
	HAPROXY_PROXY_CHECK_EXTERNAL,
};

struct haproxy_proxy_number {
	bool given;
	uint64_t value;
};

struct haproxy_proxy_kept {
	struct haproxy_proxy_kept *next;
	const struct haproxy_text_line *line;
};

/* Lines that are looked at once all is known. */
struct haproxy_proxy_lines {
	struct haproxy_proxy_kept *first, *last;
	size_t n;
	bool inherited; /* an own one begins anew */
};

struct haproxy_proxy_bind {
	struct haproxy_proxy_bind *next;
	struct import_notes_place at;
	const char *address;
	bool ssl, accept_proxy, v6only;
};

/* Of a server, or of `default-server`. */
struct haproxy_proxy_options {
	bool check, check_ssl, no_verify, ssl, backup, disabled;
	bool reset_on_down, usesrc;
	unsigned send_proxy; /* 0, 1 or 2: the version */
	struct haproxy_proxy_number inter, rise, fall, weight, maxconn;
	struct haproxy_proxy_number slowstart, port;
	const char *ca, *source, *check_address, *track;
};

struct haproxy_proxy_server {
	struct haproxy_proxy_server *next;
	struct import_notes_place at;
	const char *name, *address;
	struct haproxy_proxy_options options;
};

struct haproxy_proxy {
	struct haproxy_proxy *next;
	enum haproxy_proxy_kind kind;
	const char *name;
	struct import_notes_place at;
	enum haproxy_proxy_mode mode;
	bool disabled, used; /* used: a frontend's or itself a service */
	struct haproxy_proxy_number timeouts[HAPROXY_PROXY_TIMEOUTS];
	struct haproxy_proxy_number retries, maxconn, keepalive;
	const struct haproxy_text_line *balance, *stick;
	enum haproxy_proxy_check check;
	const struct haproxy_text_line *check_line;
	const char *check_command; /* of external-check */
	bool allbackups, stats;
	const struct haproxy_text_line *stats_auth, *stats_auth_before;
	const struct haproxy_text_line *http_rule; /* but those of a page */
	const char *source;
	bool usesrc;
	const char *default_backend;
	struct haproxy_proxy_lines acls, rules, http_checks, tcp_checks, uses;
	struct haproxy_proxy_bind *binds, *last_bind;
	struct haproxy_proxy_server *servers, *last_server;
	size_t n_servers;
	struct haproxy_proxy_options server_defaults;
};

/* All files together. */
struct haproxy_proxy_file {
	struct import_plan *plan;
	struct haproxy_proxy *first, *last;
	size_t n;
	struct haproxy_proxy *defaults; /* all of them, the latest first */
	const struct haproxy_proxy *in_force; /* of these; NULL: none */
};

/* May be called for one file after the other. */
void haproxy_proxy_read(
    struct haproxy_proxy_file *f, const struct haproxy_text *t);

/* NULL: there is none. */
struct haproxy_proxy *haproxy_proxy_find(
    const struct haproxy_proxy_file *f, const char *name, bool backend);

/* "listen", "frontend" ... */
const char *haproxy_proxy_kind_name(enum haproxy_proxy_kind kind);
