/*
 * Every way that the directors of a pair can go with two clients and two
 *servers: all states that director_node_step() can reach, where in between any
 *two packets or messages something may happen, up to a budget: a node dies, at
 *whatever point of a connection's making, a retry, a close or a dump; is
 *started again; the stream is cut; the address is moved; a server refuses, or a
 *SYN is lost, or a server resets; time passes while others wait. What must hold
 *in each of these states is what director_world.c says: among others
 *
 *   1. what the node that went had said to be protected goes on
 *   2. no server hears of a connection before the peer that is level does
 *   3. no two connections have one port
 *   4. nobody speaks for an address that it let go, or waits for the dead
 *
 * and from each of them, where nothing more happens: every client that asks is
 * served or told, every one that lives can talk, and in the end both nodes have
 * the same.
 *
 *	model_director [--break RULE]   (broken_director.h has the rules)
 *	model_director --more N         lets N things more happen
 */

#include "tests/model/broken_director.h"
#include "tests/model/director_world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define W (&director_world)
#define ENDS (2 * DIRECTOR_WORLD_PORTS)

enum action {
	SYN,
	SYN_LOST,
	SYN_REFUSED,
	SYN_ACK,
	REFUSAL,
	SPEAK,
	TALK,
	CLOSE,
	RESET,
	CLOSED,
	MESSAGE,
	MESSAGE_LOST,
	MESSAGE_REFUSED,
	DUMP,
	LEARN,
	CONNECT,
	CLAIM,
	ANNOUNCE,
	LET_GO,
	TICK,
	DIE,
	START,
	RELEASE,
	CLAIM_EARLY,
	CUT,
	RESTART,
	ACTIONS,
};

static bool
syn_ack(unsigned i)
{
	return director_world_syn_ack(i / ENDS, i % ENDS);
}

static bool
refusal(unsigned i)
{
	return director_world_refusal(i / ENDS, i % ENDS);
}

static bool
reset(unsigned i)
{
	return director_world_reset(i / ENDS, i % ENDS);
}

static bool
closed(unsigned i)
{
	return director_world_closed(
	    i / DIRECTOR_WORLD_SLOTS, i % DIRECTOR_WORLD_SLOTS);
}

#define NODES DIRECTOR_WORLD_NODES
#define CLIENTS DIRECTOR_WORLD_CLIENTS
#define ALL_ENDS (DIRECTOR_WORLD_SERVERS * ENDS)
#define PLAIN false, DIRECTOR_WORLD_ACCEPTED
#define HAPPENS true, DIRECTOR_WORLD_ACCEPTED

static const struct kind {
	const char *name;
	bool (*act)(unsigned);
	unsigned n;     /* of whom it may be */
	bool happening; /* takes of the budget */
	enum director_world_fate fate;
} kinds[ACTIONS] = {
	[SYN] = { "SYN of client", director_world_syn, CLIENTS, PLAIN },
	[SYN_LOST] = { "SYN, lost on the way to a server, of client",
	    director_world_syn, CLIENTS, true, DIRECTOR_WORLD_LOST },
	[SYN_REFUSED] = { "SYN, refused by a server, of client",
	    director_world_syn, CLIENTS, true, DIRECTOR_WORLD_REFUSED },
	[SYN_ACK] = { "SYN-ACK of end", syn_ack, ALL_ENDS, PLAIN },
	[REFUSAL] = { "the refusal arrives of end", refusal, ALL_ENDS, PLAIN },
	[SPEAK] = { "first byte of client", director_world_speak, CLIENTS,
	    PLAIN },
	[TALK] = { "its server talks to client", director_world_talk, CLIENTS,
	    PLAIN },
	[CLOSE] = { "both sides close: client", director_world_close, CLIENTS,
	    PLAIN },
	[RESET] = { "a server resets end", reset, ALL_ENDS, HAPPENS },
	[CLOSED] = { "an end is read by node * slots + slot", closed,
	    NODES *DIRECTOR_WORLD_SLOTS, PLAIN },
	[MESSAGE] = { "a message arrives at node", director_world_message,
	    NODES, PLAIN },
	[MESSAGE_LOST] = { "a message, whose SYN is lost, arrives at node",
	    director_world_message, NODES, true, DIRECTOR_WORLD_LOST },
	[MESSAGE_REFUSED] = { "a message, whose SYN is refused, arrives at node",
	    director_world_message, NODES, true, DIRECTOR_WORLD_REFUSED },
	[DUMP] = { "a dump goes on at node", director_world_dump, NODES,
	    PLAIN },
	[LEARN] = { "the end of the stream is learnt by node",
	    director_world_learn, NODES, PLAIN },
	[CONNECT] = { "the stream is there again", director_world_connect, 1,
	    PLAIN },
	[CLAIM] = { "claims: node", director_world_claim, NODES, PLAIN },
	[ANNOUNCE] = { "is heard of as the owner, before: node",
	    director_world_announce, NODES, PLAIN },
	[LET_GO] = { "lets go, since the other has claimed: node",
	    director_world_let_go, NODES, PLAIN },
	[TICK] = { "time passes", director_world_tick, 1, HAPPENS },
	[DIE] = { "dies: node", director_world_die, NODES, HAPPENS },
	[START] = { "starts: node", director_world_start, NODES, HAPPENS },
	[RELEASE] = { "releases: node", director_world_release, NODES,
	    HAPPENS },
	[CLAIM_EARLY] = { "claims, and the other has it still: node",
	    director_world_claim_early, NODES, HAPPENS },
	[CUT] = { "the stream is cut", director_world_cut, 1, HAPPENS },
	[RESTART] = { "another process takes over at node",
	    director_world_restart, NODES, HAPPENS },
};

