/*
 * Every way that two nodes can go: all states that the real election can reach,
 * breadth first, where at each step any heartbeat may be lost (two in a row at
 * most) or come late, and up to BUDGET times something happens: the network
 * parts or heals, a process stands still or goes on, dies or is started again,
 * an operator hands over. What must hold in each of these states:
 *
 *   1. with both running and the network whole, two hold the addresses for
 *      BOTH steps at most: what a word takes that is lost twice and then late
 *   2. ... and nobody for NONE at most
 *   3. nobody claims what the other's kernel has answered for, unless that has
 *      been silent for hang_timeout
 *
 * A step is 5 ms, which is also the interval; times are kept relative to now
 * and forgotten once they make no difference, so that the states are finite.
 *
 *	model_pair [--break yield|doubt]
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "core/base.h"
#include "core/buf.h"
#include "tests/sim/broken.h"

#define STEP_MS 5
#define DEAD_MS (3 * STEP_MS)
#define LISTEN_MS (6 * STEP_MS)
#define HANG_MS (8 * STEP_MS)
#define LEASE 10                 /* steps */
#define FORGET_MS (12 * STEP_MS) /* older is as good as never again */
#define ASKED 3 /* steps from a doubt's first probe to its end */
#define LOSSES 2
#define BUDGET 3
/* Two lost, one late; and the step in which it is read. */
#define BOTH 5
/* A node that has just begun listens, and doubts, and may be wrong once. */
#define NONE 30
#define TERM_MAX 7
#define KEY_MAX 48

struct hello {
	bool there;
	enum election_state state;
	bool hands_over, hears_us;
	uint64_t term;
};

struct node {
	struct election e;
	bool running, dead; /* not running, and not dead: it stands still */
	bool held;
	uint8_t kept;      /* steps that it has held them, up to ASKED */
	uint8_t idle;      /* steps since it last ran */
	uint8_t lost;      /* heartbeats in a row, on the way to it */
	struct hello late; /* on the way to it, for the next step */
};

struct state {
	struct node nodes[2];
	bool parted;
	uint8_t budget;
	uint8_t whole;     /* steps since the network has healed, up to BOTH */
	uint8_t none;      /* steps with no holder */
	int8_t over;       /* steps with two */
	bool had[2];       /* who held them when the step began */
	const char *wrong; /* what a claim of this step broke, or NULL */
};

struct seen {
	UT_hash_handle hh;
	struct seen *next; /* in the queue */
	struct state state;
	struct seen *from; /* for the story of a failure */
	uint8_t key[KEY_MAX];
};

/* What chance may decide for one step. */
enum happening {
	NOTHING,
	PART_OR_HEAL,
	STOP_OR_GO,
	DIE_OR_START,
	HAND_OVER,
	HAPPENINGS,
};

struct chance {
	enum happening happening;
	unsigned who;
	unsigned road[2]; /* towards each: 0 arrives, 1 late, 2 lost */
};

static const char *broken;

static struct mono
at(int64_t ms)
{
	return mono_add_ms((struct mono){ 0 }, ms);
}

static struct election
begin(unsigned i)
{
	const struct election_config config = { .dead_ms = DEAD_MS,
		.listen_ms = LISTEN_MS,
		.doubt = { .hang_ms = HANG_MS },
		.priority = i == 0 ? 150 : 100,
		.wins_ties = i == 1 };

	return election_init(&config, at(0));
}

static void post(struct state *s, unsigned i, const struct election_event *ev);

static void
answer(struct state *s, unsigned i, enum doubt_answer what)
{
	post(s, i,
	    &(struct election_event){
	        .type = ELECTION_ANSWER, .answer = what });
}

static void
probe(struct state *s, unsigned i)
{
	if (s->parted)
		return;
	answer(s, i, DOUBT_PEER);
	if (s->nodes[1 - i].held)
		answer(s, i, DOUBT_ADDRESS_AT_PEER);
}

/* Both probes of the doubt went out over a network that is whole. */
static void
check_claim(struct state *s, unsigned i, enum election_reason reason)
{
	const bool asked = reason == ELECTION_NO_PEER ||
	    reason == ELECTION_PEER_SILENT || reason == ELECTION_PEER_IDLE ||
	    reason == ELECTION_PEER_RELEASED;

	if (asked && s->nodes[1 - i].kept == ASKED && s->nodes[1 - i].held &&
	    s->whole == BOTH)
		s->wrong = "claimed what the other's kernel answers for";
}

