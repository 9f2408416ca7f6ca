#pragma once

/*
 * What tests of the node's step begin with: a node, its peer as it would speak,
 * a clock to step by, and what the last step asked for.
 */

#include "failover/election/node.h"
#include "tests/lib/test.h"

struct node_pair {
	struct node node;
	struct peer peer;
	int64_t now_ms;
	struct node_out out;
};

static inline struct node_now
node_pair_now(const struct node_pair *p)
{
	const struct mono m = mono_add_ms((struct mono){ 0 }, p->now_ms);

	return (struct node_now){ m, m };
}

static inline void
node_pair_put(struct node_pair *p, const struct node_event *ev)
{
	const struct node_now now = node_pair_now(p);

	node_step(&p->node, ev, &now, &p->out);
}

static inline void
node_pair_put_type(struct node_pair *p, enum node_type type)
{
	node_pair_put(p, &(struct node_event){ .type = type });
}

/*
 * Not begun yet; one that needs a relay knows that it is there. Its peer does
 * not know it.
 */
static inline struct node_pair
node_pair_new(bool needs_relay)
{
	const struct election_config election = { .dead_ms = 60,
		.listen_ms = 1000,
		.doubt = { .hang_ms = 1000 },
		.priority = 100,
		.wins_ties = true };
	const struct node_config config = { .peer = { .keys = { 7 },
		                                .self = 1,
		                                .other = 2,
		                                .boot = { { 1 } } },
		.interval_ms = 20,
		.misses = 3,
		.patience_ms = NODE_PATIENCE_MS,
		.needs_relay = needs_relay };
	const struct peer_config other = {
		.keys = { 7 }, .self = 2, .other = 1, .boot = { { 2 } }
	};
	struct node_pair p = { .now_ms = 10000 };

	p.peer = peer_init(&other, 50);
	if (needs_relay)
		node_pair_put_type(&p, NODE_RELAY_CAME);
	node_init(&p.node, &config, 40);
	node_add_group(&p.node, 1, true, &election, node_pair_now(&p).mono);
	return p;
}

/* The node answers the peer's first word, and is known from then on. */
static inline void
node_pair_acquaint(struct node_pair *p)
{
	const struct node_now now = node_pair_now(p);
	struct hello h;

	node_speak(&p->node, HELLO_CHALLENGE, &now, &h);
	assert_int_equal(
	    peer_receive(&p->peer, &h, 51, now.mono), PEER_NEW_BOOT);
}
