#include "config/rules/standby_rules.h"

#include "config/config.h"
#include "config/rules/rules.h"
#include "config/yaml/diag.h"
#include "config/yaml/tree.h"

static void
check_one(struct rules *r, const struct config_service *s)
{
	const struct tree_node *list = rules_at(r, &s->servers);

	if (rules_is_whole(r, &s->servers, s->n_servers) &&
	    (s->n_servers < 2 || s->n_servers > CONFIG_STANDBY_SERVERS_MAX))
		diag_error(r->diag, &list->at,
		    "a standby service with %zu server%s; expected 2 to %d",
		    s->n_servers, s->n_servers == 1 ? "" : "s",
		    CONFIG_STANDBY_SERVERS_MAX);
	for (size_t i = 0; i < s->n_servers; i++) {
		const struct tree_node *backup =
		    rules_at(r, &s->servers[i].backup);

		if (s->servers[i].backup && backup != NULL)
			diag_error(r->diag, &backup->at,
			    "'backup' in a standby service; expected the order "
			    "of its servers to say who is next");
	}
}

static void
note_first(struct rules *r, const struct config_service *first)
{
	const struct tree_node *node = rules_at(r, &first->standby_group);

	if (node != NULL)
		diag_note(r->diag, &node->at, "the group begins here");
}

/* What decides is one for all of a group. */
static void
check_member(struct rules *r, const struct config_service *s,
    const struct config_service *first)
{
	const struct tree_node *node = rules_at(r, &s->standby_group);

	if (node == NULL)
		return;
	if (rules_is_whole(r, &s->servers, s->n_servers) &&
	    rules_is_whole(r, &first->servers, first->n_servers) &&
	    s->n_servers != first->n_servers) {
		diag_error(r->diag, &node->at,
		    "%zu servers in a standby group whose first service has "
		    "%zu; expected as many: the n-th of each are one host",
		    s->n_servers, first->n_servers);
		note_first(r, first);
	}
	if (s->hold_ms != first->hold_ms || s->failback != first->failback) {
		diag_error(r->diag, &node->at,
		    "'%s' differs from that of the group's first service; "
		    "expected the same, for they move together",
		    s->hold_ms != first->hold_ms ? "hold" : "failback");
		note_first(r, first);
	}
}

void
standby_rules_check(struct rules *r)
{
	const struct config *c = r->config;

	for (size_t i = 0; i < c->n_services; i++) {
		const struct config_service *s = &c->services[i];
		const size_t first = config_standby_leader(c, i);

		if (s->mode != CONFIG_MODE_STANDBY)
			continue;
		check_one(r, s);
		if (first != i)
			check_member(r, s, &c->services[first]);
	}
}
