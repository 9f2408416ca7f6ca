#include "config/import/haproxy_service.h"

#include "config/import/haproxy_access.h"
#include "config/import/haproxy_listen.h"
#include "config/import/haproxy_servers.h"
#include "config/import/haproxy_source.h"
#include "config/import/haproxy_track.h"
#include "config/import/haproxy_turns.h"
#include "config/import/haproxy_value.h"
#include "config/import/import_plan.h"

#include <string.h>

#define SECOND_MS 1000
#define HOUR_MS 3600000
#define DAY_MS (24 * (uint64_t)HOUR_MS)
#define CONNECTIONS_MAX 10000000
#define RETRIES 3 /* of both, where nothing is said */
#define RETRIES_MAX 10
#define PORTS_MAX 64

static const char *
kind(const struct haproxy_proxy *p)
{
	return haproxy_proxy_kind_name(p->kind);
}

static uint64_t
timeout_of(const struct haproxy_proxy *p, enum haproxy_proxy_timeout which,
    uint64_t most)
{
	const struct haproxy_proxy_number *t = &p->timeouts[which];

	return !t->given ? 0 : t->value < most ? t->value : most;
}

static uint64_t
smaller(uint64_t a, uint64_t b)
{
	return a == 0 ? b : b == 0 || a < b ? a : b;
}

/* Whichever side has ended: here one span is for both. */
static void
tell_fins(struct import_plan *plan, const struct haproxy_proxy *front,
    uint64_t client, uint64_t server)
{
	if (client > 0 && server > 0)
		import_notes_note(&plan->notes, front->at,
		    "'timeout client-fin' and 'server-fin' are one here, "
		    "'timeouts.half_closed', whichever side has ended: it is "
		    "the longer of both");
	else
		import_notes_warning(&plan->notes, front->at,
		    "'timeout %s-fin' is 'timeouts.half_closed', which counts "
		    "whichever side has ended: the other side's had no such "
		    "end, and a longer one leaves it more time",
		    client > 0 ? "client" : "server");
}

static void
take_timeouts(struct import_plan *plan, const struct haproxy_proxy *front,
    const struct haproxy_proxy *back, struct import_plan_service *s)
{
	const uint64_t client_fin =
	    timeout_of(front, HAPROXY_PROXY_CLIENT_FIN, DAY_MS);
	const uint64_t server_fin =
	    timeout_of(back, HAPROXY_PROXY_SERVER_FIN, DAY_MS);

	s->connect_ms = timeout_of(back, HAPROXY_PROXY_CONNECT, HOUR_MS / 6);
	s->queue_ms = timeout_of(back, HAPROXY_PROXY_QUEUE, HOUR_MS);
	/* Of both sides' bytes; once both have spoken `tunnel` is for all. */
	s->idle_ms = timeout_of(back, HAPROXY_PROXY_TUNNEL, 30 * DAY_MS);
	if (s->idle_ms == 0)
		s->idle_ms = smaller(
		    timeout_of(front, HAPROXY_PROXY_CLIENT, 30 * DAY_MS),
		    timeout_of(back, HAPROXY_PROXY_SERVER, 30 * DAY_MS));
	s->half_closed_ms = client_fin > server_fin ? client_fin : server_fin;
	if (client_fin != server_fin)
		tell_fins(plan, front, client_fin, server_fin);
	/* What is not said is as long as these, and not as our defaults. */
	if (s->half_closed_ms == 0)
		s->half_closed_ms = s->idle_ms < DAY_MS ? s->idle_ms : DAY_MS;
	s->half_closed_for_ever = s->half_closed_ms == 0;
	if (s->queue_ms == 0)
		s->queue_ms = s->connect_ms;
}

static void
take_numbers(const struct haproxy_proxy *front,
    const struct haproxy_proxy *back, struct import_plan_service *s)
{
	const uint64_t alive =
	    smaller(front->keepalive.value, back->keepalive.value);

	if (front->maxconn.given)
		s->max_connections = front->maxconn.value < CONNECTIONS_MAX
		    ? front->maxconn.value
		    : CONNECTIONS_MAX;
	if (back->retries.given && back->retries.value != RETRIES) {
		s->has_retries = true;
		s->retries = back->retries.value < RETRIES_MAX
		    ? back->retries.value
		    : RETRIES_MAX;
	}
	if (alive > 0 && alive <= 2 * HOUR_MS)
		s->keepalive_ms =
		    (alive + SECOND_MS - 1) / SECOND_MS * SECOND_MS;
}

