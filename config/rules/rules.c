#include "config/rules/rules.h"

#include "config/config.h"
#include "config/listening.h"
#include "config/rules/address_faults.h"
#include "config/rules/check_rules.h"
#include "config/rules/duplicates.h"
#include "config/rules/kernel_rules.h"
#include "config/rules/pair_rules.h"
#include "config/rules/standby_rules.h"
#include "config/schema/scalar.h"
#include "config/schema/source_marks.h"
#include "config/servers_told.h"
#include "config/yaml/diag.h"
#include "config/yaml/tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const struct tree_node *
rules_at(const struct rules *r, const void *field)
{
	return source_marks_get(r->marks, field);
}

void
rules_refuse(struct rules *r, const struct tree_node *node, const char *fault)
{
	if (node != NULL && fault != NULL)
		diag_error(r->diag, &node->at, "'%s' %s", node->shown, fault);
}

bool
rules_is_whole(const struct rules *r, const void *list, size_t n)
{
	const struct tree_node *node = rules_at(r, list);

	return node != NULL && tree_length(node) == n;
}

/*
 * A service that is its own server would connect until nothing is left. Which
 * addresses a host has, beside those of the pair, the file does not know.
 */
static void
check_loop(struct rules *r, const struct config_service *s,
    const union addr *server, const struct tree_node *where)
{
	const bool is_here = address_faults_is_loopback(server) ||
	    config_has_address(r->config, server);

	for (size_t i = 0; i < s->n_listens; i++) {
		const struct tree_node *listen = rules_at(r, &s->listens[i]);
		const struct config_service one = { .listens = &s->listens[i],
			.n_listens = 1 };

		if (!config_listens_at(&one, server, is_here))
			continue;
		diag_error(r->diag, &where->at,
		    "the server '%s' is where the service itself listens; "
		    "expected another address or port",
		    where->shown);
		diag_note(r->diag, &listen->at, "the listener");
	}
}

/* A number is checked; a name has no address before it is resolved. */
static void
check_address(struct rules *r, const struct config_service *s,
    const struct config_server *server, const struct tree_node *where)
{
	const struct tree_node *source = rules_at(r, &s->source);
	const union addr *a = &server->address;

	if (server->host != NULL)
		return;
	rules_refuse(r, where, address_faults_of_link(a));
	check_loop(r, s, a, where);
	if (source == NULL || a->sa.sa_family == s->source.sa.sa_family)
		return;
	diag_error(r->diag, &where->at,
	    "the server '%s' cannot be reached from the source '%s'; expected "
	    "both IPv4 or both IPv6",
	    where->shown, source->shown);
	diag_note(r->diag, &source->at, "the source");
}

/* `name` NULL: the server has none in the file, and one made of its address. */
static void
check_server(struct rules *r, const struct config_service *s,
    const struct config_server *server, const struct tree_node *name)
{
	const struct tree_node *at = rules_at(r, &server->address);

	if (at == NULL)
		return;
	check_address(r, s, server, at);
	if (name == NULL && strlen(server->name) >= CONFIG_NAME_MAX)
		diag_error(r->diag, &at->at,
		    "'%s' is too long to name its server; expected also a "
		    "'name', of at most %d characters",
		    at->shown, CONFIG_NAME_MAX - 1);
}

static void
check_servers(struct rules *r, const struct config_service *s)
{
	CLEANUP(duplicates_fini)
	struct duplicates names = { .failed = &r->failed };
	CLEANUP(duplicates_fini)
	struct duplicates addrs = { .failed = &r->failed };
	char where[CONFIG_NAME_MAX + 32] = " in this service";

	if (s->name != NULL)
		(void)snprintf(
		    where, sizeof(where), " in service '%s'", s->name);
	for (size_t i = 0; i < s->n_servers; i++) {
		const struct config_server *server = &s->servers[i];
		const struct tree_node *name = rules_at(r, &server->name);
		const struct tree_node *at = rules_at(r, &server->address);

		if (server->name != NULL)
			duplicates_add(&names,
			    (struct duplicates_item){ .name = server->name,
			        .node = name != NULL ? name : at,
			        .derived = name == NULL });
		duplicates_add(&addrs,
		    (struct duplicates_item){ .name = server->host,
		        .addr = &server->address,
		        .node = at });
		check_server(r, s, server, name);
	}
	duplicates_report(&names, r->diag, "the server name", where);
	duplicates_report(&addrs, r->diag, "the server address", where);
}