static void
post(struct state *s, unsigned i, const struct election_event *ev)
{
	struct node *n = &s->nodes[i];
	struct election_out out;

	n->e = broken_step(broken, &n->e, ev, at(0), &out);
	for (unsigned a = 0; a < out.n_actions; a++) {
		switch (out.actions[a]) {
		case ELECTION_ADD_ADDRESSES:
			check_claim(s, i, out.reason);
			n->held = true;
			break;
		case ELECTION_DEL_ADDRESSES:
			n->held = false;
			break;
		case ELECTION_PROBE:
			probe(s, i);
			break;
		case ELECTION_SEND_HELLO: /* it speaks at each step anyway */
		case ELECTION_ANNOUNCE:
		case ELECTION_HAND_OVER:
			break;
		}
	}
}

static void
post_type(struct state *s, unsigned i, enum election_type type)
{
	post(s, i, &(struct election_event){ .type = type });
}

static struct mono
shift(struct mono m)
{
	m = mono_add_ms(m, -STEP_MS);
	if (mono_before(m, at(-FORGET_MS)))
		m = at(-FORGET_MS);
	return m;
}

static void
age(struct election *e)
{
	e->deadline = shift(e->deadline);
	e->listen_end = at(0); /* nothing unproven comes: without a meaning */
	e->heard = shift(e->heard);
	e->contested = shift(e->contested);
	e->doubt.since = shift(e->doubt.since);
	e->settled = shift(e->settled);
	if (mono_before(e->settled, at(0)))
		e->settled = at(0); /* it is */
	if (mono_before(e->deadline, at(0)))
		e->deadline = at(0); /* due is due */
}

static void
start_or_die(struct state *s, unsigned i)
{
	struct node *n = &s->nodes[i];

	if (n->dead) {
		*n = (struct node){ .e = begin(i), .running = true };
		return;
	}
	n->dead = true;
	n->running = false;
	if (!s->parted && s->nodes[1 - i].running)
		post_type(s, 1 - i, ELECTION_PEER_ENDED);
}

/* False where it makes no sense, or is one too many. */
static bool
happen(struct state *s, const struct chance *c)
{
	struct node *n = &s->nodes[c->who];

	if (c->happening == NOTHING)
		return c->who == 0;
	if (s->budget == 0)
		return false;
	s->budget--;
	switch (c->happening) {
	case PART_OR_HEAL:
		s->parted = !s->parted;
		s->whole = 0;
		return c->who == 0;
	case STOP_OR_GO:
		if (n->dead)
			return false;
		n->running = !n->running;
		if (n->running && n->idle * STEP_MS >= DEAD_MS)
			post(s, c->who,
			    &(struct election_event){ .type = ELECTION_STALLED,
			        .stalled_ms = n->idle * STEP_MS });
		return true;
	case DIE_OR_START:
		start_or_die(s, c->who);
		return true;
	case HAND_OVER:
		if (!n->running || n->e.state != ELECTION_MASTER)
			return false;
		s->over = -BOTH; /* one is meant: asking takes as long again */
		post_type(s, c->who,
		    n->e.handing ? ELECTION_HANDOVER_ABORT
		                 : ELECTION_HANDOVER_BEGIN);
		return true;
	case NOTHING:
	case HAPPENINGS:
		break;
	}
	return false;
}

static struct hello
speak(const struct node *n)
{
	return (struct hello){ .there = n->running,
		.state = n->e.state,
		.hands_over = n->e.handing,
		.hears_us =
		    mono_before(at(0), mono_add_ms(n->e.heard, DEAD_MS)) &&
		    !mono_is_never(n->e.heard),
		.term = n->e.term };
}

static void
hear(struct state *s, unsigned i, const struct hello *h)
{
	struct election_event ev = { .type = ELECTION_HEARTBEAT };

	if (!h->there || !s->nodes[i].running)
		return;
	ev.heartbeat = (struct election_heartbeat){ .state = h->state,
		.hears_us = h->hears_us,
		.hands_over = h->hands_over,
		.priority = i == 0 ? 100 : 150,
		.term = h->term,
		.dead_ms = DEAD_MS };
	post(s, i, &ev);
}