/* False: it can't happen now, or makes no difference to another action. */
static bool
act(enum action a, unsigned i)
{
	W->fate = kinds[a].fate;
	return kinds[a].act(i) && W->fate == DIRECTOR_WORLD_ACCEPTED;
}

/* A state on the way, and which action is tried next there. */
struct frame {
	struct director_world world;
	uint8_t left;   /* of the budget */
	uint8_t action; /* the next */
	uint8_t i;
	uint8_t by, by_i; /* that led here */
};

static struct frame *stack;
static unsigned depth, room;

/* All that were seen. A print of zeros is a free place. */
static struct director_world_print *seen;
static uint64_t n_seen, n_places, n_steps;

static bool
is_free(const struct director_world_print *p)
{
	return p->a == 0 && p->b == 0;
}

static bool
enter(struct director_world_print *table, uint64_t places,
    const struct director_world_print *p)
{
	uint64_t i = p->a % places;

	for (; !is_free(&table[i]); i = (i + 1) % places)
		if (table[i].a == p->a && table[i].b == p->b)
			return false;
	table[i] = *p;
	return true;
}

static void *
must(void *p)
{
	if (p == NULL) {
		printf("model: out of memory\n");
		exit(2);
	}
	return p;
}

static void
grow(void)
{
	const uint64_t places = n_places == 0 ? 1 << 16 : 2 * n_places;
	struct director_world_print *table =
	    must(calloc(places, sizeof(*table)));

	for (uint64_t i = 0; i < n_places; i++)
		if (!is_free(&seen[i]))
			(void)enter(table, places, &seen[i]);
	free(seen);
	seen = table;
	n_places = places;
}

/* Whether this one, with so much of the budget left, is new. */
static bool
is_new(uint8_t left)
{
	struct director_world_print p = director_world_print();

	p.a = p.a * 31 + left;
	p.b |= 1;
	if (2 * n_seen >= n_places)
		grow();
	if (!enter(seen, n_places, &p))
		return false;
	n_seen++;
	return true;
}

static void
fail(const char *wrong)
{
	for (unsigned i = 1; i < depth; i++)
		printf("  %s %u\n", kinds[stack[i].by].name, stack[i].by_i);
	printf("model: %s\n", wrong);
	exit(1);
}

static void
check(const char *then)
{
	const char *wrong = director_world_judge();

	if (wrong == NULL)
		return;
	if (then != NULL)
		printf("  (%s)\n", then);
	fail(wrong);
}

/* All of a kind; whether any could. */
static bool
all_of(enum action a)
{
	bool any = false;

	for (unsigned i = 0; i < kinds[a].n; i++)
		any = act(a, i) || any;
	check("and then nothing happens any more");
	return any;
}

