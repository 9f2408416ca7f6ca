#include "failover/connsync/tickle.h"

#include "core/conn_record.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/rate.h"
#include "core/timeout.h"
#include "failover/connsync/conn_sync.h"
#include "failover/connsync/local_conns.h"
#include "failover/connsync/peer_conns.h"
#include "failover/connsync/reset_watch.h"
#include "failover/connsync/tcp_diag.h"
#include "failover/connsync/tickle_packet.h"
#include "failover/vip/raw_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* 50,000 a second; a turn takes less than half a millisecond. */
#define LEGS_A_TURN 50
#define TURN_MS 1

/* The kernel is asked about each, and may be slower than usual. */
#define TURN_US 500

/*
 * More than the 500 ms in which a host answers but once; three such rounds, and
 * then, for whoever has not answered, each twice as late as the one before: a
 * minute in all.
 */
#define ROUND_MS 600
#define ROUNDS 3

/*
 * The peer that hands over resets what is connected to it (handover.h). Where
 * that takes longer, a few are told twice.
 */
#define HANDED_OVER_MS 100

/*
 * Of all together: each of the most connections there can be, and its server,
 * as often as there are rounds; and then so many a second.
 */
#define SENT_A_CONNECTION (PEER_CONNS_TELLINGS_MAX + PEER_CONNS_TELLINGS)
#define SENT_LEAST 1000
#define SENT_MS 1

struct group {
	struct role_group *of; /* borrowed: the role's */
	ev_timer turn;         /* while there is somebody to be told */
	bool rests;            /* until the next round */
	unsigned rounds;       /* that have begun */
	struct mono next_round;
	unsigned clients, servers; /* told, each counted once, not logged yet */
	unsigned silent;           /* clients that never answered */
	unsigned unsent;           /* packets, not logged yet */
};

struct tickle {
	struct role *role; /* borrowed: its own */
	struct raw_socket raw;
	int diag; /* see tcp_diag.h */
	struct reset_watch resets;
	struct rate sent;
	uint32_t told_clients, told_servers, silent_clients;
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
send_ack(struct tickle *t, const struct peer_conns_leg *leg)
{
	const uint32_t burst =
	    SENT_LEAST + SENT_A_CONNECTION * t->role->start.max_connections;
	const struct tickle_packet s = tickle_packet_ack(&leg->from, &leg->to);
	const union addr to = conn_record_end_addr(&leg->to);

	if (!rate_allows(&t->sent, burst, SENT_MS, mono_now()))
		return -EAGAIN;
	return raw_socket_send(&t->raw, s.bytes, s.len, &to);
}

/*
 * The two ends are those of another connection by now: its client has come back
 * by the very same port. What has ended and lingers would answer in our place,
 * with an ACK, and goes.
 */
static bool
is_another(const struct role *role, const struct peer_conns_leg *leg)
{
	return (leg->is_client &&
	           local_conns_is_live(conn_sync_ledger(role), &leg->conn)) ||
	    tcp_diag_clear(role->tickle->diag, &leg->from, &leg->to) ==
	    TCP_DIAG_LIVE;
}

static void
tell(struct group *t, const struct peer_conns_leg *leg)
{
	const struct role *role = t->of->role;
	struct peer_conns *peer_conns = conn_sync_estate(role);

	if (is_another(role, leg)) {
		peer_conns_forget(peer_conns);
		return;
	}
	if (!leg->told_before && leg->is_client) {
		t->clients++;
		role->tickle->told_clients++;
	} else if (!leg->told_before) {
		t->servers++;
		role->tickle->told_servers++;
	}
	/* What cannot be sent now has more rounds. */
	if (send_ack(role->tickle, leg) < 0)
		t->unsent++;
	if (peer_conns_tell(peer_conns) && leg->is_client) {
		t->silent++;
		role->tickle->silent_clients++;
	}
}

/* What a client says that was told. */
static void
on_reset(void *arg, const struct conn_record_end *client,
    const struct conn_record_end *local)
{
	const struct tickle *t = arg;

	(void)peer_conns_answered(conn_sync_estate(t->role), client, local);
}

static void
log_told(struct group *t)
{
	if (t->clients > 0 || t->servers > 0)
		log_notice(t->of->subject,
		    "told %u clients and %u servers of the takeover",
		    t->clients, t->servers);
	if (t->unsent > 0)
		log_debug(
		    t->of->subject, "%u tickles were not sent", t->unsent);
	t->clients = t->servers = t->unsent = 0;
}

static bool
is_telling(const struct group *t)
{
	return ev_is_active(&t->turn) || ev_is_pending(&t->turn);
}

/* Nobody is left to tell, or it is not for us any more. */
static void
stop(struct group *t)
{
	struct tickle *all = t->of->role->tickle;
	struct ev_loop *loop = t->of->role->loop;

	ev_timer_stop(loop, &t->turn);
	peer_conns_inherit(conn_sync_estate(t->of->role), t->of->index, false);
	t->clients = t->servers = t->silent = t->unsent = 0;
	for (unsigned i = 0; i < CONFIG_GROUPS_MAX; i++)
		if (is_telling(&all->groups[i]))
			return;
	reset_watch_close(&all->resets, loop);
}

static void
finish(struct group *t)
{
	log_told(t);
	if (t->silent > 0)
		log_notice(t->of->subject,
		    "%u clients were told of the takeover and never answered",
		    t->silent);
	stop(t);
}

/* From the first again; its successor is due later, where many were told. */
static void
begin_round(struct group *t, struct mono now)
{
	const unsigned doublings =
	    t->rounds < ROUNDS ? 0 : t->rounds + 1 - ROUNDS;

	peer_conns_rewind(conn_sync_estate(t->of->role), t->of->index);
	t->next_round = mono_add_ms(now, (int64_t)ROUND_MS << doublings);
	t->rounds++;
	t->rests = false;
}

/* All were told in this round. */
static void
rest(struct group *t, struct mono now)
{
	if (peer_conns_is_empty(conn_sync_estate(t->of->role), t->of->index)) {
		finish(t);
		return;
	}
	if (t->rounds >= ROUNDS)
		log_told(t);
	if (!mono_before(now, t->next_round)) {
		begin_round(t, now);
		wait_ms(t, TURN_MS);
	} else {
		t->rests = true;
		timeout_arm_at(t->of->role->loop, &t->turn, t->next_round);
	}
}

static void
on_turn(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct group *t = CONTAINER_OF(timer, struct group, turn);
	struct peer_conns *peer_conns = conn_sync_estate(t->of->role);
	const struct mono begun = mono_now();
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
		if (!peer_conns_next(peer_conns, t->of->index, &leg)) {
			rest(t, mono_now());
			return;
		}
		tell(t, &leg);
		if (mono_span_us(begun, mono_now()) >= TURN_US)
			break;
	}
	wait_ms(t, TURN_MS);
}

