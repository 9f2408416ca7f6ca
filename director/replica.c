#include "director/replica.h"

#include <assert.h>

struct step {
	struct replica *r;
	struct replica_group *g;
	const struct replica_event *ev;
	struct replica_out *out;
};

static void
ask(const struct step *s, enum replica_action action)
{
	assert(s->out->n_actions < REPLICA_ACTIONS_MAX);
	s->out->actions[s->out->n_actions++] = action;
}

/* The one place where the state is written. */
static void
enter(const struct step *s, enum replica_state to)
{
	s->g->state = to;
}

/* Nobody is waited for that may never answer. */
static void
stand_alone(const struct step *s)
{
	ask(s, REPLICA_COMMIT);
	enter(s, REPLICA_ALONE);
}

/*
 * Numbers below were told to somebody else, or under another term: nobody waits
 * for them.
 */
static void
dump(const struct step *s)
{
	ask(s, REPLICA_COMMIT);
	s->g->first_seq = replica_number(s->r);
	ask(s, REPLICA_BEGIN);
	enter(s, REPLICA_DUMPING);
}

static void
claim(const struct step *s)
{
	if (s->ev->term > s->g->term)
		s->g->term = s->ev->term;
	s->g->believed = s->g->refused = false;
	if (s->r->linked)
		dump(s);
	else
		stand_alone(s);
}

/*
 * What waits is not ours any more: its client asks again, and finds the other
 * owner. If that has told us of its connections while we owned the group, too,
 * we have not listened.
 */
static void
release(const struct step *s)
{
	ask(s, REPLICA_REJECT);
	enter(s, REPLICA_IDLE);
	if (s->r->linked && s->g->missed)
		ask(s, REPLICA_WANT);
	s->g->missed = false;
}

/*
 * An earlier owner may hear of a later one from its peer before its own
 * election says so. Where the peer owns it, too, and at no later term, it has
 * not heard of ours: it takes nothing from us until it lets go, and asks.
 */
static void
refused(const struct step *s)
{
	if (s->ev->term <= s->g->term) {
		/* Else it is about what was said before this dump. */
		if (s->ev->seq == s->g->first_seq)
			stand_alone(s);
		return;
	}
	ask(s, REPLICA_REJECT);
	enter(s, REPLICA_DISPUTED);
}

/* IDLE: the peer owns it, or nobody does. */
static void
step_idle(const struct step *s)
{
	switch (s->ev->type) {
	case REPLICA_CLAIM:
		claim(s);
		break;
	case REPLICA_LINK_DOWN:
		s->g->believed = false;
		break;
	case REPLICA_LINK_UP: /* the owner will tell */
	case REPLICA_WANTED:  /* we own nothing */
	case REPLICA_RELEASE: /* it is */
	case REPLICA_DUMPED:  /* of what is over, */
	case REPLICA_ACKED:   /* and so are these */
	case REPLICA_REFUSED:
	case REPLICA_LATE:
		break;
	}
}

/* Every state of an owner. What is peculiar to one is asked where it counts. */
static void
step_owner(const struct step *s)
{
	struct replica_group *g = s->g;

	switch (s->ev->type) {
	case REPLICA_CLAIM: /* again, at a later term: it is told anew */
		claim(s);
		break;
	case REPLICA_RELEASE:
		release(s);
		break;
	case REPLICA_LINK_UP:
	case REPLICA_WANTED:
		dump(s);
		break;
	case REPLICA_LINK_DOWN: /* nor is there anybody who disputes it */
		g->missed = false;
		stand_alone(s);
		break;
	case REPLICA_DUMPED:
		if (g->state != REPLICA_DUMPING)
			break;
		g->finish_seq = s->ev->seq;
		enter(s, REPLICA_PROVING);
		break;
	case REPLICA_ACKED:
		if ((g->state == REPLICA_PROVING ||
		        g->state == REPLICA_LAGGING) &&
		    s->r->acked >= g->finish_seq)
			enter(s, REPLICA_LIVE);
		break;
	case REPLICA_REFUSED:
		refused(s);
		break;
	case REPLICA_LATE:
		if (g->state != REPLICA_LIVE)
			break;
		/* With steady traffic it is never quite level again. */
		g->finish_seq = s->r->next_seq - 1;
		ask(s, REPLICA_COMMIT);
		enter(s, REPLICA_LAGGING);
		break;
	}
}

void
replica_init(struct replica *r, bool paired, unsigned n_groups)
{
	*r = (struct replica){
		.paired = paired, .next_seq = 1, .n_groups = n_groups
	};
}

