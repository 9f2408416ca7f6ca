#include "failover/sentry.h"

#include <errno.h>

#include "core/buf.h"
#include "core/chan.h"
#include "failover/group.h"

/*
 * The relay's threads wake each 100 ms, whether they have anything to do or
 * not: after ten times that nobody is served any more. A look costs no system
 * call, so it is often enough to add little to that.
 */
#define STALL_MS 1000
#define LOOK_MS 50

static void
track_all(struct role *role, enum election_reason reason, unsigned which)
{
	for (size_t i = 0; i < role->n_groups; i++)
		group_track_one(
		    &role->groups[i], ROLE_CAUSE_STALLED, reason, which);
}

static void
look(struct role *role)
{
	const unsigned n = PULSE_MAIN + 1 + role->start.workers;
	uint64_t counts[PULSE_LINES];
	int which;

	/* One that ends, or begins, is sibling.c's. */
	if (role->relay_pulse == NULL || !role->relay_serves ||
	    role->relay_leaves || n > PULSE_LINES)
		return;
	pulse_read(role->relay_pulse, counts, n);
	which = stall_first(role->stalls, counts, n, mono_now(), STALL_MS);
	if ((which != -1) == role->relay_stalled)
		return;
	role->relay_stalled = which != -1;
	if (which == -1)
		track_all(role, ELECTION_RECOVERED, 0);
	else
		track_all(role, ELECTION_RELAY_STALLED, (unsigned)which);
}

static void
on_look(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct role *role = w->data;

	(void)loop;
	(void)revents;
	pulse_beat(role->pulse, PULSE_MAIN);
	look(role);
}

void
sentry_start(struct role *role)
{
	ev_timer_init(&role->look, on_look, 0., LOOK_MS / 1e3);
	role->look.data = role;
	ev_timer_start(role->loop, &role->look);
}

void
sentry_stop(struct role *role)
{
	ev_timer_stop(role->loop, &role->look);
	pulse_unmap(&role->pulse);
	pulse_unmap(&role->relay_pulse);
}

int
sentry_take(struct role *role, const struct chan_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct msg_pulse m;
	struct pulse **place;
	int r = msg_get_pulse(&b, &m);

	if (r < 0)
		return r;
	place = m.own ? &role->pulse : &role->relay_pulse;
	if (p->fd == -1 || *place != NULL)
		return -EBADMSG;
	return pulse_map(p->fd, m.own, place);
}

void
sentry_reset(struct role *role)
{
	for (unsigned i = 0; i < PULSE_LINES; i++)
		role->stalls[i] = stall_init();
	role->relay_stalled = false;
	track_all(role, ELECTION_RECOVERED, 0);
}
