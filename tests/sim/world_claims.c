#include "tests/sim/world_claims.h"

#include "tests/sim/broken.h"

static struct sim *current; /* broken.h's watch has no argument */

/* The peer has just said so, or its kernel: who is only mute hears it. */
static bool
is_by_word(enum election_reason reason)
{
	return reason == ELECTION_PEER_RESIGNED ||
	    reason == ELECTION_PEER_FAULT || reason == ELECTION_PREFERRED ||
	    reason == ELECTION_HANDED_OVER || reason == ELECTION_PEER_DIED;
}

/*
 * What was found out by asking must be true: nobody claims what the other's
 * kernel would have answered for, unless that has gone on for hang_timeout; and
 * nobody claims from a master that it hears.
 */
static void
check_claim(struct sim *s, unsigned i, const struct node *before,
    enum election_reason reason)
{
	const struct host *other = &s->hosts[1 - i];
	const struct node *o = world_node(s, 1 - i);
	const struct node *n = world_node(s, i);
	/* For so long that both probes were answered. */
	const int64_t since_ms = s->now_ms - 20;

	s->claims++;
	s->hosts[i].claimed_ms = s->now_ms;
	if (s->hosts[i].askable && reason != ELECTION_RESTORED &&
	    !is_by_word(reason) &&
	    s->now_ms > s->open_ms[i] + DELAY_MAX_MS + 50 &&
	    s->now_ms > s->hosts[i].awake_ms + DELAY_MAX_MS)
		world_fail(s, "node %u: claimed, and hears nobody", i);
	if (reason == ELECTION_PEER_ECHO && other->held && !other->dark &&
	    s->now_ms > s->quick_ms + 500 && s->now_ms > other->free_ms + 150)
		world_fail(s, "node %u: claimed from a host that lives", i);
	s->forced += reason == ELECTION_PEER_ECHO;
	if (reason != ELECTION_HANDED_OVER && reason != ELECTION_RESTORED &&
	    n->groups[0].peer_state == ELECTION_MASTER && !n->peer.resigned &&
	    peer_is_alive(&before->peer, node_dead_ms(n), world_now(s)) &&
	    other->alive &&
	    hello_boot_is_same(&n->peer.boot, &o->config.peer.boot))
		world_fail(s, "node %u: claimed from a master it hears", i);
	if (other->held && s->now_ms > other->free_ms + DELAY_MAX_MS + 2 &&
	    !o->groups[0].election.handing &&
	    o->groups[0].handover.state != HANDOVER_RELEASING &&
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

static void
watch(const struct node *before, const struct node *after,
    const struct node_event *ev, const struct node_out *out)
{
	struct sim *s = current;
	const unsigned i = after == world_node(s, 1);
	struct host *h = &s->hosts[i];

	(void)ev;
	s->steps++;
	if (after->groups[0].election.term < h->term)
		world_fail(s, "node %u: its term fell", i);
	h->term = after->groups[0].election.term;
	for (unsigned e = 0; e < out->n; e++)
		if (out->effects[e].type == NODE_TELL_STATE &&
		    out->effects[e].change.is == ELECTION_MASTER &&
		    out->effects[e].change.was != ELECTION_MASTER)
			check_claim(
			    s, i, before, out->effects[e].change.reason);
}

void
world_claims_watch(struct sim *s)
{
	current = s;
	broken_watch(watch);
}