static void
take_proxy_protocol(struct import_plan *plan, const struct haproxy_proxy *back,
    struct import_plan_service *s)
{
	static const char *const versions[] = { NULL, "v1", "v2" };
	const struct haproxy_proxy_server *first = back->servers;

	if (first == NULL)
		return;
	s->proxy_protocol = versions[first->options.send_proxy];
	for (const struct haproxy_proxy_server *o = first->next; o != NULL;
	     o = o->next)
		if (o->options.send_proxy != first->options.send_proxy)
			import_notes_error(&plan->notes, o->at,
			    "'%.60s' differs from the servers before it in "
			    "'send-proxy': of a service all get a header, or "
			    "none; give it a service of its own",
			    o->name);
}

/* Ports that say what listens there. */
static void
hint(struct import_plan *plan, const struct haproxy_proxy *back,
    struct import_plan_service *s)
{
	static const struct known {
		const char *port, *preset;
	} known[] = {
		{ ":21050", "impalad" },
		{ ":21000", "impalad" },
		{ ":28000", "impalad" },
		{ ":24000", "statestored" },
		{ ":26000", "catalogd" },
	};
	const char *address = s->servers != NULL ? s->servers->address : "";
	const char *port = strrchr(address, ':');

	for (size_t i = 0; port != NULL && i < ARRAY_LEN(known); i++) {
		if (strcmp(port, known[i].port) != 0)
			continue;
		import_plan_comment(plan, &s->comments,
		    "If these are Impala's: 'preset: %s' knows how they are "
		    "checked and balanced.",
		    known[i].preset);
		import_notes_note(&plan->notes, back->at,
		    "port %s is Impala's: with 'preset: %s' instead of "
		    "'check', 'balance' and 'timeouts' the service has what "
		    "such a server needs",
		    port + 1, known[i].preset);
	}
}

static bool
is_taken(const struct import_plan *plan, const char *name)
{
	for (const struct import_plan_service *s = plan->services; s != NULL;
	     s = s->next)
		if (s->name != NULL && strcmp(s->name, name) == 0)
			return true;
	return false;
}

static const char *
name_of(
    struct import_plan *plan, const struct haproxy_proxy *front, uint64_t port)
{
	const char *name = import_plan_name(plan, front->name, "", "service");
	const char *own = name;

	if (port != 0)
		own = name = import_plan_text(
		    plan, "%.50s-%llu", name, (unsigned long long)port);
	for (unsigned i = 2; is_taken(plan, own) && i < 2000; i++)
		own = import_plan_text(plan, "%.55s-%u", name, i);
	if (port == 0 && strcmp(own, front->name) != 0)
		import_notes_note(&plan->notes, front->at,
		    "'%s %.60s' is called '%s' here", kind(front), front->name,
		    own);
	return own;
}

/* Back from the list: what is left of it serves nobody. */
static bool
is_whole(struct import_plan *plan, const struct haproxy_proxy *front,
    const struct import_plan_service *s)
{
	if (s->listens.n > 0 && s->n_servers > 0)
		return true;
	import_notes_warning(&plan->notes, front->at,
	    "'%s %.60s' is left out: it has no %s that hapair can use",
	    kind(front), front->name,
	    s->listens.n == 0 ? "address to listen on" : "server");
	return false;
}

static void
add(struct import_plan *plan, struct import_plan_service *s)
{
	struct import_plan_service *own = import_plan_add_service(plan);

	if (own == NULL)
		return;
	*own = *s;
	own->next = NULL;
}

