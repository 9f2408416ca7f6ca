#include "tests/sim/world.h"

#include "core/buf.h"
#include "tests/sim/world_claims.h"
#include "tests/sim/world_host.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct node *
world_node(const struct sim *s, unsigned i)
{
	return &s->hosts[i].inbox.node;
}

enum election_state
world_state(const struct sim *s, unsigned i)
{
	return world_node(s, i)->groups[0].election.state;
}

void
world_fail(const struct sim *s, const char *format, ...)
{
	va_list args;

	printf("seed %" PRIu64 ", turn %u: ", s->seed, s->turn);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	for (const struct host *h = s->hosts; h < s->hosts + 2; h++)
		printf("  %s, term %" PRIu64 ", %s, %s%s%s%s%s\n",
		    election_state_name(world_state(s, h->index)),
		    h->inbox.node.groups[0].election.term,
		    handover_state_name(h->inbox.node.groups[0].handover.state),
		    h->alive ? "alive" : "dead", h->held ? ", holds" : "",
		    h->muted ? ", hushed" : "",
		    h->relay_up ? "" : ", without a relay",
		    h->faulted ? ", at fault" : "");
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
	return s->hosts[i].alive && s->now_ms >= s->hosts[i].awake_ms;
}

bool
world_has_cable(const struct sim *s)
{
	return s->cabled && !s->unplugged && !s->mute;
}

uint32_t
world_dead_ms(const struct sim *s, unsigned i)
{
	return node_dead_ms(world_node(s, i));
}

struct node_now
world_moment(const struct sim *s)
{
	return (struct node_now){ world_now(s), world_now(s) };
}

struct packet *
world_new_packet(
    struct sim *s, enum parcel kind, unsigned to, unsigned delay_ms)
{
	/* One that does not read must not take all the room there is. */
	if (s->waiting[to] == PACKETS_MAX / 2)
		return NULL;
	s->waiting[to]++;
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
	assert(false); /* half is for each */
	return NULL;
}

/*
 * Now and then the node is stopped just here, between two effects, and the
 * world goes on without it.
 */
static void
look_at_clock(void *arg, struct node_now *ret_now)
{
	struct host *h = arg;
	struct sim *s = h->sim;

	if (s->jerky && h->inbox.busy && world_below(s, 200) == 0) {
		const int64_t until_ms = s->now_ms +
		    world_below(s, world_percent(s, 20) ? 3000 : 200);

		s->stops++;
		h->awake_ms = INT64_MAX;
		while (s->now_ms < until_ms)
			world_turn(s);
		h->awake_ms = s->now_ms;
	}
	*ret_now = world_moment(s);
}

static void
note_failed(void *arg, const struct node_event *ev)
{
	(void)arg;
	(void)ev;
}

static void
wake_at(void *arg, struct mono wake)
{
	(void)arg;
	(void)wake; /* run_host() asks in each turn */
}

static const struct inbox_calls calls = { .clock = look_at_clock,
	.carry_out = world_host_carry_out,
	.failed = note_failed,
	.wake_at = wake_at };

/* True: it was believed. */
static bool
receive(struct sim *s, unsigned i, const struct packet *p)
{
	struct host *h = &s->hosts[i];
	const struct peer *peer = &world_node(s, i)->peer;
	const struct hello_boot boot = peer->boot;
	const uint64_t high = peer->high;
	struct buf b = buf_reader(p->bytes, p->len);
	struct node_event ev = { .type = NODE_HELLO };

	if (hello_decode(&b, &ev.hello.said) < 0)
		world_fail(s, "node %u: could not read its peer's hello", i);
	ev.hello.fresh = draw(s);
	ev.hello.path = p->path;
	inbox_put(&h->inbox, &ev);
	return peer->high != high || !hello_boot_is_same(&peer->boot, &boot);
}

static void
take_word(struct host *h, const struct packet *p)
{
	if (p->boot != h->boot)
		return;
	if (p->word != NODE_USABLE)
		inbox_put_type(&h->inbox, p->word);
	else if (h->held)
		inbox_put(&h->inbox,
		    &(struct node_event){
		        .type = NODE_USABLE, .usable = true });
}

