#include "failover/inbox.h"

#include <string.h>

void
inbox_init(struct inbox *b, const struct inbox_calls *calls, void *arg)
{
	b->calls = calls;
	b->arg = arg;
}

static void
push(struct inbox *b, const struct node_event *ev)
{
	/* Full only in a storm of our own making; the oldest matter most. */
	if (b->n < INBOX_EVENTS_MAX)
		b->events[b->n++] = *ev;
}

static struct node_event
pop(struct inbox *b)
{
	const struct node_event first = b->events[0];

	b->n--;
	memmove(b->events, b->events + 1, b->n * sizeof(b->events[0]));
	return first;
}

static bool
is_told(const struct node_effect *e)
{
	return e->type >= NODE_TELL_STATE;
}

static bool
is_added(const struct node_effect *e)
{
	return e->type == NODE_DO_ADD || e->type == NODE_DO_RENEW;
}

static int
carry_out(struct inbox *b, const struct node_effect *node_effect,
    const struct node_now *now)
{
	const int e = b->calls->carry_out(b->arg, node_effect, now);

	if (e < 0)
		push(b,
		    &(struct node_event){ .type = NODE_FAILED,
		        .group = node_effect->group,
		        .failed = { .what = node_effect->type, .error = e } });
	return e;
}

static void
tell(struct inbox *b, struct node_out *out, const struct node_now *now)
{
	for (unsigned i = 0; i < out->n; i++)
		if (is_told(&out->effects[i]))
			(void)carry_out(b, &out->effects[i], now);
}

/*
 * A hello that is late would hide that it is, and a claim would be of the past.
 */
static bool
must_be_in_time(const struct node_effect *e)
{
	return e->type == NODE_DO_SAY || e->type == NODE_DO_CHALLENGE ||
	    is_added(e);
}

/* Nothing that is late, nor what an earlier effect made wrong. */
static bool
is_right(const struct inbox *b, const struct node_effect *e,
    const struct node_now *now)
{
	return node_is_due(&b->node, e) &&
	    !(must_be_in_time(e) && node_is_late(&b->node, now));
}

/*
 * Who stands still in here, too, leaves out what is late by that and comes
 * round once more, instead of deeper: each time is a stop of its own.
 */
static void
catch_up(struct inbox *b, struct node_now *now)
{
	const struct node_event ev = { .type = NODE_CLOCK };
	struct node_out out;

	do {
		node_step(&b->node, &ev, now, &out);
		for (unsigned i = 0; i < out.n; i++) {
			const struct node_effect *e = &out.effects[i];

			if (must_be_in_time(e))
				b->calls->clock(b->arg, now);
			if (!is_told(e) && is_right(b, e, now))
				(void)carry_out(b, e, now);
		}
		tell(b, &out, now);
	} while (node_is_late(&b->node, now));
}

/*
 * Acts first, then tells: a takeover waits for no log. Only where we stood
 * still in between is all told that was decided before, and then what follows
 * from that comes first; what is left of this is done where it is still right.
 */
static void
carry_out_all(struct inbox *b, struct node_out *out, struct node_now *now)
{
	uint32_t refused = 0; /* the addresses of groups, a bit each */
	bool told = false;

	for (unsigned i = 0; i < out->n; i++) {
		const struct node_effect *e = &out->effects[i];

		if (is_told(e))
			continue;
		if (must_be_in_time(e))
			b->calls->clock(b->arg, now);
		if (must_be_in_time(e) && node_is_late(&b->node, now)) {
			if (!told)
				tell(b, out, now);
			told = true;
			catch_up(b, now);
		}
		if (!node_is_due(&b->node, e) ||
		    (e->type == NODE_DO_ANNOUNCE && refused >> e->group & 1))
			continue;
		if (carry_out(b, e, now) < 0 && is_added(e))
			refused |= UINT32_C(1) << e->group;
	}
	if (!told)
		tell(b, out, now);
}

static void
settle(struct inbox *b, const struct node_event *ev, struct node_now *now)
{
	struct node_out out;

	node_step(&b->node, ev, now, &out);
	carry_out_all(b, &out, now);
}

static void
look(struct inbox *b, struct node_now *now)
{
	b->calls->clock(b->arg, now);
	if (node_is_late(&b->node, now))
		catch_up(b, now);
}

static void
drain(struct inbox *b)
{
	struct node_now now;

	b->busy = true;
	while (b->n > 0) {
		const struct node_event ev = pop(b);

		/* Before all else that happened meanwhile. */
		look(b, &now);
		if (ev.type == NODE_FAILED)
			b->calls->failed(b->arg, &ev);
		settle(b, &ev, &now);
	}
	b->busy = false;
	b->calls->wake_at(b->arg, node_wake(&b->node));
}

void
inbox_put(struct inbox *b, const struct node_event *ev)
{
	push(b, ev);
	if (!b->busy)
		drain(b);
}

void
inbox_put_type(struct inbox *b, enum node_type type)
{
	inbox_put(b, &(struct node_event){ .type = type });
}

void
inbox_put_group(struct inbox *b, enum node_type type, unsigned group)
{
	inbox_put(b, &(struct node_event){ .type = type, .group = group });
}

void
inbox_look(struct inbox *b)
{
	struct node_now now;

	if (b->busy)
		return;
	b->calls->clock(b->arg, &now);
	if (node_is_late(&b->node, &now))
		inbox_put_type(b, NODE_CLOCK);
}
