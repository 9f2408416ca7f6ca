#include "failover/track.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/log.h"
#include "core/timeout.h"
#include "failover/election/track_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(MSG_TRACKS_MAX == CONFIG_TRACKS_MAX, "status tells of all");

/* One of pair.track. */
struct track_item {
	const struct config_track *config;
	struct track_state tracker;
	int link;    /* an interface's index, 0: it is not there */
	int service; /* a service's index in the configuration */
};

struct track {
	size_t n;
	struct track_item items[CONFIG_TRACKS_MAX];
	ev_timer settle; /* an interface is about to count as up */
};

static const enum election_reason reasons[] = {
	[CONFIG_TRACK_INTERFACE] = ELECTION_TRACK_INTERFACE,
	[CONFIG_TRACK_SERVICE] = ELECTION_TRACK_SERVICE,
	[CONFIG_TRACK_SCRIPT] = ELECTION_TRACK_SCRIPT,
};

static void
settle(struct role *role)
{
	const struct track *track = role->track;
	struct track_state_sum sum = track_state_sum_none();
	struct node_event ev = { .type = NODE_TRACKED, .group = NODE_EVERY };

	for (size_t i = 0; i < track->n; i++)
		track_state_add(&sum, (int)i, &track->items[i].tracker,
		    track->items[i].config);
	ev.tracked.lowered = sum.lowered;
	ev.tracked.faults = sum.faults;
	if (sum.fault != -1) {
		ev.tracked.reason =
		    reasons[config_track_kind(track->items[sum.fault].config)];
		ev.tracked.which = (unsigned)sum.fault;
	}
	inbox_put(&role->inbox, &ev);
}

static void
tell_well(const struct config_track *c)
{
	switch (config_track_kind(c)) {
	case CONFIG_TRACK_INTERFACE:
		log_notice(
		    "track", "[track] interface %s: well again", c->interface);
		break;
	case CONFIG_TRACK_SERVICE:
		log_notice("track",
		    "[track] service %s: well again, wants %u servers up",
		    c->service, c->min_servers);
		break;
	case CONFIG_TRACK_SCRIPT:
		log_notice("track", "[track] script %s: well again", c->script);
		break;
	}
}

static void
tell_ill(const struct config_track *c)
{
	switch (config_track_kind(c)) {
	case CONFIG_TRACK_INTERFACE:
		log_warning(
		    "track", "[track] interface %s: not well", c->interface);
		break;
	case CONFIG_TRACK_SERVICE:
		log_warning("track",
		    "[track] service %s: not well, wants %u servers up",
		    c->service, c->min_servers);
		break;
	case CONFIG_TRACK_SCRIPT:
		log_warning("track", "[track] script %s: not well", c->script);
		break;
	}
}

static void
tell(const struct track_item *t)
{
	if (t->tracker.ok)
		tell_well(t->config);
	else
		tell_ill(t->config);
}

/* If it is one. Acts first, then tells: a takeover waits for no log. */
static void
tell_change(struct role *role, const struct track_item *t, bool was)
{
	if (t->tracker.ok == was || !role->begun || role->other == NULL)
		return;
	settle(role);
	tell(t);
}

static bool
is_up(struct role *role, struct track_item *t)
{
	struct netlink_link link;
	int e = netlink_find_link(role->netlink, t->config->interface, &link);

	if (e < 0) {
		log_warning("track",
		    "[resource] cannot look at interface %s: %s, assuming no change",
		    t->config->interface, strerror(-e));
		return t->tracker.ok;
	}
	t->link = link.index;
	return link.index != 0 && link.up && link.carrier;
}

/* The timer for the interface that is the first to count as up. */
static void
arm(struct role *role)
{
	struct track *track = role->track;
	struct mono wake = mono_never();

	for (size_t i = 0; i < track->n; i++)
		wake = mono_min(wake, track->items[i].tracker.wake);
	timeout_arm_at(role->loop, &track->settle, wake);
}

static void
look(struct role *role, struct track_item *t)
{
	const bool was = t->tracker.ok;

	track_state_see(&t->tracker, is_up(role, t), mono_now());
	tell_change(role, t, was);
}

static void
on_settle(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct role *role = ev_userdata(loop);

	for (size_t i = 0; i < role->track->n; i++)
		if (!mono_is_never(role->track->items[i].tracker.wake))
			look(role, &role->track->items[i]);
	arm(role);
}

int
track_new(struct role *role)
{
	const struct config *config = role->config;
	struct track *track = calloc(1, sizeof(*track));

	if (track == NULL)
		return -ENOMEM;
	role->track = track;
	ev_init(&track->settle, on_settle);
	if (config->has_pair)
		track->n = config->pair.n_tracks;
	for (size_t i = 0; i < track->n; i++) {
		const struct config_track *c = &config->pair.tracks[i];
		struct track_item *t = &track->items[i];

		*t = (struct track_item){ .config = c,
			.tracker = track_state_init() };
		if (c->service != NULL)
			t->service = config_find_service(config, c->service);
	}
	return 0;
}

void
track_begin(struct role *role)
{
	for (size_t i = 0; i < role->track->n; i++) {
		struct track_item *t = &role->track->items[i];

		if (t->config->interface != NULL)
			track_state_begin(&t->tracker, is_up(role, t));
	}
	settle(role);
}

void
track_on_change(struct role *role, const struct netlink_change *c)
{
	if (c->type != NETLINK_LINK && c->type != NETLINK_LOST)
		return;
	for (size_t i = 0; i < role->track->n; i++) {
		struct track_item *t = &role->track->items[i];

		if (t->config->interface == NULL)
			continue;
		if (c->type == NETLINK_LOST || c->index == t->link ||
		    strcmp(c->name, t->config->interface) == 0)
			look(role, t);
	}
	arm(role);
}

int
track_take_script(struct role *role, const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct track_item *t;
	struct msg_script m;
	bool was;

	if (role->track == NULL)
		return -EBADMSG;
	if (msg_get_script(&b, &m) < 0 || p->fd != -1 ||
	    m.track >= role->track->n ||
	    role->track->items[m.track].config->script == NULL)
		return -EBADMSG;
	t = &role->track->items[m.track];
	was = t->tracker.ok;
	track_state_run(&t->tracker, t->config, m.passed);
	tell_change(role, t, was);
	return 0;
}

void
track_take_service(struct role *role, const struct msg_service *m)
{
	for (size_t i = 0; role->track != NULL && i < role->track->n; i++) {
		struct track_item *t = &role->track->items[i];
		const bool was = t->tracker.ok;

		if (t->config->service == NULL || t->service != m->service)
			continue;
		track_state_count(&t->tracker, t->config, m->up, m->unknown);
		tell_change(role, t, was);
	}
}

struct msg_tracks
track_message(const struct role *role)
{
	struct msg_tracks m = { .n = (uint16_t)role->track->n };

	for (size_t i = 0; i < role->track->n; i++)
		m.ok[i] = role->track->items[i].tracker.ok;
	return m;
}

void
track_free(struct role *role)
{
	if (role->track == NULL)
		return;
	ev_timer_stop(role->loop, &role->track->settle);
	free(role->track);
	role->track = NULL;
}