/* False where the road may not lose another one. */
static bool
carry(struct state *s, unsigned to, const struct hello *said, unsigned road)
{
	struct node *n = &s->nodes[to];
	const struct hello late = n->late;

	n->late = (struct hello){ 0 };
	hear(s, to, &late);
	if (s->parted || !said->there)
		return road == 0;
	switch (road) {
	case 0:
		hear(s, to, said);
		break;
	case 1:
		n->late = *said;
		break;
	default:
		if (n->lost == LOSSES)
			return false;
		n->lost++;
		return true;
	}
	n->lost = 0;
	return true;
}

static void
run_kernel(struct node *n)
{
	if (n->running)
		n->idle = 0;
	else if (n->idle < LEASE)
		n->idle++;
	if (n->idle == LEASE)
		n->held = false;
}

/* Terms matter by which is higher alone. */
static void
lower_terms(struct state *s)
{
	struct election *a = &s->nodes[0].e, *b = &s->nodes[1].e;
	uint64_t least = a->term < b->term ? a->term : b->term;
	uint64_t *terms[] = { &a->term, &b->term, &a->heard_term,
		&b->heard_term, &s->nodes[0].late.term,
		&s->nodes[1].late.term };

	for (size_t i = 0; i < ARRAY_LEN(terms); i++) {
		*terms[i] = *terms[i] > least ? *terms[i] - least : 0;
		if (*terms[i] > TERM_MAX) {
			printf("model: terms drift apart\n");
			exit(1);
		}
	}
}

static bool
step(struct state *s, const struct chance *c)
{
	struct hello said[2];

	for (unsigned i = 0; i < 2; i++) {
		struct node *n = &s->nodes[i];

		age(&n->e);
		if (!n->held)
			n->kept = 0;
		else if (n->kept < ASKED)
			n->kept++;
	}
	if (!happen(s, c))
		return false;
	for (unsigned i = 0; i < 2; i++)
		said[1 - i] = speak(&s->nodes[i]);
	for (unsigned i = 0; i < 2; i++)
		if (!carry(s, i, &said[i], c->road[i]))
			return false;
	for (unsigned i = 0; i < 2; i++)
		if (s->nodes[i].running &&
		    !mono_before(at(0), s->nodes[i].e.deadline))
			post_type(s, i, ELECTION_TICK);
	for (unsigned i = 0; i < 2; i++)
		run_kernel(&s->nodes[i]);
	lower_terms(s);
	if (!s->parted && s->whole < BOTH)
		s->whole++;
	return true;
}

/* NULL, or what is wrong. Counts how long nobody held them. */
static const char *
judge(struct state *s)
{
	const struct node *a = &s->nodes[0], *b = &s->nodes[1];
	const bool both = a->running && b->running && s->whole == BOTH;

	if (s->wrong != NULL)
		return s->wrong;
	if (a->held && b->held && both)
		s->over++;
	else if (s->over > 0 || !(a->e.handing || b->e.handing))
		s->over = 0;
	if (s->over > BOTH)
		return "two nodes hold the addresses";
	if (a->held || b->held || !both)
		s->none = 0;
	else if (++s->none > NONE)
		return "nobody holds the addresses";
	return NULL;
}

static void
put_moment(struct buf *b, struct mono m)
{
	buf_put_u8(b,
	    mono_is_never(m)
	        ? UINT8_MAX
	        : (uint8_t)(m.ns / (STEP_MS * 1000000) + FORGET_MS / STEP_MS));
}