static void
deliver(struct sim *s, struct packet *p)
{
	const struct packet it = *p;
	const struct host *other = &s->hosts[1 - p->to];
	struct host *h = &s->hosts[p->to];
	struct node_event ev = { .type = NODE_SHOWN };

	if (h->alive && !world_is_awake(s, p->to))
		return; /* waits in its socket */
	if (h->alive && it.kind == PARCEL_HELLO && !h->inbox.node.started)
		return; /* the same: NODE_DO_START begins to read */
	p->kind = PARCEL_NONE;
	s->waiting[p->to]--;
	if (!h->alive)
		return;
	switch (it.kind) {
	case PARCEL_NONE:
		break;
	case PARCEL_HELLO:
		if (receive(s, it.to, &it))
			s->recorded[s->n_recorded++ % RECORDED_MAX] = it;
		break;
	case PARCEL_SHOWN:
		ev.shown.own = it.own;
		ev.shown.mac[5] = (uint8_t)(it.from + 1);
		ev.segment = 1;
		inbox_put(&h->inbox, &ev);
		break;
	case PARCEL_SOMEBODY:
		inbox_put(&h->inbox,
		    &(struct node_event){
		        .type = NODE_SOMEBODY, .segment = 1 });
		break;
	case PARCEL_LIVES:
		inbox_put_group(&h->inbox, NODE_LIVES, 0);
		break;
	case PARCEL_CONTROL:
		inbox_put_group(&h->inbox, NODE_CONTROL, 0);
		break;
	case PARCEL_ENDED:
		/* Its successor may have spoken meanwhile. */
		if (!other->alive && other->boot == it.boot)
			inbox_put_type(&h->inbox, NODE_PEER_ENDED);
		break;
	case PARCEL_WORD:
		take_word(h, &it);
		break;
	}
}

void
world_replay(struct sim *s)
{
	const unsigned n = s->n_recorded < RECORDED_MAX
	    ? (unsigned)s->n_recorded
	    : RECORDED_MAX;
	struct packet p;
	enum election_state was;

	if (n == 0)
		return;
	p = s->recorded[world_below(s, n)];
	if (!world_is_awake(s, p.to))
		return;
	s->replays++;
	/* What time does with it is another matter. */
	inbox_look(&s->hosts[p.to].inbox);
	was = world_state(s, p.to);
	if (receive(s, p.to, &p) || (world_state(s, p.to) != was && !s->jerky))
		world_fail(s, "node %u: believed a recording", p.to);
}

static void
set_up(struct host *h)
{
	struct sim *s = h->sim;
	struct node *n = &h->inbox.node;
	const struct election_config election = {
		.dead_ms = h->interval_ms * h->misses,
		.listen_ms = LISTEN_MS,
		.doubt = { .hang_ms = HANG_MS,
		    .deaf_ms = DEAF_MS,
		    .askable = h->askable },
		.priority = h->priority,
		.wins_ties = h->index == 1,
		.preempt = h->preempt,
	};
	struct node_config config = { .peer = { .self = h->index,
		                          .other = 1 - h->index },
		.interval_ms = (uint16_t)h->interval_ms,
		.misses = (uint8_t)h->misses,
		.patience_ms = NODE_PATIENCE_MS,
		.hang_ms = HANG_MS,
		.needs_relay = true };

	memcpy(config.peer.keys, h->keys, sizeof(h->keys));
	h->boot = ++s->boots;
	memcpy(config.peer.boot.bytes, &s->boots, sizeof(s->boots));
	*n = (struct node){ 0 };
	h->inbox.n = 0;
	inbox_init(&h->inbox, &calls, h);
	node_init(n, &config, draw(s));
	node_add_group(n, h->group, true, &election, world_now(s));
	node_add_segment(n, SEGMENT_PATH, 0);
}

static void
start_host(struct sim *s, unsigned i, bool restore)
{
	struct host *h = &s->hosts[i];
	struct node_event ev = { .type = NODE_RESTORE };

	ev.restore.master = restore && h->held && !h->faulted &&
	    world_state(s, i) == ELECTION_MASTER;
	ev.restore.term =
	    restore ? world_node(s, i)->groups[0].election.term : 0;
	h->term = 0;
	set_up(h);
	h->alive = true;
	h->dark = h->lost = h->muted = h->overdue = false;
	h->syn_hold = SYN_HOLD_OFF;
	h->announcing = garp_schedule_idle();
	h->awake_ms = h->stop_ms = 0;
	h->lowered = 0;
	if (!ev.restore.master)
		h->held = false; /* cleared at start */
	world_put_ills(h);
	inbox_put(&h->inbox, &ev);
	if (restore && h->relay_up) {
		inbox_put_type(&h->inbox, NODE_RELAY_CAME);
		inbox_put_type(&h->inbox, NODE_RELAY_SERVES);
	} else {
		h->relay_up = false;
		h->relay_gone_ms = s->now_ms;
		h->relay_at_ms = s->now_ms + world_below(s, 40);
	}
	inbox_put_type(&h->inbox, NODE_BEGIN);
}

