#include "failover/election/node_segment.h"

/*
 * A node that gave up because its peer misses it has been replaced by then,
 * several times over. Where the peer says so and does not serve, what it says
 * of us is not believed until it has said otherwise.
 */
#define UNTRUE_MS 5000

/* So many in a row are missed: another road was quicker, or lost none. */
#define MISSED 2

void
node_segment_hear(struct node_group *g, const struct hello_group *said)
{
	/* Who stands back for us would serve. */
	g->peer_able = said != NULL &&
	    (said->state == ELECTION_BACKUP || said->state == ELECTION_MASTER ||
	        (said->state == ELECTION_FAULT && said->faults > 0));
	g->untrue = g->untrue && said != NULL && said->misses_peer;
	g->told = said != NULL && said->misses_peer && !g->untrue;
	g->peer_serves = said != NULL && said->held && !said->hands_over;
	g->peer_deaf = said != NULL && said->deaf;
}

void
node_segment_note(
    struct node_group_step *s, unsigned i, unsigned segment, bool shown)
{
	struct node_group *g = &s->node->groups[i];

	if (segment > 0 && segment <= g->n_segments)
		segment_note(&g->segments[segment - 1], shown, s->now);
}

static bool
is_peer_alive(const struct node *n, struct mono now)
{
	return n->started && peer_is_alive(&n->peer, node_dead_ms(n), now) &&
	    !n->peer.resigned && !n->peer.ended;
}

static const struct peer_path *
path_of(const struct node *n, const struct segment *seg)
{
	return &n->paths[seg->path];
}

static bool
is_path_alive(const struct node *n, const struct segment *seg, struct mono now)
{
	return peer_path_is_alive(path_of(n, seg), node_dead_ms(n), now);
}

/*
 * The look begins a heartbeat before the path counts as dead, so that its
 * answers are there by then.
 */
static bool
is_astray(const struct node *n, const struct node_group *g,
    const struct segment *seg, struct mono now)
{
	const bool serves = g->election.state == ELECTION_MASTER;
	const struct peer_path *path = path_of(n, seg);
	const uint32_t dead_ms = node_dead_ms(n);

	/* Who has it may be missed, and who is missed has to know why. */
	if (!is_peer_alive(n, now) || !(serves || g->peer_serves || g->told))
		return false;
	if (!serves && g->peer_deaf)
		return true;
	return path->missed >= MISSED &&
	    !peer_path_is_alive(path, dead_ms - n->config.interval_ms, now);
}

static void
look_around(struct node_group_step *s, unsigned i)
{
	struct node_group *g = &s->node->groups[i];
	bool ask = false;

	for (unsigned k = 0; k < g->n_segments; k++) {
		struct segment *seg = &g->segments[k];

		if (is_astray(s->node, g, seg, s->now))
			(void)segment_open(seg, s->now);
		else
			segment_close(seg);
		if (segment_tick(seg, s->now))
			ask = true;
	}
	if (ask)
		node_group_do(s, NODE_DO_PROBE, i);
}

/*
 * Nobody misses who has nothing, and is no master's backup; nor who may be cut
 * off from another of the networks, and would serve no better.
 */
static bool
misses_peer(const struct node *n, unsigned i, struct mono now)
{
	const struct node_group *g = &n->groups[i];

	if (!node_is_master(n, i) && !g->peer_serves)
		return false;
	for (unsigned k = 0; k < g->n_segments; k++)
		if (!segment_is_sound(&g->segments[k]))
			return false;
	for (unsigned k = 0; k < g->n_segments; k++) {
		const struct segment *seg = &g->segments[k];

		if (segment_misses_peer(seg) &&
		    (g->peer_deaf || !is_path_alive(n, seg, now)))
			return true;
	}
	return false;
}

/*
 * Told so, though we hear the peer on each of them: where a network that had
 * come apart is whole again, that ends with its next heartbeat.
 */
static void
look_whether_mute(struct node_group_step *s, struct node_group *g)
{
	bool heard = g->told && g->n_segments > 0;

	for (unsigned k = 0; k < g->n_segments; k++)
		heard =
		    heard && is_path_alive(s->node, &g->segments[k], s->now);
	if (!heard)
		g->mute = mono_never();
	else if (mono_is_never(g->mute))
		g->mute = s->now;
}

