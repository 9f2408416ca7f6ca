#include "tests/model/model_state.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP_MS MODEL_STATE_STEP_MS
#define DEAD_MS (3 * STEP_MS)
#define LISTEN_MS (6 * STEP_MS)
#define HANG_MS (8 * STEP_MS)
#define FORGET_MS (12 * STEP_MS) /* older is as good as never again */
#define TERM_MAX 7
#define SENT 6 /* more than any rank of a number */

static struct inbox inboxes[2];
static const struct inbox_calls *inbox_calls;

/* A node as it was started; what a state does not tell is as in these. */
static struct node fresh[2];

static struct model_state_seen *all, *head, *tail;
static bool deep_first;

struct inbox *
model_state_inbox(unsigned i)
{
	return &inboxes[i];
}

struct node *
model_state_node(unsigned i)
{
	return &inboxes[i].node;
}

static struct mono
at(int64_t ms)
{
	return mono_add_ms((struct mono){ 0 }, ms);
}

static void
set_boot(struct hello_boot *b, unsigned number)
{
	*b = (struct hello_boot){ .bytes = { (uint8_t)number } };
}

/* `boot` and `nonce` are another's than any before. */
static void
start(struct model_host *h, unsigned boot, uint64_t nonce)
{
	const unsigned i = h->index;
	const struct election_config election = { .dead_ms = DEAD_MS,
		.listen_ms = LISTEN_MS,
		.doubt = { .hang_ms = HANG_MS, .deaf_ms = 1000 },
		.priority = i == 0 ? 150 : 100,
		.wins_ties = i == 1 };
	struct node_config config = {
		.peer = { .keys = { 7 }, .self = i, .other = 1 - i },
		.interval_ms = STEP_MS,
		.misses = DEAD_MS / STEP_MS,
		.patience_ms = DEAD_MS,
		.hang_ms = HANG_MS,
	};
	struct node *n = &inboxes[i].node;

	memset(n, 0, sizeof(*n));
	set_boot(&config.peer.boot, boot);
	node_init(n, &config, nonce);
	node_add_group(n, 1, true, &election, at(0));
	n->groups[0].handover.times = (struct handover_times){
		.mute_ms = 2 * STEP_MS,
		.settle_ms = STEP_MS,
		.ask_ms = 6 * STEP_MS,
		.release_ms = 2 * STEP_MS,
		.forward_ms = 4 * STEP_MS,
	};
	*h = (struct model_host){ .index = i, .running = true };
	inbox_put_type(&inboxes[i], NODE_RELAY_CAME);
	inbox_put_type(&inboxes[i], NODE_RELAY_SERVES);
}

void
model_state_start(struct model_state *s, unsigned i)
{
	const struct node *n = &inboxes[i].node;

	start(
	    &s->hosts[i], n->config.peer.boot.bytes[0] + 2, n->peer.nonce + 1);
}

void
model_state_begin(struct model_state *s, const struct inbox_calls *calls)
{
	inbox_calls = calls;
	*s = (struct model_state){ .budget = MODEL_STATE_BUDGET,
		.whole = MODEL_STATE_BOTH };
	for (unsigned i = 0; i < 2; i++) {
		s->hosts[i].index = i;
		inbox_init(&inboxes[i], calls, &s->hosts[i]);
		start(&s->hosts[i], 1 + i, 1);
		fresh[i] = inboxes[i].node;
	}
}

/* never() stays that. */
static struct mono
latest(struct mono m, struct mono bound)
{
	return mono_before(m, bound) ? bound : m;
}

static struct mono
shift(struct mono m)
{
	return latest(mono_add_ms(m, -STEP_MS), at(-FORGET_MS));
}

/* What is due is due. */
static struct mono
shift_due(struct mono m)
{
	return latest(shift(m), at(0));
}

static void
age(struct node *n)
{
	struct election *e = &n->groups[0].election;

	n->beaten.mono = n->beaten.boot = shift(n->beaten.mono);
	n->challenged = at(-FORGET_MS);
	n->peer.heard = shift(n->peer.heard);
	n->peer.echoed_at = shift(n->peer.echoed_at);
	e->deadline = shift_due(e->deadline);
	e->settled = shift_due(e->settled);
	e->heard = shift(e->heard);
	e->contested = shift(e->contested);
	n->hinted = shift(n->hinted);
	n->hint_due = shift_due(n->hint_due);
	e->doubt.since = shift(e->doubt.since);
	e->doubt.questioned = shift(e->doubt.questioned);
	n->groups[0].handover.deadline =
	    shift_due(n->groups[0].handover.deadline);
}

