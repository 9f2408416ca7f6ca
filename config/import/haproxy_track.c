#include "config/import/haproxy_track.h"

#include "config/import/haproxy_value.h"
#include "config/import/import_plan.h"

#include <string.h>

#define CHAIN_MAX 4

struct tracked {
	const struct haproxy_proxy *in; /* NULL: nothing of that name */
	const struct haproxy_proxy_server *server;
};

/* "SECTION/SERVER", or a server of the section itself. */
static struct tracked
find(const struct haproxy_proxy_file *f, const struct haproxy_proxy *own,
    const char *track)
{
	const char *slash = strrchr(track, '/');
	const char *name = slash == NULL ? track : slash + 1;
	const size_t len = slash == NULL ? 0 : (size_t)(slash - track);

	for (const struct haproxy_proxy *p = f->first; p != NULL; p = p->next) {
		size_t n = 0;

		if (slash == NULL ? p != own
		                  : strlen(p->name) != len ||
		            strncmp(p->name, track, len) != 0)
			continue;
		for (const struct haproxy_proxy_server *s = p->servers;
		     s != NULL && n < CONFIG_SERVERS_MAX; s = s->next, n++)
			if (strcmp(s->name, name) == 0)
				return (struct tracked){ p, s };
	}
	return (struct tracked){ NULL, NULL };
}

/* The one that is checked itself, at the end of those that track. */
static struct tracked
end_of(const struct haproxy_proxy_file *f, const struct haproxy_proxy *p,
    const struct haproxy_proxy_server *server)
{
	struct tracked t = { p, server };

	for (int i = 0; i < CHAIN_MAX && t.in != NULL; i++) {
		if (t.server->options.track == NULL && t.server->options.check)
			return t;
		if (t.server->options.track == NULL)
			break;
		t = find(f, t.in, t.server->options.track);
	}
	return (struct tracked){ NULL, NULL };
}

/* The section of all that are checked in `p`; NULL: there are several. */
static const struct haproxy_proxy *
section_of(const struct haproxy_proxy_file *f, const struct haproxy_proxy *p)
{
	const struct haproxy_proxy *of = NULL;

	for (const struct haproxy_proxy_server *s = p->servers; s != NULL;
	     s = s->next) {
		const struct haproxy_proxy *in = end_of(f, p, s).in;

		if (in == NULL && s->options.track == NULL)
			continue;
		if (in == NULL || (of != NULL && of != in))
			return NULL;
		of = in;
	}
	return of;
}

static void
take_section(struct haproxy_proxy *p, const struct haproxy_proxy *of)
{
	p->check = of->check;
	p->check_line = of->check_line;
	p->check_command = of->check_command;
	p->http_checks = of->http_checks;
	p->tcp_checks = of->tcp_checks;
	p->timeouts[HAPROXY_PROXY_CHECK] = of->timeouts[HAPROXY_PROXY_CHECK];
}

/* A check is asked at the tracked one's port, and at this server's address. */
static void
take_server(struct import_plan *plan, struct haproxy_proxy_server *s,
    const struct haproxy_proxy_server *of)
{
	struct haproxy_proxy_options *o = &s->options;
	const struct haproxy_proxy_options *from = &of->options;
	struct haproxy_value_address own, its;
	const bool is_known = haproxy_value_address(plan, s->address, &own) &&
	    haproxy_value_address(plan, of->address, &its);

	o->inter = from->inter;
	o->rise = from->rise;
	o->fall = from->fall;
	o->port = from->port;
	o->check_ssl = from->check_ssl;
	o->no_verify = from->no_verify;
	o->ca = from->ca;
	o->check_address = from->check_address;
	if (!is_known)
		return;
	if (!o->port.given && its.has_port && !its.is_offset &&
	    (!own.has_port || own.is_offset || own.port != its.port))
		o->port = (struct haproxy_proxy_number){ true, its.port };
	if (strcasecmp(own.host, its.host) != 0)
		import_notes_error(&plan->notes, s->at,
		    "'track %.60s' is not carried over: '%.60s' is another "
		    "host; a server is checked at its own address",
		    o->track, its.host);
}

static void
track(struct haproxy_proxy_file *f, const struct haproxy_proxy *p,
    struct haproxy_proxy_server *s, const struct haproxy_proxy *of)
{
	struct import_notes *notes = &f->plan->notes;
	const struct tracked t = end_of(f, p, s);

	if (t.in == NULL)
		import_notes_error(notes, s->at,
		    "'track %.60s' is not carried over: there is no such "
		    "server that is checked; this one is checked by itself",
		    s->options.track);
	else if (t.in != p && t.in != of)
		import_notes_error(notes, s->at,
		    "'track %.60s' is not carried over: servers of a service "
		    "are asked the same, which is not what those of '%.60s' "
		    "are; a service of its own can do it",
		    s->options.track, t.in->name);
	else
		take_server(f->plan, s, t.server);
}

static size_t
n_tracking(const struct haproxy_proxy *p)
{
	size_t n = 0;

	for (const struct haproxy_proxy_server *s = p->servers; s != NULL;
	     s = s->next)
		n += s->options.track != NULL;
	return n;
}

void
haproxy_track_all(struct haproxy_proxy_file *f)
{
	size_t n = 0;

	for (struct haproxy_proxy *p = f->first; p != NULL; p = p->next) {
		const size_t own = n_tracking(p);
		const struct haproxy_proxy *of;

		/* More than a service has are left out, and cost no search. */
		if (own == 0 || p->n_servers > CONFIG_SERVERS_MAX)
			continue;
		n += own;
		if (n > CONFIG_SERVERS_TOTAL_MAX) {
			import_notes_error(&f->plan->notes, p->at,
			    "'track' is not carried over from here on: there "
			    "are at most %d servers",
			    CONFIG_SERVERS_TOTAL_MAX);
			return;
		}
		of = section_of(f, p);
		for (struct haproxy_proxy_server *s = p->servers; s != NULL;
		     s = s->next)
			if (s->options.track != NULL)
				track(f, p, s, of);
		if (of != NULL && of != p)
			take_section(p, of);
	}
}
