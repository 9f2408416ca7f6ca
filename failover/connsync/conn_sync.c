#include "failover/connsync/conn_sync.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/conn_record.h"
#include "core/log.h"
#include "core/rate.h"
#include "core/timeout.h"
#include "failover/connsync/backlog_watch.h"
#include "failover/connsync/local_conns.h"
#include "failover/connsync/peer_conns.h"
#include "failover/heartbeat/heartbeat.h"
#include "failover/peerlink/peer_codec.h"
#include "failover/peerlink/peer_link.h"
#include "failover/peerlink/peer_port_probe.h"

#include <errno.h>
#include <stdlib.h>

/* A record has at least 24 bytes. */
#define RECORDS_MAX (PEER_CODEC_BODY_MAX / 24)

/*
 * In one go, and again this much later: some 500 records or deletions take a
 * part of a millisecond, and 100,000 half a second.
 */
#define FRAMES_A_TURN 4
#define SWEEPS_A_TURN 500
#define TURN_MS 2
/* The supervisor's channel was full. */
#define AGAIN_MS 50

/* To go through them takes 2 ms. */
#define COUNTED_MAX 20000

/*
 * Frames of what both must remember: all that there can be at once, and then
 * more than an operator's script changes. Each goes to the supervisor.
 */
#define ACCORDS_BURST 2000
#define ACCORDS_MS 10

/* Frames of events: all of 500, one each, and then twice what a peer sends. */
#define EVENTS_BURST 500
#define EVENTS_MS 25

/* Frames about a file: all of the largest at once, and a word now and then. */
#define FILES_BURST 1000
#define FILES_MS 1

struct conn_sync {
	struct role *role; /* borrowed */
	struct peer_link *wire;
	struct local_conns *local_conns;
	struct peer_conns *peer_conns;
	struct backlog_watch *backlog;
	unsigned n_refused; /* of whom it has just told */
	struct rate accords, events, files;
	struct peer_port_probe port_probe;
	ev_timer turn;       /* while there is more to do */
	ev_timer again;      /* the supervisor is to be told of the wire */
	struct mono changed; /* when the wire came up, or went */
};

static void
work_on(struct conn_sync *r)
{
	if (!ev_is_active(&r->turn))
		timeout_arm(r->role->loop, &r->turn, TURN_MS / 1e3);
}

/* Records until the frame is full, or what is due after them. */
static enum local_conns_debt
fill(struct local_conns *l, struct buf *b)
{
	enum local_conns_debt debt = LOCAL_CONNS_RECORD;
	struct conn_record c;

	while (debt == LOCAL_CONNS_RECORD &&
	    b->len - b->pos >= CONN_RECORD_BYTES_MAX) {
		debt = local_conns_next(l, &c);
		if (debt == LOCAL_CONNS_RECORD)
			conn_record_encode(b, &c);
	}
	return debt;
}

static int
send_some(struct conn_sync *r, enum local_conns_debt *ret_debt)
{
	uint8_t body[PEER_CODEC_BODY_MAX];
	struct buf b = buf_writer(body, sizeof(body));
	int e = 0;

	*ret_debt = fill(r->local_conns, &b);
	if (b.pos > 0)
		e = peer_link_send(r->wire, PEER_LINK_RECORDS, body, b.pos);
	if (e == 0 && *ret_debt == LOCAL_CONNS_BEGIN)
		e = peer_link_send(r->wire, PEER_LINK_BEGIN, NULL, 0);
	if (e == 0 && *ret_debt == LOCAL_CONNS_END)
		e = peer_link_send(r->wire, PEER_LINK_END, NULL, 0);
	return e;
}

/* Debts are paid while there is room; on_room or the next turn goes on. */
static void
pay(struct conn_sync *r)
{
	enum local_conns_debt debt = LOCAL_CONNS_RECORD;

	for (unsigned i = 0; i < FRAMES_A_TURN && debt != LOCAL_CONNS_PAID;
	     i++) {
		if (!peer_link_has_room(r->wire))
			return;
		/* An error has ended the wire: all of it is owed again. */
		if (send_some(r, &debt) < 0)
			return;
	}
	if (debt != LOCAL_CONNS_PAID || local_conns_awaits(r->local_conns))
		work_on(r);
}

