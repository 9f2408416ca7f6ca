#include "failover/relay_link.h"

#include "core/buf.h"
#include "core/log.h"
#include "core/sibling_channel.h"
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

struct relay_link {
	struct sibling_channel channel; /* role->relay is its descriptor */
	enum msg_rights_stage stage;
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
tell(const struct role *role, bool leaves, const char *sent)
{
	char why[MSG_INTAKE_TEXT_MAX + 8] = "its channel has ended";

	if (sent != NULL)
		(void)snprintf(why, sizeof(why), "it sent %s", sent);
	if (leaves)
		log_notice("failover", "relay: stopped");
	else if (role->config != NULL && role->config->has_pair)
		log_warning("failover",
		    "[process] relay: %s, waiting %" PRIu32 " ms for another",
		    why, grace_ms(role));
}

static bool
on_lost(void *arg, const char *sent)
{
	struct role *role = arg;
	const bool leaves = role_node(role)->relay_leaves;

	role->relay = -1;
	inbox_put_type(&role->inbox, NODE_RELAY_GONE);
	await(role);
	if (role_node(role)->stopping)
		return false;
	tell(role, leaves, sent);
	return !leaves; /* else it will be back, by itself */
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
obey(void *arg, const struct channel_packet *p)
{
	struct role *role = arg;
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

static enum msg_rights_stage
stage_of(void *arg)
{
	return ((const struct role *)arg)->relay_link->stage;
}

int
relay_link_take(struct role *role, struct channel_packet *p)
{
	struct relay_link *l = role->relay_link;
	const bool replaced = role->relay != -1;
	int e = sibling_channel_take(&l->channel, p);

	if (e < 0)
		return e;
	role->relay = l->channel.fd;
	l->stage = MSG_RIGHTS_STARTING;
	inbox_put_type(&role->inbox, NODE_RELAY_CAME);
	sibling_channel_listen(&l->channel);
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
	/* One a turn: heartbeats, the supervisor and the wire come between. */
	const struct sibling_channel_setup setup = { .loop = role->loop,
		.closer = role->closer,
		.supervisor = role->supervisor,
		.from = MSG_RIGHTS_RELAY,
		.to = MSG_RIGHTS_FAILOVER,
		.packets = 1,
		.arg = role,
		.stage = stage_of,
		.obey = obey,
		.on_lost = on_lost };
	struct relay_link *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	sibling_channel_init(&s->channel, &setup);
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
	sibling_channel_close(&role->relay_link->channel);
	role->relay = -1;
	free(role->relay_link);
	role->relay_link = NULL;
}
