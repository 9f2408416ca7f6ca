#include "config/import/haproxy_check.h"

#include "config/import/haproxy_check_http.h"
#include "config/import/haproxy_check_tcp.h"
#include "config/schema/check_forms.h"
#include "config/schema/scalar.h"

#include <string.h>

#define TEXT_MAX 200
#define HOUR_MS 3600000
/* Our defaults: what a server says where its service says something else. */
#define INTERVAL_MS 2000
#define TIMEOUT_MS 1000
#define RISE 2
#define FALL 3
#define HAPROXY_INTERVAL_MS 2000 /* where nothing is said */

static uint64_t
within(uint64_t n, uint64_t least, uint64_t most)
{
	return n < least ? least : n > most ? most : n;
}

/* The value behind `user` on the line of the option. */
static const char *
user_of(const struct haproxy_text_line *l)
{
	for (size_t i = 2; l != NULL && i + 1 < l->n; i++)
		if (strcmp(l->words[i], "user") == 0)
			return l->words[i + 1];
	return NULL;
}

static void
check_mysql(struct import_plan *plan, const struct haproxy_proxy *p,
    struct import_plan_check *c)
{
	const char *user = user_of(p->check_line);

	if (user != NULL && check_forms_is_text(user, 1, TEXT_MAX)) {
		c->type = "mysql";
		c->user = user;
		return;
	}
	import_notes_warning(&plan->notes, p->check_line->at,
	    "'mysql-check' without a user: checked by a connect; with "
	    "'type: mysql' and a 'user' without rights the check logs in, and "
	    "MySQL never shuts this host out");
}

static void
check_script(struct import_plan *plan, const struct haproxy_proxy *p,
    struct import_plan_check *c)
{
	if (p->check_command == NULL || !scalar_is_path(p->check_command)) {
		import_notes_error(&plan->notes, p->check_line->at,
		    "'external-check' without an absolute path in "
		    "'external-check command': checked by a connect; expected "
		    "'type: script' and a 'script'");
		return;
	}
	c->type = "script";
	c->script = p->check_command;
	import_notes_warning(&plan->notes, p->check_line->at,
	    "'%.60s' is run as SCRIPT SERVICE SERVER ADDRESS PORT here, and "
	    "not with haproxy's PROXY_ADDRESS PROXY_PORT ADDRESS PORT",
	    c->script);
}

static void
check_smtp(const struct haproxy_proxy *p, struct import_plan *plan,
    struct import_plan_check *c)
{
	const struct haproxy_text_line *l = p->check_line;
	const char *helo = l->n > 2 ? l->words[2] : "HELO";
	const char *host = l->n > 3 ? l->words[3] : "localhost";

	if (!check_forms_is_text(helo, 1, 16) ||
	    !check_forms_is_text(host, 1, 100))
		return;
	c->turns[0] = (struct import_plan_turn){ .expect = "220" };
	c->turns[1] = (struct import_plan_turn){
		.send = import_plan_text(plan, "%s %s\r\n", helo, host),
		.expect = "250",
	};
	c->turns[2] = (struct import_plan_turn){
		.send = "QUIT\r\n",
		.expect = "221",
	};
	c->n_turns = 3;
}

static void
check_by_type(struct import_plan *plan, const struct haproxy_proxy *p,
    struct import_plan_check *c)
{
	switch (p->check) {
	case HAPROXY_PROXY_CHECK_CONNECT:
		break;
	case HAPROXY_PROXY_CHECK_TCP:
		haproxy_check_tcp_read(plan, p, c);
		break;
	case HAPROXY_PROXY_CHECK_HTTP:
		haproxy_check_http_read(plan, p, c);
		break;
	case HAPROXY_PROXY_CHECK_MYSQL:
		check_mysql(plan, p, c);
		break;
	case HAPROXY_PROXY_CHECK_PGSQL:
		/* haproxy's logs in as nobody either, and reads the answer. */
		c->type = "postgres";
		break;
	case HAPROXY_PROXY_CHECK_REDIS:
		c->type = "redis";
		break;
	case HAPROXY_PROXY_CHECK_LDAP:
		c->type = "ldap";
		break;
	case HAPROXY_PROXY_CHECK_SMTP:
		check_smtp(p, plan, c);
		break;
	case HAPROXY_PROXY_CHECK_SSL:
		c->type = "tls";
		c->no_verify = true;
		break;
	case HAPROXY_PROXY_CHECK_EXTERNAL:
		check_script(plan, p, c);
		break;
	}
}

static void
check_numbers(const struct haproxy_proxy *p,
    const struct haproxy_proxy_options *o, struct import_plan_check *c)
{
	const struct haproxy_proxy_number *timeout =
	    &p->timeouts[HAPROXY_PROXY_CHECK];

	if (o->inter.given)
		c->interval_ms = within(o->inter.value, 10, HOUR_MS);
	/* Without one of its own a check has until the next is due. */
	if (!timeout->given)
		timeout = &o->inter;
	c->timeout_ms =
	    within(timeout->given ? timeout->value : HAPROXY_INTERVAL_MS, 10,
	        HOUR_MS / 6);
	if (o->rise.given)
		c->rise = within(o->rise.value, 1, 100);
	if (o->fall.given)
		c->fall = within(o->fall.value, 1, 100);
}