/*
 * Elsewhere several backups share the connections: who does not say what is
 * meant hears what it is.
 */
static void
warn_of_backups(struct rules *r, const struct config_service *s)
{
	const struct tree_node *at = NULL;
	size_t n = 0;

	if (rules_at(r, &s->backups) != NULL)
		return;
	for (size_t i = 0; i < s->n_servers; i++)
		if (s->servers[i].backup && ++n == 2)
			at = rules_at(r, &s->servers[i].backup);
	if (at != NULL && n < s->n_servers)
		diag_warning(r->diag, &at->at,
		    "the service has %zu backups, of which the first that is "
		    "up serves alone; 'backups: ordered' says that this is "
		    "meant, with 'backups: all' they share the connections",
		    n);
}

/* Ports of those who greet the client before it has said a word. */
static bool
speaks_first(uint16_t port)
{
	static const uint16_t ports[] = {
		21,   /* FTP */
		22,   /* SSH */
		25,   /* SMTP */
		110,  /* POP3 */
		143,  /* IMAP */
		587,  /* SMTP of clients */
		3306, /* MySQL and MariaDB */
		5900, /* VNC */
	};

	for (size_t i = 0; i < ARRAY_LEN(ports); i++)
		if (ports[i] == port)
			return true;
	return false;
}

/* Each client would wait for the server, and the server for the client. */
static void
warn_of_silence(struct rules *r, const struct config_service *s)
{
	const struct tree_node *at = rules_at(r, &s->connect);

	for (size_t i = 0; i < s->n_servers; i++) {
		const uint16_t port = addr_port(&s->servers[i].address);

		if (s->connect != CONFIG_CONNECT_AT_FIRST_BYTE || at == NULL ||
		    !speaks_first(port))
			continue;
		diag_warning(r->diag, &at->at,
		    "servers at port %u speak first: a client that waits for "
		    "them is never connected with 'connect: at_first_byte'; "
		    "expected 'at_accept'",
		    port);
		return;
	}
}

/* Where this service could be told to be connected from; NULL: all is well. */
static const struct tree_node *
untold(struct rules *r, const struct config_service *s)
{
	const struct tree_node *at = rules_at(r, &s->source);

	if (!servers_told_matters(s) ||
	    servers_told_of(r->config, s) != SERVERS_TOLD_NO ||
	    servers_told_source(r->config, s) == NULL)
		return NULL;
	return at != NULL ? at : rules_at(r, &s->servers);
}

/* Once for all services: it is advice, and no mistake. */
static void
warn_of_locks(struct rules *r)
{
	const struct config_service *first = NULL;
	const struct tree_node *at = NULL;
	char ip[ADDR_TEXT_MAX], more[64] = "";
	size_t n = 0;

	for (size_t i = r->config->n_services; i-- > 0;) {
		const struct config_service *s = &r->config->services[i];
		const struct tree_node *here = untold(r, s);

		if (here == NULL)
			continue;
		n++;
		first = s;
		at = here;
	}
	if (at == NULL)
		return;
	if (n > 1)
		(void)snprintf(more, sizeof(more),
		    "; so it is with %zu more of the services", n - 1);
	diag_warning(r->diag, &at->at,
	    "these servers are databases: when a proxy host dies they are not "
	    "told, and keep its clients' sessions and locks until their own "
	    "patience ends; 'source: %s', a virtual IP, lets them be told%s",
	    addr_format_ip(servers_told_source(r->config, first), ip), more);
}