void
model_state_age(struct model_state *s)
{
	for (unsigned i = 0; i < 2; i++) {
		struct model_host *h = &s->hosts[i];

		age(&inboxes[i].node);
		if (!h->held)
			h->kept = 0;
		else if (h->kept < MODEL_STATE_KEPT_MAX)
			h->kept++;
	}
}

/* Terms matter by which is higher alone. */
static void
lower_terms(struct model_state *s)
{
	struct election *a = &inboxes[0].node.groups[0].election;
	struct election *b = &inboxes[1].node.groups[0].election;
	const uint64_t least = a->term < b->term ? a->term : b->term;
	uint64_t *const terms[] = { &a->term, &b->term, &a->heard_term,
		&b->heard_term, &s->hosts[0].late.groups[0].term,
		&s->hosts[1].late.groups[0].term };

	for (size_t i = 0; i < ARRAY_LEN(terms); i++) {
		*terms[i] = *terms[i] > least ? *terms[i] - least : 0;
		if (*terms[i] > TERM_MAX) {
			printf("model: terms drift apart\n");
			exit(1);
		}
	}
}

/*
 * Of the numbers of a node's hellos it matters which of those that are echoed
 * is the newer one: each becomes its rank, and zero, none, stays that. The next
 * one that it sends is newer than all, and one that is late than all that
 * arrived.
 */
static void
lower_numbers(struct model_state *s, unsigned i)
{
	struct peer *own = &inboxes[i].node.peer;
	struct peer *other = &inboxes[1 - i].node.peer;
	uint64_t *const places[] = { &own->echoed, &other->echo_seq,
		&other->stranger_seq, &s->hosts[i].late.echo_seq };
	uint64_t before[ARRAY_LEN(places)];

	for (size_t k = 0; k < ARRAY_LEN(before); k++)
		before[k] = *places[k];
	for (size_t k = 0; k < ARRAY_LEN(before); k++) {
		uint64_t rank = before[k] > 0;

		for (size_t m = 0; m < ARRAY_LEN(before); m++) {
			bool counts = before[m] > 0 && before[m] < before[k];

			/* Equal ones count once. */
			for (size_t o = 0; o < m; o++)
				counts = counts && before[o] != before[m];
			rank += counts;
		}
		*places[k] = rank;
	}
	own->sent = SENT;
	other->high = other->high > 0;
	s->hosts[1 - i].late.seq = SENT;
}

/* What can't be told apart by what comes later is the same. */
static void
simplify(struct model_state *s, unsigned i)
{
	struct node *n = &inboxes[i].node;
	struct election *e = &n->groups[0].election;
	/* As old as when it last spoke, for then its silence is judged. */
	const struct mono oldest =
	    mono_add_ms(n->beaten.mono, -DEAD_MS - STEP_MS);

	e->heard = latest(e->heard, oldest);
	n->peer.heard = latest(n->peer.heard, at(-DEAD_MS - STEP_MS));
	n->peer.echoed_at = latest(n->peer.echoed_at, at(-DEAD_MS - STEP_MS));
	e->contested = latest(e->contested, at(-2 * DEAD_MS - STEP_MS));
	n->hinted = latest(n->hinted, at(-2 * STEP_MS));
	/* All reigns are of one age, and nobody is deaf for long. */
	e->serving = at(0);
	if (e->state == ELECTION_MASTER)
		e->deadline = e->asked = mono_never(); /* nobody is asked */
	if (!e->doubt.open)
		e->doubt.somebody = false;
	e->doubt.since = e->doubt.open
	    ? latest(e->doubt.since, at(-HANG_MS - STEP_MS))
	    : at(0);
	if (s->hosts[i].challenges)
		return;
	set_boot(&n->peer.stranger_boot, 0);
	n->peer.stranger_nonce = n->peer.stranger_seq = 0;
}

/* Writes values, or reads them again: the same walk does both. */
struct coder {
	uint8_t *key;
	unsigned pos;
	bool reads;
};

static inline uint64_t
code(struct coder *c, uint64_t value)
{
	assert(c->pos < MODEL_STATE_BYTES);
	if (!c->reads) {
		assert(value <= UINT8_MAX);
		c->key[c->pos] = (uint8_t)value;
	}
	return c->key[c->pos++];
}

