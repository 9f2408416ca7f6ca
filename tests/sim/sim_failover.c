/*
 * Two nodes, a clock that is a variable, and a wire that loses, delays, doubles
 * and reorders as the seed decides: the real codec, liveness and election under
 * cuts, pauses, kills, restarts, faults and refused addresses. One turn is one
 * millisecond. Chaos and calm alternate, for what must hold is about what
 * happens once things are well again:
 *
 *   1. both connected, awake and sound: two masters for BOTH_MS at most
 *   2. ... none for NONE_MS at most; a sound node that hears nobody: master
 *   3. terms never fall, over restarts with a restored state too
 *   4. what was believed once is never believed again
 *   5. after an overlap the one who stays has announced since, or recently
 *   6. with one direction cut there are not two masters for ONE_WAY_MS
 *   7. a backup is one no longer than its master is heard, or in fault
 *   8. who slept too long holds nothing when it wakes
 *
 * election.c asserts more after each step (is_sane).
 *
 *	sim_failover [SEEDS [FIRST_SEED]]
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base.h"
#include "core/buf.h"
#include "tests/sim/world.h"

static _Noreturn void sim_fail(const struct sim *s, const char *format, ...)
    PRINTF_LIKE(2, 3);

static void
sim_fail(const struct sim *s, const char *format, ...)
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

static unsigned
below(struct sim *s, unsigned n)
{
	return (unsigned)(draw(s) % n);
}

static bool
percent(struct sim *s, unsigned p)
{
	return below(s, 100) < p;
}

static struct mono
now(const struct sim *s)
{
	return mono_add_ms((struct mono){ 0 }, s->now_ms);
}

static bool
is_awake(const struct sim *s, const struct node *n)
{
	return n->alive && s->now_ms >= n->awake_ms;
}

static uint32_t
dead_ms(const struct node *n)
{
	const uint32_t own = n->interval_ms * n->misses;

	return n->peer.dead_ms > own ? n->peer.dead_ms : own;
}

static void
put_on_wire(struct sim *s, unsigned to, const uint8_t *bytes, size_t len)
{
	for (unsigned i = 0; i < PACKETS_MAX; i++) {
		struct packet *p = &s->wire[i];

		if (p->at_ms != 0)
			continue;
		p->at_ms = s->now_ms + 1 + below(s, s->delay_ms + 1);
		p->to = to;
		p->len = len;
		memcpy(p->bytes, bytes, len);
		return;
	}
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
		.priority = n->priority,
		.term = n->election.term };
	peer_stamp(&n->peer, answered, &h);
	hello_encode(&b, &h);
	n->beaten = now(s);
	if (!s->cut[to] && !percent(s, s->loss_percent))
		for (int i = percent(s, s->twice_percent); i >= 0; i--)
			put_on_wire(s, to, bytes, b.pos);
}

static bool
carry_out(struct sim *s, unsigned i, enum election_action action)
{
	struct node *n = &s->nodes[i];

	switch (action) {
	case ELECTION_SEND_HELLO:
		send_hello(s, i, HELLO_BEAT, NULL);
		return true;
	case ELECTION_ADD_ADDRESSES:
		s->claims++;
		n->held = true;
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
	n->election = election_step(&n->election, ev, now(s), &out);
	if (n->election.term < n->term)
		sim_fail(s, "node %u: its term fell", i);
	n->term = n->election.term;
	for (unsigned a = 0; a < out.n_actions && done; a++)
		done = carry_out(s, i, out.actions[a]);
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

	ev.heartbeat = (struct election_heartbeat){
		.state = h->groups[0].state,
		.resigning = h->resigning,
		.hears_us = peer_hears_us(&n->peer, dead_ms(n), now(s)),
		.priority = h->groups[0].priority,
		.term = h->groups[0].term,
		.dead_ms = dead_ms(n),
	};
	post(s, i, &ev);
}

static enum peer_verdict
receive(struct sim *s, unsigned i, const struct packet *p)
{
	struct node *n = &s->nodes[i];
	struct buf b = buf_reader(p->bytes, p->len);
	enum peer_verdict verdict;
	struct hello h;

	if (hello_decode(&b, &h) < 0)
		sim_fail(s, "node %u: could not read its peer's hello", i);
	verdict = peer_receive(&n->peer, &h, draw(s), now(s));
	switch (verdict) {
	case PEER_NEW_BOOT:
		send_hello(s, i, HELLO_BEAT, NULL);
		tell_election(s, i, &h);
		break;
	case PEER_ACCEPTED:
		if (h.type == HELLO_CHALLENGE)
			send_hello(s, i, HELLO_BEAT, NULL);
		tell_election(s, i, &h);
		break;
	case PEER_STRANGER:
		send_hello(s, i, HELLO_CHALLENGE, &h);
		post_type(s, i, ELECTION_UNPROVEN);
		break;
	case PEER_REPEATED:
	case PEER_MISDIRECTED:
		break;
	}
	return verdict;
}

static bool
is_believed(enum peer_verdict verdict)
{
	return verdict == PEER_ACCEPTED || verdict == PEER_NEW_BOOT;
}

static void
deliver(struct sim *s, struct packet *p)
{
	struct node *n = &s->nodes[p->to];

	if (n->alive && !is_awake(s, n))
		return; /* waits in its socket */
	if (n->alive && is_believed(receive(s, p->to, p)))
		s->recorded[s->n_recorded++ % RECORDED_MAX] = *p;
	p->at_ms = 0; /* not before: a slot is reused at once */
}

