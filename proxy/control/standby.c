#include "proxy/control/standby.h"

#define NOBODY STANDBY_HOSTS_MAX

struct standby
standby_init(struct mono now)
{
	struct standby s = { .phase = STANDBY_FOLLOWS, .retry = now };

	for (unsigned i = 0; i < STANDBY_HOSTS_MAX; i++)
		s.since[i] = now;
	return s;
}

static bool
is_fit(const struct standby *s, unsigned host)
{
	return s->hosts[host].fitness == STANDBY_FIT;
}

/* `since` is about fit or not: of the ways to be unfit each goes on. */
static void
see(struct standby *s, const struct standby_rules *rules,
    const struct standby_event *ev, struct mono now)
{
	for (unsigned i = 0; i < rules->n_hosts; i++) {
		const enum standby_fitness was = s->hosts[i].fitness;
		const enum standby_fitness is = ev->hosts[i].fitness;

		if ((was == STANDBY_FIT) != (is == STANDBY_FIT) ||
		    was == STANDBY_UNKNOWN)
			s->since[i] = now;
		s->hosts[i] = ev->hosts[i];
	}
}

static bool
says(const struct standby *s, unsigned host, enum standby_claim claim)
{
	return is_fit(s, host) && s->hosts[host].claim == claim;
}

/* Two that call themselves active know nothing of each other (any more). */
static void
note_claims(struct standby *s, const struct standby_rules *rules)
{
	unsigned active = 0, standby = 0;

	for (unsigned i = 0; i < rules->n_hosts; i++) {
		active += says(s, i, STANDBY_CLAIMS_ACTIVE);
		standby += says(s, i, STANDBY_CLAIMS_STANDBY);
	}
	if (standby > 0)
		s->paired = true;
	else if (active > 1)
		s->paired = false;
}

static bool
knows_all(const struct standby *s, const struct standby_rules *rules)
{
	for (unsigned i = 0; i < rules->n_hosts; i++)
		if (s->hosts[i].fitness == STANDBY_UNKNOWN)
			return false;
	return true;
}

/* The one that says that it is active, where that means something. */
static unsigned
claimant(const struct standby *s, const struct standby_rules *rules)
{
	unsigned found = NOBODY;

	for (unsigned i = 0; s->paired && i < rules->n_hosts; i++) {
		if (!says(s, i, STANDBY_CLAIMS_ACTIVE))
			continue;
		if (found != NOBODY)
			return NOBODY;
		found = i;
	}
	return found;
}

/* Who says that it is standby would refuse what it is asked. */
static bool
may_take_over(const struct standby *s, unsigned host)
{
	return is_fit(s, host) &&
	    s->hosts[host].claim != STANDBY_CLAIMS_STANDBY;
}

static unsigned
next_fit(const struct standby *s, const struct standby_rules *rules)
{
	for (unsigned i = 1; i < rules->n_hosts; i++) {
		const unsigned host = (s->active + i) % rules->n_hosts;

		if (may_take_over(s, host))
			return host;
	}
	return NOBODY;
}

static void
enter(struct standby *s, enum standby_phase phase, enum standby_trouble trouble)
{
	s->phase = phase;
	s->trouble = trouble;
}

static void
switch_to(struct standby *s, unsigned host, enum standby_reason reason,
    struct standby_out *out)
{
	out->action = STANDBY_SWITCH;
	out->from = s->active;
	out->to = host;
	out->reason = reason;
	s->active = host;
	s->epoch++;
	enter(s, STANDBY_STEADY, STANDBY_NO_TROUBLE);
}

static void
begin(struct standby *s, const struct standby_rules *rules, unsigned host,
    enum standby_reason reason, struct standby_out *out)
{
	if (!rules->fences) {
		switch_to(s, host, reason, out);
		return;
	}
	enter(s, STANDBY_FENCING, STANDBY_NO_TROUBLE);
	s->target = host;
	s->reason = reason;
	out->action = STANDBY_FENCE;
	out->from = s->active;
	out->to = host;
	out->reason = reason;
}

/* Whether a span that began `since` is over; else it is a time to wake at. */
static bool
is_over(
    struct mono since, uint32_t ms, struct mono now, struct standby_out *out)
{
	const struct mono end = mono_add_ms(since, ms);

	if (!mono_before(now, end))
		return true;
	out->wake = mono_min(out->wake, end);
	return false;
}

static enum standby_reason
wants_failback(const struct standby *s, const struct standby_rules *rules,
    struct mono now, unsigned *ret_host, struct standby_out *out)
{
	for (unsigned i = 0; rules->failback && i < s->active; i++)
		if (may_take_over(s, i) &&
		    is_over(s->since[i], rules->hold_ms, now, out)) {
			*ret_host = i;
			return STANDBY_FAILS_BACK;
		}
	return STANDBY_NO_REASON;
}

/* Whether the active one shall not be it any more, and who instead. */
static enum standby_reason
wants(const struct standby *s, const struct standby_rules *rules,
    struct mono now, unsigned *ret_host, struct standby_out *out)
{
	*ret_host = next_fit(s, rules);
	switch (s->hosts[s->active].fitness) {
	case STANDBY_FIT:
		return wants_failback(s, rules, now, ret_host, out);
	case STANDBY_UNFIT:
		if (is_over(s->since[s->active], rules->hold_ms, now, out))
			return STANDBY_HAS_FAILED;
		break;
	case STANDBY_OUT:
		return STANDBY_TAKEN_OUT;
	case STANDBY_UNKNOWN:
	case STANDBY_PARKED: /* whom it has it keeps: that is what was asked */
		break;
	}
	return STANDBY_NO_REASON;
}

