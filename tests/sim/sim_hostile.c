/*
 * A pair (world.h) of which one node is not ours any more: it holds the key,
 * proves itself, and says whatever the hello's form allows, as often as it
 * likes, while its kernel answers for the address or does not. Then it is gone,
 * and an honest node is started in its place. What must hold:
 *
 *   1. the other node never breaks a rule of its own (is_sane, the inbox's)
 *   2. it is not made to add, delete, announce or tell more often than
 *      node_peer.c allows, nor to answer more often
 *   3. it is waited for no longer than our own file says
 *   4. once an operator has ended a pause, the two agree within AGREE_MS, and
 *      the address is handed over and back: nothing of what was said lasts
 *
 *	sim_hostile [SEEDS [FIRST_SEED]]
 */

#include "core/buf.h"
#include "tests/sim/broken.h"
#include "tests/sim/world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEDS 300
#define HONEST_MS 6000
#define AGREE_MS 12000
#define HANDED_MS 3000

/* What node_peer.c allows; a word is worth a move at most, ... */
#define WORDS_BURST 200
#define WORDS_A_SECOND 5
#define BOOTS_BURST 20
/* ... and so is a silence, or that its end was told. */
#define MOVES_A_SECOND 10

struct liar {
	struct sim *s;
	uint64_t boot, seq;
	unsigned most;           /* hellos in a turn */
	unsigned wild;           /* percent of the fields that are drawn, ... */
	unsigned odd;            /* ... of those that say who it is */
	struct hello_group word; /* what it says mostly, ... */
	bool resigning;
	bool flips;       /* ... and the opposite each second time, ... */
	uint64_t ahead;   /* ... of a term so much later than ours, ... */
	int64_t until_ms; /* ... until then */
	uint64_t hellos;
};

static struct counts {
	uint64_t adds, deletes, announces, told, said;
} counts;

static void
count(const struct node *before, const struct node *after,
    const struct node_event *ev, const struct node_out *out)
{
	(void)before;
	(void)after;
	(void)ev;
	for (unsigned i = 0; i < out->n; i++) {
		const enum node_effect_type type = out->effects[i].type;

		counts.adds += type == NODE_DO_ADD;
		counts.deletes += type == NODE_DO_DELETE;
		counts.announces += type == NODE_DO_ANNOUNCE;
		counts.told += type == NODE_TELL_STATE;
		counts.said += type == NODE_DO_SAY || type == NODE_DO_CHALLENGE;
	}
}

static void
look_nowhere(struct sim *s)
{
	(void)s;
}

static bool
draws(struct liar *l)
{
	return world_percent(l->s, l->wild);
}

static uint64_t
number(struct liar *l, uint64_t near)
{
	const uint64_t far[] = { 0, 1, near + 1, near - 1, near + 1000,
		UINT64_C(1) << 52, near + (UINT64_C(1) << 63), UINT64_MAX / 2,
		UINT64_MAX - 1, UINT64_MAX };

	return far[world_below(l->s, ARRAY_LEN(far))];
}

/* What may be wrong with a word of a group. */
static void
twist(struct liar *l, struct hello_group *g)
{
	const uint32_t lacks[] = { 0, 1, 3, UINT32_MAX };
	struct sim *s = l->s;

	if (draws(l))
		g->id = world_below(s, 3);
	if (draws(l))
		g->faults = (uint8_t)number(l, 0);
	if (draws(l))
		g->lacks = lacks[world_below(s, ARRAY_LEN(lacks))];
	if (draws(l))
		g->addresses = world_below(s, 2);
	if (draws(l))
		g->priority = (uint8_t)(1 + world_below(s, 254));
	if (draws(l))
		g->misses_peer = !g->misses_peer;
	if (draws(l))
		g->macs[0][5] = (uint8_t)world_below(s, 4);
	if (draws(l))
		g->state = (enum election_state)world_below(s, ELECTION_STATES);
	if (draws(l))
		g->held = !g->held;
	if (draws(l))
		g->hands_over = !g->hands_over;
	if (draws(l))
		g->deaf = !g->deaf;
	if (draws(l))
		g->served_ms =
		    10 * world_below(s, ELECTION_SERVED_MAX_MS / 10 + 1);
}

/* A form that hello_decode() lets pass. */
static void
lie_of_group(struct liar *l, struct hello_group *g)
{
	const struct election *e = &world_node(l->s, 0)->groups[0].election;

	*g = l->word;
	g->term = draws(l) ? number(l, e->term) : e->term + l->ahead;
	if (l->flips)
		g->state = l->hellos % 2 ? ELECTION_MASTER : ELECTION_FAULT;
	twist(l, g);
	if (g->state != ELECTION_MASTER)
		g->hands_over = g->deaf = false;
	if (g->state != ELECTION_MASTER || g->deaf)
		g->served_ms = 0;
}

