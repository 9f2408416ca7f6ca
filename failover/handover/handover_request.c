#include "failover/handover/handover_request.h"

#include "core/channel.h"
#include "core/fd.h"
#include "core/json_doc.h"
#include "core/log.h"
#include "core/reply.h"
#include "failover/role.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct handover_request {
	int socket;       /* of the operator, -1: none waits */
	bool supervisor;  /* it waits */
	unsigned asked;   /* a bit for each group that it is about */
	unsigned pending; /* and whose outcome is not known yet */
	enum handover_outcome outcomes[CONFIG_GROUPS_MAX];
};

int
handover_request_new(struct role *role)
{
	struct handover_request *e = malloc(sizeof(*e));

	if (e == NULL)
		return -ENOMEM;
	*e = (struct handover_request){ .socket = -1 };
	role->handover_request = e;
	return 0;
}

void
handover_request_free(struct role *role)
{
	if (role->handover_request == NULL)
		return;
	fd_close(&role->handover_request->socket);
	free(role->handover_request);
	role->handover_request = NULL;
}

static bool
is_under_way(const struct handover_request *e)
{
	return e->socket != -1 || e->supervisor;
}

#define TEXT_MAX HANDOVER_REQUEST_TEXT_MAX

/* %s is the peer. */
static const char *const words[] = {
	[HANDOVER_UNDECIDED] = "under way",
	[HANDOVER_DONE] = "handed over to %s",
	[HANDOVER_NOT_MASTER] = "this node is not master",
	[HANDOVER_NO_RELAY] = "the relay does not serve",
	[HANDOVER_PEER_UNHEARD] = "%s is not heard",
	[HANDOVER_PEER_UNFIT] = "%s is not able to take it",
	[HANDOVER_PEER_WORSE] =
	    "%s is less able to serve it, its status says why",
	[HANDOVER_PEER_LACKS] =
	    "%s has no group of that name, its configuration differs",
	[HANDOVER_PEER_DIFFERS] =
	    "%s has other addresses for it, its configuration differs",
	[HANDOVER_PEER_BEHIND] =
	    "%s does not know all connections of the kernel path, which would end; ask again when `hapair status` says that they are protected, or in 10 s to do it all the same",
	[HANDOVER_MUTE_FAILED] = "the listeners could not be muted",
	[HANDOVER_PEER_LOST] = "%s was lost before it claimed",
	[HANDOVER_PEER_MUTE] = "%s did not claim when it was asked",
	[HANDOVER_PEER_UNSURE] = "%s claimed, but did not say that it serves",
	[HANDOVER_LOST] = "this node lost it meanwhile",
	[HANDOVER_TAKEN_BACK] = "%s let go at once, this node has it again",
};

const char *
handover_request_text(const struct role_group *g, enum handover_outcome outcome,
    char buf[static TEXT_MAX])
{
	const char *peer = g->role->other->name;
	const char *text = words[outcome];
	const char *name = strstr(text, "%s");

	if (outcome == HANDOVER_NOT_MASTER)
		(void)snprintf(buf, TEXT_MAX, "this node is %s",
		    election_state_name(role_stand(g)->election.state));
	else if (outcome == HANDOVER_PEER_UNFIT)
		(void)snprintf(buf, TEXT_MAX, "%s is in state %s", peer,
		    election_state_name(role_stand(g)->peer_state));
	else if (outcome == HANDOVER_DONE &&
	    !node_has_same_config(role_node(g->role)))
		(void)snprintf(buf, TEXT_MAX,
		    "handed over to %s, whose configuration differs", peer);
	else if (name == NULL)
		(void)snprintf(buf, TEXT_MAX, "%s", text);
	else
		(void)snprintf(buf, TEXT_MAX, "%.*s%s%s", (int)(name - text),
		    text, peer, name + 2);
	return buf;
}

/* {"groups": [{"name", "done", "text"}]} */
static char *
answer_text(struct role *role)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = json_doc_new();
	struct json_doc *groups = json_doc_put_array(doc, "groups");
	const struct handover_request *e = role->handover_request;

	for (size_t i = 0; i < role->n_groups; i++) {
		const struct role_group *g = &role->groups[i];
		char text[TEXT_MAX];
		struct json_doc *at;

		if ((e->asked & 1U << i) == 0)
			continue;
		at = json_doc_put_object(groups, NULL);
		json_doc_put_string(at, "name", g->config->name);
		json_doc_put_bool(at, "done", e->outcomes[i] == HANDOVER_DONE);
		json_doc_put_string(
		    at, "text", handover_request_text(g, e->outcomes[i], text));
	}
	return json_doc_text(doc, false);
}

