#include "hapair/supervisor/event_note.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/msg.h"
#include "core/version.h"
#include "core/wall_clock.h"
#include "hapair/supervisor/control.h"
#include "hapair/supervisor/event_sync.h"
#include "hapair/supervisor/generation.h"
#include "hapair/supervisor/server_request.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SAME_ORDER_MS 10000

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
		"resume", "reload", "upgrade" };
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

/* One command asks one relay after the other, which is one order. */
static bool
is_noted(const struct event_sync *s, const char *order)
{
	const struct event_file_list *own = &s->log.lists[0];
	const struct event *last = own->n > 0 ? &own->all[own->n - 1] : NULL;

	return last != NULL && last->kind == EVENT_OPERATOR &&
	    strcmp(last->what, order) == 0 &&
	    wall_clock_now_ms() - last->wall_ms < SAME_ORDER_MS;
}

int
event_note_killed(struct event_sync *s, const struct generation *g,
    bool lingers, const struct channel_packet *p)
{
	const struct config *config = g->setup.config;
	struct buf b = buf_reader(p->body, p->len);
	const struct config_service *c;
	char what[EVENT_WHAT_MAX];
	struct msg_killed m;

	if (msg_get_killed(&b, &m) < 0 || m.service >= config->n_services)
		return -EBADMSG;
	c = &config->services[m.service];
	if (m.server >= c->n_servers)
		return -EBADMSG;
	if (m.id != 0)
		(void)snprintf(what, sizeof(what), "kill %" PRIx64, m.id);
	else
		(void)snprintf(what, sizeof(what), "kill %s/%s", c->name,
		    c->servers[m.server].name);
	if (!kill_orders_take(&s->kills, what))
		return 0; /* or by the program before, which nobody can tell */
	if (!lingers || !is_noted(s, what))
		event_sync_add(s, EVENT_OPERATOR, "an operator", what, NULL);
	return 0;
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