static void
lie_of_time(struct liar *l, struct hello *h)
{
	struct sim *s = l->s;

	h->interval_ms = 20;
	h->misses = 3;
	if (draws(l))
		h->interval_ms = (uint16_t)(1 + world_below(s, 10000));
	if (draws(l))
		h->misses = (uint8_t)(1 + world_below(s, 20));
	h->pause_epoch = world_node(s, 0)->pause.epoch;
	h->pause_ms = pause_left_ms(&world_node(s, 0)->pause, world_now(s));
	if (draws(l))
		h->pause_epoch = (uint32_t)number(l, h->pause_epoch);
	if (draws(l))
		h->pause_ms = (uint32_t)number(l, h->pause_ms);
	h->pause_own = draws(l);
}

static bool
is_odd(struct liar *l)
{
	return world_percent(l->s, l->odd);
}

/* As whom it speaks, and what proves it. */
static void
lie_of_itself(struct liar *l, struct hello *h)
{
	const struct peer *own = &world_node(l->s, 0)->peer;

	if (is_odd(l))
		l->boot++;
	memcpy(h->sender_boot.bytes, &l->boot, sizeof(l->boot));
	h->sender_boot.bytes[15] = 1;
	h->sender = is_odd(l) ? world_below(l->s, 3) : 1;
	h->keys[0] = 7;
	if (is_odd(l))
		h->keys[1] = 7 + world_below(l->s, 3);
	h->key = is_odd(l) && h->keys[1] != 0;
	h->echo_boot = own->config.boot;
	if (is_odd(l))
		h->echo_boot.bytes[0] ^= 1;
	h->echo_nonce = is_odd(l) ? number(l, own->nonce) : own->nonce;
	h->echo_seq = is_odd(l) ? number(l, own->sent) : own->sent;
	h->nonce = number(l, 5);
	l->seq = own->high + 1;
	if (is_odd(l))
		l->seq = is_odd(l) ? number(l, own->high)
		                   : own->high + world_below(l->s, 1000);
	h->seq = l->seq != 0 ? l->seq : 1;
	/* Its own number ran out: it is started anew. */
	if (own->high == UINT64_MAX)
		l->boot++;
}

static void
lie(struct liar *l)
{
	struct packet *p = world_new_packet(l->s, PARCEL_HELLO, 0, 0);
	struct hello h = { .type = HELLO_BEAT };
	struct buf b;

	if (p == NULL)
		return;
	if (draws(l))
		h.type = HELLO_CHALLENGE;
	lie_of_itself(l, &h);
	lie_of_time(l, &h);
	h.resigning = l->resigning != draws(l);
	h.n_groups = draws(l) ? (uint8_t)world_below(l->s, 3) : 1;
	for (unsigned i = 0; i < h.n_groups; i++) {
		lie_of_group(l, &h.groups[i]);
		if (i > 0)
			h.groups[i].id = h.groups[0].id + 1;
	}
	b = buf_writer(p->bytes, sizeof(p->bytes));
	hello_encode(&b, &h);
	p->len = b.pos;
	p->path = world_percent(l->s, 50) ? SEGMENT_PATH : LINK_PATH;
	l->hellos++;
}

static void
change_manner(struct liar *l)
{
	static const enum election_state states[] = { ELECTION_BACKUP,
		ELECTION_BACKUP, ELECTION_MASTER, ELECTION_MASTER,
		ELECTION_FAULT };
	const unsigned most[] = { 0, 1, 3, 30 };
	const unsigned wild[] = { 0, 2, 10, 40 }, odd[] = { 0, 0, 1, 20 };
	struct sim *s = l->s;

	l->until_ms =
	    s->now_ms + 1 + world_below(s, world_percent(s, 50) ? 100 : 1500);
	l->most = most[world_below(s, ARRAY_LEN(most))];
	l->word = (struct hello_group){ .id = 1, .priority = 100 };
	l->word.macs[0][5] = 2;
	l->wild = 10;
	twist(l, &l->word);
	l->word.id = 1;
	l->word.state = states[world_below(s, ARRAY_LEN(states))];
	l->word.held = l->word.state == ELECTION_MASTER;
	l->resigning = world_percent(s, 10);
	l->ahead = world_below(s, 3);
	l->flips = world_percent(s, 30);
	l->wild = wild[world_below(s, ARRAY_LEN(wild))];
	l->odd = odd[world_below(s, ARRAY_LEN(odd))];
}

