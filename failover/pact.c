#include "failover/pact.h"

#include "core/buf.h"
#include "core/chan.h"
#include "core/log.h"
#include "core/msg.h"
#include "failover/replica.h"
#include "failover/role.h"

/* A relay or supervisor whose channel is full reads again in a moment. */
#define AGAIN_MS 50

/*
 * Who is not heard of, or does not tell what it knows, for so long, is decided
 * without. A wire takes a second at most to be made.
 */
#define PATIENCE_MS 3000

static void
on_again(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct pact *p = CONTAINER_OF(t, struct pact, again);

	(void)loop;
	(void)revents;
	pact_pay(p->role);
}

static void
set_known(struct role *role, bool known)
{
	struct pact *p = &role->pact;

	ev_timer_stop(role->loop, &p->patience);
	p->known = known;
	p->known_owed = true;
	if (!known) {
		ev_timer_set(&p->patience, PATIENCE_MS / 1e3, 0.);
		ev_timer_start(role->loop, &p->patience);
	}
	pact_pay(role);
}

static void
on_patience(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct pact *p = CONTAINER_OF(t, struct pact, patience);

	(void)loop;
	(void)revents;
	set_known(p->role, true);
}

void
pact_start(struct role *role)
{
	/* The loop's idea of now is old. */
	ev_now_update(role->loop);
	set_known(role, role->other == NULL);
}

void
pact_take_end(struct role *role)
{
	set_known(role, true);
}

void
pact_init(struct role *role)
{
	role->pact = (struct pact){ .role = role };
	ev_init(&role->pact.again, on_again);
	ev_set_priority(&role->pact.again, EV_MINPRI);
	ev_init(&role->pact.patience, on_patience);
	ev_set_priority(&role->pact.patience, EV_MINPRI);
}

void
pact_close(struct role *role)
{
	ev_timer_stop(role->loop, &role->pact.again);
	ev_timer_stop(role->loop, &role->pact.patience);
	accords_fini(&role->pact.all);
}

/* Who has a new wire or channel is told all: then nothing is lost by this. */
static bool
is_there(const struct role *role, enum pact_side to)
{
	switch (to) {
	case PACT_RELAY:
		return role->relay != -1;
	case PACT_PEER:
		return role->replica != NULL;
	case PACT_SUPERVISOR:
		return true;
	}
	return false;
}

static int
send_to(struct role *role, enum pact_side to, const struct buf *b)
{
	switch (to) {
	case PACT_RELAY:
		return chan_send(role->relay, MSG_ACCORDS, b->data, b->pos, -1);
	case PACT_PEER:
		return replica_send_accords(role, b->data, b->pos);
	case PACT_SUPERVISOR:
		return chan_send(
		    role->supervisor, MSG_ACCORDS, b->data, b->pos, -1);
	}
	return 0;
}

static void
pay_later(struct role *role, enum pact_side to)
{
	struct pact *p = &role->pact;

	/* The wire says itself when there is room. */
	if (to == PACT_PEER || ev_is_active(&p->again))
		return;
	ev_timer_set(&p->again, AGAIN_MS / 1e3, 0.);
	ev_timer_start(role->loop, &p->again);
}

/* What is owed beside the accords, after them. */
static void
pay_end(struct role *role, enum pact_side to)
{
	struct pact *p = &role->pact;
	const struct msg_known m = { .known = p->known };
	uint8_t room[8];
	struct buf b = buf_writer(room, sizeof(room));

	if (to == PACT_PEER && p->peer_owed_end)
		p->peer_owed_end = replica_end_accords(role) < 0;
	if (to != PACT_RELAY || !p->known_owed)
		return;
	msg_put_known(&b, &m);
	p->known_owed =
	    chan_send(role->relay, MSG_KNOWN, b.data, b.pos, -1) < 0;
	if (p->known_owed)
		pay_later(role, to);
}

static void
pay_one(struct role *role, enum pact_side to)
{
	struct pact *p = &role->pact;

	while (p->told[to] < p->all.n) {
		uint8_t room[CHAN_BODY_MAX];
		struct buf b = buf_writer(room, sizeof(room));
		size_t next = accords_put(&p->all, p->told[to], &b);

		if (send_to(role, to, &b) < 0) {
			pay_later(role, to);
			return;
		}
		p->told[to] = next;
	}
	pay_end(role, to);
}

void
pact_pay(struct role *role)
{
	for (enum pact_side to = 0; to < PACT_SIDES; to++)
		if (is_there(role, to))
			pay_one(role, to);
}

/* One is news, at this index: all have to be told, but who has told us. */
static void
owe(struct pact *p, enum pact_side from, size_t index, bool inserted)
{
	for (enum pact_side to = 0; to < PACT_SIDES; to++) {
		if (to != from && p->told[to] > index)
			p->told[to] = index;
		else if (to == from && inserted && p->told[to] >= index)
			p->told[to]++;
	}
}

static void
take_one(struct role *role, enum pact_side from, const struct accord *a)
{
	struct pact *p = &role->pact;
	const size_t before = p->all.n;
	size_t index;
	int r = accords_take(&p->all, a, &index);

	if (r > 0)
		owe(p, from, index, p->all.n > before);
	if (r < 0)
		log_error("failover",
		    "no room for what is agreed on server %s of service %s",
		    a->server, a->subject);
}

bool
pact_take(struct role *role, enum pact_side from, const void *body, size_t len)
{
	struct buf b = buf_reader(body, len);
	struct accord a;

	/* All of it or nothing. */
	while (b.pos < b.len)
		if (accord_get(&b, &a) < 0)
			return false;
	b = buf_reader(body, len);
	while (b.pos < b.len && accord_get(&b, &a) == 0)
		take_one(role, from, &a);
	pact_pay(role);
	return true;
}

void
pact_meet_relay(struct role *role)
{
	role->pact.told[PACT_RELAY] = 0;
	role->pact.known_owed = true;
	pact_pay(role);
}

void
pact_meet_peer(struct role *role)
{
	role->pact.told[PACT_PEER] = 0;
	role->pact.peer_owed_end = true;
	set_known(role, false);
}
