#include "hapair/supervisor/request_route.h"

#include "config/config.h"
#include "core/reply.h"
#include "hapair/supervisor/child_setup.h"
#include "hapair/supervisor/config_request.h"
#include "hapair/supervisor/control.h"
#include "hapair/supervisor/event_note.h"
#include "hapair/supervisor/event_sync.h"
#include "hapair/supervisor/file_share.h"
#include "hapair/supervisor/generation_change.h"
#include "hapair/supervisor/lingering_request.h"
#include "hapair/supervisor/reload.h"
#include "hapair/supervisor/server_request.h"
#include "hapair/supervisor/state_store.h"
#include "hapair/supervisor/upgrade.h"

#include <string.h>

/* None, or the name of a group that this node would have to give. */
static bool
is_given(const struct generation *g, const char *name)
{
	const struct config_pair *pair = &g->setup.config->pair;

	for (size_t i = 0; i < generation_group_count(g); i++)
		if (g->known[i] && g->groups[i].state == MSG_GROUP_MASTER &&
		    (*name == '\0' || strcmp(pair->groups[i].name, name) == 0))
			return true;
	return false;
}

/*
 * Whether it is an event: it makes sense, as far as the file and the state of
 * the groups say. What a role still refuses is an order all the same. Of a kill
 * the relay says whether there was anybody.
 */
static bool
is_order(const struct generation *g, const char *request)
{
	const char *what = strchr(request, ' ');
	char why[SERVER_REQUEST_TEXT_MAX];
	struct server_request q;

	what = what != NULL ? what + 1 : "";
	if (control_is_request(request, "server"))
		return server_request_parse(g->setup.config, request, &q, why);
	if (control_is_request(request, "handover"))
		return is_given(g, what);
	if (control_is_request(request, "pause"))
		return *what != '\0' &&
		    strspn(what, "0123456789") == strlen(what);
	return strcmp(request, "resume") == 0;
}

/* Those that go on take the socket with them. */
static void
change(const struct request_route *r, const char *request, int *socket)
{
	const bool both = strcmp(request, "reload both") == 0;
	const bool reload = strcmp(request, "reload") == 0;
	const int *theirs = both ? &r->files->push.socket
	    : reload             ? &r->reload->socket
	                         : &r->upgrade->socket;
	const bool waits = *theirs != -1;

	if (both)
		file_share_obey(r->files, socket);
	else if (reload)
		reload_obey(r->reload, socket);
	else
		upgrade_obey(r->upgrade, request, socket);
	if (!waits && *theirs != -1)
		event_note_request(r->events, request);
}

static void
obey(const struct request_route *r, struct child *role, const char *request,
    int *socket)
{
	if (is_order(r->change->now, request))
		event_note_request(r->events, request);
	kill_orders_note(&r->events->kills, request);
	if (control_is_request(request, "server"))
		state_store_obey(r->store, request, socket);
	else
		child_setup_request(role, request, *socket);
}

void
request_route_take(
    const struct request_route *r, const char *request, int *socket)
{
	struct generation *g = r->change->now;
	const bool moves = control_is_request(request, "handover") ||
	    control_is_request(request, "dry-run") ||
	    control_is_request(request, "pause") ||
	    strcmp(request, "resume") == 0;
	const bool server = control_is_request(request, "server");
	const bool live = control_is_request(request, "connections") ||
	    control_is_request(request, "kill");
	const bool changes = strcmp(request, "reload") == 0 ||
	    strcmp(request, "reload both") == 0 ||
	    control_is_request(request, "upgrade");
	struct child *role = moves ? &g->failover : &g->relay;

	if (control_is_request(request, "lingering"))
		kill_orders_note(&r->events->kills, request);
	if (control_is_request(request, "events"))
		event_log_obey(&r->events->log, request, socket);
	else if (control_is_request(request, "lingering"))
		lingering_request_obey(r->loop, r->change, request, socket);
	else if (strcmp(request, "configuration") == 0)
		config_request_answer(r->loop, g->setup.config, socket);
	else if (!moves && !server && !changes && !live)
		reply_error(r->loop, socket, CONTROL_UNKNOWN);
	else if (!changes && generation_change_is_busy(r->change))
		reply_error_as(r->loop, socket,
		    "a reload is under way: try again in a moment", REPLY_BUSY);
	else if (!r->is_running)
		reply_error(r->loop, socket, "this node is stopping");
	else if (changes)
		change(r, request, socket);
	else if (!server && !role->ready)
		reply_error_as(r->loop, socket,
		    moves ? "the failover process does not run"
		          : "the relay process does not run",
		    REPLY_BUSY);
	else
		obey(r, role, request, socket);
}