/* Its kernel is its own, too. */
static void
play_host(struct liar *l)
{
	struct sim *s = l->s;
	struct host *h = &s->hosts[1];

	if (world_percent(s, 1))
		h->held = !h->held;
	h->renewed_ms = s->now_ms;
	if (world_below(s, 300) == 0)
		h->dark = !h->dark;
	if (world_below(s, 500) == 0)
		inbox_put_type(&s->hosts[0].inbox, NODE_PEER_ENDED);
}

static void
check_own_time(const struct sim *s)
{
	if (node_dead_ms(world_node(s, 0)) > HANG_MS)
		world_fail(s, "it is given more time than our file says");
}

static void
check_counts(const struct sim *s, int64_t ms)
{
	const uint64_t seconds = (uint64_t)ms / 1000 + 1;
	const uint64_t words =
	    WORDS_BURST + BOOTS_BURST + (WORDS_A_SECOND + 1) * seconds;
	const uint64_t moves = words + MOVES_A_SECOND * seconds;

	if (counts.adds > moves || counts.deletes > moves ||
	    counts.announces > moves || counts.told > moves)
		world_fail(s,
		    "it was moved %" PRIu64 " times in %" PRId64
		    " ms, and told %" PRIu64 " lines",
		    counts.adds, ms, counts.told);
	if (counts.said > 2000 * seconds)
		world_fail(s, "it was made to say %" PRIu64, counts.said);
}

static void
lie_for(struct liar *l, int64_t ms)
{
	struct sim *s = l->s;
	const int64_t begun_ms = s->now_ms;

	counts = (struct counts){ 0 };
	world_kill(s, 1);
	s->hosts[1].reborn_ms = INT64_MAX;
	s->hosts[1].dark = false;
	for (; s->now_ms < begun_ms + ms; s->turn++) {
		if (s->now_ms >= l->until_ms)
			change_manner(l);
		for (unsigned n = l->most > 0 ? world_below(s, l->most + 1) : 0;
		     n > 0; n--)
			lie(l);
		play_host(l);
		world_turn(s);
		check_own_time(s);
	}
	check_counts(s, ms);
}

/* Of whom both say that it is master, 2: they do not agree. */
static unsigned
agreed(const struct sim *s)
{
	for (unsigned i = 0; i < 2; i++)
		if (world_state(s, i) == ELECTION_MASTER && s->hosts[i].held &&
		    world_state(s, 1 - i) == ELECTION_BACKUP &&
		    !s->hosts[1 - i].held && !world_node(s, 0)->paused &&
		    !world_node(s, 1)->paused)
			return i;
	return 2;
}

static unsigned
await(struct sim *s, unsigned master, int64_t ms, const char *what)
{
	const int64_t end_ms = s->now_ms + ms;

	for (; s->now_ms < end_ms; s->turn++) {
		const unsigned holder = agreed(s);

		if (holder < 2 && (master == 2 || holder == master))
			return holder;
		world_turn(s);
	}
	world_fail(s, "%s", what);
}

static void
resume_moves(struct sim *s, unsigned i)
{
	inbox_put(
	    &s->hosts[i].inbox, &(struct node_event){ .type = NODE_PAUSE });
}

static void
run_for(struct sim *s, int64_t ms)
{
	const int64_t end_ms = s->now_ms + ms;

	for (; s->now_ms < end_ms; s->turn++)
		world_turn(s);
}

static void
prove_that_nothing_lasts(struct sim *s)
{
	unsigned master;

	s->hosts[1].reborn_ms = s->now_ms;
	s->hosts[1].restorable = s->hosts[1].dark = false;
	resume_moves(s, 0);
	run_for(s, 3000);
	resume_moves(s, world_below(s, 2));
	master = await(s, 2, AGREE_MS, "they do not agree again");
	for (unsigned n = 0; n < 2; n++) {
		run_for(s, 1000); /* to the end of what a handover leaves */
		master = await(s, 2, HANDED_MS, "they agree no more");
		world_hand_over(s, master, false);
		master = await(s, 1 - master, HANDED_MS, "was not handed over");
	}
}

int
main(int argc, char **argv)
{
	const uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 0) : SEEDS;
	const uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	static struct sim s;
	uint64_t hellos = 0, moves = 0;

	for (uint64_t seed = first; seed < first + seeds; seed++) {
		struct liar l = { .s = &s, .boot = 1000 };

		world_init(&s, seed);
		s.after_turn = look_nowhere;
		s.hosts[0].preempt = s.hosts[1].preempt = false;
		broken_watch(count);
		run_for(&s, HONEST_MS);
		lie_for(&l, 1000 + world_below(&s, 15000));
		moves += counts.adds;
		prove_that_nothing_lasts(&s);
		hellos += l.hellos;
	}
	printf("%" PRIu64 " seeds, %" PRIu64
	       " hellos of a peer that lies, %" PRIu64 " moves by them: ok\n",
	    seeds, hellos, moves);
	return 0;
}
