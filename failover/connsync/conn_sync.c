#include "failover/connsync/conn_sync.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/conn_record.h"
#include "core/log.h"
#include "failover/connsync/local_conns.h"
#include "failover/connsync/peer_conns.h"
#include "failover/heartbeat/heartbeat.h"
#include "failover/peerlink/peer_codec.h"
#include "failover/peerlink/peer_link.h"
#include "failover/peerlink/peer_port_probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A record has at least 24 bytes. */
#define RECORDS_MAX (CABLE_BODY_MAX / 24)

/*
 * In one go, and again this much later: some 500 records or deletions take a
 * part of a millisecond, and 100,000 half a second.
 */
#define FRAMES_A_TURN 4
#define SWEEPS_A_TURN 500
#define TURN_MS 2

struct replica {
	struct role *role; /* borrowed */
	struct wire *wire;
	struct ledger *ledger;
	struct estate *estate;
	struct knock knock;
	ev_timer turn; /* while there is more to do */
};

static void
work_on(struct replica *r)
{
	if (ev_is_active(&r->turn))
		return;
	ev_timer_set(&r->turn, TURN_MS / 1e3, 0.);
	ev_timer_start(r->role->loop, &r->turn);
}

/* Records until the frame is full, or what is due after them. */
static enum ledger_debt
fill(struct ledger *l, struct buf *b)
{
	enum ledger_debt debt = LEDGER_RECORD;
	struct conn_record c;

	while (
	    debt == LEDGER_RECORD && b->len - b->pos >= CONN_RECORD_BYTES_MAX) {
		debt = ledger_next(l, &c);
		if (debt == LEDGER_RECORD)
			conn_record_encode(b, &c);
	}
	return debt;
}

static int
send_some(struct replica *r, enum ledger_debt *ret_debt)
{
	uint8_t body[CABLE_BODY_MAX];
	struct buf b = buf_writer(body, sizeof(body));
	int e = 0;

	*ret_debt = fill(r->ledger, &b);
	if (b.pos > 0)
		e = wire_send(r->wire, WIRE_RECORDS, body, b.pos);
	if (e == 0 && *ret_debt == LEDGER_BEGIN)
		e = wire_send(r->wire, WIRE_BEGIN, NULL, 0);
	if (e == 0 && *ret_debt == LEDGER_END)
		e = wire_send(r->wire, WIRE_END, NULL, 0);
	return e;
}

/* Debts are paid while there is room; on_room or the next turn goes on. */
static void
pay(struct replica *r)
{
	enum ledger_debt debt = LEDGER_RECORD;

	for (unsigned i = 0; i < FRAMES_A_TURN && debt != LEDGER_PAID; i++) {
		if (!wire_has_room(r->wire))
			return;
		/* An error has ended the wire: all of it is owed again. */
		if (send_some(r, &debt) < 0)
			return;
	}
	if (debt != LEDGER_PAID || ledger_awaits(r->ledger))
		work_on(r);
}

static void
on_turn(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct replica *r = t->data;
	bool more = ledger_sweep(r->ledger, SWEEPS_A_TURN);

	(void)loop;
	(void)revents;
	more = estate_sweep(r->estate, SWEEPS_A_TURN) || more;
	pay(r);
	if (ledger_awaits(r->ledger) && wire_is_drained(r->wire))
		ledger_settle(r->ledger, SWEEPS_A_TURN);
	if (more || ledger_awaits(r->ledger))
		work_on(r);
}

static void
tell_supervisor(struct replica *r, enum msg_type type, int fd)
{
	if (channel_send(r->role->supervisor, (uint16_t)type, NULL, 0, fd) < 0)
		log_debug("failover", "the supervisor does not read");
}

static void
on_up(void *arg)
{
	struct replica *r = arg;

	knock_stop(&r->knock);
	tell_supervisor(r, MSG_WIRE, wire_fd(r->wire));
	ledger_restart(r->ledger);
	state_sync_meet_peer(&r->role->sync);
	pay(r);
}

static void
on_down(void *arg)
{
	struct replica *r = arg;

	tell_supervisor(r, MSG_WIRE_DOWN, -1);
	ledger_restart(r->ledger);
	knock_begin(&r->knock);
}

/* All records, or none where one is wrong. */
static bool
take_records(struct replica *r, const uint8_t *body, size_t len)
{
	struct buf b = buf_reader(body, len);
	struct conn_record conns[RECORDS_MAX];
	unsigned n = 0, groups = 0;

	while (b.pos < b.len) {
		if (n == RECORDS_MAX || conn_record_decode(&b, &conns[n]) < 0)
			return false;
		n++;
	}
	for (unsigned i = 0; i < n; i++)
		groups |= estate_take(r->estate, &conns[i]);
	for (unsigned i = 0; i < r->role->n_groups; i++)
		if ((groups & 1u << i) != 0)
			inbox_put_group(&r->role->inbox, NODE_CONNECTED, i);
	return true;
}