static void
put_node(struct buf *b, const struct node *n)
{
	const struct election *e = &n->e;

	buf_put_u8(b, (uint8_t)e->state);
	put_moment(b, e->deadline);
	put_moment(b, e->heard);
	put_moment(b, e->contested);
	put_moment(b, e->doubt.since);
	put_moment(b, e->settled);
	buf_put_u8(b, (uint8_t)e->doubt.rounds);
	buf_put_u8(b, (uint8_t)e->doubt.last);
	buf_put_u8(b,
	    (uint8_t)(e->doubt.open | e->doubt.at_peer << 1 |
	        e->doubt.peer << 2 | e->handing << 3 | n->running << 5 |
	        n->dead << 6 | n->held << 7));
	buf_put_u8(b, (uint8_t)e->term);
	buf_put_u8(b, (uint8_t)e->heard_term);
	buf_put_u8(b, (uint8_t)e->heard_dead_ms);
	buf_put_u8(b, n->kept);
	buf_put_u8(b, n->idle);
	buf_put_u8(b, n->lost);
	buf_put_u8(b,
	    (uint8_t)(n->late.there | n->late.hands_over << 1 |
	        n->late.hears_us << 2));
	buf_put_u8(b, (uint8_t)n->late.state);
	buf_put_u8(b, (uint8_t)n->late.term);
}

static unsigned
make_key(const struct state *s, uint8_t key[static KEY_MAX])
{
	struct buf b = buf_writer(key, KEY_MAX);

	memset(key, 0, KEY_MAX);
	put_node(&b, &s->nodes[0]);
	put_node(&b, &s->nodes[1]);
	buf_put_u8(&b, s->parted);
	buf_put_u8(&b, s->budget);
	buf_put_u8(&b, s->whole);
	buf_put_u8(&b, s->none);
	buf_put_u8(&b, (uint8_t)s->over);
	return (unsigned)b.pos;
}

static void
tell_story(const struct seen *last, const struct state *end)
{
	if (last != NULL)
		tell_story(last->from, &last->state);
	for (unsigned i = 0; i < 2; i++) {
		const struct node *n = &end->nodes[i];

		printf("%-7s term %u%s%s%s%s", election_state_name(n->e.state),
		    (unsigned)n->e.term, n->held ? " holds" : "",
		    n->dead          ? " dead"
		        : n->running ? ""
		                     : " stands still",
		    n->e.doubt.open ? " doubts" : "", i == 0 ? " | " : "");
	}
	printf("%s\n", end->parted ? ", parted" : "");
}

struct search {
	struct seen *all, *head, *tail;
	unsigned key_len;
	uint64_t steps;
};

static void
add(struct search *q, const struct state *s, struct seen *from)
{
	uint8_t key[KEY_MAX];
	struct seen *x;

	q->key_len = make_key(s, key);
	HASH_FIND(hh, q->all, key, q->key_len, x);
	if (x != NULL)
		return;
	x = calloc(1, sizeof(*x));
	if (x == NULL) {
		printf("model: out of memory\n");
		exit(1);
	}
	x->state = *s;
	x->from = from;
	memcpy(x->key, key, q->key_len);
	HASH_ADD(hh, q->all, key, q->key_len, x);
	if (q->tail != NULL)
		q->tail->next = x;
	else
		q->head = x;
	q->tail = x;
}

static void
explore(struct search *q, struct seen *from, const struct chance *c)
{
	struct state s = from->state;
	const char *wrong;

	if (!step(&s, c))
		return;
	q->steps++;
	wrong = judge(&s);
	if (wrong == NULL) {
		add(q, &s, from);
		return;
	}
	tell_story(from, &s);
	printf("model: %s\n", wrong);
	exit(1);
}

static void
explore_all(struct search *q, struct seen *from)
{
	for (unsigned h = 0; h < HAPPENINGS; h++)
		for (unsigned who = 0; who < 2; who++)
			for (unsigned roads = 0; roads < 9; roads++)
				explore(q, from,
				    &(struct chance){ .happening = h,
				        .who = who,
				        .road = { roads % 3, roads / 3 } });
}

int
main(int argc, char **argv)
{
	struct state first = { .budget = BUDGET, .whole = BOTH };
	struct search q = { 0 };

	if (argc == 3 && strcmp(argv[1], "--break") == 0)
		broken = argv[2];
	for (unsigned i = 0; i < 2; i++)
		first.nodes[i] =
		    (struct node){ .e = begin(i), .running = true };
	add(&q, &first, NULL);
	for (struct seen *x = q.head; x != NULL; x = x->next)
		explore_all(&q, x);
	printf("model: %u states, %" PRIu64 " steps: ok\n", HASH_COUNT(q.all),
	    q.steps);
	return 0;
}
