#include "hapair/supervisor/request_route.h"

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
#include "hapair/supervisor/state_store.h"
#include "hapair/supervisor/upgrade.h"

#include <string.h>

/* To the role that answers it. */
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
	const bool both = strcmp(request, "reload both") == 0;
	const bool reload = both || strcmp(request, "reload") == 0;
	const bool upgrade = control_is_request(request, "upgrade");
	struct child *role = moves ? &g->failover : &g->relay;

	if (control_is_request(request, "events")) {
		event_log_obey(&r->events->log, request, socket);
		return;
	}
	if (control_is_request(request, "lingering")) {
		lingering_request_obey(r->loop, r->change, request, socket);
		return;
	}
	event_note_request(r->events, request);
	if (strcmp(request, "configuration") == 0)
		config_request_answer(r->loop, g->setup.config, socket);
	else if (!moves && !server && !reload && !upgrade && !live)
		reply_error(r->loop, socket, CONTROL_UNKNOWN);
	else if ((moves || server || live) &&
	    generation_change_is_busy(r->change))
		reply_error_as(r->loop, socket,
		    "a reload is under way: try again in a moment", REPLY_BUSY);
	else if (server && r->is_running)
		state_store_obey(r->store, request, socket);
	else if (both && r->is_running)
		file_share_obey(r->files, socket);
	else if (reload && r->is_running)
		reload_obey(r->reload, socket);
	else if (upgrade && r->is_running)
		upgrade_obey(r->upgrade, request, socket);
	else if (!server && !reload && !upgrade && role->ready && r->is_running)
		child_setup_request(role, request, *socket);
	else
		reply_error_as(r->loop, socket,
		    !r->is_running ? "this node is stopping"
		        : moves    ? "the failover process does not run"
		                   : "the relay process does not run",
		    r->is_running ? REPLY_BUSY : REPLY_PLAIN);
}
