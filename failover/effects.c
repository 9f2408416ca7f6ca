#include "failover/effects.h"

#include "core/buf.h"
#include "core/log.h"
#include "core/timeout.h"
#include "failover/connsync/conn_sync.h"
#include "failover/connsync/tickle.h"
#include "failover/director_link.h"
#include "failover/group.h"
#include "failover/handover/handover_request.h"
#include "failover/handover/handover_run.h"
#include "failover/heartbeat/heartbeat.h"
#include "failover/heartbeat/witness.h"
#include "failover/pause_request.h"
#include "failover/vip/arp_nd.h"
#include "failover/vip/link_watch.h"
#include "failover/vip/living.h"
#include "failover/vip/neighbours.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct effects {
	ev_timer tick;
};

static void
look_at_clock(void *arg, struct node_now *ret_now)
{
	(void)arg;
	*ret_now = (struct node_now){ mono_now(), mono_boot_now() };
}

static void
on_tick(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct role *role = ev_userdata(loop);

	inbox_put_type(&role->inbox, NODE_TICK);
}

static void
wake_at(void *arg, struct mono wake)
{
	struct role *role = arg;

	timeout_arm_at(role->loop, &role->effects->tick, wake);
	director_link_look(role);
}

static void
put_macs(const struct role_group *g, struct hello_group *said)
{
	const unsigned *places = role_stand(g)->places;

	for (unsigned k = 0; k < g->config->n_interfaces; k++)
		memcpy(said->macs[places[k]], g->vip.links[k].mac,
		    HELLO_MAC_BYTES);
}

/* Over all links and the wire; a challenge is for the last stranger. */
static void
say(struct role *role, bool challenge, const struct node_now *now)
{
	uint8_t packet[HELLO_BYTES_MAX + SECRET_MAC_BYTES];
	struct buf b = buf_writer(packet, HELLO_BYTES_MAX);
	const struct packet_auth_key *key;
	struct hello h;
	size_t len;

	node_speak(&role->inbox.node, challenge ? HELLO_CHALLENGE : HELLO_BEAT,
	    now, &h);
	for (size_t i = 0; i < role->n_groups; i++)
		put_macs(&role->groups[i], &h.groups[i]);
	key = packet_auth_find(&role->auth, h.keys[h.key]);
	if (key == NULL)
		return; /* it was taken out a moment ago: the node will know */
	hello_encode(&b, &h);
	len = packet_auth_close(key, packet, b.pos);
	heartbeat_transmit(role, packet, len);
	conn_sync_send_hello(role, packet, len);
}

/* The peer has another boot now. */
static void
expect(struct role *role)
{
	conn_sync_expect(role, &role_node(role)->peer.boot);
	heartbeat_renew_chance(role);
}

/* What is about the node, and no group. */
static int
act(struct role *role, const struct node_effect *e, const struct node_now *now)
{
	if (e->type == NODE_DO_START)
		heartbeat_start(role);
	else if (e->type == NODE_DO_EXPECT)
		expect(role);
	else
		say(role, e->type == NODE_DO_CHALLENGE, now);
	return 0;
}

/*
 * Nobody new is let in; then those who are, are let go. While we are master the
 * director lets them in until the listeners are muted: see director_link.h.
 */
static int
close_doors(struct role_group *g, enum node_effect_type type)
{
	if (!node_is_master(role_node(g->role), g->index))
		director_link_release(g);
	return type == NODE_DO_MUTE ? handover_run_mute(g, true)
	                            : handover_run_drop(g);
}

/* Where nothing has moved the director goes on, too. */
static int
open_doors(struct role_group *g)
{
	if (node_is_master(role_node(g->role), g->index))
		director_link_claim(g);
	return handover_run_mute(g, false);
}

/* The handover's: what can be refused. */
static int
act_on_clients(struct role_group *g, enum node_effect_type type)
{
	if (type == NODE_DO_MUTE || type == NODE_DO_RESET)
		return close_doors(g, type);
	if (type == NODE_DO_ANSWER)
		return open_doors(g);
	handover_run_hold(g, type);
	return 0;
}

/*
 * Before the addresses are here, for the first packet finds the program; and
 * told before they go, for nothing shall come due that the peer decides.
 */
