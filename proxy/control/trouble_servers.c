#include "proxy/control/trouble_servers.h"

#include "core/json_doc.h"
#include "proxy/control/trouble.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/*
 * Who has a thousand servers down wants to know that, and not to read a
 * thousand lines: so many lines of a kind, then how many more there are.
 */
#define LINES_OF_A_KIND 20

#define HOST_MAX 256
#define REASON_MAX 384

/* A host that servers run on, by what the file says before the port. */
struct host {
	const char *address; /* HOST:PORT of the first of its servers */
	size_t len;          /* of HOST */
	const struct json_doc *server; /* the first that is down */
	unsigned servers, down;
	bool told;
};

struct hosts {
	struct host *all;
	size_t n, room;
};

static size_t
host_len(const char *address)
{
	const char *colon = strrchr(address, ':');

	return colon == NULL ? strlen(address) : (size_t)(colon - address);
}

static bool
is_down(const struct json_doc *server)
{
	return strcmp(json_doc_string(server, "state"), "down") == 0 &&
	    strcmp(json_doc_string(server, "admin"), "maint") != 0;
}

static const char *
why_down(const struct json_doc *server)
{
	return json_doc_string(json_doc_get(server, "check"), "detail");
}

static const char *
since_down(const struct json_doc *server)
{
	return json_doc_string(json_doc_get(server, "check"), "since");
}