static void
start(struct group *t, double after_ms)
{
	struct role *role = t->of->role;
	int e = reset_watch_open(
	    &role->tickle->resets, role->loop, &role->config->pair);

	if (e < 0)
		log_warning(t->of->subject,
		    "[resource] cannot hear whether clients know of the takeover: %s",
		    strerror(-e));
	peer_conns_inherit(conn_sync_estate(role), t->of->index, true);
	t->rounds = 0;
	begin_round(t, mono_now());
	wait_ms(t, after_ms);
}

void
tickle_begin(struct role_group *g)
{
	struct group *t = group_of(g);
	const struct mono soon = mono_add_ms(mono_now(), ROUND_MS);

	if (!is_telling(t)) {
		start(t, TURN_MS);
		return;
	}
	/* Under way: who comes to it later has the three rounds, too. */
	if (!t->rests)
		return;
	t->rests = false;
	t->rounds = 0;
	if (mono_before(soon, t->next_round))
		t->next_round = soon;
	wait_ms(t, TURN_MS);
}

void
tickle_begin_late(struct role_group *g)
{
	start(group_of(g), HANDED_OVER_MS);
}

void
tickle_stop(struct role_group *g)
{
	stop(group_of(g));
}

void
tickle_describe(const struct role *role, struct msg_peer *m)
{
	const struct tickle *t = role->tickle;

	m->told_clients = t->told_clients;
	m->told_servers = t->told_servers;
	m->silent_clients = t->silent_clients;
}

int
tickle_open(struct role *role)
{
	struct tickle *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	role->tickle = t;
	t->role = role;
	t->diag = -1;
	t->resets = reset_watch_init(on_reset, t);
	for (unsigned i = 0; i < CONFIG_GROUPS_MAX; i++) {
		t->groups[i].of = &role->groups[i];
		ev_init(&t->groups[i].turn, on_turn);
		ev_set_priority(&t->groups[i].turn, EV_MINPRI);
	}
	t->raw = raw_socket_none();
	t->diag = tcp_diag_open();
	return t->diag < 0 ? t->diag : raw_socket_open(&t->raw);
}

void
tickle_close(struct role *role)
{
	struct tickle *t = role->tickle;

	if (t == NULL)
		return;
	for (unsigned i = 0; i < CONFIG_GROUPS_MAX; i++)
		ev_timer_stop(role->loop, &t->groups[i].turn);
	reset_watch_close(&t->resets, role->loop);
	raw_socket_close(&t->raw);
	fd_close(&t->diag);
	free(t);
	role->tickle = NULL;
}