static void
answer_if_settled(struct role *role)
{
	struct handover_request *e = role->handover_request;

	if (e->pending != 0 || !is_under_way(e))
		return;
	if (e->socket != -1)
		reply_send(role->loop, &e->socket, answer_text(role));
	if (e->supervisor &&
	    channel_send(role->supervisor, MSG_HANDED_OVER, NULL, 0, -1) < 0)
		log_debug("failover", "the supervisor does not listen");
	*e = (struct handover_request){ .socket = -1 };
}

static void
settle(struct role_group *g, enum handover_outcome outcome)
{
	struct handover_request *e = g->role->handover_request;

	e->outcomes[g->index] = outcome;
	e->pending &= ~(1U << g->index);
	answer_if_settled(g->role);
}

void
handover_request_tell(struct role_group *g, enum node_effect_type what,
    enum handover_outcome outcome)
{
	char text[TEXT_MAX];

	handover_request_text(g, outcome, text);
	if (what == NODE_TELL_UNWILLING)
		log_warning(g->subject,
		    "[handover] the peer is preferred, but cannot be given it: %s",
		    text);
	else if (what == NODE_TELL_OUTCOME && outcome == HANDOVER_DONE)
		log_notice(g->subject, "%s", text);
	else if (what == NODE_TELL_OUTCOME)
		log_warning(
		    g->subject, "[handover] handover failed, reason: %s", text);
	if (what != NODE_TELL_UNWILLING)
		settle(g, outcome);
}

/* The mask of all groups that we are master of. */
static unsigned
reign(const struct role *role)
{
	unsigned mask = 0;

	for (size_t i = 0; i < role->n_groups; i++)
		if (node_is_master(role_node(role), (unsigned)i))
			mask |= 1U << i;
	return mask;
}

/* The answer may come at once: `pending` says first what it is about. */
static void
begin(struct role *role, unsigned mask)
{
	role->handover_request->asked |= mask;
	role->handover_request->pending |= mask;
	for (unsigned i = 0; i < role->n_groups; i++)
		if ((mask & 1U << i) != 0)
			inbox_put_group(&role->inbox, NODE_HAND_OVER, i);
	answer_if_settled(role);
}

static void
refuse_unknown(struct role *role, const char *name, int *socket)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "no group '%.64s'; there %s", name,
	    role->n_groups == 1 ? "is" : "are");

	for (size_t i = 0; i < role->n_groups; i++)
		if (n > 0 && (size_t)n < sizeof(text))
			n += snprintf(text + n, sizeof(text) - (size_t)n,
			    "%s %s", i > 0 ? "," : "",
			    role->groups[i].config->name);
	reply_error(role->loop, socket, text);
}

static unsigned
find(const struct role *role, const char *name)
{
	for (size_t i = 0; i < role->n_groups; i++)
		if (strcmp(role->groups[i].config->name, name) == 0)
			return 1U << i;
	return 0;
}

/* A name that is empty was meant to be one: it is not all groups. */
bool
handover_request_parse(struct role *role, const char *request, const char *verb,
    int *socket, unsigned *ret_mask)
{
	const size_t len = strlen(verb);
	const char *name = request + len;
	bool named;

	if (strncmp(request, verb, len) != 0 ||
	    (*name != '\0' && *name != ' ')) {
		reply_error(role->loop, socket, "unknown request");
		return false;
	}
	named = *name != '\0';
	*ret_mask = named ? find(role, name + 1) : reign(role);
	if (is_under_way(role->handover_request))
		reply_error(role->loop, socket, "a handover is under way");
	else if (*ret_mask == 0 && named)
		refuse_unknown(role, name + 1, socket);
	else if (*ret_mask == 0)
		reply_error(
		    role->loop, socket, "this node is master of no group");
	else
		return true;
	return false;
}

void
handover_request_ask(struct role *role, const char *request, int *socket)
{
	unsigned mask;

	if (!handover_request_parse(role, request, "handover", socket, &mask))
		return;
	role->handover_request->socket = fd_take(socket);
	begin(role, mask);
}

void
handover_request_ask_all(struct role *role)
{
	/* An operator's request that is under way is part of it. */
	role->handover_request->supervisor = true;
	begin(role, reign(role) & ~role->handover_request->pending);
}