static int
act_on_addresses(struct role_group *g, enum node_effect_type type)
{
	if (type == NODE_DO_DELETE) {
		director_link_release(g);
		return link_watch_release(g);
	}
	if (type == NODE_DO_ADD)
		director_link_claim(g);
	return link_watch_hold(g);
}

/* What is about a group. */
static int
act_on(struct role_group *g, enum node_effect_type type)
{
	if (type == NODE_DO_PROBE) {
		arp_nd_ask(g);
		witness_ask(g->role);
		neighbours_ask(g);
	} else if (type == NODE_DO_QUESTION) {
		living_ask(g);
	} else if (type == NODE_DO_ADD || type == NODE_DO_RENEW ||
	    type == NODE_DO_DELETE) {
		return act_on_addresses(g, type);
	} else if (type == NODE_DO_ANNOUNCE) {
		group_announce(g);
		neighbours_ask_anew(g);
	} else if (type == NODE_DO_END_ANNOUNCING) {
		group_end_announcing(g);
	} else if (type == NODE_DO_TICKLE || type == NODE_DO_TICKLE_MORE) {
		tickle_begin(g);
	} else if (type == NODE_DO_TICKLE_LATE) {
		tickle_begin_late(g);
	} else if (type == NODE_DO_END_TICKLING) {
		tickle_stop(g);
	} else {
		return act_on_clients(g, type);
	}
	return 0;
}

static void
tell_ended(const struct role *role)
{
	if (role_node(role)->peer.resigned)
		log_notice(
		    role->peer_subject, "[peer-lost] its processes are gone");
	else
		log_warning(
		    role->peer_subject, "[peer-lost] its processes are gone");
}

static void
tell(struct role *role, const struct node_effect *e)
{
	struct role_group *g = &role->groups[e->group];

	if (e->type == NODE_TELL_STATE)
		group_tell_change(g, &e->change);
	else if (e->type == NODE_TELL_PRIORITY)
		group_tell_priority(g, e->priority);
	else if (e->type == NODE_TELL_HEARD)
		heartbeat_note_heard(role, e->anew);
	else if (e->type == NODE_TELL_ENDED)
		tell_ended(role);
	else if (e->type == NODE_TELL_STALL)
		log_warning("failover",
		    "[stall] stood still for %" PRId64 " ms", e->ms);
	else if (e->type == NODE_TELL_PAUSE)
		pause_request_tell(role);
	else if (e->type == NODE_TELL_BEGUN)
		log_notice(g->subject, "handing over to %s", role->other->name);
	else
		handover_request_tell(g, e->type, e->outcome);
}

static int
carry_out(void *arg, const struct node_effect *e, const struct node_now *now)
{
	struct role *role = arg;

	if (e->type <= NODE_DO_EXPECT)
		return act(role, e, now);
	if (e->type < NODE_TELL_STATE)
		return act_on(&role->groups[e->group], e->type);
	tell(role, e);
	return 0;
}

static void
tell_failed(void *arg, const struct node_event *ev)
{
	const struct role *role = arg;
	const struct role_group *g = &role->groups[ev->group];
	const char *interface = g->config->interfaces[g->vip.failed_on];
	const char *why = strerror(-ev->failed.error);

	if (ev->failed.what == NODE_DO_ADD)
		log_error(g->subject,
		    "[address] adding addresses failed on %s: %s", interface,
		    why);
	else if (ev->failed.what == NODE_DO_RENEW)
		log_error(g->subject,
		    "[address] renewing the addresses on %s failed: %s",
		    interface, why);
	else if (ev->failed.what == NODE_DO_DELETE)
		log_error(g->subject,
		    "[address] deleting addresses failed on %s: %s", interface,
		    why);
}

static const struct inbox_calls calls = {
	.clock = look_at_clock,
	.carry_out = carry_out,
	.failed = tell_failed,
	.wake_at = wake_at,
};

int
effects_new(struct role *role)
{
	struct effects *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return -ENOMEM;
	ev_init(&e->tick, on_tick);
	role->effects = e;
	inbox_init(&role->inbox, &calls, role);
	return 0;
}

void
effects_free(struct role *role)
{
	if (role->effects == NULL)
		return;
	ev_timer_stop(role->loop, &role->effects->tick);
	free(role->effects);
	role->effects = NULL;
}