static void
on_turn(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct conn_sync *r = CONTAINER_OF(t, struct conn_sync, turn);
	bool more = local_conns_sweep(r->local_conns, SWEEPS_A_TURN);

	more = peer_conns_sweep(r->peer_conns, SWEEPS_A_TURN) || more;
	pay(r);
	if (local_conns_awaits(r->local_conns) && peer_link_is_drained(r->wire))
		local_conns_settle(r->local_conns, SWEEPS_A_TURN);
	if (more || local_conns_awaits(r->local_conns))
		work_on(r);
}

static void
tell_supervisor(struct conn_sync *r)
{
	const bool up = peer_link_is_up(r->wire);

	/* Where its channel is full, what is true later is told later. */
	if (channel_send(r->role->supervisor, up ? MSG_WIRE : MSG_WIRE_DOWN,
	        NULL, 0, up ? peer_link_fd(r->wire) : -1) == -EAGAIN &&
	    !ev_is_active(&r->again))
		timeout_arm(r->role->loop, &r->again, AGAIN_MS / 1e3);
}

static void
on_again(struct ev_loop *loop, ev_timer *t, int revents)
{
	ev_timer_stop(loop, t);
	tell_supervisor(CONTAINER_OF(t, struct conn_sync, again));
}

static void
on_up(void *arg)
{
	struct conn_sync *r = arg;

	r->changed = mono_now();
	peer_port_probe_stop(&r->port_probe);
	tell_supervisor(r);
	local_conns_restart(r->local_conns);
	state_sync_meet_peer(&r->role->sync);
	pay(r);
}

static void
on_down(void *arg)
{
	struct conn_sync *r = arg;

	r->changed = mono_now();
	tell_supervisor(r);
	local_conns_restart(r->local_conns);
	peer_port_probe_begin(&r->port_probe);
}

/* All records, or none where one is wrong. */
static bool
take_records(struct conn_sync *r, const uint8_t *body, size_t len)
{
	struct buf b = buf_reader(body, len);
	struct conn_record conns[RECORDS_MAX];
	unsigned n = 0, groups = 0;

	while (b.pos < b.len) {
		if (n == RECORDS_MAX || conn_record_decode(&b, &conns[n]) < 0)
			return false;
		n += conns[n].change != CONN_RECORD_UNKNOWN;
	}
	for (unsigned i = 0; i < n; i++)
		groups |= peer_conns_take(r->peer_conns, &conns[i]);
	for (unsigned i = 0; i < r->role->n_groups; i++)
		if ((groups & 1u << i) != 0)
			inbox_put_group(&r->role->inbox, NODE_CONNECTED, i);
	return true;
}

static bool
take_accords(struct conn_sync *r, const uint8_t *body, size_t len)
{
	return rate_allows(
	           &r->accords, ACCORDS_BURST, ACCORDS_MS, mono_now()) &&
	    state_sync_take_from_peer(&r->role->sync, body, len);
}

/* A supervisor that does not read is asked again, and answers late. */
static bool
take_file(struct conn_sync *r, const uint8_t *body, size_t len)
{
	if (len == 0 ||
	    !rate_allows(&r->files, FILES_BURST, FILES_MS, mono_now()))
		return false;
	if (channel_send(r->role->supervisor, MSG_PEER_FILE, body, len, -1) < 0)
		log_debug("failover", "no room for a word about a file");
	return true;
}

/* False: nothing that a peer of ours says, or too much of it. */
static bool
take_frame(struct conn_sync *r, enum peer_link_type type, const uint8_t *body,
    size_t len)
{
	switch (type) {
	case PEER_LINK_PULSE:
		return len == 0;
	case PEER_LINK_HELLO:
		heartbeat_take(r->role, body, len);
		return true;
	case PEER_LINK_BEGIN:
		peer_conns_begin(r->peer_conns);
		return len == 0;
	case PEER_LINK_RECORDS:
		return take_records(r, body, len);
	case PEER_LINK_ACCORDS:
		return take_accords(r, body, len);
	case PEER_LINK_ACCORDS_END:
		return len == 0 && take_accords(r, body, len);
	case PEER_LINK_EVENTS:
		return rate_allows(
		           &r->events, EVENTS_BURST, EVENTS_MS, mono_now()) &&
		    state_sync_take_events(&r->role->sync, body, len);
	case PEER_LINK_FILE:
		return take_file(r, body, len);
	case PEER_LINK_END:
		peer_conns_end(r->peer_conns);
		work_on(r);
		return len == 0;
	}
	return true; /* of a later version: it can do without us */
}