/* False: nothing that a peer of ours says. */
static bool
take_frame(
    struct replica *r, enum wire_type type, const uint8_t *body, size_t len)
{
	switch (type) {
	case WIRE_PULSE:
		return len == 0;
	case WIRE_HELLO:
		heartbeat_take(r->role, body, len);
		return true;
	case WIRE_BEGIN:
		estate_begin(r->estate);
		return len == 0;
	case WIRE_RECORDS:
		return take_records(r, body, len);
	case WIRE_ACCORDS:
		return state_sync_take_from_peer(&r->role->sync, body, len);
	case WIRE_ACCORDS_END:
		return len == 0 &&
		    state_sync_take_from_peer(&r->role->sync, body, len);
	case WIRE_END:
		estate_end(r->estate);
		work_on(r);
		return len == 0;
	}
	return true; /* of a later version: it can do without us */
}

static void
on_frame(void *arg, uint8_t type, const uint8_t *body, size_t len)
{
	struct replica *r = arg;

	if (!take_frame(r, (enum wire_type)type, body, len))
		wire_restart(r->wire, "the peer sent a malformed frame");
}

static void
on_room(void *arg)
{
	struct replica *r = arg;

	state_sync_pay(&r->role->sync);
	pay(r);
}

static const struct wire_calls wire_calls = { .on_up = on_up,
	.on_down = on_down,
	.on_frame = on_frame,
	.on_room = on_room };

int
replica_open(struct role *role)
{
	struct wire_setup setup = { .loop = role->loop,
		.calls = &wire_calls,
		.subject = role->peer_subject,
		.auth = &role->auth,
		.boot = role_node(role)->config.peer.boot,
		.self = role->self->address,
		.other = role->other->address,
		.port = role->config->pair.port };
	const size_t max = role->start.max_connections;
	struct replica *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	role->replica = r;
	r->role = role;
	knock_init(&r->knock, role);
	ev_init(&r->turn, on_turn);
	ev_set_priority(&r->turn, EV_MINPRI);
	r->turn.data = r;
	r->ledger = ledger_new(max);
	r->estate = estate_new(&role->config->pair, 2 * max);
	setup.arg = r;
	if (r->ledger != NULL && r->estate != NULL)
		r->wire = wire_open(&setup);
	return r->wire == NULL ? -ENOMEM : 0;
}

void
replica_close(struct role *role)
{
	struct replica *r = role->replica;

	if (r == NULL)
		return;
	wire_close(r->wire);
	knock_stop(&r->knock);
	ev_timer_stop(role->loop, &r->turn);
	ledger_free(r->ledger);
	estate_free(r->estate);
	free(r);
	role->replica = NULL;
}

static bool
take_changes(struct replica *r, const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct conn_record conns[CHANNEL_BODY_MAX / 24];
	unsigned n = 0;
	int e = 0;

	while (b.pos < b.len) {
		if (n == ARRAY_LEN(conns) ||
		    conn_record_decode(&b, &conns[n]) < 0)
			return false;
		n++;
	}
	for (unsigned i = 0; i < n; i++)
		if (ledger_take(r->ledger, &conns[i]) < 0)
			e = -ENOSPC;
	if (e < 0)
		wire_restart(r->wire, "the peer does not read");
	return true;
}

bool
replica_take(struct role *role, const struct channel_packet *p)
{
	struct replica *r = role->replica;

	if (r == NULL)
		return false; /* no pair, nothing to tell */
	if (p->type == MSG_CONNECTIONS) {
		if (!take_changes(r, p))
			return false;
	} else if (p->len != 0) {
		return false;
	} else if (p->type == MSG_CONNECTIONS_BEGIN) {
		ledger_begin(r->ledger);
	} else {
		ledger_end(r->ledger);
		work_on(r);
	}
	pay(r);
	return true;
}

void
replica_expect(struct role *role, const struct hello_boot *boot)
{
	if (role->replica != NULL)
		wire_expect(role->replica->wire, boot);
}

static int
send_frame(void *arg, enum wire_type type, const void *body, size_t len)
{
	const struct role *role = arg;
	struct replica *r = role->replica;

	if (r == NULL || !wire_has_room(r->wire) ||
	    wire_send(r->wire, type, body, len) < 0)
		return -EAGAIN;
	return 0;
}

static void
restart(void *arg, const char *why)
{
	const struct role *role = arg;

	if (role->replica != NULL)
		wire_restart(role->replica->wire, why);
}

void
replica_init_sync(struct role *role)
{
	static const struct state_sync_calls calls = { .send = send_frame,
		.restart = restart };
	const struct state_sync_setup setup = { .loop = role->loop,
		.supervisor = role->supervisor,
		.calls = &calls,
		.arg = role };

	state_sync_init(&role->sync, &setup);
}

void
replica_send_hello(struct role *role, const uint8_t *packet, size_t len)
{
	struct replica *r = role->replica;

	if (r != NULL && wire_is_drained(r->wire) &&
	    wire_send(r->wire, WIRE_HELLO, packet, len) < 0)
		log_debug(role->peer_subject, "wire: no room for a hello");
}

void
replica_describe(const struct role *role, struct msg_peer *m)
{
	const struct replica *r = role->replica;

	if (r == NULL)
		return;
	m->wire_up = wire_is_up(r->wire);
	m->wire_rejected = wire_rejected(r->wire);
	m->connections = (uint32_t)estate_count(r->estate);
}

const struct ledger *
replica_ledger(const struct role *role)
{
	return role->replica->ledger;
}

struct estate *
replica_estate(const struct role *role)
{
	return role->replica->estate;
}