/* With nobody to stand in for, a backup is only a server. */
static void
check_backups(struct rules *r, const struct config_service *s)
{
	const struct tree_node *first = NULL;

	if (!rules_is_whole(r, &s->servers, s->n_servers))
		return;
	for (size_t i = 0; i < s->n_servers; i++) {
		const struct config_server *server = &s->servers[i];

		if (!server->backup)
			return;
		if (first == NULL)
			first = rules_at(r, &server->backup);
	}
	if (first != NULL)
		diag_error(r->diag, &first->at,
		    "every server of this service is a backup; expected at "
		    "least one that is not");
}

static void
add_networks(struct rules *r, struct duplicates *all,
    const struct config_cidr *list, size_t n, bool denied)
{
	for (size_t i = 0; i < n; i++)
		duplicates_add(all,
		    (struct duplicates_item){ .addr = &list[i].addr,
		        .prefix = list[i].prefix,
		        .node = rules_at(r, &list[i]),
		        .denied = denied });
}

/* The longest prefix decides, so no network may be in the lists twice. */
static void
check_access(struct rules *r, const struct config_service *s)
{
	CLEANUP(duplicates_fini)
	struct duplicates all = { .failed = &r->failed };

	add_networks(r, &all, s->allow, s->n_allow, false);
	add_networks(r, &all, s->deny, s->n_deny, true);
	duplicates_sort(&all, duplicates_by_key);
	for (size_t i = 1, first = 0; i < all.n; i++) {
		const struct duplicates_item *a = &all.all[first],
		                             *b = &all.all[i];

		if (duplicates_compare(a, b) != 0) {
			first = i;
			continue;
		}
		if (a->denied != b->denied)
			diag_error(r->diag, &b->node->at,
			    "'%s' is both allowed and denied; expected one of "
			    "them",
			    b->node->shown);
		else
			diag_error(r->diag, &b->node->at,
			    "the network '%s' is given twice in '%s'; expected "
			    "once",
			    b->node->shown, b->denied ? "deny" : "allow");
		diag_note(r->diag, &a->node->at, "the first one");
	}
}

/* The same port of a family together, in it every address first. */
static int
by_port(const void *left, const void *right)
{
	const struct duplicates_item *a = left, *b = right;
	int order = (int)a->addr->sa.sa_family - (int)b->addr->sa.sa_family;

	if (order == 0)
		order = (int)addr_port(a->addr) - (int)addr_port(b->addr);
	if (order == 0)
		order = (int)addr_is_any(b->addr) - (int)addr_is_any(a->addr);
	return order == 0 ? duplicates_by_key(a, b) : order;
}

static bool
is_same_port(const struct duplicates_item *a, const struct duplicates_item *b)
{
	return a->addr->sa.sa_family == b->addr->sa.sa_family &&
	    addr_port(a->addr) == addr_port(b->addr);
}

static void
report_collision(struct rules *r, const struct duplicates_item *e,
    const struct duplicates_item *other)
{
	const bool web = other->service == &r->config->web.front;
	const char *name = web ? "web" : other->service->name;
	const char *shown = name == NULL ? "another" : name;
	const char *q = name == NULL ? "" : "'";

	diag_error(r->diag, &e->node->at,
	    "'%s' collides with '%s' of %s%s%s%s; expected an address and "
	    "port of its own",
	    e->node->shown, other->node->shown, web ? "" : "service ", q, shown,
	    q);
	diag_note(r->diag, &other->node->at, "the other one");
}

static const struct duplicates_item *
earlier(const struct duplicates_item *a, const struct duplicates_item *b)
{
	if (a == NULL || b == NULL)
		return a == NULL ? b : a;
	return a->order < b->order ? a : b;
}

/*
 * Listeners on one port, sorted: of each, the first before it in the file that
 * it collides with. The wildcard collides with all, others with their equals.
 */