static void
code_moment(struct coder *c, struct mono *m)
{
	const int64_t step_ns = STEP_MS * 1000000;
	const uint64_t value = code(c,
	    mono_is_never(*m)
	        ? UINT8_MAX
	        : (uint64_t)(m->ns / step_ns + FORGET_MS / STEP_MS));

	if (!c->reads)
		return;
	*m = value == UINT8_MAX
	    ? mono_never()
	    : (struct mono){ ((int64_t)value - FORGET_MS / STEP_MS) * step_ns };
}

static void
code_bools(struct coder *c, bool *const bools[], unsigned n)
{
	uint64_t bits = 0;

	for (unsigned i = 0; i < n; i++)
		bits |= (uint64_t)*bools[i] << i;
	bits = code(c, bits);
	for (unsigned i = 0; i < n; i++)
		*bools[i] = bits >> i & 1;
}

static void
code_boot(struct coder *c, struct hello_boot *b)
{
	set_boot(b, (unsigned)code(c, b->bytes[0]));
}

static void
code_peer(struct coder *c, struct peer *p)
{
	bool *const bools[] = { &p->known, &p->ended };

	code_bools(c, bools, ARRAY_LEN(bools));
	code_boot(c, &p->config.boot);
	code_boot(c, &p->boot);
	p->high = code(c, p->high);
	p->nonce = code(c, p->nonce);
	p->sent = SENT;
	code_boot(c, &p->echo_boot);
	p->echo_nonce = code(c, p->echo_nonce);
	p->echo_seq = code(c, p->echo_seq);
	code_boot(c, &p->stranger_boot);
	p->stranger_nonce = code(c, p->stranger_nonce);
	p->stranger_seq = code(c, p->stranger_seq);
	code_moment(c, &p->heard);
	p->echoed = code(c, p->echoed);
	code_moment(c, &p->echoed_at);
	p->dead_ms = (uint32_t)code(c, p->dead_ms);
}

static void
code_election(struct coder *c, struct election *e)
{
	bool *const bools[] = { &e->doubt.open, &e->doubt.at_peer,
		&e->doubt.peer, &e->doubt.somebody, &e->doubt.lives,
		&e->handing, &e->deaf, &e->contest_heard };

	e->state = (enum election_state)code(c, e->state);
	code_bools(c, bools, ARRAY_LEN(bools));
	e->serving = at(0);
	code_moment(c, &e->deadline);
	code_moment(c, &e->heard);
	code_moment(c, &e->contested);
	code_moment(c, &e->settled);
	code_moment(c, &e->doubt.since);
	e->doubt.rounds = (unsigned)code(c, e->doubt.rounds);
	e->doubt.unanswered = (unsigned)code(c, e->doubt.unanswered);
	code_moment(c, &e->doubt.questioned);
	e->doubt.last = (enum suspect_verdict)code(c, e->doubt.last);
	e->term = code(c, e->term);
	e->heard_term = code(c, e->heard_term);
	e->heard_dead_ms = (uint32_t)code(c, e->heard_dead_ms);
}

static void
code_group(struct coder *c, struct node_group *g)
{
	bool seen = g->peer_macs[0][0] != 0;
	bool *const bools[] = { &g->handover.wanted, &g->handover.muted,
		&g->handover.served, &g->given, &g->usable, &g->answer_owed,
		&seen };

	code_election(c, &g->election);
	code_bools(c, bools, ARRAY_LEN(bools));
	g->peer_macs[0][0] = seen;
	g->handover.state = (enum handover_state)code(c, g->handover.state);
	code_moment(c, &g->handover.deadline);
	g->peer_state = (enum election_state)code(c, g->peer_state);
	g->unwilling = (enum handover_outcome)code(c, g->unwilling);
}

static void
code_hello(struct coder *c, struct hello *h, unsigned to)
{
	struct hello_group *g = &h->groups[0];
	bool *const bools[] = { &g->held, &g->hands_over, &g->deaf };

	h->type = (enum hello_type)code(c, h->type);
	if (h->type == 0)
		return;
	h->keys[0] = 7;
	h->sender = 1 - to;
	h->interval_ms = STEP_MS;
	h->misses = DEAD_MS / STEP_MS;
	h->n_groups = 1;
	code_boot(c, &h->sender_boot);
	code_boot(c, &h->echo_boot);
	h->nonce = code(c, h->nonce);
	h->echo_nonce = code(c, h->echo_nonce);
	h->seq = SENT;
	h->echo_seq = code(c, h->echo_seq);
	code_bools(c, bools, ARRAY_LEN(bools));
	g->id = 1;
	g->state = (enum election_state)code(c, g->state);
	g->priority = to == 0 ? 100 : 150;
	g->term = code(c, g->term);
	g->macs[0][0] = 1;
	g->served_ms = 0;
}