/* `port`: the one that clients connect to; 0: whichever. */
static void
make(struct import_plan *plan, const struct haproxy_proxy *front,
    const struct haproxy_proxy *back, uint64_t port, uint64_t client)
{
	struct import_plan_service s = { .at = front->at };

	s.name = name_of(plan, front, port);
	import_plan_comment(plan, &s.comments, "%s: %s %s",
	    import_plan_where(plan, front->at), kind(front), front->name);
	if (back != front)
		import_plan_comment(plan, &s.comments, "%s: %s %s",
		    import_plan_where(plan, back->at), kind(back), back->name);
	haproxy_listen_add(
	    plan, front, port, haproxy_servers_read_proxy(back), &s.listens);
	haproxy_servers_add(plan, back, client, &s);
	import_plan_tell_made_up(plan, &s.comments);
	if (!is_whole(plan, front, &s))
		return;
	plan->n_listens += s.listens.n;
	if (plan->n_listens > CONFIG_LISTENS_TOTAL_MAX) {
		import_notes_error(&plan->notes, front->at,
		    "'%s %.60s' is left out: all services listen on at most %d "
		    "addresses",
		    kind(front), front->name, CONFIG_LISTENS_TOTAL_MAX);
		return;
	}
	take_timeouts(plan, front, back, &s);
	take_numbers(front, back, &s);
	haproxy_source_take(plan, back, &s);
	take_proxy_protocol(plan, back, &s);
	/* A client's header is passed on as it is. */
	for (const struct haproxy_proxy_bind *b = front->binds; b != NULL;
	     b = b->next)
		if (b->accept_proxy)
			s.proxy_protocol = NULL;
	haproxy_access_read(plan, front, back, &s);
	haproxy_turns_take(plan, back, &s);
	hint(plan, back, &s);
	add(plan, &s);
}

/* Where servers listen on the port that the client came to, one for each. */
static void
make_all(struct import_plan *plan, struct haproxy_proxy *front,
    struct haproxy_proxy *back)
{
	uint64_t ports[PORTS_MAX] = { 0 };
	const size_t n = haproxy_listen_ports(plan, front, ports, PORTS_MAX);

	front->used = back->used = true;
	if (plan->n_services >= CONFIG_SERVICES_MAX ||
	    plan->n_servers + back->n_servers > CONFIG_SERVERS_TOTAL_MAX) {
		import_notes_error(&plan->notes, front->at,
		    "'%s %.60s' is left out: there are at most %d services, "
		    "and %d servers of all of them",
		    kind(front), front->name, CONFIG_SERVICES_MAX,
		    CONFIG_SERVERS_TOTAL_MAX);
		return;
	}
	if (n < 2 || !haproxy_servers_follow(plan, back)) {
		plan->n_servers += back->n_servers;
		make(plan, front, back, 0, ports[0]);
		return;
	}
	if (n == PORTS_MAX)
		import_notes_error(&plan->notes, front->at,
		    "'%s %.60s' has more than %d ports, each of which becomes "
		    "a service, since its servers listen on the client's port; "
		    "the others are left out",
		    kind(front), front->name, PORTS_MAX - 1);
	for (size_t i = 0; i < n && i < PORTS_MAX - 1; i++) {
		if (plan->n_servers + back->n_servers >
		    CONFIG_SERVERS_TOTAL_MAX)
			return;
		plan->n_servers += back->n_servers;
		make(plan, front, back, ports[i], ports[i]);
	}
}

/*
 * A page that some may see is not for everybody who knows the password: neither
 * is another section's, since `web` is one for all of them.
 */
static void
limit_web(struct import_plan *plan, const struct haproxy_proxy *p)
{
	const struct haproxy_text_line *by = p->http_rule;

	if (by == NULL && p->rules.first != NULL)
		by = p->rules.first->line;
	if (by == NULL && p->acls.first != NULL)
		by = p->acls.first->line;
	if (by == NULL)
		return;
	plan->web.is_limited = true;
	plan->web.is_open = false;
	import_notes_warning(&plan->notes, by->at,
	    "who may see the page of statistics is not carried over: this host "
	    "and the nodes may; others are let in by 'allow' of 'web'");
}

static void
make_web(struct import_plan *plan, struct haproxy_proxy *p)
{
	struct import_plan_web *w = &plan->web;
	const struct haproxy_text_line *auth = p->stats_auth;
	const char *colon =
	    auth != NULL && auth->n > 2 ? strchr(auth->words[2], ':') : NULL;

	p->used = true;
	haproxy_listen_add(plan, p, 0, false, &w->listens);
	if (w->listens.n == 0)
		return;
	plan->has_web = true;
	import_plan_tell_made_up(plan, &w->comments);
	import_plan_comment(plan, &w->comments, "%s: %s %s",
	    import_plan_where(plan, p->at), kind(p), p->name);
	limit_web(plan, p);
	if (w->user != NULL)
		return;
	if (colon == NULL) {
		import_notes_warning(&plan->notes, p->at,
		    "the page of statistics is 'web' here: this host and the "
		    "nodes may see it; others are let in by 'allow' of 'web'");
		return;
	}
	if (p->stats_auth_before != NULL)
		import_notes_warning(&plan->notes, p->stats_auth_before->at,
		    "this 'stats auth' is not carried over: 'web' has one "
		    "'user', and it is that of the last");
	w->is_open = !w->is_limited;
	w->user = import_plan_name(plan,
	    import_plan_text(
	        plan, "%.*s", (int)(colon - auth->words[2]), auth->words[2]),
	    "", "admin");
	import_notes_error(&plan->notes, auth->at,
	    "put the password of '%.60s' into the first line of "
	    "/etc/hapair/web.password, mode 0400, on both hosts "
	    "(" IMPORT_PLAN_FILL_IN ")",
	    w->user);
}