static void
report_port(struct rules *r, const struct duplicates_item *all, size_t n)
{
	const struct duplicates_item *wild =
	    addr_is_any(all[0].addr) ? &all[0] : NULL;
	const struct duplicates_item *first = NULL, *twin = NULL;

	for (size_t i = 0; i < n; i++)
		first = earlier(first, &all[i]);
	for (size_t i = 0; i < n; i++) {
		const struct duplicates_item *e = &all[i], *other;

		if (twin == NULL || duplicates_compare(twin, e) != 0)
			twin = e;
		other = addr_is_any(e->addr) ? first : earlier(wild, twin);
		if (other->order < e->order)
			report_collision(r, e, other);
	}
}

static void
check_listens(struct rules *r)
{
	CLEANUP(duplicates_fini)
	struct duplicates all = { .failed = &r->failed };
	const struct config_service *s;

	for (size_t i = 0; (s = listening_at(r->config, i)) != NULL; i++) {
		for (size_t j = 0; j < s->n_listens; j++) {
			const union addr *a = &s->listens[j].address;
			const struct tree_node *at =
			    rules_at(r, &s->listens[j]);

			duplicates_add(&all,
			    (struct duplicates_item){
			        .addr = a, .node = at, .service = s });
			if (!addr_is_any(a))
				rules_refuse(r, at, address_faults_of_link(a));
		}
	}
	duplicates_sort(&all, by_port);
	for (size_t from = 0, to; from < all.n; from = to) {
		for (to = from + 1;
		     to < all.n && is_same_port(&all.all[from], &all.all[to]);)
			to++;
		report_port(r, all.all + from, to - from);
	}
}

static void
check_services(struct rules *r)
{
	const struct config *c = r->config;
	const struct diag_place whole = { .line = 0 };
	CLEANUP(duplicates_fini)
	struct duplicates names = { .failed = &r->failed };
	size_t listens = 0, servers = 0;

	for (size_t i = 0; i < c->n_services; i++) {
		const struct config_service *s = &c->services[i];

		duplicates_add(&names,
		    (struct duplicates_item){
		        .name = s->name, .node = rules_at(r, &s->name) });
		listens += s->n_listens;
		servers += s->n_servers;
		rules_refuse(r, rules_at(r, &s->source),
		    address_faults_of_link(&s->source));
		check_backups(r, s);
		warn_of_backups(r, s);
		warn_of_silence(r, s);
		check_rules_check(r, s);
		check_servers(r, s);
		check_access(r, s);
	}
	warn_of_locks(r);
	standby_rules_check(r);
	kernel_rules_check(r);
	duplicates_report(&names, r->diag, "the service name", "");
	if (servers > CONFIG_SERVERS_TOTAL_MAX)
		diag_error(r->diag, &whole,
		    "%zu servers; expected at most %d in all services together",
		    servers, CONFIG_SERVERS_TOTAL_MAX);
	if (listens > CONFIG_LISTENS_TOTAL_MAX)
		diag_error(r->diag, &whole,
		    "%zu addresses to listen on; expected at most %d in all "
		    "services together",
		    listens, CONFIG_LISTENS_TOTAL_MAX);
	check_access(r, &c->web.front);
	check_listens(r);
}

/* A number is an id, and none of the kernel's is longer; see user_name.c. */
static void
check_id(struct rules *r, const void *field, const char *name)
{
	const struct tree_node *at = rules_at(r, field);
	uint64_t n;

	if (name == NULL || at == NULL ||
	    name[strspn(name, "0123456789")] != '\0')
		return;
	if (scalar_number(name, &n) < 0 || n >= UINT32_MAX)
		diag_error(r->diag, &at->at,
		    "'%s' is no number of a user or a group; expected at most "
		    "4294967294",
		    at->shown);
}

int
rules_check(
    const struct config *c, const struct source_marks *marks, struct diag *diag)
{
	struct rules r = { .config = c, .marks = marks, .diag = diag };

	if (c->has_pair)
		pair_rules_check(&r);
	check_services(&r);
	if (c->log.target == LOG_TARGET_UDP)
		rules_refuse(&r, rules_at(&r, &c->log.dest),
		    address_faults_of_scope(&c->log.dest));
	check_id(&r, &c->user, c->user);
	check_id(&r, &c->group, c->group);
	return r.failed ? -ENOMEM : 0;
}