void
replica_step(struct replica *r, unsigned group, const struct replica_event *ev,
    struct replica_out *ret_out)
{
	struct replica_out out = { 0 };
	const struct step s = { r, &r->groups[group], ev, &out };

	switch (s.g->state) {
	case REPLICA_IDLE:
		step_idle(&s);
		break;
	case REPLICA_ALONE:
	case REPLICA_DUMPING:
	case REPLICA_PROVING:
	case REPLICA_LIVE:
	case REPLICA_LAGGING:
	case REPLICA_DISPUTED:
		step_owner(&s);
		break;
	}
	/* Who owns it believes nobody. */
	assert(s.g->state == REPLICA_IDLE || !s.g->believed);
	*ret_out = out;
}

bool
replica_is_mine(const struct replica *r, unsigned group)
{
	return r->groups[group].state != REPLICA_IDLE;
}

bool
replica_decides(const struct replica *r, unsigned group)
{
	return replica_is_mine(r, group) &&
	    r->groups[group].state != REPLICA_DISPUTED;
}

bool
replica_tells(const struct replica *r, unsigned group)
{
	switch (r->groups[group].state) {
	case REPLICA_DUMPING:
	case REPLICA_PROVING:
	case REPLICA_LIVE:
	case REPLICA_LAGGING:
		return true;
	case REPLICA_IDLE:
	case REPLICA_ALONE:
	case REPLICA_DISPUTED:
		break;
	}
	return false;
}

bool
replica_waits(const struct replica *r, unsigned group)
{
	return r->groups[group].state == REPLICA_LIVE;
}

uint64_t
replica_number(struct replica *r)
{
	return r->next_seq++;
}

bool
replica_is_told(const struct replica *r, unsigned group, uint64_t seq)
{
	return replica_tells(r, group) && seq != 0 &&
	    seq >= r->groups[group].first_seq;
}

bool
replica_is_protected(const struct replica *r, unsigned group, uint64_t seq)
{
	return replica_is_told(r, group, seq) && seq <= r->acked;
}

bool
replica_ack(struct replica *r, uint64_t seq)
{
	if (seq >= r->next_seq)
		return false;
	if (seq > r->acked)
		r->acked = seq;
	return true;
}

bool
replica_hear_begin(
    struct replica *r, unsigned group, uint64_t term, uint64_t seq)
{
	struct replica_group *g = &r->groups[group];

	g->heard_begin = seq;
	g->refused = false;
	if (g->state != REPLICA_IDLE || term < g->term)
		return false;
	g->term = term;
	g->believed = true;
	return true;
}

bool
replica_believes(const struct replica *r, unsigned group)
{
	return r->groups[group].believed;
}

bool
replica_refuse(struct replica *r, unsigned group)
{
	struct replica_group *g = &r->groups[group];
	const bool was = g->refused;

	g->refused = true;
	if (g->state != REPLICA_IDLE)
		g->missed = true;
	return !was;
}

void
replica_know(struct replica *r, unsigned group, uint64_t term)
{
	struct replica_group *g = &r->groups[group];

	if (term <= g->term)
		return;
	/* A later owner than the one that speaks to us. */
	if (g->state == REPLICA_IDLE) {
		g->term = term;
		g->believed = g->refused = false;
	}
}

enum replica_why
replica_why(const struct replica *r, unsigned group)
{
	if (!r->paired)
		return REPLICA_WHY_SINGLE;
	switch (r->groups[group].state) {
	case REPLICA_ALONE:
		return r->linked ? REPLICA_WHY_SPLIT : REPLICA_WHY_NO_LINK;
	case REPLICA_DUMPING:
	case REPLICA_PROVING:
		return REPLICA_WHY_DUMP;
	case REPLICA_LAGGING:
		return REPLICA_WHY_LAGS;
	case REPLICA_DISPUTED:
		return REPLICA_WHY_DISPUTED;
	case REPLICA_IDLE:
	case REPLICA_LIVE:
		break;
	}
	return REPLICA_WHY_NOT;
}

const char *
replica_state_name(enum replica_state state)
{
	static const char *const names[REPLICA_STATES] = {
		[REPLICA_IDLE] = "idle",
		[REPLICA_ALONE] = "alone",
		[REPLICA_DUMPING] = "dumping",
		[REPLICA_PROVING] = "proving",
		[REPLICA_LIVE] = "live",
		[REPLICA_LAGGING] = "lagging",
		[REPLICA_DISPUTED] = "disputed",
	};

	return names[state];
}