static bool
is_served(unsigned client)
{
	return W->clients[client].state != DIRECTOR_WORLD_ASKS &&
	    W->clients[client].state != DIRECTOR_WORLD_MADE;
}

#define PATIENCE 60

/* Nothing more happens: what is on its way arrives, who asks asks again. */
static void
calm_down(void)
{
	static const enum action order[] = { CLOSED, LEARN, CONNECT, CLAIM,
		LET_GO, MESSAGE, DUMP, REFUSAL, SYN_ACK, SPEAK };
	const char *wrong;

	if (W->nodes[0].dead && W->nodes[1].dead)
		return;
	for (unsigned turn = 0; turn < PATIENCE; turn++) {
		bool any = false;

		for (unsigned k = 0; k < ARRAY_LEN(order); k++)
			any = all_of(order[k]) || any;
		if (any)
			continue;
		if (is_served(0) && is_served(1))
			break;
		(void)act(TICK, 0);
		for (unsigned c = 0; c < DIRECTOR_WORLD_CLIENTS; c++)
			if (!is_served(c))
				(void)act(SYN, c);
	}
	(void)all_of(TALK);
	wrong = director_world_judge_quiet();
	if (wrong != NULL) {
		printf("  (and then nothing happens any more)\n");
		fail(wrong);
	}
}

static void
push(uint8_t left, uint8_t by, uint8_t by_i)
{
	if (depth == room) {
		room = room == 0 ? 256 : 2 * room;
		stack = must(realloc(stack, room * sizeof(*stack)));
	}
	stack[depth++] =
	    (struct frame){ .world = *W, .left = left, .by = by, .by_i = by_i };
	check(NULL);
	calm_down();
}

/* One more action from the state on top, or it is done with. */
static void
go_on(void)
{
	struct frame *f = &stack[depth - 1];
	const uint8_t a = f->action, i = f->i;
	const bool happening = kinds[a].happening;

	if (a == ACTIONS) {
		depth--;
		return;
	}
	f->i++;
	if (f->i == kinds[a].n) {
		f->i = 0;
		f->action++;
	}
	if (happening && f->left == 0)
		return;
	*W = f->world;
	if (!act((enum action)a, i))
		return;
	n_steps++;
	if (is_new((uint8_t)(f->left - happening)))
		push((uint8_t)(f->left - happening), a, i);
}

/*
 * The worlds that are gone through: what happens to one connection after
 * another of a client, and of one that speaks first, and what two do to each
 * other.
 */
static const struct scope {
	const char *name;
	uint8_t calls[DIRECTOR_WORLD_CLIENTS];
	unsigned budget;
	bool alone;
} scopes[] = {
	{ "two clients, no stream", { 1, 1 }, 1, true },
	{ "one client, twice", { 2, 0 }, 1, false },
	{ "one that speaks first", { 0, 1 }, 2, false },
	{ "two clients", { 1, 1 }, 1, false },
};

static void
go_through(const struct scope *s, unsigned budget)
{
	free(seen);
	seen = NULL;
	n_seen = n_places = n_steps = 0;
	director_world_begin(s->calls, s->alone);
	calm_down(); /* level with each other: cuts and starts undo that */
	(void)is_new((uint8_t)budget);
	push((uint8_t)budget, SYN, 0);
	while (depth > 0)
		go_on();
	printf("model: %s: %" PRIu64 " states, %" PRIu64 " steps: ok\n",
	    s->name, n_seen, n_steps);
	(void)fflush(stdout);
}

int
main(int argc, char **argv)
{
	unsigned more = 0;

	if (argc == 3 && strcmp(argv[1], "--break") == 0) {
		if (!broken_director_choose(argv[2])) {
			printf("there is no rule '%s'\n", argv[2]);
			return 2;
		}
	} else if (argc == 3 && strcmp(argv[1], "--more") == 0) {
		more = (unsigned)strtoul(argv[2], NULL, 10);
	} else if (argc != 1) {
		printf("usage: model_director [--break RULE | --more N]\n");
		return 2;
	}
	for (size_t i = 0; i < ARRAY_LEN(scopes); i++)
		go_through(&scopes[i], scopes[i].budget + more);
	return 0;
}