/* Somebody on the LAN sends what it has seen before. */
static void
replay(struct sim *s)
{
	const unsigned n = s->n_recorded < RECORDED_MAX
	    ? (unsigned)s->n_recorded
	    : RECORDED_MAX;
	const struct packet *p;
	enum election_state was;

	if (n == 0)
		return;
	p = &s->recorded[below(s, n)];
	if (!is_awake(s, &s->nodes[p->to]))
		return;
	s->replays++;
	was = s->nodes[p->to].election.state;
	if (is_believed(receive(s, p->to, p)) ||
	    s->nodes[p->to].election.state != was)
		sim_fail(s, "node %u: believed a recording", p->to);
}

static void
start_node(struct sim *s, unsigned i, bool restore)
{
	struct node *n = &s->nodes[i];
	struct peer_config peer = { .cluster = 7, .self = i, .other = 1 - i };
	const struct election_config config = {
		.dead_ms = n->interval_ms * n->misses,
		.listen_ms = LISTEN_MS,
		.priority = n->priority,
		.wins_ties = i == 1,
	};
	struct election_event ev = { .type = ELECTION_RESTORE };

	ev.restore.master =
	    restore && n->held && n->election.state == ELECTION_MASTER;
	ev.restore.term = restore ? n->election.term : 0;
	s->boots++;
	memcpy(peer.boot.bytes, &s->boots, sizeof(s->boots));
	n->alive = true;
	n->resigning = false;
	n->term = ev.restore.term;
	n->awake_ms = 0;
	n->peer = peer_init(&peer, draw(s));
	n->election = election_init(&config, now(s));
	n->beaten = now(s);
	if (!ev.restore.master)
		n->held = false; /* cleared at start */
	post(s, i, &ev);
	if (n->faulted)
		post_type(s, i, ELECTION_TRACK_FAULT);
}

static void
kill_node(struct sim *s, unsigned i)
{
	struct node *n = &s->nodes[i];

	n->alive = false;
	n->restorable = percent(s, 50);
	n->reborn_ms =
	    s->now_ms + (n->restorable ? 1 + below(s, 100) : below(s, 3000));
	if (!n->restorable)
		n->held = false;
}

static void
stop_node(struct sim *s, unsigned i)
{
	s->nodes[i].resigning = true;
	post_type(s, i, ELECTION_STOP);
	if (s->nodes[i].held)
		sim_fail(s, "node %u: stopped, and holds on", i);
	kill_node(s, i);
	s->nodes[i].held = false;
	s->nodes[i].restorable = false;
}

static void
set_fault(struct sim *s, unsigned i, bool faulted)
{
	struct node *n = &s->nodes[i];

	if (n->faulted == faulted || !is_awake(s, n))
		return;
	n->faulted = faulted;
	post_type(s, i, faulted ? ELECTION_TRACK_FAULT : ELECTION_TRACK_OK);
}

