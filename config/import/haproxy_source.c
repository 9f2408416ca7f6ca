#include "config/import/haproxy_source.h"

#include "config/import/haproxy_value.h"

#include <string.h>

/* Those that connect from somewhere else. */
static void
tell_other_sources(struct import_plan *plan, const struct haproxy_proxy *back,
    const char *source)
{
	for (const struct haproxy_proxy_server *o = back->servers; o != NULL;
	     o = o->next) {
		const char *own = o->options.source;

		if (own != NULL ? source != NULL && strcmp(own, source) == 0
		                : back->source != NULL || source == NULL)
			continue;
		import_notes_error(&plan->notes, o->at,
		    "'%.60s' differs from the service in 'source': of a "
		    "service all are connected to from one address; give it a "
		    "service of its own",
		    o->name);
	}
}

void
haproxy_source_take(struct import_plan *plan, const struct haproxy_proxy *back,
    struct import_plan_service *s)
{
	const struct haproxy_proxy_server *first = back->servers;
	const char *source = back->source;
	bool usesrc = back->usesrc;
	struct haproxy_value_address a;
	union addr ip;

	if (source == NULL && first != NULL) {
		source = first->options.source;
		usesrc = first->options.usesrc;
	}
	tell_other_sources(plan, back, source);
	if (usesrc)
		import_notes_error(&plan->notes, back->at,
		    "'usesrc' is not carried over: servers see this host's "
		    "address; 'proxy_protocol' tells them the client's");
	if (source == NULL || !haproxy_value_address(plan, source, &a) ||
	    a.host[0] == '\0')
		return;
	if (addr_parse_ip(a.host, &ip) < 0)
		import_notes_error(&plan->notes, back->at,
		    "the source '%.60s' is no address, and is left out",
		    source);
	else if (!addr_is_any(&ip))
		s->source = a.host;
}
