#include "failover/relay_link.h"

#include "core/buf.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/msg_intake.h"
#include "core/timeout.h"
#include "failover/connsync/conn_sync.h"
#include "failover/group.h"
#include "failover/handover/handover_run.h"
#include "failover/relay_watchdog.h"
#include "failover/status_answer.h"
#include "failover/track.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

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

/* The supervisor's channel was full. */
#define AGAIN_MS 50

struct relay_link {
	uint32_t id; /* of the introduction */
	enum msg_rights_stage stage;
	struct msg_intake intake;
	struct msg_lost lost; /* what the supervisor is to be told */
	ev_io ready;
	ev_timer grace, again;
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
tell_supervisor(struct role *role)
{
	struct relay_link *l = role->relay_link;
	struct buf b = BUF_WRITER(8);

	msg_put_lost(&b, &l->lost);
	if (channel_send(role->supervisor, MSG_SIBLING_LOST, b.data, b.pos,
	        -1) == -EAGAIN)
		timeout_arm(role->loop, &l->again, AGAIN_MS / 1e3);
}

static void
on_again(struct ev_loop *loop, ev_timer *w, int revents)
{
	ev_timer_stop(loop, w);
	tell_supervisor(ev_userdata(loop));
}

static void
tell(const struct role *role, bool leaves, const char *why)
{
	if (leaves)
		log_notice("failover", "relay: stopped");
	else if (role->config != NULL && role->config->has_pair)
		log_warning("failover",
		    "[process] relay: %s, waiting %" PRIu32 " ms for another",
		    why, grace_ms(role));
}

static void
lose(struct role *role, const char *why, bool refused)
{
	struct relay_link *l = role->relay_link;
	const bool leaves = role_node(role)->relay_leaves;

	ev_io_stop(role->loop, &l->ready);
	channel_close(role->closer, &role->relay);
	inbox_put_type(&role->inbox, NODE_RELAY_GONE);
	await(role);
	if (role_node(role)->stopping)
		return;
	/* One that leaves will be back, by itself. */
	if (!leaves) {
		l->lost = (struct msg_lost){ .id = l->id, .refused = refused };
		tell_supervisor(role);
	}
	tell(role, leaves, why);
}

static void
on_serving(struct role *role)
{
	role->relay_link->stage = MSG_RIGHTS_WORKING;
	ev_timer_stop(role->loop, &role->relay_link->grace);
	relay_watchdog_reset(role);
	inbox_put_type(&role->inbox, NODE_RELAY_SERVES);
}

static int
take_service(struct role *role, struct buf *b)
{
	struct msg_service service;

	if (msg_get_service(b, &service) < 0)
		return -EBADMSG;
	track_take_service(role, &service);
	return 0;
}

static int
take_ask(struct role *role, struct buf *b)
{
	struct msg_ask ask;

	if (msg_get_ask(b, &ask) < 0)
		return -EBADMSG;
	status_answer_send(role, role->relay, &ask);
	return 0;
}

static int
take_reset(struct role *role, struct buf *b)
{
	struct msg_reset drop;

	if (msg_get_reset(b, &drop) < 0)
		return -EBADMSG;
	handover_run_take_drop(role, &drop);
	return 0;
}

/* What it may say, by the table of rights. Returns 0 or -EBADMSG. */
static int
obey(struct role *role, const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);

	switch (p->type) {
	case MSG_SERVING:
		on_serving(role);
		return 0;
	case MSG_SERVICE:
		return take_service(role, &b);
	case MSG_STOPPED:
		role->relay_link->stage = MSG_RIGHTS_STOPPING;
		inbox_put_type(&role->inbox, NODE_RELAY_LEAVES);
		return 0;
	case MSG_ASK:
		return take_ask(role, &b);
	case MSG_RESET:
		return take_reset(role, &b);
	case MSG_CONNECTIONS_BEGIN:
	case MSG_CONNECTIONS:
	case MSG_CONNECTIONS_END:
		return conn_sync_take(role, p) ? 0 : -EBADMSG;
	default: /* not an enum: a number from another process */
		return -EBADMSG;
	}
}

/* One a turn: heartbeats, the supervisor and the wire come between. */
static void
on_relay(struct ev_loop *loop, ev_io *w, int revents)
{
	struct role *role = ev_userdata(loop);
	struct relay_link *l = role->relay_link;
	char why[MSG_INTAKE_TEXT_MAX], text[MSG_INTAKE_TEXT_MAX + 8];
	struct channel_packet p;
	int e = msg_intake_take(&l->intake, role->relay, l->stage, &p);

	if (e == 0) {
		lose(role, "its channel has ended", false);
		return;
	}
	if (e == 1)
		e = msg_intake_end(&l->intake, &p, obey(role, &p));
	if (e == 0 || e == -EAGAIN)
		return;
	(void)snprintf(
	    text, sizeof(text), "it sent %s", msg_intake_text(&l->intake, why));
	lose(role, text, true);
}

int
relay_link_take(struct role *role, struct channel_packet *p)
{
	struct relay_link *l = role->relay_link;
	const bool replaced = role->relay != -1;
	struct buf b = buf_reader(p->body, p->len);
	struct msg_ask m;

	if (msg_get_ask(&b, &m) < 0)
		return -EBADMSG;
	ev_timer_stop(role->loop, &l->again);
	ev_io_stop(role->loop, &l->ready);
	channel_close(role->closer, &role->relay);
	role->relay = fd_take(&p->fd);
	l->id = m.id;
	l->stage = MSG_RIGHTS_STARTING;
	l->intake = msg_intake_init(
	    MSG_RIGHTS_RELAY, MSG_RIGHTS_FAILOVER, role->closer);
	inbox_put_type(&role->inbox, NODE_RELAY_CAME);
	ev_io_set(&l->ready, role->relay, EV_READ);
	ev_io_start(role->loop, &l->ready);
	if (replaced && role->begun)
		await(role);
	for (size_t i = 0; i < role->n_groups; i++) {
		role->groups[i].relay_owes = true;
		group_tell(&role->groups[i]);
	}
	return 0;
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
	ev_init(&s->again, on_again);
	role->relay_link = s;
	return 0;
}

void
relay_link_close(struct role *role)
{
	if (role->relay_link == NULL)
		return;
	ev_timer_stop(role->loop, &role->relay_link->grace);
	ev_timer_stop(role->loop, &role->relay_link->again);
	ev_io_stop(role->loop, &role->relay_link->ready);
	channel_close(role->closer, &role->relay);
	free(role->relay_link);
	role->relay_link = NULL;
}
