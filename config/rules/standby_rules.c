#include "config/rules/standby_rules.h"

#include "config/config.h"
#include "config/schema/source_marks.h"
#include "config/yaml/diag.h"
#include "config/yaml/tree.h"

struct rules {
	const struct source_marks *marks;
	struct diag *diag;
};

/* Of a list in which one was refused, we cannot say how many it has. */
static bool
is_whole(const struct rules *r, const struct config_service *s)
{
	const struct tree_node *list = source_marks_get(r->marks, &s->servers);

	return list != NULL &&
	    s->n_servers == (list->type == TREE_LIST ? list->n_items : 1);
}

static void
check_one(struct rules *r, const struct config_service *s)
{
	const struct tree_node *list = source_marks_get(r->marks, &s->servers);

	if (is_whole(r, s) &&
	    (s->n_servers < 2 || s->n_servers > CONFIG_STANDBY_SERVERS_MAX))
		diag_error(r->diag, &list->at,
		    "a standby service with %zu server%s; expected 2 to %d",
		    s->n_servers, s->n_servers == 1 ? "" : "s",
		    CONFIG_STANDBY_SERVERS_MAX);
	for (size_t i = 0; i < s->n_servers; i++) {
		const struct tree_node *backup =
		    source_marks_get(r->marks, &s->servers[i].backup);

		if (s->servers[i].backup && backup != NULL)
			diag_error(r->diag, &backup->at,
			    "'backup' in a standby service; expected the order "
			    "of its servers to say who is next");
	}
}

static void
note_first(struct rules *r, const struct config_service *first)
{
	const struct tree_node *node =
	    source_marks_get(r->marks, &first->standby_group);

	if (node != NULL)
		diag_note(r->diag, &node->at, "the group begins here");
}

/* What decides is one for all of a group. */
static void
check_member(struct rules *r, const struct config_service *s,
    const struct config_service *first)
{
	const struct tree_node *node =
	    source_marks_get(r->marks, &s->standby_group);

	if (node == NULL)
		return;
	if (is_whole(r, s) && is_whole(r, first) &&
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
standby_rules_check(
    const struct config *c, const struct source_marks *marks, struct diag *diag)
{
	struct rules r = { .marks = marks, .diag = diag };

	for (size_t i = 0; i < c->n_services; i++) {
		const struct config_service *s = &c->services[i];
		const size_t first = config_standby_leader(c, i);

		if (s->mode != CONFIG_MODE_STANDBY)
			continue;
		check_one(&r, s);
		if (first != i)
			check_member(&r, s, &c->services[first]);
	}
}
