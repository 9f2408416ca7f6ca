#include "failover/connsync/tickle.h"

#include "core/conn_record.h"
#include "core/log.h"
#include "core/timeout.h"
#include "failover/connsync/conn_sync.h"
#include "failover/connsync/local_conns.h"
#include "failover/connsync/peer_conns.h"
#include "failover/connsync/tickle_packet.h"
#include "failover/vip/raw_socket.h"

#include <errno.h>
#include <stdlib.h>

/* 50,000 a second; a turn takes less than a millisecond. */
#define LEGS_A_TURN 100
#define TURN_MS 2

/* More than the 500 ms in which a host answers but once. */
#define ROUND_MS 600

/*
 * The peer that hands over resets what is connected to it (handover.h). Where
 * that takes longer, a few are told twice.
 */
#define HANDED_OVER_MS 100

struct group {
	struct role_group *of;     /* borrowed: the role's */
	ev_timer turn;             /* while there is somebody to be told */
	unsigned clients, servers; /* told, each counted once */
};

struct tickle {
	struct raw_socket raw;
	struct group groups[CONFIG_GROUPS_MAX];
};

static struct group *
group_of(struct role_group *g)
{
	return &g->role->tickle->groups[g->index];
}

static void
wait_ms(struct group *t, double ms)
{
	timeout_arm(t->of->role->loop, &t->turn, ms / 1e3);
}

static int
send_ack(const struct tickle *t, const struct peer_conns_leg *leg)
{
	const struct tickle_packet s = tickle_packet_ack(&leg->from, &leg->to);
	const union addr to = conn_record_end_addr(&leg->to);

	return raw_socket_send(&t->raw, s.bytes, s.len, &to);
}

static void
tell(struct group *t, const struct peer_conns_leg *leg)
{
	const struct role *role = t->of->role;
	struct peer_conns *peer_conns = conn_sync_estate(role);

	/* Its client has come back already, by the very same port. */
	if (leg->is_client &&
	    local_conns_is_live(conn_sync_ledger(role), &leg->conn)) {
		peer_conns_forget(peer_conns);
		return;
	}
	if (!leg->told_before && leg->is_client)
		t->clients++;
	else if (!leg->told_before)
		t->servers++;
	/* What cannot be sent now has two more rounds. */
	if (send_ack(role->tickle, leg) < 0)
		log_debug(t->of->subject, "cannot send a tickle");
	peer_conns_tell(peer_conns);
}

/* All have heard it as often as they should. */
static void
finish(struct group *t)
{
	if (t->clients > 0 || t->servers > 0)
		log_notice(t->of->subject,
		    "told %u clients and %u servers of the takeover",
		    t->clients, t->servers);
	t->clients = t->servers = 0;
}

static void
on_turn(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct group *t = CONTAINER_OF(timer, struct group, turn);
	struct peer_conns *peer_conns = conn_sync_estate(t->of->role);
	struct peer_conns_leg leg;

	/*
	 * From an address that is not usable yet nothing comes of it but a
	 * question for the client's hardware that is lost, and the kernel asks
	 * again after a second.
	 */
	if (!vip_is_complete(&t->of->vip)) {
		wait_ms(t, TURN_MS);
		return;
	}
	for (unsigned i = 0; i < LEGS_A_TURN; i++) {
		if (peer_conns_next(peer_conns, t->of->index, &leg)) {
			tell(t, &leg);
			continue;
		}
		if (peer_conns_is_empty(peer_conns, t->of->index)) {
			finish(t);
			return;
		}
		peer_conns_rewind(peer_conns, t->of->index);
		wait_ms(t, ROUND_MS);
		return;
	}
	wait_ms(t, TURN_MS);
}

static void
start(struct group *t, double after_ms)
{
	peer_conns_rewind(conn_sync_estate(t->of->role), t->of->index);
	wait_ms(t, after_ms);
}

void
tickle_begin(struct role_group *g)
{
	struct group *t = group_of(g);

	/* Under way: who comes to it later has its three rounds, too. */
	if (!ev_is_active(&t->turn) && !ev_is_pending(&t->turn))
		start(t, TURN_MS);
}

void
tickle_begin_late(struct role_group *g)
{
	start(group_of(g), HANDED_OVER_MS);
}

void
tickle_stop(struct role_group *g)
{
	struct group *t = group_of(g);

	ev_timer_stop(g->role->loop, &t->turn);
	t->clients = t->servers = 0;
}

int
tickle_open(struct role *role)
{
	struct tickle *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	role->tickle = t;
	for (unsigned i = 0; i < CONFIG_GROUPS_MAX; i++) {
		t->groups[i].of = &role->groups[i];
		ev_init(&t->groups[i].turn, on_turn);
		ev_set_priority(&t->groups[i].turn, EV_MINPRI);
	}
	t->raw = raw_socket_none();
	return raw_socket_open(&t->raw);
}

void
tickle_close(struct role *role)
{
	struct tickle *t = role->tickle;

	if (t == NULL)
		return;
	for (unsigned i = 0; i < CONFIG_GROUPS_MAX; i++)
		ev_timer_stop(role->loop, &t->groups[i].turn);
	raw_socket_close(&t->raw);
	free(t);
	role->tickle = NULL;
}