/*
 * Whether the words from `i` on, or the acl of that name, ask for the port, and
 * for nothing else: a second term makes it a choice among the clients.
 */
static bool
asks_port(const struct haproxy_proxy *front, const struct haproxy_text_line *l,
    size_t i, uint64_t port)
{
	uint64_t n;

	if (strcmp(l->words[i], "{") == 0)
		return l->n == i + 4 && strcmp(l->words[i + 3], "}") == 0 &&
		    strcmp(l->words[i + 1], "dst_port") == 0 &&
		    haproxy_value_number(l->words[i + 2], &n) && n == port;
	if (l->n != i + 1)
		return false;
	for (const struct haproxy_proxy_kept *k = front->acls.first; k != NULL;
	     k = k->next) {
		const struct haproxy_text_line *acl = k->line;

		if (acl->n == 4 && strcmp(acl->words[1], l->words[i]) == 0)
			return strcmp(acl->words[2], "dst_port") == 0 &&
			    haproxy_value_number(acl->words[3], &n) &&
			    n == port;
	}
	return false;
}

/* A condition that all clients fulfil: that they have come to this port. */
static bool
is_always(struct import_plan *plan, const struct haproxy_proxy *front,
    const struct haproxy_text_line *l)
{
	uint64_t ports[2] = { 0 };

	if (l->n == 2)
		return true;
	return l->n > 3 && strcmp(l->words[2], "if") == 0 &&
	    haproxy_listen_ports(plan, front, ports, 2) == 1 &&
	    asks_port(front, l, 3, ports[0]);
}

/* How many servers of which backend are up: its name; NULL: something else. */
static const char *
name_counted(const char *word)
{
	static const char *const fetches[] = { "nbsrv(", "srv_is_up(" };

	for (size_t i = 0; i < ARRAY_LEN(fetches); i++)
		if (strncmp(word, fetches[i], strlen(fetches[i])) == 0)
			return word + strlen(fetches[i]);
	return NULL;
}

/* What the condition counts the servers of, if it does; "NAME)". */
static const char *
backend_counted(
    const struct haproxy_proxy *front, const struct haproxy_text_line *l)
{
	const char *name = NULL;

	for (size_t i = 3; i < l->n && name == NULL; i++) {
		name = name_counted(l->words[i]);
		for (const struct haproxy_proxy_kept *k = front->acls.first;
		     k != NULL && name == NULL; k = k->next)
			if (k->line->n > 2 &&
			    strcmp(k->line->words[1], l->words[i]) == 0)
				name = name_counted(k->line->words[2]);
	}
	return name;
}

static void
tell_use(struct import_plan *plan, const struct haproxy_proxy *front,
    const struct haproxy_text_line *l)
{
	const char *counted = backend_counted(front, l);
	const size_t len = strlen(l->words[1]);

	if (counted == NULL)
		import_notes_error(&plan->notes, l->at,
		    "'use_backend %.60s' with a condition is not carried over: "
		    "a service has servers of its own; give these clients "
		    "another address or port, with a service for it",
		    l->words[1]);
	else if (strncmp(counted, l->words[1], len) == 0 &&
	    strchr(")/,", counted[len]) != NULL)
		import_notes_error(&plan->notes, l->at,
		    "'use_backend %.60s' is not carried over: give its servers "
		    "to the same service, and 'backup: true' to those that are "
		    "there, which are used when none of the others is up",
		    l->words[1]);
	else
		import_notes_error(&plan->notes, l->at,
		    "'use_backend %.60s' is not carried over: give its servers "
		    "to the same service, with 'backup: true': they are used "
		    "when none of the others is up",
		    l->words[1]);
}

