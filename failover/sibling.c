#include "failover/sibling.h"

#include <errno.h>
#include <string.h>

#include "core/buf.h"
#include "core/chan.h"
#include "core/fd.h"
#include "core/log.h"
#include "failover/beat.h"
#include "failover/giver.h"
#include "failover/group.h"
#include "failover/replica.h"
#include "failover/sentry.h"
#include "failover/track.h"

_Static_assert(MSG_PEER_LINKS_MAX >= ROLE_LINKS_MAX, "status tells of all");

/*
 * A relay that crashed is started again at once, while its clients wait in the
 * backlog of listeners that stay open. That takes a few ms; a takeover costs
 * the established connections of every other service too.
 */
#define GRACE_MS 250

static void
track_all(struct role *role, enum election_reason reason)
{
	for (size_t i = 0; i < role->n_groups; i++)
		group_track(&role->groups[i], ROLE_CAUSE_RELAY, reason);
}

static void
on_grace(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct role *role = w->data;

	(void)revents;
	ev_timer_stop(loop, w);
	if (role->relay_serves)
		return;
	track_all(role,
	    beat_is_started(role) ? ELECTION_RELAY_GONE
	                          : ELECTION_RELAY_STARTING);
	beat_start(role);
}

static void
await(struct role *role)
{
	role->relay_serves = false;
	if (role->config == NULL || role->config->n_services == 0 ||
	    role->other == NULL || role->stopping)
		return;
	/* Beginning may have taken long: the loop's idea of now is old. */
	ev_now_update(role->loop);
	if (!ev_is_active(&role->relay_grace)) {
		ev_timer_init(&role->relay_grace, on_grace, GRACE_MS / 1e3, 0.);
		role->relay_grace.data = role;
		ev_timer_start(role->loop, &role->relay_grace);
	}
}

static void
lose(struct role *role, const char *why)
{
	ev_io_stop(role->loop, &role->relay_ready);
	fd_close(&role->relay);
	giver_lose_relay(role);
	await(role);
	if (role->stopping)
		return;
	if (role->relay_leaves)
		log_notice("failover", "relay: stopped");
	else
		log_warning("failover", "relay: %s, waiting %d ms for another",
		    why, GRACE_MS);
}

static void
on_serving(struct role *role)
{
	role->relay_serves = true;
	ev_timer_stop(role->loop, &role->relay_grace);
	track_all(role, ELECTION_RECOVERED);
	sentry_reset(role);
	if (role->begun && role->other != NULL)
		beat_start(role);
}

static bool
send_peer(struct role *role)
{
	uint8_t body[CHAN_BODY_MAX];
	struct buf b = buf_writer(body, sizeof(body));
	const struct peer *p = &role->peer;
	const struct mono now = mono_now();
	struct msg_peer m = { .node = (uint16_t)(1 - role->start.node),
		.reachable = peer_is_alive(p, beat_dead_ms(role), now),
		.config_known = p->known,
		.config_matches = memcmp(p->config_hash, role->config->hash,
		                      sizeof(p->config_hash)) == 0,
		.last_heard_ms = -1,
		.n_groups = (uint16_t)role->n_groups,
		.n_links = (uint16_t)role->n_links };

	if (!mono_is_never(p->heard))
		m.last_heard_ms = mono_span_ms(p->heard, now);
	for (size_t i = 0; i < role->n_groups; i++)
		m.groups[i] = role->groups[i].peer_state;
	for (size_t i = 0; i < role->n_links; i++) {
		const struct peer_path *path = &role->links[i].path;

		m.links[i] = (struct msg_peer_link){
			.up = peer_path_is_alive(path, beat_dead_ms(role), now),
			.received = path->received,
			.lost = path->lost,
			.rejected = path->rejected,
		};
	}
	replica_describe(role, &m);
	msg_put_peer(&b, &m);
	return !b.bad && chan_send(role->relay, MSG_PEER, body, b.pos, -1) == 0;
}

