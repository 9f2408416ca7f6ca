#include "failover/relay_link.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/timeout.h"
#include "failover/connsync/conn_sync.h"
#include "failover/connsync/tickle.h"
#include "failover/group.h"
#include "failover/handover/handover_run.h"
#include "failover/heartbeat/heartbeat.h"
#include "failover/pause_request.h"
#include "failover/relay_watchdog.h"
#include "failover/track.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

_Static_assert(MSG_PEER_LINKS_MAX >= ROLE_LINKS_MAX, "status tells of all");

/*
 * A relay that crashed is started again at once, while its clients wait in the
 * backlog of listeners that stay open. That takes a few ms; a takeover costs
 * the established connections of every other service too.
 *
 * How long a process may take to be back depends on the machine. What is known
 * of that is hang_timeout, for which a node may stand still: a quarter of it,
 * which is the least by default. New clients wait as long, so there is a most.
 */
#define GRACE_LEAST_MS 250
#define GRACE_MOST_MS 2000
#define GRACE_PART 4

struct relay_link {
	ev_io ready;
	ev_timer grace;
};

static void
on_grace(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct role *role = ev_userdata(loop);

	ev_timer_stop(loop, w);
	inbox_put_type(&role->inbox, NODE_RELAY_OVERDUE);
}

static uint32_t
grace_ms(const struct role *role)
{
	const uint32_t ms = role->config->pair.hang_ms / GRACE_PART;

	if (ms > GRACE_MOST_MS)
		return GRACE_MOST_MS;
	return ms > GRACE_LEAST_MS ? ms : GRACE_LEAST_MS;
}

static void
await(struct role *role)
{
	ev_timer *grace = &role->relay_link->grace;

	if (role->config == NULL || role->config->n_services == 0 ||
	    role->other == NULL || role_node(role)->stopping)
		return;
	if (!ev_is_active(grace))
		timeout_arm(role->loop, grace, grace_ms(role) / 1e3);
}

static void
lose(struct role *role, const char *why)
{
	const bool leaves = role_node(role)->relay_leaves;

	ev_io_stop(role->loop, &role->relay_link->ready);
	fd_close(&role->relay);
	inbox_put_type(&role->inbox, NODE_RELAY_GONE);
	await(role);
	if (role_node(role)->stopping)
		return;
	if (leaves)
		log_notice("failover", "relay: stopped");
	else if (role->config != NULL && role->config->has_pair)
		log_warning("failover",
		    "relay: %s, waiting %" PRIu32 " ms for another", why,
		    grace_ms(role));
}

static void
on_serving(struct role *role)
{
	ev_timer_stop(role->loop, &role->relay_link->grace);
	relay_watchdog_reset(role);
	inbox_put_type(&role->inbox, NODE_RELAY_SERVES);
}

static bool
send_peer(struct role *role)
{
	struct buf b = BUF_WRITER(CHANNEL_BODY_MAX);
	struct msg_peer m = { .node = (uint16_t)(1 - role->start.node) };

	heartbeat_describe(role, &m);
	pause_request_describe(role, &m);
	conn_sync_describe(role, &m);
	tickle_describe(role, &m);
	msg_put_peer(&b, &m);
	return !b.bad &&
	    channel_send(role->relay, MSG_PEER, b.data, b.pos, -1) == 0;
}

static bool
send_tracks(struct role *role)
{
	const struct msg_tracks m = track_message(role);
	struct buf b = BUF_WRITER(64);

	msg_put_tracks(&b, &m);
	return !b.bad &&
	    channel_send(role->relay, MSG_TRACKS, b.data, b.pos, -1) == 0;
}

static void
answer(struct role *role, const struct msg_ask *ask)
{
	struct buf b = BUF_WRITER(16);

	/* A relay that does not read gets no answer; its own time runs out. */
	if (role->other != NULL && (!send_peer(role) || !send_tracks(role)))
		return;
	msg_put_ask(&b, ask);
	if (channel_send(role->relay, MSG_ANSWERED, b.data, b.pos, -1) < 0)
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
obey(struct role *role, const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct msg_ask ask;
	struct msg_reset drop;

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
		inbox_put_type(&role->inbox, NODE_RELAY_LEAVES);
		return p->len == 0;
	case MSG_ASK:
		if (msg_get_ask(&b, &ask) < 0)
			return false;
		answer(role, &ask);
		return true;
	case MSG_RESET:
		if (msg_get_reset(&b, &drop) < 0)
			return false;
		handover_run_take_drop(role, &drop);
		return true;
	case MSG_CONNECTIONS_BEGIN:
	case MSG_CONNECTIONS:
	case MSG_CONNECTIONS_END:
		return conn_sync_take(role, p);
	default: /* not an enum: a number from another process */
		return false;
	}
}

static void
on_relay(struct ev_loop *loop, ev_io *w, int revents)
{
	struct role *role = ev_userdata(loop);
	struct channel_packet p;
	int e = channel_recv(role->relay, &p);

	if (e == -EAGAIN)
		return;
	if (e == 0) {
		lose(role, "its channel has ended");
	} else if (e < 0) {
		lose(role, "its channel is broken");
	} else if (!obey(role, &p)) {
		fd_close(&p.fd);
		lose(role, "it sent a malformed message");
	}
}

void
relay_link_take(struct role *role, int channel)
{
	const bool replaced = role->relay != -1;
	ev_io *ready = &role->relay_link->ready;

	ev_io_stop(role->loop, ready);
	fd_close(&role->relay);
	role->relay = channel;
	inbox_put_type(&role->inbox, NODE_RELAY_CAME);
	ev_io_set(ready, channel, EV_READ);
	ev_io_start(role->loop, ready);
	if (replaced && role->begun)
		await(role);
	for (size_t i = 0; i < role->n_groups; i++) {
		role->groups[i].relay_owes = true;
		group_tell(&role->groups[i]);
	}
}

void
relay_link_begin(struct role *role)
{
	const struct node *n = role_node(role);

	if (n->config.needs_relay && !n->relay_serves)
		await(role);
	inbox_put_type(&role->inbox, NODE_BEGIN);
}

int
relay_link_new(struct role *role)
{
	struct relay_link *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	ev_init(&s->ready, on_relay);
	ev_init(&s->grace, on_grace);
	role->relay_link = s;
	return 0;
}

void
relay_link_close(struct role *role)
{
	if (role->relay_link == NULL)
		return;
	ev_timer_stop(role->loop, &role->relay_link->grace);
	ev_io_stop(role->loop, &role->relay_link->ready);
	fd_close(&role->relay);
	free(role->relay_link);
	role->relay_link = NULL;
}