static bool
is_mute(const struct node *n, const struct node_group *g, struct mono now)
{
	return !mono_is_never(g->mute) &&
	    mono_span_ms(g->mute, now) >= node_dead_ms(n);
}

/*
 * How long nobody must have been heard: hardly where the peer misses
 * us, longer where it serves and we do not, and else for ever.
 */
static uint32_t
deaf_ms(const struct node_group *g)
{
	if (g->told)
		return SEGMENT_DEAF_MS;
	if (g->election.state == ELECTION_MASTER || !g->peer_serves ||
	    g->peer_deaf)
		return UINT32_MAX;
	return mono_is_never(g->cut_at) ? SEGMENT_DEAF_LONG_MS
	                                : SEGMENT_DEAF_MS;
}

/* On which of its networks this node is cut off; n_segments: on none. */
static unsigned
find_cut(const struct node *n, const struct node_group *g, struct mono now)
{
	for (unsigned k = 0; k < g->n_segments; k++)
		if (segment_is_deaf(&g->segments[k], deaf_ms(g), now))
			return k;
	return g->told && is_mute(n, g, now) ? 0 : g->n_segments;
}

/* It misses us, or did a moment ago, and can serve, or does. */
static bool
is_peer_better(
    const struct node *n, const struct node_group *g, struct mono now)
{
	return is_peer_alive(n, now) && g->peer_able;
}

/*
 * Once found it holds on for a dead time: answers that come late, at either
 * node, must not make it come and go.
 */
static unsigned
cut_off(const struct node *n, struct node_group *g, struct mono now)
{
	const unsigned k = find_cut(n, g, now);

	if (!is_peer_better(n, g, now)) {
		g->cut_at = mono_never();
		return g->n_segments;
	}
	if (k < g->n_segments) {
		g->cut_at = now;
		g->cut = k;
	} else if (!mono_is_never(g->cut_at) &&
	    mono_span_ms(g->cut_at, now) >= node_dead_ms(n)) {
		g->cut_at = mono_never();
	}
	return mono_is_never(g->cut_at) ? g->n_segments : g->cut;
}

/* We are cut off, by its word: somebody must serve. */
static void
doubt_word(struct node_group *g, bool cut, struct mono now)
{
	if (!cut || !g->told || g->peer_state == ELECTION_MASTER)
		g->yielded = mono_never();
	else if (mono_is_never(g->yielded))
		g->yielded = now;
	else if (mono_span_ms(g->yielded, now) >= UNTRUE_MS)
		g->untrue = true;
}

static void
judge(struct node_group_step *s, unsigned i)
{
	struct node *n = s->node;
	struct node_group *g = &n->groups[i];
	const unsigned which = cut_off(n, g, s->now);
	bool misses;

	doubt_word(g, which < g->n_segments, s->now);
	if (which < g->n_segments)
		node_group_fault(
		    s, i, NODE_CAUSE_SEGMENT, ELECTION_CUT_OFF, which);
	else
		node_group_fault(
		    s, i, NODE_CAUSE_SEGMENT, ELECTION_RECOVERED, 0);
	misses = misses_peer(n, i, s->now);
	if (misses == g->misses_peer)
		return;
	g->misses_peer = misses;
	node_group_do(s, NODE_DO_SAY, i);
}

void
node_segment_look(struct node_group_step *s)
{
	for (unsigned i = 0; i < s->node->n_groups; i++) {
		if (s->node->groups[i].n_segments == 0)
			continue;
		look_around(s, i);
		look_whether_mute(s, &s->node->groups[i]);
		judge(s, i);
	}
}

struct mono
node_segment_wake(const struct node_group *g)
{
	struct mono wake = mono_never();

	for (unsigned k = 0; k < g->n_segments; k++)
		wake = mono_min(wake, g->segments[k].due);
	return wake;
}

bool
node_segment_is_heard(const struct node *n, unsigned i, struct mono now)
{
	const struct node_group *g = &n->groups[i];

	for (unsigned k = 0; k < g->n_segments; k++)
		if (is_path_alive(n, &g->segments[k], now))
			return true;
	return false;
}

bool
node_segment_is_deaf(const struct node *n, unsigned i, struct mono now)
{
	const struct node_group *g = &n->groups[i];

	if (!node_is_master(n, i))
		return false;
	for (unsigned k = 0; k < g->n_segments; k++)
		if (segment_is_deaf(&g->segments[k], SEGMENT_DEAF_MS, now))
			return true;
	return g->election.deaf;
}