static bool
send_tracks(struct role *role)
{
	const struct msg_tracks m = track_message(role);
	uint8_t body[64];
	struct buf b = buf_writer(body, sizeof(body));

	msg_put_tracks(&b, &m);
	return !b.bad &&
	    chan_send(role->relay, MSG_TRACKS, body, b.pos, -1) == 0;
}

static void
answer(struct role *role, const struct msg_ask *ask)
{
	uint8_t body[16];
	struct buf b = buf_writer(body, sizeof(body));

	/* A relay that does not read gets no answer; its own time runs out. */
	if (role->other != NULL && (!send_peer(role) || !send_tracks(role)))
		return;
	msg_put_ask(&b, ask);
	if (chan_send(role->relay, MSG_ANSWERED, body, b.pos, -1) < 0)
		log_debug("failover", "relay: no room for an answer");
}

static bool
take_service(struct role *role, struct buf *b)
{
	struct msg_service service;

	if (msg_get_service(b, &service) < 0)
		return false;
	track_take_service(role, &service);
	return true;
}

/* Returns whether it made sense. */
static bool
obey(struct role *role, const struct chan_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct msg_ask ask;
	struct msg_drop drop;

	if (p->fd != -1)
		return false;
	switch (p->type) {
	case MSG_SERVING:
		if (p->len != 0)
			return false;
		on_serving(role);
		return true;
	case MSG_SERVICE:
		return take_service(role, &b);
	case MSG_STOPPED:
		role->relay_leaves = true;
		return p->len == 0;
	case MSG_ASK:
		if (msg_get_ask(&b, &ask) < 0)
			return false;
		answer(role, &ask);
		return true;
	case MSG_DROP:
		if (msg_get_drop(&b, &drop) < 0)
			return false;
		giver_take_drop(role, &drop);
		return true;
	case MSG_CONNECTIONS_BEGIN:
	case MSG_CONNECTIONS:
	case MSG_CONNECTIONS_END:
		return replica_take(role, p);
	default: /* not an enum: a number from another process */
		return false;
	}
}

static void
on_relay(struct ev_loop *loop, ev_io *w, int revents)
{
	struct role *role = w->data;
	struct chan_packet p;
	int r = chan_recv(role->relay, &p);

	(void)loop;
	(void)revents;
	if (r == -EAGAIN)
		return;
	if (r == 0) {
		lose(role, "its channel has ended");
	} else if (r < 0) {
		lose(role, "its channel is broken");
	} else if (!obey(role, &p)) {
		fd_close(&p.fd);
		lose(role, "it said what it must not say");
	}
}

void
sibling_take(struct role *role, int chan)
{
	const bool replaced = role->relay != -1;

	if (replaced)
		ev_io_stop(role->loop, &role->relay_ready);
	fd_close(&role->relay);
	role->relay = chan;
	role->relay_leaves = false;
	giver_lose_relay(role);
	ev_io_init(&role->relay_ready, on_relay, chan, EV_READ);
	role->relay_ready.data = role;
	ev_io_start(role->loop, &role->relay_ready);
	if (replaced && role->begun)
		await(role);
	for (size_t i = 0; i < role->n_groups; i++) {
		role->groups[i].relay_owes = true;
		group_tell(&role->groups[i]);
	}
}

static bool
is_master(const struct role *role)
{
	for (size_t i = 0; i < role->n_groups; i++)
		if (role->groups[i].election.state == ELECTION_MASTER)
			return true;
	return false;
}

void
sibling_begin(struct role *role)
{
	if (role->config->n_services > 0 && !role->relay_serves)
		await(role);
	if (!ev_is_active(&role->relay_grace) || is_master(role))
		beat_start(role);
}

void
sibling_close(struct role *role)
{
	ev_timer_stop(role->loop, &role->relay_grace);
	if (role->relay != -1)
		ev_io_stop(role->loop, &role->relay_ready);
	fd_close(&role->relay);
}