static void
on_frame(void *arg, uint8_t type, const uint8_t *body, size_t len)
{
	struct conn_sync *r = arg;

	if (!take_frame(r, (enum peer_link_type)type, body, len))
		peer_link_restart(r->wire, "the peer sent a malformed frame");
}

static void
on_room(void *arg)
{
	struct conn_sync *r = arg;

	state_sync_pay(&r->role->sync);
	pay(r);
}

/* Somebody who waits in a backlog, or does no more. */
static void
on_waiting(void *arg, const struct conn_record *c)
{
	struct conn_sync *r = arg;

	/* Told once accepted; what the relay says is worth more. */
	if (local_conns_take(r->local_conns, c) < 0)
		r->n_refused++;
}

static void
on_waiting_told(void *arg)
{
	struct conn_sync *r = arg;

	if (r->n_refused > 0)
		log_debug("failover", "no room for %u who wait in backlogs",
		    r->n_refused);
	r->n_refused = 0;
	pay(r);
}

static const struct backlog_watch_calls backlog_calls = { .changed = on_waiting,
	.done = on_waiting_told };

static const struct peer_link_calls wire_calls = { .on_up = on_up,
	.on_down = on_down,
	.on_frame = on_frame,
	.on_room = on_room };

int
conn_sync_open(struct role *role)
{
	struct peer_link_setup setup = { .loop = role->loop,
		.calls = &wire_calls,
		.subject = role->peer_subject,
		.auth = &role->auth,
		.boot = role_node(role)->config.peer.boot,
		.self = role->self->address,
		.other = role->other->address,
		.port = role->config->pair.port };
	const size_t max = role->start.max_connections;
	struct conn_sync *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	role->conn_sync = r;
	r->role = role;
	r->changed = mono_now();
	peer_port_probe_init(&r->port_probe, role);
	ev_init(&r->turn, on_turn);
	ev_init(&r->again, on_again);
	ev_set_priority(&r->turn, EV_MINPRI);
	r->local_conns = local_conns_new(max);
	r->peer_conns = peer_conns_new(&role->config->pair, max);
	setup.arg = r;
	r->backlog = backlog_watch_new(
	    role->loop, &role->config->pair, max, &backlog_calls, r);
	if (r->backlog == NULL)
		return -ENOMEM;
	if (r->local_conns != NULL && r->peer_conns != NULL)
		r->wire = peer_link_open(&setup);
	return r->wire == NULL ? -ENOMEM : 0;
}

int
conn_sync_start(struct role *role)
{
	return backlog_watch_start(role->conn_sync->backlog);
}

void
conn_sync_close(struct role *role)
{
	struct conn_sync *r = role->conn_sync;

	if (r == NULL)
		return;
	backlog_watch_free(r->backlog);
	peer_link_close(r->wire);
	peer_port_probe_stop(&r->port_probe);
	ev_timer_stop(role->loop, &r->turn);
	ev_timer_stop(role->loop, &r->again);
	local_conns_free(r->local_conns);
	peer_conns_free(r->peer_conns);
	free(r);
	role->conn_sync = NULL;
}

static bool
take_changes(struct conn_sync *r, const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct conn_record conns[CHANNEL_BODY_MAX / 24];
	unsigned n = 0;
	int e = 0;

	while (b.pos < b.len) {
		if (n == ARRAY_LEN(conns) ||
		    conn_record_decode(&b, &conns[n]) < 0 ||
		    conns[n].change == CONN_RECORD_UNKNOWN)
			return false;
		n++;
	}
	for (unsigned i = 0; i < n; i++)
		if (local_conns_take(r->local_conns, &conns[i]) < 0)
			e = -ENOSPC;
	if (e < 0)
		peer_link_restart(r->wire, "the peer does not read");
	r->role->inbox.node.connections =
	    (uint32_t)local_conns_count(r->local_conns);
	return true;
}

