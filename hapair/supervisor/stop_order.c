#include "hapair/supervisor/stop_order.h"

#include "core/log.h"
#include "core/timeout.h"
#include "hapair/supervisor/generation.h"
#include "hapair/supervisor/notify.h"
#include "hapair/supervisor/service_manager.h"

/* A handover takes 30 ms; failover itself gives up after 1,120. */
/* Of these 3 until the peer knows all connections of the kernel path. */
#define HANDOVER_PATIENCE_S 4.2
#define RELAY_PATIENCE_S 0.5
#define FAILOVER_PATIENCE_S 2.0
#define NOTIFY_PATIENCE_S 3.0

static void
end(struct stop_order *o)
{
	o->stage = STOP_ORDER_ENDED;
	ev_break(o->loop, EVBREAK_ALL);
}

/* The supervisor is the last to go. */
static void
end_if_alone(struct stop_order *o)
{
	if (o->g->failover.pid == 0)
		director_child_stop(&o->g->director);
	if (!generation_has_ended(o->g))
		return;
	if (notify_is_idle(o->notify)) {
		end(o);
		return;
	}
	o->stage = STOP_ORDER_NOTIFY;
	timeout_arm(o->loop, &o->patience, NOTIFY_PATIENCE_S);
}

static void
stop_failover(struct stop_order *o)
{
	o->stage = STOP_ORDER_FAILOVER;
	child_send(&o->g->failover, MSG_STOP, NULL, 0, -1);
	timeout_arm(o->loop, &o->patience, FAILOVER_PATIENCE_S);
	end_if_alone(o);
}

static void
stop_relay(struct stop_order *o)
{
	o->stage = STOP_ORDER_RELAY;
	listeners_mute(o->g->listeners);
	if (o->g->relay.pid == 0) {
		stop_failover(o);
		return;
	}
	child_send(&o->g->relay, MSG_STOP, NULL, 0, -1);
	timeout_arm(o->loop, &o->patience, RELAY_PATIENCE_S);
}

void
stop_order_begin(struct stop_order *o, struct generation *g)
{
	o->g = g;
	o->stage = STOP_ORDER_HANDOVER;
	o->notify->stops = true;
	g->failover.stopping = g->relay.stopping = true;
	g->director.child.stopping = true;
	service_manager_tell_stopping();
	/* One that has not begun holds nothing that it could hand over. */
	if (g->failover.pid == 0 || !g->begun || g->relay.pid == 0) {
		stop_relay(o);
		return;
	}
	child_send(&g->failover, MSG_HAND_OVER_ALL, NULL, 0, -1);
	timeout_arm(o->loop, &o->patience, HANDOVER_PATIENCE_S);
}

static void
on_patience(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct stop_order *o = CONTAINER_OF(t, struct stop_order, patience);

	switch (o->stage) {
	case STOP_ORDER_HANDOVER:
		log_warning("supervisor",
		    "[stop] the handover takes too long, stopping without it");
		stop_relay(o);
		break;
	case STOP_ORDER_RELAY:
		log_warning("supervisor",
		    "[stop] the relay does not stop, going on without it");
		stop_failover(o);
		break;
	case STOP_ORDER_FAILOVER:
		log_error("supervisor",
		    "[process] not all processes stop, killing them");
		child_kill(&o->g->failover);
		child_kill(&o->g->relay);
		child_kill(&o->g->director.child);
		break;
	case STOP_ORDER_NOTIFY:
		log_warning("supervisor",
		    "[script] notify does not end, not waiting any longer");
		end(o);
		break;
	case STOP_ORDER_RUNNING:
	case STOP_ORDER_ENDED:
		break;
	}
}

void
stop_order_init(struct stop_order *o, struct notify *notify)
{
	*o = (struct stop_order){ .notify = notify,
		.loop = ev_default_loop(EVBACKEND_EPOLL | EVFLAG_NOENV) };
	ev_timer_init(&o->patience, on_patience, 0., 0.);
}

void
stop_order_note_handed_over(struct stop_order *o)
{
	if (o->stage == STOP_ORDER_HANDOVER)
		stop_relay(o);
}

void
stop_order_note_relay_stopped(struct stop_order *o)
{
	if (o->stage == STOP_ORDER_RELAY)
		stop_failover(o);
}

void
stop_order_note_notified(struct stop_order *o)
{
	if (o->stage == STOP_ORDER_NOTIFY)
		end(o);
}

void
stop_order_note_end(struct stop_order *o, bool of_failover)
{
	if (o->stage == STOP_ORDER_HANDOVER)
		stop_relay(o);
	else if (!of_failover && o->stage == STOP_ORDER_RELAY)
		stop_failover(o);
	else if (o->stage == STOP_ORDER_FAILOVER)
		end_if_alone(o);
}

void
stop_order_note_director_end(struct stop_order *o)
{
	if (o->stage == STOP_ORDER_FAILOVER)
		end_if_alone(o);
}

bool
stop_order_answers(const struct stop_order *o)
{
	return o->stage == STOP_ORDER_RUNNING ||
	    o->stage == STOP_ORDER_HANDOVER;
}
