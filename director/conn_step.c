#include "director/conn_step.h"

#include <assert.h>

void
conn_step_ask(const struct conn_step *s, enum kernel_conn_action action)
{
	assert(s->out->n_actions < KERNEL_CONN_ACTIONS_MAX);
	s->out->actions[s->out->n_actions++] = action;
}

/* The one place where the state is written. */
void
conn_step_enter(
    const struct conn_step *s, enum kernel_conn_state to, struct mono deadline)
{
	if (s->c->state != to)
		s->c->since = s->now;
	s->c->state = to;
	s->c->deadline = deadline;
}

struct mono
conn_step_in_ms(const struct conn_step *s, uint32_t ms)
{
	return mono_add_ms(s->now, ms);
}

bool
conn_step_is_due(const struct conn_step *s)
{
	return !mono_before(s->now, s->c->deadline);
}

bool
conn_step_has_lasted(const struct conn_step *s, uint32_t ms)
{
	return mono_span_ms(s->c->since, s->now) >= (int64_t)ms;
}

void
conn_step_drop(const struct conn_step *s, bool quarantine)
{
	s->out->quarantine = quarantine;
	conn_step_ask(s, KERNEL_CONN_DROP);
	conn_step_enter(s, KERNEL_CONN_FREE, mono_never());
}

void
conn_step_end(
    const struct conn_step *s, enum end_reason reason, bool quarantine)
{
	s->out->reason = reason;
	conn_step_ask(s, KERNEL_CONN_END);
	conn_step_drop(s, quarantine);
}

void
conn_step_cut(const struct conn_step *s, enum end_reason reason)
{
	conn_step_ask(s, KERNEL_CONN_RESET_BOTH);
	conn_step_end(s, reason, true);
}

void
conn_step_choose(const struct conn_step *s)
{
	conn_step_ask(s, KERNEL_CONN_CHOOSE);
	conn_step_enter(s, KERNEL_CONN_HELD, s->now);
}

void
conn_step_leave(const struct conn_step *s, bool quarantine)
{
	s->out->quarantine = quarantine;
	conn_step_ask(s, KERNEL_CONN_LEAVE);
	/* What comes next begins here, with the SYN that is kept. */
	s->c->placed = s->c->written = s->c->inherited = false;
}

bool
conn_step_ends_client(const struct conn_step *s)
{
	return s->ev->reason == END_REASON_OPERATOR;
}