bool
conn_sync_take(struct role *role, const struct channel_packet *p)
{
	struct conn_sync *r = role->conn_sync;

	if (r == NULL)
		return false; /* no pair, nothing to tell */
	if (p->type == MSG_CONNECTIONS) {
		if (!take_changes(r, p))
			return false;
	} else if (p->len != 0) {
		return false;
	} else if (p->type == MSG_CONNECTIONS_BEGIN) {
		local_conns_begin(r->local_conns);
	} else {
		local_conns_end(r->local_conns);
		work_on(r);
	}
	pay(r);
	return true;
}

void
conn_sync_expect(struct role *role, const struct hello_boot *boot)
{
	if (role->conn_sync != NULL)
		peer_link_expect(role->conn_sync->wire, boot);
}

static int
send_frame(void *arg, enum peer_link_type type, const void *body, size_t len)
{
	const struct role *role = arg;
	struct conn_sync *r = role->conn_sync;

	if (r == NULL || !peer_link_has_room(r->wire) ||
	    peer_link_send(r->wire, type, body, len) < 0)
		return -EAGAIN;
	return 0;
}

static void
restart(void *arg, const char *why)
{
	const struct role *role = arg;

	if (role->conn_sync != NULL)
		peer_link_restart(role->conn_sync->wire, why);
}

void
conn_sync_init_sync(struct role *role)
{
	static const struct state_sync_calls calls = { .send = send_frame,
		.restart = restart };

	state_sync_init(
	    &role->sync, role->loop, role->supervisor, &calls, role);
}

void
conn_sync_send_hello(struct role *role, const uint8_t *packet, size_t len)
{
	struct conn_sync *r = role->conn_sync;

	if (r != NULL && peer_link_is_drained(r->wire) &&
	    peer_link_send(r->wire, PEER_LINK_HELLO, packet, len) < 0)
		log_debug(role->peer_subject, "wire: no room for a hello");
}

int
conn_sync_send_file(const struct role *role, const struct channel_packet *p)
{
	const struct conn_sync *r = role->conn_sync;
	const bool up = r != NULL && peer_link_is_up(r->wire);
	const struct msg_unsent m = { .unspoken = up };
	struct buf b = BUF_WRITER(4);

	if (up && peer_link_version(r->wire) >= PEER_CODEC_VERSION_FILES) {
		/* Whoever gets no answer asks again. */
		if (peer_link_send(r->wire, PEER_LINK_FILE, p->body, p->len) <
		    0)
			log_debug("failover", "wire: no room for a file");
		return 0;
	}
	msg_put_unsent(&b, &m);
	if (channel_send(role->supervisor, MSG_FILE_UNSENT, b.data, b.pos, -1) <
	    0)
		log_debug("failover", "no room for a word about a file");
	return 0;
}

void
conn_sync_describe(const struct role *role, struct msg_peer *m)
{
	const struct conn_sync *r = role->conn_sync;

	if (r == NULL)
		return;
	m->wire_up = peer_link_is_up(r->wire);
	m->wire_version = peer_link_version(r->wire);
	m->wire_ms = mono_span_ms(r->changed, mono_now());
	m->wire_rejected = peer_link_rejected(r->wire);
	m->connections = (uint32_t)peer_conns_count(r->peer_conns);
}

bool
conn_sync_count_at(
    const struct role *role, const struct config_group *group, size_t *ret_n)
{
	const struct local_conns *l = conn_sync_ledger(role);
	struct conn_record_end at[CONFIG_GROUP_ADDRESSES_MAX];

	*ret_n = local_conns_count(l);
	if (role->n_groups == 1)
		return true;
	if (*ret_n > COUNTED_MAX)
		return false;
	for (size_t i = 0; i < group->n_addresses; i++)
		at[i] = conn_record_end_of(&group->addresses[i].addr);
	*ret_n = local_conns_count_at(l, at, group->n_addresses);
	return true;
}

const struct local_conns *
conn_sync_ledger(const struct role *role)
{
	return role->conn_sync->local_conns;
}

struct peer_conns *
conn_sync_estate(const struct role *role)
{
	return role->conn_sync->peer_conns;
}