/* 0: the one that its clients use. */
static uint64_t
port_of(const struct haproxy_proxy_server *server)
{
	const struct haproxy_proxy_number *port = &server->options.port;

	return port->given && port->value <= UINT16_MAX ? port->value : 0;
}

static bool
is_checked(const struct haproxy_proxy_server *server)
{
	return server->options.check || server->options.track != NULL;
}

/* Of all servers that are checked; 0: they have none, or several. */
static uint64_t
common_port(const struct haproxy_proxy_server *first)
{
	for (const struct haproxy_proxy_server *o = first->next; o != NULL;
	     o = o->next)
		if (is_checked(o) && port_of(o) != port_of(first))
			return 0;
	return port_of(first);
}

static void
check_tls(struct import_plan *plan, const struct haproxy_proxy_server *server,
    struct import_plan_check *c)
{
	const struct haproxy_proxy_options *o = &server->options;
	const bool is_http = c->type != NULL && strcmp(c->type, "http") == 0;

	if (!o->check_ssl)
		return;
	if (c->type == NULL && c->n_turns == 0) {
		c->type = "tls";
	} else if (is_http) {
		c->tls = true;
	} else {
		import_notes_error(&plan->notes, server->at,
		    "'check-ssl' is carried over with checks of type http and "
		    "by a handshake alone; this check goes without TLS");
		return;
	}
	/* Without `verify` it was an error to haproxy, or a global default. */
	if (o->ca != NULL && scalar_is_path(o->ca) && !o->no_verify)
		c->ca = o->ca;
	else
		c->no_verify = true;
}

void
haproxy_check_proxy(struct import_plan *plan, const struct haproxy_proxy *p,
    const struct haproxy_proxy_server *server, struct import_plan_check *ret)
{
	struct import_plan_check c = { .type = NULL };

	if (server == NULL) {
		ret->type = "none";
		return;
	}
	check_by_type(plan, p, &c);
	check_tls(plan, server, &c);
	check_numbers(p, &server->options, &c);
	if (c.port == 0)
		c.port = common_port(server);
	*ret = c;
}

static uint64_t
or_default(uint64_t n, uint64_t fallback)
{
	return n != 0 ? n : fallback;
}

/* 0 where the service says the same. */
static uint64_t
differs(uint64_t own, uint64_t of, uint64_t fallback)
{
	own = or_default(own, fallback);
	return own == or_default(of, fallback) ? 0 : own;
}

static bool
is_same_ca(const struct haproxy_proxy_options *a,
    const struct haproxy_proxy_options *b)
{
	const char *one = a->no_verify ? NULL : a->ca;
	const char *other = b->no_verify ? NULL : b->ca;

	return one == NULL || other == NULL ? one == other
	                                    : strcmp(one, other) == 0;
}

/* How the first one is checked is how all are. */
static void
tell_other_tls(struct import_plan *plan, const struct haproxy_proxy *p,
    const struct haproxy_proxy_server *server,
    const struct import_plan_check *of)
{
	const struct haproxy_proxy_server *first = p->servers;
	const bool is_tls =
	    of->tls || (of->type != NULL && strcmp(of->type, "tls") == 0);

	while (first != NULL && (first->options.ssl || !is_checked(first)))
		first = first->next;
	if (first == NULL || first == server)
		return;
	/* Where the section connects by TLS each server does. */
	if ((first->options.check_ssl == server->options.check_ssl ||
	        (is_tls && !first->options.check_ssl)) &&
	    (!is_tls || is_same_ca(&first->options, &server->options)))
		return;
	import_notes_error(&plan->notes, server->at,
	    "'%.60s' is checked as '%.60s' is, with TLS or without it and by "
	    "the same 'ca': give it a 'check' of its own",
	    server->name, first->name);
}

void
haproxy_check_server(struct import_plan *plan, const struct haproxy_proxy *p,
    const struct haproxy_proxy_server *server,
    const struct import_plan_check *of, uint64_t own,
    struct import_plan_check *ret)
{
	const bool none = of->type != NULL && strcmp(of->type, "none") == 0;
	struct import_plan_check c = { .type = NULL };

	if (server->options.check_address != NULL)
		import_notes_warning(&plan->notes, server->at,
		    "'addr %.60s' is not carried over: a server is checked at "
		    "its own address; 'port' may be another",
		    server->options.check_address);
	if (!is_checked(server)) {
		if (!none)
			ret->type = "none";
		return;
	}
	tell_other_tls(plan, p, server, of);
	check_numbers(p, &server->options, &c);
	ret->interval_ms = differs(c.interval_ms, of->interval_ms, INTERVAL_MS);
	ret->timeout_ms = differs(c.timeout_ms, of->timeout_ms, TIMEOUT_MS);
	ret->rise = differs(c.rise, of->rise, RISE);
	ret->fall = differs(c.fall, of->fall, FALL);
	/* What the section asks at another port it asks of all. */
	if (of->port == 0 && port_of(server) != own)
		ret->port = port_of(server);
}