static void
decide(struct standby *s, const struct standby_rules *rules, struct mono now,
    struct standby_out *out)
{
	unsigned host;
	const enum standby_reason reason = wants(s, rules, now, &host, out);

	if (reason == STANDBY_NO_REASON)
		enter(s, STANDBY_STEADY, STANDBY_NO_TROUBLE);
	else if (s->phase == STANDBY_BLOCKED &&
	    s->trouble == STANDBY_FENCE_FAILED && mono_before(now, s->retry))
		out->wake = s->retry;
	else if (host == NOBODY)
		enter(s, STANDBY_BLOCKED, STANDBY_NOBODY_FIT);
	else
		begin(s, rules, host, reason, out);
}

static void
look(struct standby *s, const struct standby_rules *rules,
    const struct standby_event *ev, struct mono now, struct standby_out *out)
{
	unsigned host;

	see(s, rules, ev, now);
	note_claims(s, rules);
	if (!ev->decides) {
		/* What a fence says that still runs is the past's. */
		enter(s, STANDBY_FOLLOWS, STANDBY_NO_TROUBLE);
		return;
	}
	if (s->phase == STANDBY_FOLLOWS)
		enter(s, STANDBY_STEADY, STANDBY_NO_TROUBLE);
	if (!knows_all(s, rules))
		return;
	host = claimant(s, rules);
	if (host != NOBODY && host != s->active)
		switch_to(s, host, STANDBY_SAYS_SO, out);
	else if (host != NOBODY)
		enter(s, STANDBY_STEADY, STANDBY_NO_TROUBLE);
	else if (s->phase != STANDBY_FENCING)
		decide(s, rules, now, out);
}

static void
fenced(struct standby *s, const struct standby_rules *rules, bool passed,
    struct mono now, struct standby_out *out)
{
	unsigned host = s->target;

	if (s->phase != STANDBY_FENCING)
		return;
	if (!passed) {
		enter(s, STANDBY_BLOCKED, STANDBY_FENCE_FAILED);
		s->retry = mono_add_ms(now, STANDBY_RETRY_MS);
		out->wake = s->retry;
		return;
	}
	/* The old one is off, even if it was fit again by then. */
	if (!is_fit(s, host))
		host = next_fit(s, rules);
	if (host == NOBODY)
		enter(s, STANDBY_BLOCKED, STANDBY_NOBODY_FIT);
	else
		switch_to(s, host, s->reason, out);
}

static const char *
objection(
    const struct standby *s, const struct standby_rules *rules, unsigned host)
{
	if (s->phase == STANDBY_FOLLOWS)
		return "the other node decides, ask there";
	if (host == s->active)
		return "it is active already";
	if (s->phase == STANDBY_FENCING)
		return "a change is under way, and its fence has not ended";
	if (!is_fit(s, host))
		return "it is not fit";
	if (claimant(s, rules) != NOBODY || !may_take_over(s, host))
		return "the servers themselves say who of them is active";
	return NULL;
}

struct standby
standby_step(const struct standby *before, const struct standby_rules *rules,
    const struct standby_event *ev, struct mono now,
    struct standby_out *ret_out)
{
	struct standby s = *before;
	struct standby_out out = { .wake = mono_never() };

	switch (ev->type) {
	case STANDBY_LOOK:
		look(&s, rules, ev, now, &out);
		break;
	case STANDBY_FENCED:
		fenced(&s, rules, ev->passed, now, &out);
		break;
	case STANDBY_ASKED:
		out.refusal = objection(&s, rules, ev->host);
		if (out.refusal == NULL)
			begin(&s, rules, ev->host, STANDBY_TOLD, &out);
		break;
	case STANDBY_AGREED:
		s.active = ev->host;
		s.epoch = ev->epoch;
		/* It has overtaken whatever was under way here. */
		if (s.phase != STANDBY_FOLLOWS)
			enter(&s, STANDBY_STEADY, STANDBY_NO_TROUBLE);
		break;
	}
	*ret_out = out;
	return s;
}

const char *
standby_phase_name(enum standby_phase phase)
{
	switch (phase) {
	case STANDBY_FOLLOWS:
		return "follows";
	case STANDBY_STEADY:
		return "steady";
	case STANDBY_FENCING:
		return "fencing";
	case STANDBY_BLOCKED:
		return "blocked";
	}
	return "?";
}

const char *
standby_reason_text(enum standby_reason reason)
{
	switch (reason) {
	case STANDBY_NO_REASON:
		return "none";
	case STANDBY_HAS_FAILED:
		return "the old one was not fit for `hold`";
	case STANDBY_TAKEN_OUT:
		return "an operator has taken out the old one";
	case STANDBY_SAYS_SO:
		return "it says that it is active";
	case STANDBY_FAILS_BACK:
		return "failback, it is fit again";
	case STANDBY_TOLD:
		return "an operator wants it";
	}
	return "?";
}

const char *
standby_trouble_text(enum standby_trouble trouble)
{
	switch (trouble) {
	case STANDBY_NO_TROUBLE:
		return "none";
	case STANDBY_NOBODY_FIT:
		return "no other server is fit to take over";
	case STANDBY_FENCE_FAILED:
		return "its fence failed, nothing was changed";
	}
	return "?";
}