static int
compare_hosts(const void *a, const void *b)
{
	const struct host *x = a, *y = b;
	const size_t least = x->len < y->len ? x->len : y->len;
	const int order = memcmp(x->address, y->address, least);

	return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

static void
add(struct hosts *h, const struct json_doc *server)
{
	const char *address = json_doc_string(server, "address");

	if (h->n == h->room)
		return;
	h->all[h->n++] = (struct host){ .address = address,
		.len = host_len(address),
		.server = server,
		.servers = 1,
		.down = is_down(server) };
}

/* Of what belongs to one host, the first that is down speaks for all. */
static void
merge(struct hosts *h)
{
	size_t n = 0;

	if (h->n > 0)
		qsort(h->all, h->n, sizeof(*h->all), compare_hosts);
	for (size_t i = 0; i < h->n; i++) {
		struct host *last = n > 0 ? &h->all[n - 1] : NULL;

		if (last == NULL || compare_hosts(last, &h->all[i]) != 0) {
			h->all[n++] = h->all[i];
			continue;
		}
		if (last->down == 0 && h->all[i].down > 0)
			last->server = h->all[i].server;
		last->servers += h->all[i].servers;
		last->down += h->all[i].down;
	}
	h->n = n;
}

static void
collect(struct hosts *h, const struct json_doc *services)
{
	size_t room = 0;

	for (size_t i = 0; i < json_doc_count(services); i++)
		room += json_doc_count(
		    json_doc_get(json_doc_at(services, i), "servers"));
	h->all = calloc(room + 1, sizeof(*h->all));
	h->room = h->all != NULL ? room : 0;
	for (size_t i = 0; i < json_doc_count(services); i++) {
		const struct json_doc *list =
		    json_doc_get(json_doc_at(services, i), "servers");

		for (size_t k = 0; k < json_doc_count(list); k++)
			add(h, json_doc_at(list, k));
	}
	merge(h);
}

/* A host of which nothing answers is one cause, whatever it serves. */
static bool
is_dead(const struct host *h)
{
	return h->down > 1 && h->down == h->servers;
}

static struct host *
host_of(const struct hosts *h, const struct json_doc *server)
{
	const char *address = json_doc_string(server, "address");
	const struct host key = { .address = address,
		.len = host_len(address) };

	return h->n == 0
	    ? NULL
	    : bsearch(&key, h->all, h->n, sizeof(*h->all), compare_hosts);
}

static void
tell_host(struct host *h, unsigned *lines, struct json_doc *troubles)
{
	struct json_doc *t;

	if (h->told)
		return;
	h->told = true;
	if (++*lines > LINES_OF_A_KIND)
		return;
	t = trouble_put(troubles, "host_down", since_down(h->server),
	    "host %.*s: all its %u servers are down: %s", (int)h->len,
	    h->address, h->down, why_down(h->server));
	trouble_advise(t,
	    "look whether that host runs and is reached: ping %.*s",
	    (int)h->len, h->address);
}

static void
tell_server(const struct json_doc *service, const struct json_doc *server,
    struct json_doc *troubles)
{
	struct json_doc *t = trouble_put(troubles, "server_down",
	    since_down(server), "server %s of service %s is down: %s",
	    json_doc_string(server, "name"), json_doc_string(service, "name"),
	    why_down(server));

	trouble_advise(t,
	    "look at %s: it comes back by itself when its check passes; if that is on purpose, `hapair server %s/%s maint`",
	    json_doc_string(server, "address"),
	    json_doc_string(service, "name"), json_doc_string(server, "name"));
}

/* The server that speaks for all of the service that are down; NULL: none. */
static const struct json_doc *
spokesman(const struct json_doc *service)
{
	const struct json_doc *servers = json_doc_get(service, "servers");
	const char *active =
	    json_doc_string(json_doc_get(service, "standby"), "active");
	const struct json_doc *first = NULL;

	for (size_t i = 0; i < json_doc_count(servers); i++) {
		const struct json_doc *server = json_doc_at(servers, i);

		/* Of a standby service all hangs on one. */
		if (strcmp(active, json_doc_string(server, "name")) == 0)
			return is_down(server) ? server : NULL;
		if (*active != '\0')
			continue;
		if (!is_down(server) ||
		    (first != NULL &&
		        strcmp(why_down(first), why_down(server)) != 0))
			return NULL;
		if (first == NULL)
			first = server;
	}
	return first;
}

static bool
is_unserved(const struct json_doc *service)
{
	return strcmp(json_doc_string(service, "state"), "down") == 0;
}

/* It is told with its service. */
static bool
is_told(const struct json_doc *service, const struct json_doc *server)
{
	const struct json_doc *speaks =
	    is_unserved(service) ? spokesman(service) : NULL;
	const bool standby = json_doc_get(service, "standby") != NULL;

	return speaks != NULL && (!standby || speaks == server);
}

/*
 * Whether it has servers, and none that a client could be sent to; told where
 * not too many were before.
 */
static bool
find_unserved(
    const struct json_doc *service, unsigned before, struct json_doc *troubles)
{
	const struct json_doc *speaks = spokesman(service);
	const char *name = json_doc_string(service, "name");
	const struct json_doc *servers = json_doc_get(service, "servers");
	const size_t n = json_doc_count(servers);
	const char *since = "";
	size_t down = 0;
	struct json_doc *t;

	for (size_t i = 0; i < n; i++) {
		const struct json_doc *server = json_doc_at(servers, i);

		down += is_down(server);
		if (strcmp(since_down(server), since) > 0)
			since = since_down(server); /* the last of them */
	}
	if (down == 0 || !is_unserved(service))
		return false;
	if (before >= LINES_OF_A_KIND)
		return true;
	if (speaks != NULL && json_doc_get(service, "standby") != NULL)
		t = trouble_put(troubles, "active_down", since_down(speaks),
		    "service %s serves nobody: its active server %s is down: %s",
		    name, json_doc_string(speaks, "name"), why_down(speaks));
	else if (speaks != NULL && n == 1)
		t = trouble_put(troubles, "service_down", since,
		    "service %s serves nobody: its only server is down: %s",
		    name, why_down(speaks));
	else if (speaks != NULL)
		t = trouble_put(troubles, "service_down", since,
		    "service %s serves nobody: all its %zu servers are down: %s",
		    name, n, why_down(speaks));
	else if (down == 1)
		t = trouble_put(troubles, "service_unserved", since,
		    "service %s serves nobody: one of its %zu servers is down",
		    name, n);
	else
		t = trouble_put(troubles, "service_unserved", since,
		    "service %s serves nobody: %zu of its %zu servers are down",
		    name, down, n);
	if (speaks != NULL)
		trouble_advise(t,
		    "its clients wait, and are reset after %.0f s; look at %s first",
		    json_doc_real(service, "queue_s"),
		    json_doc_string(speaks, "address"));
	else if (down == n)
		trouble_advise(t,
		    "its clients wait, and are reset after %.0f s; the servers fail in different ways, see below",
		    json_doc_real(service, "queue_s"));
	else
		trouble_advise(t,
		    "its clients wait, and are reset after %.0f s; some servers are down, others were taken out by hand",
		    json_doc_real(service, "queue_s"));
	return true;
}

static void
find_full(const struct json_doc *service, struct json_doc *troubles)
{
	const struct json_doc *c = json_doc_get(service, "connections");
	const char *name = json_doc_string(service, "name");
	const int64_t active = json_doc_int(c, "active");
	const int64_t limit = json_doc_int(c, "limit");
	struct json_doc *t;

	if (limit == 0 || active < limit)
		return;
	t = trouble_put(troubles, "service_full", "",
	    "service %s is full: it has the %" PRId64
	    " connection%s that it may, and new clients wait",
	    name, limit, limit == 1 ? "" : "s");
	trouble_advise(t,
	    "raise `max_connections` of the service and `hapair reload`, or look who has so many: `hapair connections %s`",
	    name);
}

/* Of who waits for the client to speak first, while none ever does. */
static void
find_silence(const struct json_doc *service, struct json_doc *troubles)
{
	const int64_t n = json_doc_int(service, "silent_clients");
	const char *name = json_doc_string(service, "name");
	struct json_doc *t;

	if (n == 0)
		return;
	t = trouble_put(troubles, "clients_silent", "",
	    "service %s: %" PRId64
	    " client%s said nothing in time, and no other ever did: does this server speak first?",
	    name, n, n == 1 ? "" : "s");
	trouble_advise(t, "then 'connect: at_accept' serves it");
}

/* What is wrong is said once, of a group by its first service. */
static void
find_standby(const struct json_doc *service, struct json_doc *troubles)
{
	const struct json_doc *s = json_doc_get(service, "standby");
	const char *why = json_doc_string(s, "trouble");
	const char *fault = json_doc_string(s, "fence_fault");
	const char *name = json_doc_string(service, "name");
	char reason[REASON_MAX];
	struct json_doc *t;

	if (*why == '\0' || !json_doc_bool(s, "leads"))
		return;
	(void)snprintf(reason, sizeof(reason), "%s%s%s", why,
	    *fault != '\0' ? ": " : "", fault);
	t = trouble_put(troubles, "standby_stays", "",
	    "service %s: active server stays %s: %s", name,
	    json_doc_string(s, "active"), reason);
	if (*json_doc_string(s, "retry_at") != '\0')
		trouble_advise(t,
		    "the fence is tried again every 30 s, the log has what it said; once %s is off for certain, mend the fence, or `hapair server %s/NAME activate`",
		    json_doc_string(s, "active"), name);
	else
		trouble_advise(t,
		    "mend %s, or another server of %s: the first that is fit takes over",
		    json_doc_string(s, "active"), name);
}

struct tally {
	unsigned servers, hosts, services, left_out;
	unsigned unserved; /* services */
};

static void
find_servers(const struct json_doc *service, const struct hosts *hosts,
    struct tally *tally, struct json_doc *troubles)
{
	const struct json_doc *list = json_doc_get(service, "servers");
	unsigned more = 0;
	struct json_doc *t;

	for (size_t i = 0; i < json_doc_count(list); i++) {
		const struct json_doc *server = json_doc_at(list, i);
		struct host *host =
		    is_down(server) ? host_of(hosts, server) : NULL;

		if (!is_down(server) || is_told(service, server))
			continue;
		if (host != NULL && is_dead(host))
			tell_host(host, &tally->hosts, troubles);
		else if (++tally->servers <= LINES_OF_A_KIND)
			tell_server(service, server, troubles);
		else
			more++;
	}
	if (more == 0)
		return;
	if (++tally->services > LINES_OF_A_KIND) {
		tally->left_out += more;
		return;
	}
	t = trouble_put(troubles, "servers_down", "",
	    "service %s: %u more of its %zu servers %s down",
	    json_doc_string(service, "name"), more, json_doc_count(list),
	    more == 1 ? "is" : "are");
	trouble_advise(t, "the table below has all of them");
}

static void
tell_rest(const struct tally *tally, struct json_doc *troubles)
{
	unsigned n, more;
	struct json_doc *t;

	if (tally->unserved > LINES_OF_A_KIND) {
		n = tally->unserved - LINES_OF_A_KIND;
		t = trouble_put(troubles, "services_unserved", "",
		    "%u more service%s %s nobody", n, n == 1 ? "" : "s",
		    n == 1 ? "serves" : "serve");
		trouble_advise(t, "the table below has all of them");
	}
	if (tally->hosts > LINES_OF_A_KIND) {
		n = tally->hosts - LINES_OF_A_KIND;
		t = trouble_put(troubles, "hosts_down", "",
		    "%u more host%s %s down with all %s servers", n,
		    n == 1 ? "" : "s", n == 1 ? "is" : "are",
		    n == 1 ? "its" : "their");
		trouble_advise(t,
		    "what do they have in common: a switch, a power supply, a route?");
	}
	if (tally->left_out > 0) {
		n = tally->left_out;
		more = tally->services - LINES_OF_A_KIND;
		t = trouble_put(troubles, "servers_down", "",
		    "%u more server%s of %u more service%s %s down", n,
		    n == 1 ? "" : "s", more, more == 1 ? "" : "s",
		    n == 1 ? "is" : "are");
		trouble_advise(t, "the table below has all of them");
	}
}

void
trouble_servers_find(const struct json_doc *status, struct json_doc *troubles)
{
	const struct json_doc *services = json_doc_get(status, "services");
	const size_t n = json_doc_count(services);
	struct hosts hosts = { .n = 0 };
	struct tally tally = { .servers = 0 };

	collect(&hosts, services);
	for (size_t i = 0; i < n; i++) {
		const struct json_doc *service = json_doc_at(services, i);

		if (find_unserved(service, tally.unserved, troubles))
			tally.unserved++;
		find_standby(service, troubles);
		find_full(service, troubles);
		find_silence(service, troubles);
	}
	for (size_t i = 0; i < n; i++)
		find_servers(
		    json_doc_at(services, i), &hosts, &tally, troubles);
	tell_rest(&tally, troubles);
	free(hosts.all);
}