static void
misfortune(struct sim *s)
{
	const unsigned i = below(s, 2);
	struct node *n = &s->nodes[i];

	switch (below(s, 9)) {
	case 0:
		s->cut[i] = !s->cut[i];
		break;
	case 1:
		s->cut[0] = s->cut[1] = !s->cut[0];
		break;
	case 2:
		s->loss_percent = below(s, 2) * below(s, 60);
		s->twice_percent = below(s, 30);
		break;
	case 3:
		s->delay_ms = below(s, DELAY_MAX_MS + 1);
		break;
	case 4:
		if (is_awake(s, n))
			n->awake_ms = s->now_ms + below(s, 400);
		break;
	case 5:
		if (n->alive)
			kill_node(s, i);
		break;
	case 6:
		if (is_awake(s, n))
			stop_node(s, i);
		break;
	case 7:
		set_fault(s, i, !n->faulted);
		break;
	case 8:
		n->refusals = below(s, 3);
		break;
	}
}

static void
calm_down(struct sim *s)
{
	s->cut[0] = s->cut[1] = false;
	s->loss_percent = 0;
	for (unsigned i = 0; i < 2; i++) {
		s->nodes[i].refusals = 0;
		if (!s->nodes[i].alive)
			s->nodes[i].reborn_ms = s->now_ms;
	}
}

static void
run_node(struct sim *s, unsigned i)
{
	struct node *n = &s->nodes[i];

	if (!n->alive && s->now_ms >= n->reborn_ms)
		start_node(s, i, n->restorable);
	if (!is_awake(s, n))
		return;
	if (mono_span_ms(n->beaten, now(s)) >= n->interval_ms * n->misses) {
		post_type(s, i, ELECTION_STALLED);
		if (n->held)
			sim_fail(s, "node %u: slept, and holds on", i);
		send_hello(s, i, HELLO_BEAT, NULL);
	}
	if (s->phase != CHAOS)
		set_fault(s, i, false);
	if (!mono_before(now(s), n->election.deadline))
		post_type(s, i, ELECTION_TICK);
	if (mono_span_ms(n->beaten, now(s)) >= n->interval_ms)
		send_hello(s, i, HELLO_BEAT, NULL);
}

static bool
is_sound(const struct sim *s, unsigned i)
{
	const struct node *n = &s->nodes[i];

	return is_awake(s, n) && !n->faulted && n->refusals == 0;
}

static void
check_overlap(struct sim *s)
{
	const bool both = s->nodes[0].held && s->nodes[1].held;
	const bool one = s->nodes[0].held != s->nodes[1].held;
	const struct node *n = &s->nodes[s->nodes[0].held ? 0 : 1];

	if (both) {
		if (s->overlap_ms == 0)
			s->overlaps++;
		s->overlap_ms = s->now_ms;
	} else if (s->overlap_ms != 0 && (!one || s->well_ms == 0)) {
		if (!one)
			s->overlap_ms = 0;
	} else if (s->overlap_ms != 0 && s->now_ms > s->well_ms + BOTH_MS &&
	    s->now_ms > s->overlap_ms + BOTH_MS) {
		if (n->announced_ms + ANNOUNCED_MS < s->overlap_ms)
			sim_fail(s, "nobody announced after an overlap");
		s->overlap_ms = 0;
	}
}

static void
check_alone(struct sim *s, unsigned i)
{
	const bool deaf = s->cut[i] || !s->nodes[1 - i].alive;

	if (!deaf || !is_sound(s, i) || s->alone_ms[i] == 0)
		s->alone_ms[i] = s->now_ms;
	else if (s->now_ms > s->alone_ms[i] + ALONE_MS && !s->nodes[i].held)
		sim_fail(s, "node %u: alone, and not master", i);
}

static void
check_backup(struct sim *s, unsigned i)
{
	const struct node *n = &s->nodes[i];
	const struct node *other = &s->nodes[1 - i];
	const int64_t patience = dead_ms(n) + 2;

	if (!is_sound(s, i) || n->election.state != ELECTION_BACKUP ||
	    !is_awake(s, other) || !other->faulted || s->cut[i] ||
	    s->loss_percent != 0)
		s->faulted_ms[i] = s->now_ms;
	if (s->now_ms > s->faulted_ms[i] + BOTH_MS)
		sim_fail(s, "node %u: backup of a node at fault", i);
	if (is_awake(s, n) && s->now_ms > n->awake_ms + patience &&
	    n->election.state == ELECTION_BACKUP &&
	    mono_span_ms(n->peer.heard, now(s)) > patience)
		sim_fail(s, "node %u: backup of nobody", i);
}