static void
code_host(struct coder *c, struct model_host *h)
{
	bool *const bools[] = { &h->running, &h->dead, &h->held, &h->muted,
		&h->holds_clients, &h->word_mute, &h->word_dropped,
		&h->challenges };

	code_bools(c, bools, ARRAY_LEN(bools));
	h->muted_steps = (uint8_t)code(c, h->muted_steps);
	h->kept = (uint8_t)code(c, h->kept);
	h->idle = (uint8_t)code(c, h->idle);
	h->lost = (uint8_t)code(c, h->lost);
	code_hello(c, &h->late, h->index);
}

static void
code_state(struct coder *c, struct model_state *s)
{
	for (unsigned i = 0; i < 2; i++) {
		struct node *n = &inboxes[i].node;

		code_peer(c, &n->peer);
		code_moment(c, &n->beaten.mono);
		code_moment(c, &n->hinted);
		code_moment(c, &n->hint_due);
		n->beaten.boot = n->beaten.mono;
		code_group(c, &n->groups[0]);
		n->config.peer.boot = n->peer.config.boot;
		code_host(c, &s->hosts[i]);
	}
	s->parted = code(c, s->parted);
	s->budget = (uint8_t)code(c, s->budget);
	s->whole = (uint8_t)code(c, s->whole);
	s->none = (uint8_t)code(c, s->none);
	s->over = (int8_t)((int)code(c, (uint64_t)(s->over + 100)) - 100);
}

void
model_state_unpack(const struct model_state_seen *seen, struct model_state *s)
{
	struct coder c = { .key = (uint8_t *)seen->key, .reads = true };

	*s = (struct model_state){ 0 };
	for (unsigned i = 0; i < 2; i++) {
		memcpy(&inboxes[i].node, &fresh[i],
		    offsetof(struct node, groups[1]));
		s->hosts[i].index = i;
	}
	code_state(&c, s);
}

/* As it was unpacked: many steps begin with it. */
static struct {
	struct model_state state;
	uint8_t nodes[2][offsetof(struct node, groups[1])];
} kept;

void
model_state_keep(const struct model_state *s)
{
	kept.state = *s;
	for (unsigned i = 0; i < 2; i++)
		memcpy(kept.nodes[i], &inboxes[i].node, sizeof(kept.nodes[i]));
}

void
model_state_restore(struct model_state *s)
{
	*s = kept.state;
	for (unsigned i = 0; i < 2; i++)
		memcpy(&inboxes[i].node, kept.nodes[i], sizeof(kept.nodes[i]));
}

static void
enqueue(struct model_state_seen *x)
{
	if (deep_first) {
		x->next = head;
		head = x;
		return;
	}
	if (tail != NULL)
		tail->next = x;
	else
		head = x;
	tail = x;
}

void
model_state_add(struct model_state *s, const struct model_state_seen *from)
{
	uint8_t key[MODEL_STATE_BYTES];
	struct coder c = { .key = key };
	struct model_state_seen *x;

	simplify(s, 0);
	simplify(s, 1);
	lower_terms(s);
	lower_numbers(s, 0);
	lower_numbers(s, 1);
	code_state(&c, s);
	HASH_FIND(hh, all, key, c.pos, x);
	if (x != NULL)
		return;
	x = calloc(1, offsetof(struct model_state_seen, key) + c.pos);
	if (x == NULL) {
		printf("model: out of memory\n");
		exit(1);
	}
	x->from = from;
	x->budget = s->budget;
	memcpy(x->key, key, c.pos);
	HASH_ADD_KEYPTR(hh, all, x->key, c.pos, x);
	enqueue(x);
}

void
model_state_go_deep(void)
{
	deep_first = true;
}

const struct model_state_seen *
model_state_next(void)
{
	const struct model_state_seen *x = head;

	if (x != NULL) {
		head = x->next;
		if (head == NULL)
			tail = NULL;
	}
	return x;
}

unsigned
model_state_count(void)
{
	return HASH_COUNT(all);
}
