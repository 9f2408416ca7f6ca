#include "hapair/supervisor/event_note.h"

#include "config/config.h"
#include "core/msg.h"
#include "core/version.h"
#include "hapair/supervisor/control.h"
#include "hapair/supervisor/event_sync.h"
#include "hapair/supervisor/generation.h"
#include "hapair/supervisor/server_request.h"

#include <stdio.h>
#include <string.h>

void
event_note_start(struct event_sync *s)
{
	event_sync_add(
	    s, EVENT_PROCESS, "daemon", "started", "version " VERSION);
}

void
event_note_upgrade(struct event_sync *s, enum reload_step_action end,
    enum reload_step_fault fault)
{
	const bool failed = end == RELOAD_STEP_TELL_FAILED;

	event_sync_add(s, EVENT_PROCESS, "daemon",
	    failed ? "upgraded, but its roles are the old ones"
	           : "upgraded to version " VERSION,
	    failed ? reload_step_fault_text(fault) : NULL);
}

void
event_note_stop(struct event_sync *s, int signal)
{
	char reason[EVENT_REASON_MAX];

	(void)snprintf(reason, sizeof(reason), "signal %d", signal);
	event_sync_add(s, EVENT_PROCESS, "daemon", "stopping", reason);
}

void
event_note_group(
    struct event_sync *s, const struct generation *g, const struct msg_group *m)
{
	const enum msg_group_state was =
	    g->known[m->group] ? g->groups[m->group].state : MSG_GROUP_INIT;
	char subject[EVENT_SUBJECT_MAX], what[EVENT_WHAT_MAX];

	if (was == m->state)
		return;
	(void)snprintf(subject, sizeof(subject), "group %s",
	    g->setup.config->pair.groups[m->group].name);
	(void)snprintf(what, sizeof(what), "%s -> %s",
	    msg_group_state_name(was), msg_group_state_name(m->state));
	event_sync_add(s, EVENT_GROUP, subject, what, m->reason);
}

void
event_note_end(struct event_sync *s, const struct child *role)
{
	event_sync_add(s, EVENT_PROCESS, role->name,
	    "ended, it is started again", "the log says why");
}

void
event_note_request(struct event_sync *s, const char *request)
{
	static const char *const verbs[] = { "server", "handover", "pause",
		"resume", "kill", "reload", "upgrade" };
	const char *reason = control_is_request(request, "server")
	    ? strstr(request, " " SERVER_REQUEST_REASON)
	    : NULL;
	CLEANUP(free_str)
	char *what = strndup(request,
	    reason != NULL ? (size_t)(reason - request) : strlen(request));

	if (reason != NULL)
		reason += 1 + strlen(SERVER_REQUEST_REASON);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (control_is_request(request, verbs[i]))
			event_sync_add(
			    s, EVENT_OPERATOR, "an operator", what, reason);
}

void
event_note_file(struct event_sync *s)
{
	if (s != NULL)
		event_sync_add(s, EVENT_RELOAD, "configuration",
		    "taking the peer's file", "hapair reload --both there");
}

void
event_note_reload(struct event_sync *s, enum reload_step_action end,
    enum reload_step_fault fault)
{
	const bool failed = end == RELOAD_STEP_TELL_FAILED;

	event_sync_add(s, EVENT_RELOAD, "configuration",
	    failed ? "reload failed, nothing was changed" : "reloaded",
	    failed ? reload_step_fault_text(fault) : NULL);
}
