#include "tests/sim/cabled.h"

/* A listening node, a relay that has just died, a refused address, a lease. */
#define SERVE_MS (LISTEN_MS + RETRY_MS + HANG_MS + DEAF_MS + 1000)

static bool
is_off(const struct sim *s, unsigned i)
{
	return s->cut[i] || s->silent[i];
}

/* The other is on the network, with somebody who shows it that it is. */
static bool
is_one_cut_off(const struct sim *s, unsigned i, const bool sound[2])
{
	return world_has_cable(s) && is_off(s, i) && !is_off(s, 1 - i) &&
	    s->hosts[1 - i].askable && sound[1 - i] && !s->rogue &&
	    !s->fabric && !s->jerky && s->loss_percent == 0 &&
	    !s->filtered[0] && !s->filtered[1] && world_is_awake(s, i) &&
	    s->hosts[1 - i].lowered == 0;
}

/* Who has looked around for long already asks seldom (segment.c). */
static int64_t
move_ms(const struct sim *s, unsigned looks)
{
	const struct segment *seg =
	    &world_node(s, looks)->groups[0].segments[0];
	const bool long_open = seg->open &&
	    mono_span_ms(seg->since, world_now(s)) >= CABLED_LONG_MS;

	return CABLED_MOVE_MS + (long_open ? CABLED_SELDOM_MS : 0);
}

void
cabled_check(const struct sim *s, struct cabled *c, const bool sound[2])
{
	const unsigned who = is_off(s, 0) ? 0 : 1;
	const struct host *other = &s->hosts[1 - who];

	if (!is_one_cut_off(s, who, sound) || who != c->who)
		c->whole_ms = c->settled_ms = s->now_ms;
	c->who = who;
	if (world_state(s, who) != ELECTION_MASTER ||
	    world_state(s, 1 - who) != ELECTION_BACKUP)
		c->settled_ms = s->now_ms;
	if (s->now_ms > c->settled_ms + move_ms(s, 1 - who))
		world_fail(s, "node %u: keeps it, and is cut off", who);
	if (s->now_ms > c->whole_ms + SERVE_MS && !other->held)
		world_fail(s, "node %u: could serve, and does not", 1 - who);
}

void
cabled_harm(struct sim *s, unsigned i)
{
	if (!s->cabled)
		return;
	switch (world_below(s, 4)) {
	case 0:
		s->cut[i] = s->silent[i] = !s->silent[i];
		break;
	case 1:
		s->silent[i] = !s->silent[i];
		break;
	case 2:
		s->cut[i] = !s->cut[i];
		break;
	case 3:
		s->unplugged = !s->unplugged && world_percent(s, 30);
		break;
	}
}
