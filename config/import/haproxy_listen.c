#include "config/import/haproxy_listen.h"

#include "config/import/haproxy_value.h"
#include "config/rules/address_faults.h"

#include <stdio.h>
#include <string.h>

#define EVERY_V4 "0.0.0.0"
#define EVERY_V6 "[::]"
#define EVERY "*"

static bool
has(const struct import_plan_list *list, const char *host, uint64_t port)
{
	char text[300];

	(void)snprintf(
	    text, sizeof(text), "%s:%llu", host, (unsigned long long)port);
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->all[i], text) == 0)
			return true;
	return false;
}

/* Whether `text` is of that port, and of what `every` stands for. */
static bool
is_covered(const char *text, const char *every, uint64_t port)
{
	char end[32];
	const char *colon = strrchr(text, ':');
	const bool v6 = text[0] == '[';

	(void)snprintf(end, sizeof(end), ":%llu", (unsigned long long)port);
	if (colon == NULL || strcmp(colon, end) != 0)
		return false;
	return strcmp(every, EVERY) == 0 ||
	    (strcmp(every, EVERY_V6) == 0) == v6;
}

static bool
is_every(const char *host)
{
	return strcmp(host, EVERY) == 0 || strcmp(host, EVERY_V4) == 0 ||
	    strcmp(host, EVERY_V6) == 0;
}

/* A service does not listen twice on one address: the wider one is enough. */
static void
push(struct import_plan *plan, struct import_plan_list *list, const char *host,
    uint64_t port)
{
	const char *const every = host[0] == '[' ? EVERY_V6 : EVERY_V4;
	const char *const other = host[0] == '[' ? EVERY_V4 : EVERY_V6;
	size_t kept = 0;

	if (has(list, host, port) || has(list, EVERY, port))
		return;
	if (!is_every(host)) {
		if (has(list, every, port))
			return;
	} else {
		if (strcmp(host, every) == 0 && has(list, other, port))
			host = EVERY;
		for (size_t i = 0; i < list->n; i++)
			if (!is_covered(list->all[i], host, port))
				list->all[kept++] = list->all[i];
		list->n = kept;
	}
	import_plan_push(plan, list,
	    import_plan_text(plan, "%s:%llu", host, (unsigned long long)port));
}

/* Our text of the host of a bind. */
static const char *
host_of(struct import_plan *plan, const struct haproxy_proxy_bind *b,
    const struct haproxy_value_address *a)
{
	const char *made_up;
	union addr ip;

	if (a->host[0] == '\0')
		return strncmp(b->address, "ipv6@", 5) == 0 ? EVERY_V6
		                                            : EVERY_V4;
	if (a->is_ip && addr_parse_ip(a->host, &ip) == 0 && addr_is_any(&ip))
		return !a->is_v6 ? EVERY_V4 : b->v6only ? EVERY_V6 : EVERY;
	if (a->is_ip)
		return a->is_v6 ? import_plan_text(plan, "[%s]", a->host)
		                : a->host;
	if (strcmp(a->host, "localhost") == 0)
		return "127.0.0.1";
	made_up = import_plan_made_up(plan, a->host);
	import_notes_error(&plan->notes, b->at,
	    "'%.60s' is no address to listen on; %s stands for it, and is to "
	    "be replaced (" IMPORT_PLAN_FILL_IN ")",
	    a->host, made_up);
	return made_up;
}

static bool
is_usable(struct import_plan *plan, const struct haproxy_proxy_bind *b,
    bool reads_proxy)
{
	if (b->ssl)
		import_notes_warning(&plan->notes, b->at,
		    "'bind %.60s' with 'ssl' is left out: hapair ends no TLS, "
		    "it passes it on; a service can relay this port where the "
		    "servers have the certificate",
		    b->address);
	else if (b->accept_proxy && !reads_proxy)
		import_notes_warning(&plan->notes, b->at,
		    "'bind %.60s' with 'accept-proxy' is left out: hapair "
		    "reads no header of the PROXY protocol; servers that read "
		    "it get it as it is",
		    b->address);
	else
		return true;
	return false;
}

/* NULL: where it may stand. */
static const char *
fault_of(const struct haproxy_value_address *a)
{
	union addr ip;

	if (!a->is_ip || addr_parse_ip(a->host, &ip) < 0 || addr_is_any(&ip))
		return NULL;
	return address_faults_of_link(&ip);
}

static void
add_bind(struct import_plan *plan, const struct haproxy_proxy_bind *b,
    uint64_t port, struct import_plan_list *list)
{
	struct haproxy_value_address a;
	const char *host;

	if (!haproxy_value_address(plan, b->address, &a) ||
	    (a.kind == HAPROXY_VALUE_TCP && !a.has_port)) {
		import_notes_error(&plan->notes, b->at,
		    "'bind %.60s' has no port; expected ADDRESS:PORT, and it "
		    "is left out",
		    b->address);
		return;
	}
	if (a.kind != HAPROXY_VALUE_TCP) {
		import_notes_warning(&plan->notes, b->at,
		    "'bind %.60s' is left out: hapair listens on TCP ports",
		    b->address);
		return;
	}
	if (fault_of(&a) != NULL) {
		import_notes_error(&plan->notes, b->at,
		    "'bind %.60s' is left out: it %s", b->address,
		    fault_of(&a));
		return;
	}
	host = host_of(plan, b, &a);
	for (uint64_t n = a.port; n <= a.last_port; n++) {
		if (port != 0 && n != port)
			continue;
		if (list->n == CONFIG_LISTENS_MAX) {
			import_notes_error(&plan->notes, b->at,
			    "a service listens on at most %d addresses; those "
			    "of 'bind %.60s' from port %llu on are left out",
			    CONFIG_LISTENS_MAX, b->address,
			    (unsigned long long)n);
			return;
		}
		push(plan, list, host, n);
	}
}

void
haproxy_listen_add(struct import_plan *plan, const struct haproxy_proxy *p,
    uint64_t port, bool reads_proxy, struct import_plan_list *list)
{
	for (const struct haproxy_proxy_bind *b = p->binds; b != NULL;
	     b = b->next)
		if (is_usable(plan, b, reads_proxy))
			add_bind(plan, b, port, list);
}

static size_t
add_port(uint64_t *ports, size_t n, size_t max, uint64_t port)
{
	for (size_t i = 0; i < n; i++)
		if (ports[i] == port)
			return n;
	if (n < max)
		ports[n++] = port;
	return n;
}

size_t
haproxy_listen_ports(struct import_plan *plan, const struct haproxy_proxy *p,
    uint64_t *ret_ports, size_t max)
{
	size_t n = 0;

	for (const struct haproxy_proxy_bind *b = p->binds; b != NULL;
	     b = b->next) {
		struct haproxy_value_address a;

		if (b->ssl || !haproxy_value_address(plan, b->address, &a) ||
		    a.kind != HAPROXY_VALUE_TCP || !a.has_port)
			continue;
		for (uint64_t port = a.port; port <= a.last_port && n < max;
		     port++)
			n = add_port(ret_ports, n, max, port);
	}
	return n;
}