/* A boot that was never proven can't be, while one direction is cut. */
static bool
is_known(const struct sim *s, unsigned i)
{
	const struct peer *p = &s->nodes[i].peer;

	return p->known &&
	    hello_boot_is_same(&p->boot, &s->nodes[1 - i].peer.config.boot);
}

static void
check(struct sim *s)
{
	const bool joined = !s->cut[0] && !s->cut[1] && s->loss_percent == 0;
	const bool sound = is_sound(s, 0) && is_sound(s, 1);
	const unsigned held = s->nodes[0].held + s->nodes[1].held;

	if (!joined || !sound)
		s->well_ms = 0;
	else if (s->well_ms == 0)
		s->well_ms = s->now_ms;
	if (!joined || !sound || held == 1)
		s->one_ms = s->now_ms;
	if (s->cut[0] == s->cut[1] || s->loss_percent != 0 || !sound ||
	    held < 2 || !is_known(s, s->cut[0] ? 1 : 0))
		s->one_way_ms = s->now_ms;
	check_overlap(s);
	if (held == 2 && s->now_ms > s->one_ms + BOTH_MS)
		sim_fail(s, "2 masters");
	if (held == 0 && s->now_ms > s->one_ms + NONE_MS)
		sim_fail(s, "no master");
	if (s->now_ms > s->one_way_ms + ONE_WAY_MS)
		sim_fail(s, "2 masters, one direction cut");
	for (unsigned i = 0; i < 2; i++) {
		check_alone(s, i);
		check_backup(s, i);
	}
}

/* Calm follows chaos; now and then there is a long cut in between. */
static void
next_phase(struct sim *s)
{
	if (s->phase == CHAOS && percent(s, 30)) {
		s->phase = SPLIT;
		calm_down(s);
		s->cut[0] = percent(s, 70);
		s->cut[1] = !s->cut[0] || percent(s, 70);
		s->phase_end_ms = s->now_ms + ANNOUNCED_MS + 2000;
	} else if (s->phase == CALM) {
		s->phase = CHAOS;
		s->phase_end_ms = s->now_ms + 100 + below(s, 4000);
	} else {
		s->phase = CALM;
		calm_down(s);
		s->phase_end_ms = s->now_ms + NONE_MS + 500;
	}
}

static void
sim_turn(struct sim *s)
{
	s->now_ms++;
	if (s->now_ms >= s->phase_end_ms)
		next_phase(s);
	if (s->phase == CHAOS && below(s, 60) == 0)
		misfortune(s);
	if (below(s, 40) == 0)
		replay(s);
	for (unsigned i = 0; i < PACKETS_MAX; i++)
		if (s->wire[i].at_ms != 0 && s->wire[i].at_ms <= s->now_ms)
			deliver(s, &s->wire[i]);
	run_node(s, 0);
	run_node(s, 1);
	check(s);
}

static void
sim_init(struct sim *s, uint64_t seed)
{
	memset(s, 0, sizeof(*s));
	s->seed = s->random = seed;
	s->now_ms = 1000;
	s->phase_end_ms = s->now_ms + NONE_MS;
	for (unsigned i = 0; i < 2; i++) {
		struct node *n = &s->nodes[i];

		n->interval_ms = percent(s, 70) ? 20 : 5 + below(s, 16);
		n->misses = 3;
		n->priority = (uint8_t)(percent(s, 70) ? 150 - 50 * i : 100);
		start_node(s, i, false);
	}
}

int
main(int argc, char **argv)
{
	const uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 0) : SEEDS;
	const uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	uint64_t steps = 0, claims = 0, overlaps = 0, replays = 0;
	static struct sim s;

	for (uint64_t seed = first; seed < first + seeds; seed++) {
		sim_init(&s, seed);
		for (s.turn = 0; s.turn < TURNS; s.turn++)
			sim_turn(&s);
		steps += s.steps;
		claims += s.claims;
		overlaps += s.overlaps;
		replays += s.replays;
	}
	printf("%" PRIu64 " seeds, %" PRIu64 " steps, %" PRIu64
	       " claims, %" PRIu64 " overlaps, %" PRIu64 " replays: ok\n",
	    seeds, steps, claims, overlaps, replays);
	return 0;
}
