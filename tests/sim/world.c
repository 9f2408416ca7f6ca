#include "tests/sim/world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "tests/sim/broken.h"

void
world_fail(const struct sim *s, const char *format, ...)
{
	va_list args;

	printf("seed %" PRIu64 ", turn %u: ", s->seed, s->turn);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	for (const struct node *n = s->nodes; n < s->nodes + 2; n++)
		printf("  %s, term %" PRIu64 ", %s%s%s\n",
		    election_state_name(n->election.state), n->election.term,
		    n->alive ? "alive" : "dead", n->held ? ", holds" : "",
		    n->faulted ? ", at fault" : "");
	exit(1);
}

/* splitmix64: any seed will do, also 0. */
static uint64_t
draw(struct sim *s)
{
	uint64_t z = s->random += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

unsigned
world_below(struct sim *s, unsigned n)
{
	return (unsigned)(draw(s) % n);
}

bool
world_percent(struct sim *s, unsigned p)
{
	return world_below(s, 100) < p;
}

struct mono
world_now(const struct sim *s)
{
	return mono_add_ms((struct mono){ 0 }, s->now_ms);
}

bool
world_is_awake(const struct sim *s, unsigned i)
{
	return s->nodes[i].alive && s->now_ms >= s->nodes[i].awake_ms;
}

uint32_t
world_dead_ms(const struct sim *s, unsigned i)
{
	const struct node *n = &s->nodes[i];
	const uint32_t own = n->interval_ms * n->misses;

	return n->peer.dead_ms > own ? n->peer.dead_ms : own;
}

static struct packet *
new_packet(struct sim *s, enum parcel kind, unsigned to, unsigned delay_ms)
{
	for (unsigned i = 0; i < PACKETS_MAX; i++) {
		struct packet *p = &s->wire[i];

		if (p->kind != PARCEL_NONE)
			continue;
		if (i >= s->n_wire)
			s->n_wire = i + 1;
		p->kind = kind;
		p->to = to;
		p->at_ms = s->now_ms + 1 + world_below(s, delay_ms + 1);
		return p;
	}
	return NULL; /* a full network loses, too */
}

static void
send_hello(struct sim *s, unsigned from, enum hello_type type,
    const struct hello *answered)
{
	struct node *n = &s->nodes[from];
	const unsigned to = 1 - from;
	uint8_t bytes[HELLO_BYTES_MAX];
	struct buf b = buf_writer(bytes, sizeof(bytes));
	struct hello h = { .type = type,
		.interval_ms = (uint16_t)n->interval_ms,
		.misses = (uint8_t)n->misses,
		.resigning = n->resigning,
		.n_groups = 1 };

	h.groups[0] = (struct hello_group){ .id = 1,
		.state = n->election.state,
		.held = n->held,
		.hands_over = n->election.handing,
		.priority = n->election.priority,
		.term = n->election.term };
	peer_stamp(&n->peer, answered, &h);
	hello_encode(&b, &h);
	n->beaten = world_now(s);
	if (s->cut[to] || s->mute || world_percent(s, s->loss_percent))
		return;
	for (int i = world_percent(s, s->twice_percent); i >= 0; i--) {
		struct packet *p = new_packet(s, PARCEL_HELLO, to, s->delay_ms);

		if (p == NULL)
			break;
		p->len = b.pos;
		memcpy(p->bytes, bytes, b.pos);
	}
}

static void
reply(struct sim *s, unsigned to, enum doubt_answer answer)
{
	/* A kernel is quick; what loses heartbeats loses this, too. */
	struct packet *p = s->cut[to] || world_percent(s, s->loss_percent / 2)
	    ? NULL
	    : new_packet(s, PARCEL_ANSWER, to, s->delay_ms < 2 ? 0 : 2);

	if (p != NULL)
		p->answer = answer;
}

/* Who gets the probe answers it, whatever its daemon does. */
static void
probe(struct sim *s, unsigned from)
{
	const unsigned to = 1 - from;
	const struct node *other = &s->nodes[to];

	if (!s->cut[to] && !other->dark) {
		reply(s, from, DOUBT_PEER);
		if (other->held)
			reply(s, from, DOUBT_ADDRESS_AT_PEER);
	}
	if (s->rogue)
		reply(s, from, DOUBT_ADDRESS_ELSEWHERE);
	if (s->nodes[from].witnesses)
		reply(s, from, DOUBT_WITNESS);
}

/*
 * What was found out by asking must be true: nobody claims what the other's
 * kernel would have answered for, unless that has gone on for hang_timeout.
 */
static void
check_claim(struct sim *s, unsigned i, enum election_reason reason)
{
	const struct node *other = &s->nodes[1 - i];
	/* For so long that both probes were answered. */
	const int64_t since_ms = s->now_ms - 20;

	s->claims++;
	s->forced += reason == ELECTION_PEER_HUNG;
	if (other->held && s->now_ms > other->free_ms + DELAY_MAX_MS + 2 &&
	    !other->election.handing &&
	    (reason == ELECTION_PREFERRED || reason == ELECTION_PEER_FAULT ||
	        reason == ELECTION_PEER_RESIGNED))
		world_fail(s, "node %u: claimed on old news", i);
	if (reason != ELECTION_PEER_SILENT && reason != ELECTION_NO_PEER &&
	    reason != ELECTION_PEER_RELEASED)
		return;
	if (since_ms < s->quick_ms)
		return;
	if (other->held && since_ms > other->free_ms)
		world_fail(s, "node %u: claimed what its peer answers for", i);
	if (s->rogue && since_ms > s->honest_ms)
		world_fail(s, "node %u: claimed what a third one has", i);
}

static bool
carry_out(struct sim *s, unsigned i, const struct election_out *out, unsigned a)
{
	struct node *n = &s->nodes[i];

	switch (out->actions[a]) {
	case ELECTION_SEND_HELLO:
		send_hello(s, i, HELLO_BEAT, NULL);
		return true;
	case ELECTION_ADD_ADDRESSES:
		check_claim(s, i, out->reason);
		n->held = true;
		n->renewed_ms = s->now_ms;
		if (n->refusals == 0)
			return true;
		n->refusals--;
		return false;
	case ELECTION_DEL_ADDRESSES:
		n->held = false;
		return true;
	case ELECTION_ANNOUNCE:
		n->announced_ms = s->now_ms;
		return true;
	case ELECTION_PROBE:
		probe(s, i);
		return true;
	case ELECTION_HAND_OVER:
		n->handing_ms = s->now_ms; /* run_node() begins it */
		return true;
	}
	return true;
}

static void
post(struct sim *s, unsigned i, const struct election_event *ev)
{
	struct node *n = &s->nodes[i];
	struct election_out out;
	bool done = true;

	s->steps++;
	n->election =
	    broken_step(s->broken, &n->election, ev, world_now(s), &out);
	if (n->election.term < n->term)
		world_fail(s, "node %u: its term fell", i);
	n->term = n->election.term;
	for (unsigned a = 0; a < out.n_actions && done; a++)
		done = carry_out(s, i, &out, a);
	if (!done)
		post(s, i,
		    &(struct election_event){ .type = ELECTION_ACTION_FAILED });
}

static void
post_type(struct sim *s, unsigned i, enum election_type type)
{
	post(s, i,
	    &(struct election_event){
	        .type = type, .fault = ELECTION_INTERFACE_CARRIER });
}

static void
tell_election(struct sim *s, unsigned i, const struct hello *h)
{
	struct node *n = &s->nodes[i];
	struct election_event ev = { .type = ELECTION_HEARTBEAT };
	const uint32_t dead_ms = world_dead_ms(s, i);

	ev.heartbeat = (struct election_heartbeat){
		.state = h->groups[0].state,
		.resigning = h->resigning,
		.hears_us = peer_hears_us(&n->peer, dead_ms, world_now(s)),
		.hands_over = h->groups[0].hands_over,
		.priority = h->groups[0].priority,
		.term = h->groups[0].term,
		.dead_ms = dead_ms,
	};
	post(s, i, &ev);
}

static bool
receive(struct sim *s, unsigned i, const struct packet *p)
{
	struct node *n = &s->nodes[i];
	struct buf b = buf_reader(p->bytes, p->len);
	struct hello h;

	if (hello_decode(&b, &h) < 0)
		world_fail(s, "node %u: could not read its peer's hello", i);
	switch (peer_receive(&n->peer, &h, draw(s), world_now(s))) {
	case PEER_NEW_BOOT:
		send_hello(s, i, HELLO_BEAT, NULL);
		tell_election(s, i, &h);
		return true;
	case PEER_ACCEPTED:
		if (h.type == HELLO_CHALLENGE)
			send_hello(s, i, HELLO_BEAT, NULL);
		tell_election(s, i, &h);
		return true;
	case PEER_STRANGER:
		send_hello(s, i, HELLO_CHALLENGE, &h);
		post_type(s, i, ELECTION_UNPROVEN);
		return false;
	case PEER_REPEATED:
	case PEER_MISDIRECTED:
		break;
	}
	return false;
}

static void
deliver(struct sim *s, struct packet *p)
{
	const struct packet it = *p;
	const struct node *other = &s->nodes[1 - p->to];

	if (s->nodes[p->to].alive && !world_is_awake(s, p->to))
		return; /* waits in its socket */
	p->kind = PARCEL_NONE;
	if (!s->nodes[it.to].alive)
		return;
	switch (it.kind) {
	case PARCEL_NONE:
		break;
	case PARCEL_HELLO:
		if (receive(s, it.to, &it))
			s->recorded[s->n_recorded++ % RECORDED_MAX] = it;
		break;
	case PARCEL_ANSWER:
		post(s, it.to,
		    &(struct election_event){
		        .type = ELECTION_ANSWER, .answer = it.answer });
		break;
	case PARCEL_ENDED:
		/* Its successor may have spoken meanwhile. */
		if (!other->alive && other->boot == it.boot)
			post_type(s, it.to, ELECTION_PEER_ENDED);
		break;
	}
}

void
world_replay(struct sim *s)
{
	const unsigned n = s->n_recorded < RECORDED_MAX
	    ? (unsigned)s->n_recorded
	    : RECORDED_MAX;
	const struct packet *p;
	enum election_state was;

	if (n == 0)
		return;
	p = &s->recorded[world_below(s, n)];
	if (!world_is_awake(s, p->to))
		return;
	s->replays++;
	was = s->nodes[p->to].election.state;
	if (receive(s, p->to, p) || s->nodes[p->to].election.state != was)
		world_fail(s, "node %u: believed a recording", p->to);
}

static void
start_node(struct sim *s, unsigned i, bool restore)
{
	struct node *n = &s->nodes[i];
	struct peer_config peer = { .cluster = 7, .self = i, .other = 1 - i };
	const struct election_config config = {
		.dead_ms = n->interval_ms * n->misses,
		.listen_ms = LISTEN_MS,
		.doubt = { .hang_ms = HANG_MS, .witnesses = n->witnesses },
		.priority = n->priority,
		.wins_ties = i == 1,
		.preempt = n->preempt,
	};
	struct election_event ev = { .type = ELECTION_RESTORE };

	ev.restore.master =
	    restore && n->held && n->election.state == ELECTION_MASTER;
	ev.restore.term = restore ? n->election.term : 0;
	n->boot = ++s->boots;
	memcpy(peer.boot.bytes, &s->boots, sizeof(s->boots));
	n->alive = true;
	n->dark = n->resigning = false;
	n->term = ev.restore.term;
	n->awake_ms = 0;
	n->lowered = 0;
	n->peer = peer_init(&peer, draw(s));
	n->election = election_init(&config, world_now(s));
	n->beaten = world_now(s);
	if (!ev.restore.master)
		n->held = false; /* cleared at start */
	post(s, i, &ev);
	if (n->faulted)
		post_type(s, i, ELECTION_TRACK_FAULT);
}

void
world_kill(struct sim *s, unsigned i)
{
	struct node *n = &s->nodes[i];
	struct packet *p;

	n->alive = false;
	n->restorable = world_percent(s, 50);
	n->dark = !n->restorable && world_percent(s, 50);
	n->reborn_ms = s->now_ms +
	    (n->restorable ? 1 + world_below(s, 100) : world_below(s, 3000));
	if (n->dark)
		n->held = false;
	/* A supervisor that lives keeps the wire: then nobody is told. */
	if (n->dark || n->restorable || s->cut[1 - i])
		return;
	p = new_packet(s, PARCEL_ENDED, 1 - i, 0);
	if (p != NULL)
		p->boot = n->boot;
}

void
world_stop(struct sim *s, unsigned i)
{
	s->nodes[i].resigning = true;
	post_type(s, i, ELECTION_STOP);
	if (s->nodes[i].held)
		world_fail(s, "node %u: stopped, and holds on", i);
	world_kill(s, i);
	s->nodes[i].restorable = false;
}

void
world_set_fault(struct sim *s, unsigned i, bool faulted)
{
	struct node *n = &s->nodes[i];

	if (n->faulted == faulted || !world_is_awake(s, i))
		return;
	n->faulted = faulted;
	post_type(s, i, faulted ? ELECTION_TRACK_FAULT : ELECTION_TRACK_OK);
}

void
world_set_lowered(struct sim *s, unsigned i, uint8_t by)
{
	struct node *n = &s->nodes[i];

	if (n->lowered == by || !world_is_awake(s, i))
		return;
	n->lowered = by;
	post(s, i,
	    &(struct election_event){ .type = ELECTION_PRIORITY,
	        .priority = (uint8_t)(n->priority - by) });
}

/* As the shell does: begins what the election asked for, and gives it up. */
static void
run_handover(struct sim *s, unsigned i)
{
	struct node *n = &s->nodes[i];
	const bool over = s->now_ms > n->handing_ms + HANDOVER_MS ||
	    !peer_is_alive(&n->peer, PATIENCE_MS, world_now(s));

	if (n->handing_ms == s->now_ms)
		post_type(s, i, ELECTION_HANDOVER_BEGIN);
	else if (n->election.handing && over)
		post_type(s, i, ELECTION_HANDOVER_ABORT);
}

/* Before all else in a turn of its loop (beat.c). */
static void
notice_stall(struct sim *s, unsigned i)
{
	struct node *n = &s->nodes[i];
	const int64_t dead_ms = n->interval_ms * n->misses;
	const int64_t silent_ms = mono_span_ms(n->beaten, world_now(s));
	const bool had_peer =
	    peer_is_alive(&n->peer, world_dead_ms(s, i), n->beaten);

	if (!world_is_awake(s, i) || silent_ms < dead_ms)
		return;
	post(s, i,
	    &(struct election_event){
	        .type = ELECTION_STALLED, .stalled_ms = (uint32_t)silent_ms });
	if (n->held && silent_ms >= dead_ms + DOUBT_LEAST_MS &&
	    (had_peer || silent_ms >= HANG_MS))
		world_fail(s, "node %u: slept, and holds on", i);
	send_hello(s, i, HELLO_BEAT, NULL);
}

static void
run_node(struct sim *s, unsigned i)
{
	struct node *n = &s->nodes[i];
	const struct mono now = world_now(s);

	if (!n->alive && s->now_ms >= n->reborn_ms)
		start_node(s, i, n->restorable);
	/* The kernel's side: a lease ends whatever the daemon does. */
	if (n->held && s->now_ms > n->renewed_ms + LEASE_MS)
		n->held = false;
	if (!n->held)
		n->free_ms = s->now_ms;
	if (!world_is_awake(s, i))
		return;
	if (n->held)
		n->renewed_ms = s->now_ms;
	run_handover(s, i);
	if (!mono_before(now, n->election.deadline))
		post_type(s, i, ELECTION_TICK);
	if (mono_span_ms(n->beaten, now) >= n->interval_ms)
		send_hello(s, i, HELLO_BEAT, NULL);
}

void
world_turn(struct sim *s)
{
	const bool open = !s->cut[0] && !s->cut[1] && s->loss_percent == 0;

	s->now_ms++;
	if (!open || s->delay_ms > 1)
		s->quick_ms = s->now_ms;
	if (!s->rogue)
		s->honest_ms = s->now_ms;
	notice_stall(s, 0);
	notice_stall(s, 1);
	for (unsigned i = 0; i < s->n_wire; i++)
		if (s->wire[i].kind != PARCEL_NONE &&
		    s->wire[i].at_ms <= s->now_ms)
			deliver(s, &s->wire[i]);
	while (s->n_wire > 0 && s->wire[s->n_wire - 1].kind == PARCEL_NONE)
		s->n_wire--;
	run_node(s, 0);
	run_node(s, 1);
}

void
world_init(struct sim *s, uint64_t seed, const char *broken)
{
	bool witnesses, preempt;

	memset(s, 0, sizeof(*s));
	s->seed = s->random = seed;
	s->broken = broken;
	s->now_ms = 1000;
	witnesses = world_percent(s, 30);
	preempt = world_percent(s, 30);
	for (unsigned i = 0; i < 2; i++) {
		struct node *n = &s->nodes[i];

		n->interval_ms =
		    world_percent(s, 70) ? 20 : 5 + world_below(s, 16);
		n->misses = 3;
		n->priority =
		    (uint8_t)(world_percent(s, 70) ? 150 - 50 * i : 100);
		n->witnesses = witnesses;
		n->preempt = preempt;
		start_node(s, i, false);
	}
}