/* The backend that everybody is sent to: by no condition. */
static const char *
backend_of(struct import_plan *plan, const struct haproxy_proxy *front)
{
	const char *name = front->default_backend;
	const char *first = NULL;

	for (const struct haproxy_proxy_kept *k = front->uses.first; k != NULL;
	     k = k->next) {
		const struct haproxy_text_line *l = k->line;

		if (l->n < 2)
			continue;
		if (is_always(plan, front, l)) {
			first = first == NULL ? l->words[1] : first;
			continue;
		}
		tell_use(plan, front, l);
	}
	return first != NULL ? first : name;
}

static void
take_frontend(struct haproxy_proxy_file *f, struct haproxy_proxy *front)
{
	struct import_plan *plan = f->plan;
	const char *name = backend_of(plan, front);
	struct haproxy_proxy *back =
	    name == NULL ? NULL : haproxy_proxy_find(f, name, true);

	if (back != NULL && back->mode == HAPROXY_PROXY_TCP &&
	    !back->disabled) {
		make_all(plan, front, back);
		return;
	}
	front->used = true;
	if (name == NULL)
		import_notes_error(&plan->notes, front->at,
		    "'%s %.60s' is left out: it has no server and no "
		    "'default_backend'",
		    kind(front), front->name);
	else if (back == NULL)
		import_notes_error(&plan->notes, front->at,
		    "'%s %.60s' is left out: there is no backend '%.60s'",
		    kind(front), front->name, name);
	else
		import_notes_warning(&plan->notes, front->at,
		    "'%s %.60s' is left out: its backend '%.60s' is disabled, "
		    "or not of mode tcp",
		    kind(front), front->name, name);
}

/* Nothing but the page of statistics, or a health page. */
static bool
is_web(const struct haproxy_proxy *p)
{
	return p->stats && p->servers == NULL && p->default_backend == NULL &&
	    p->uses.first == NULL && p->kind != HAPROXY_PROXY_BACKEND &&
	    !p->disabled;
}

static void
leave_out(struct import_plan *plan, const struct haproxy_proxy *p)
{
	if (p->disabled)
		import_notes_warning(&plan->notes, p->at,
		    "'%s %.60s' is disabled, and left out", kind(p), p->name);
	else if (p->mode == HAPROXY_PROXY_HTTP)
		import_notes_warning(&plan->notes, p->at,
		    "'%s %.60s' is of mode http, and left out: hapair relays "
		    "TCP, and reads none of it; haproxy can go on beside it, "
		    "on its ports",
		    kind(p), p->name);
	else
		import_notes_warning(&plan->notes, p->at,
		    "'%s %.60s' is not of mode tcp, and left out", kind(p),
		    p->name);
}

static bool
is_twice(const struct haproxy_proxy_file *f, const struct haproxy_proxy *p)
{
	for (const struct haproxy_proxy *q = f->first; q != p; q = q->next)
		if (q->kind == p->kind && strcmp(q->name, p->name) == 0)
			return true;
	return false;
}

static void
take(struct haproxy_proxy_file *f, struct haproxy_proxy *p)
{
	struct import_plan *plan = f->plan;

	if (is_twice(f, p)) {
		import_notes_error(&plan->notes, p->at,
		    "'%s %.60s' is there twice; the later one is left out",
		    kind(p), p->name);
		p->used = true;
	} else if (is_web(p)) {
		make_web(plan, p);
	} else if (p->mode != HAPROXY_PROXY_TCP || p->disabled) {
		leave_out(plan, p);
		p->used = true;
	} else if (p->servers != NULL && p->kind == HAPROXY_PROXY_LISTEN) {
		if (p->uses.first != NULL)
			(void)backend_of(plan, p);
		make_all(plan, p, p);
	} else if (p->kind != HAPROXY_PROXY_BACKEND) {
		take_frontend(f, p);
	}
}

void
haproxy_service_all(struct haproxy_proxy_file *f)
{
	haproxy_track_all(f);
	for (struct haproxy_proxy *p = f->first; p != NULL; p = p->next)
		take(f, p);
	for (struct haproxy_proxy *p = f->first; p != NULL; p = p->next)
		if (!p->used)
			import_notes_warning(&f->plan->notes, p->at,
			    "'%s %.60s' is left out: no frontend that is "
			    "carried over leads to it",
			    kind(p), p->name);
}
