#include "failover/handover_preview.h"

#include "core/json_doc.h"
#include "core/reply.h"
#include "failover/connsync/conn_sync.h"
#include "failover/election/node_view.h"
#include "failover/handover/handover_request.h"
#include "failover/role.h"

#include <stdio.h>

#define TEXT_MAX HANDOVER_REQUEST_TEXT_MAX

/* Those go on at the other node, by its kernel: who counts them is not here. */
static bool
has_kernel(const struct role_group *g)
{
	const struct config *c = g->role->config;

	for (size_t i = 0; i < c->n_services; i++) {
		const struct config_service *s = &c->services[i];

		for (size_t k = 0;
		     s->path == CONFIG_PATH_KERNEL && k < s->n_listens; k++)
			if (config_group_of(&c->pair, &s->listens[k].address) ==
			    (int)g->index)
				return true;
	}
	return false;
}

/*
 * What speaks against it now: as node_offer.c, which waits for a while until
 * the peer knows the connections of the kernel path.
 */
static enum handover_outcome
objection_of(const struct role_group *g)
{
	const struct node *node = role_node(g->role);
	const struct node_group *state = &node->groups[g->index];
	const struct mono now = mono_now();
	const enum handover_outcome other =
	    node_view_objection(node, g->index, now);

	if (other != HANDOVER_UNDECIDED || !state->behind ||
	    (!mono_is_never(state->behind_until) &&
	        !mono_before(now, state->behind_until)))
		return other;
	return HANDOVER_PEER_BEHIND;
}

/* What it would cost; `alone`: what this node has of other groups stays. */
static void
cost_text(const struct role_group *g, bool alone, bool counted, size_t n,
    char buf[static TEXT_MAX])
{
	const size_t all = role_node(g->role)->connections;
	const size_t others = alone && all > n ? all - n : 0;
	char more[64] = "";

	if (counted && others > 0)
		(void)snprintf(more, sizeof(more),
		    ", %zu at those of other groups would go on", others);
	if (role_node(g->role)->groups[g->index].behind)
		(void)snprintf(buf, TEXT_MAX,
		    "%s%zu connection%s, and those of the kernel path that it does not know, would be reset%s",
		    counted ? "" : "up to ", n, n == 1 ? "" : "s", more);
	else if (counted && n == 0)
		(void)snprintf(buf, TEXT_MAX,
		    has_kernel(g)
		        ? "no connection at its addresses would be reset%s"
		        : "no connection is open at its addresses%s",
		    more);
	else
		(void)snprintf(buf, TEXT_MAX,
		    "%s%zu connection%s at its addresses would be reset%s",
		    counted ? "" : "up to ", n, n == 1 ? "" : "s", more);
}

static void
put_preview(struct json_doc *groups, const struct role_group *g, bool alone)
{
	const struct role *role = g->role;
	const enum handover_outcome objection = objection_of(g);
	const bool would = objection == HANDOVER_UNDECIDED;
	struct json_doc *at = json_doc_put_object(groups, NULL);
	char why[TEXT_MAX], text[3 * TEXT_MAX];
	size_t n;
	const bool counted = conn_sync_count_at(role, g->config, &n);

	if (would) {
		cost_text(g, alone, counted, n, why);
		(void)snprintf(text, sizeof(text),
		    "would be handed over to %s%s: %s, and no new client would notice",
		    role->other->name,
		    node_has_same_config(role_node(role))
		        ? ""
		        : ", whose configuration differs",
		    why);
	} else {
		(void)snprintf(text, sizeof(text),
		    "would not be handed over: %s",
		    handover_request_text(g, objection, why));
	}
	json_doc_put_string(at, "name", g->config->name);
	json_doc_put_bool(at, "done", false);
	json_doc_put_bool(at, "would", would);
	if (counted)
		json_doc_put_int(at, "connections", (int64_t)n);
	else
		json_doc_put_null(at, "connections");
	json_doc_put_string(at, "text", text);
}

static char *
preview_text(const struct role *role, unsigned mask)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = json_doc_new();
	struct json_doc *groups = json_doc_put_array(doc, "groups");
	const bool alone = (mask & (mask - 1)) == 0;

	for (size_t i = 0; i < role->n_groups; i++)
		if ((mask & 1U << i) != 0)
			put_preview(groups, &role->groups[i], alone);
	return json_doc_text(doc, false);
}

void
handover_preview_ask(struct role *role, const char *request, int *socket)
{
	unsigned mask;

	if (handover_request_parse(
	        role, request, "dry-run handover", socket, &mask))
		reply_send(role->loop, socket, preview_text(role, mask));
}
