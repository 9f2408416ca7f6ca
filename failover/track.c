#include "failover/track.h"

#include <errno.h>
#include <string.h>

#include "core/buf.h"
#include "core/chan.h"
#include "core/log.h"
#include "failover/group.h"

_Static_assert(MSG_TRACKS_MAX == CONFIG_TRACKS_MAX, "status tells of all");

static enum election_reason
reason_of(const struct config_track *t)
{
	switch (config_track_kind(t)) {
	case CONFIG_TRACK_INTERFACE:
		return ELECTION_TRACK_INTERFACE;
	case CONFIG_TRACK_SERVICE:
		return ELECTION_TRACK_SERVICE;
	case CONFIG_TRACK_SCRIPT:
		return ELECTION_TRACK_SCRIPT;
	}
	return ELECTION_UNCHANGED;
}

/* The priority first: what a group says next, it says with the new one. */
static void
settle(struct role *role)
{
	struct tracker_sum sum = tracker_sum_none();

	for (size_t i = 0; i < role->n_tracks; i++)
		tracker_add(&sum, (int)i, &role->tracks[i].tracker,
		    role->tracks[i].config);
	for (size_t i = 0; i < role->n_groups; i++) {
		struct role_group *g = &role->groups[i];

		group_weigh(g, tracker_priority(g->told.priority, &sum));
		if (sum.fault == -1)
			group_track(g, ROLE_CAUSE_TRACK, ELECTION_RECOVERED);
		else
			group_track_one(g, ROLE_CAUSE_TRACK,
			    reason_of(role->tracks[sum.fault].config),
			    (unsigned)sum.fault);
	}
}

static void
tell(const struct role_track *t)
{
	const struct config_track *c = t->config;
	const char *is = t->tracker.ok ? "well again" : "not well";

	switch (config_track_kind(c)) {
	case CONFIG_TRACK_INTERFACE:
		log_notice("track", "interface %s: %s", c->interface, is);
		break;
	case CONFIG_TRACK_SERVICE:
		log_notice("track", "service %s: %s, wants %u servers up",
		    c->service, is, c->min_servers);
		break;
	case CONFIG_TRACK_SCRIPT:
		log_notice("track", "script %s: %s", c->script, is);
		break;
	}
}

/* Acts first, then tells: a takeover waits for no log. */
static void
changed(struct role *role, const struct role_track *t)
{
	if (!role->begun || role->other == NULL)
		return;
	settle(role);
	tell(t);
}

static bool
is_up(struct role *role, struct role_track *t)
{
	struct netlink_link link;
	int r = netlink_find_link(role->netlink, t->config->interface, &link);

	if (r < 0) {
		log_warning("track",
		    "cannot look at interface %s: %s, going by what was",
		    t->config->interface, strerror(-r));
		return t->tracker.ok;
	}
	t->link = link.index;
	return link.index != 0 && link.up && link.carrier;
}

/* The timer for the interface that is the first to count as up. */
static void
arm(struct role *role)
{
	struct mono wake = mono_never();
	double after_s;

	for (size_t i = 0; i < role->n_tracks; i++)
		wake = mono_min(wake, role->tracks[i].tracker.wake);
	ev_timer_stop(role->loop, &role->settle);
	if (mono_is_never(wake))
		return;
	after_s = (double)mono_span_us(mono_now(), wake) / 1e6;
	ev_timer_set(&role->settle, after_s > 0. ? after_s : 0., 0.);
	ev_timer_start(role->loop, &role->settle);
}

static void
look(struct role *role, struct role_track *t)
{
	const bool was = t->tracker.ok;

	tracker_see(&t->tracker, is_up(role, t), mono_now());
	if (t->tracker.ok != was)
		changed(role, t);
}

static void
on_settle(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct role *role = w->data;

	(void)loop;
	(void)revents;
	for (size_t i = 0; i < role->n_tracks; i++)
		if (!mono_is_never(role->tracks[i].tracker.wake))
			look(role, &role->tracks[i]);
	arm(role);
}

void
track_init(struct role *role)
{
	const struct config *config = role->config;

	ev_init(&role->settle, on_settle);
	role->settle.data = role;
	if (!config->has_pair)
		return;
	role->n_tracks = config->pair.n_tracks;
	for (size_t i = 0; i < role->n_tracks; i++) {
		const struct config_track *c = &config->pair.tracks[i];
		struct role_track *t = &role->tracks[i];

		*t = (struct role_track){ .config = c,
			.tracker = tracker_init() };
		if (c->service != NULL)
			t->service = config_find_service(config, c->service);
	}
}

void
track_begin(struct role *role)
{
	for (size_t i = 0; i < role->n_tracks; i++) {
		struct role_track *t = &role->tracks[i];

		if (t->config->interface != NULL)
			tracker_begin(&t->tracker, is_up(role, t));
	}
	settle(role);
}

void
track_on_change(struct role *role, const struct netlink_change *c)
{
	if (c->type != NETLINK_LINK && c->type != NETLINK_LOST)
		return;
	for (size_t i = 0; i < role->n_tracks; i++) {
		struct role_track *t = &role->tracks[i];

		if (t->config->interface == NULL)
			continue;
		if (c->type == NETLINK_LOST || c->index == t->link ||
		    strcmp(c->name, t->config->interface) == 0)
			look(role, t);
	}
	arm(role);
}

int
track_take_script(struct role *role, const struct chan_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct role_track *t;
	struct msg_script m;
	bool was;

	if (msg_get_script(&b, &m) < 0 || p->fd != -1 ||
	    m.track >= role->n_tracks ||
	    role->tracks[m.track].config->script == NULL)
		return -EBADMSG;
	t = &role->tracks[m.track];
	was = t->tracker.ok;
	tracker_run(&t->tracker, t->config, m.passed);
	if (t->tracker.ok != was)
		changed(role, t);
	return 0;
}

void
track_take_service(struct role *role, const struct msg_service *m)
{
	for (size_t i = 0; i < role->n_tracks; i++) {
		struct role_track *t = &role->tracks[i];
		const bool was = t->tracker.ok;

		if (t->config->service == NULL || t->service != m->service)
			continue;
		tracker_count(&t->tracker, t->config, m->up, m->unknown);
		if (t->tracker.ok != was)
			changed(role, t);
	}
}

struct msg_tracks
track_message(const struct role *role)
{
	struct msg_tracks m = { .n = (uint16_t)role->n_tracks };

	for (size_t i = 0; i < role->n_tracks; i++)
		m.ok[i] = role->tracks[i].tracker.ok;
	return m;
}

void
track_stop(struct role *role)
{
	if (role->config != NULL)
		ev_timer_stop(role->loop, &role->settle);
}
