#include "director/director_reach.h"

#include "core/log.h"
#include "director/director_rings.h"
#include "director/director_role.h"
#include "director/director_routes.h"
#include "director/director_turn.h"

#include <errno.h>

struct service {
	bool relayed;
	bool *usable; /* by the relay's word, of each server */
};

struct director_reach {
	bool known;
	struct service *services;
};

static struct server_choice_server *
server_of(struct director_role *role, uint32_t service, uint32_t server)
{
	return &role->node.services[service].choice.servers[server];
}

/* Not for families that its clients don't have, nor without ports. */
static bool
is_reached(struct director_role *role, const struct server_choice_server *s)
{
	return s->pool != SERVER_CHOICE_NO_POOL &&
	    director_routes_reaches(role->routes, s->ip);
}

static void
judge(struct director_role *role, uint32_t service)
{
	struct director_node_event away = { .type = DIRECTOR_NODE_TURN_AWAY,
		.service = service };
	struct service *r = &role->reach->services[service];
	unsigned usable = 0, reached = 0;
	bool relayed;

	for (uint32_t i = 0; i < role->node.services[service].choice.n; i++)
		if (r->usable[i]) {
			usable++;
			reached += server_of(role, service, i)->usable;
		}
	relayed = usable > 0 && reached == 0;
	if (relayed == r->relayed)
		return;
	r->relayed = relayed;
	director_rings_put_services(role);
	if (!relayed) {
		log_notice("director",
		    "service %s: servers can be reached again, new clients go through the kernel",
		    director_role_service(role, service));
		return;
	}
	log_warning("director",
	    "[resource] service %s: none of its servers can be reached through the kernel, new clients go to the relay",
	    director_role_service(role, service));
	/* They ask once more, and find the relay. */
	director_turn_step(role, &away);
}

void
director_reach_say(
    struct director_role *role, const struct director_node_event *ev)
{
	struct director_node_event said = *ev;
	struct service *r = &role->reach->services[ev->service];

	r->usable[ev->server] = ev->said.usable;
	said.said.usable = ev->said.usable && is_reached(role, &ev->said);
	director_turn_step(role, &said);
	if (role->reach->known)
		judge(role, ev->service);
}

void
director_reach_look(struct director_role *role)
{
	struct director_reach *r = role->reach;

	for (uint32_t v = 0; v < role->node.setup.n_services; v++) {
		for (uint32_t i = 0; i < role->node.services[v].choice.n; i++) {
			struct director_node_event ev = {
				.type = DIRECTOR_NODE_SERVER,
				.service = v,
				.server = i,
				.said = *server_of(role, v, i),
			};
			const bool usable = r->services[v].usable[i] &&
			    is_reached(role, &ev.said);

			if (usable == ev.said.usable)
				continue;
			ev.said.usable = usable;
			director_turn_step(role, &ev);
		}
		if (r->known)
			judge(role, v);
	}
	director_turn_flush(role);
}

void
director_reach_know(struct director_role *role)
{
	role->reach->known = true;
	director_reach_look(role);
}

bool
director_reach_is_relayed(const struct director_role *role, uint32_t service)
{
	return role->reach->services[service].relayed;
}

int
director_reach_new(struct director_role *role)
{
	const unsigned n = role->node.setup.n_services;

	role->reach = calloc(1, sizeof(*role->reach));
	if (role->reach == NULL)
		return -ENOMEM;
	role->reach->services = calloc(n + 1, sizeof(struct service));
	if (role->reach->services == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		struct service *s = &role->reach->services[i];

		s->usable = calloc(
		    role->node.services[i].choice.n + 1, sizeof(*s->usable));
		if (s->usable == NULL)
			return -ENOMEM;
	}
	return 0;
}

void
director_reach_free(struct director_role *role)
{
	struct director_reach *r = role->reach;

	if (r == NULL)
		return;
	for (unsigned i = 0;
	     r->services != NULL && i < role->node.setup.n_services; i++)
		free(r->services[i].usable);
	free(r->services);
	free(r);
	role->reach = NULL;
}