/* The first thing in a turn of its loop. */
static void
wake_up(struct sim *s, unsigned i)
{
	struct host *h = &s->hosts[i];
	const struct node *n = &h->inbox.node;
	const bool was_master = node_is_master(n, 0);
	const int64_t dead_ms = h->interval_ms * h->misses;
	const int64_t silent_ms = mono_span_ms(n->beaten.mono, world_now(s));
	const bool had_peer =
	    peer_is_alive(&n->peer, world_dead_ms(s, i), n->beaten.mono);

	if (!world_is_awake(s, i))
		return;
	inbox_look(&h->inbox);
	if (n->started && was_master && h->held &&
	    silent_ms >= dead_ms + SUSPECT_LEAST_MS &&
	    (had_peer || silent_ms >= HANG_MS))
		world_fail(s, "node %u: slept, and holds on", i);
	if (!h->lost)
		return;
	h->lost = false;
	inbox_put_type(&h->inbox, NODE_USABLE);
	inbox_put_type(&h->inbox, NODE_LOST);
}

static void
run_relay(struct host *h)
{
	const int64_t now_ms = h->sim->now_ms;

	if (h->relay_up)
		return;
	if (now_ms >= h->relay_at_ms) {
		h->relay_up = true;
		inbox_put_type(&h->inbox, NODE_RELAY_CAME);
		inbox_put_type(&h->inbox, NODE_RELAY_SERVES);
	} else if (!h->overdue && now_ms >= h->relay_gone_ms + GRACE_MS) {
		h->overdue = true;
		inbox_put_type(&h->inbox, NODE_RELAY_OVERDUE);
	}
}

static void
run_host(struct sim *s, unsigned i)
{
	struct host *h = &s->hosts[i];
	const struct node *n = &h->inbox.node;
	const struct mono now = world_now(s);

	if (!h->alive && s->now_ms >= h->reborn_ms)
		start_host(s, i, h->restorable);
	/* The kernel's side: a lease ends whatever the daemon does. */
	if (h->held && s->now_ms > h->renewed_ms + LEASE_MS) {
		h->held = false;
		h->lost = true;
	}
	if (!h->held)
		h->free_ms = s->now_ms;
	if (!world_is_awake(s, i))
		return;
	if (h->held)
		h->renewed_ms = s->now_ms;
	if (h->syn_hold == SYN_HOLD_HOLDING && h->held)
		h->syns++;
	world_host_announce(h);
	run_relay(h);
	if (h->stop_ms != 0 && s->now_ms >= h->stop_ms) {
		world_stop(s, i);
		return;
	}
	if (!mono_before(now, node_wake(n)))
		inbox_put_type(&h->inbox, NODE_TICK);
	if (n->started && mono_span_ms(n->beaten.mono, now) >= h->interval_ms)
		inbox_put_type(&h->inbox, NODE_BEAT);
}

void
world_turn(struct sim *s)
{
	const bool open = !s->cut[0] && !s->cut[1] && !s->silent[0] &&
	    !s->silent[1] && s->loss_percent == 0;

	s->now_ms++;
	if (!open || s->delay_ms > 1 || s->jerky || s->only_to_all)
		s->quick_ms = s->now_ms;
	if (!s->rogue)
		s->honest_ms = s->now_ms;
	for (unsigned i = 0; i < 2; i++)
		if ((!s->cut[i] && !s->silent[i]) || world_has_cable(s))
			s->open_ms[i] = s->now_ms;
	wake_up(s, 0);
	wake_up(s, 1);
	for (unsigned i = 0; i < s->n_wire; i++)
		if (s->wire[i].kind != PARCEL_NONE &&
		    s->wire[i].at_ms <= s->now_ms)
			deliver(s, &s->wire[i]);
	while (s->n_wire > 0 && s->wire[s->n_wire - 1].kind == PARCEL_NONE)
		s->n_wire--;
	run_host(s, 0);
	run_host(s, 1);
	s->after_turn(s);
}

void
world_init(struct sim *s, uint64_t seed)
{
	bool askable, preempt;

	memset(s, 0, sizeof(*s));
	world_claims_watch(s);
	s->seed = s->random = seed;
	s->now_ms = 1000;
	askable = world_percent(s, 50);
	s->fabric = world_percent(s, 10);
	s->clients = world_percent(s, 60);
	preempt = world_percent(s, 30);
	s->cabled = world_percent(s, 40);
	for (unsigned i = 0; i < 2; i++) {
		struct host *h = &s->hosts[i];

		h->sim = s;
		h->index = i;
		h->keys[0] = 7;
		h->group = 1;
		h->interval_ms =
		    world_percent(s, 70) ? 20 : 5 + world_below(s, 16);
		h->misses = 3;
		h->priority =
		    (uint8_t)(world_percent(s, 70) ? 150 - 50 * i : 100);
		h->askable = askable;
		h->preempt = preempt;
		h->foresees = world_percent(s, 50);
	}
	start_host(s, 0, false);
	start_host(s, 1, false);
}
