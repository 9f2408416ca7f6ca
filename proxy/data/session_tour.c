#include "proxy/data/session_tour.h"

#include "proxy/data/session.h"
#include "proxy/data/session_end.h"

#include <stdlib.h>
#include <sys/socket.h>

/*
 * What a turn may cost: a look takes some 50 ns, a row 3 us for two questions
 * to the kernel, a reset 30 us. So it is over after 0.1 ms where it lists, and
 * after a millisecond where it resets.
 */
#define TURN_COST 2048
#define LOOK_COST 1
#define RESET_COST 64

static bool
is_meant(const struct session_tour_order *o, const struct session *s)
{
	if (s->phase == SESSION_GIVEN)
		return false;
	return (o->id == 0 || o->id == s->info.id) &&
	    (o->service == NULL || o->service == s->pool->config) &&
	    (o->server < 0 || o->server == s->info.server);
}

static union addr
source_of(const struct session *s)
{
	union addr a = { 0 };
	socklen_t len = sizeof(a);

	if (s->ends[SESSION_SERVER].fd == -1 ||
	    getsockname(s->ends[SESSION_SERVER].fd, &a.sa, &len) == -1)
		return (union addr){ 0 };
	addr_normalize(&a);
	return a;
}

static struct session_tour_row
row_of(const struct session *s, struct mono now)
{
	struct session_tour_row row = { .service = s->pool->config,
		.server = s->info.server,
		.phase = (uint8_t)s->phase,
		.splices = flow_is_bulk(&s->flows[SESSION_CLIENT]) ||
		    flow_is_bulk(&s->flows[SESSION_SERVER]),
		.is_told = s->is_told,
		.why = "it is relayed",
		.id = s->info.id,
		.in = s->flows[SESSION_CLIENT].bytes,
		.out = s->flows[SESSION_SERVER].bytes,
		.age_ms = mono_span_ms(s->info.accepted, now),
		.client = s->info.client,
		.source = source_of(s) };

	/* Before its first byte it has been idle since it came. */
	row.idle_ms =
	    s->active.ns != 0 ? mono_span_ms(s->active, now) : row.age_ms;
	if (session_get_local(s, &row.local) < 0)
		row.local = (union addr){ 0 };
	return row;
}

void
session_tour_begin(struct session_tour *w, struct session_thread *t,
    struct session_tour_order *order)
{
	*w = (struct session_tour){ .order = order };
	t->next_tour = LIST_FIRST(&t->sessions);
}

static void
kill_some(struct session_tour *w, struct session_thread *t)
{
	unsigned left = TURN_COST;
	struct session *s;

	while (left >= RESET_COST && (s = t->next_tour) != NULL) {
		t->next_tour = LIST_NEXT(s, all);
		left -= LOOK_COST;
		if (!is_meant(w->order, s))
			continue;
		session_end_reset(s, END_REASON_OPERATOR, 0);
		w->meant++;
		left -= RESET_COST - LOOK_COST;
	}
}

static bool
list_some(struct session_tour *w, struct session_thread *t)
{
	struct session_tour_part *part = calloc(1, sizeof(*part));
	unsigned left = TURN_COST;
	struct session *s;

	if (part == NULL)
		return w->order->on_part(w->order->arg, NULL);
	while (left > 0 && part->n < SESSION_TOUR_ROWS &&
	    (s = t->next_tour) != NULL) {
		t->next_tour = LIST_NEXT(s, all);
		left -= LOOK_COST;
		if (is_meant(w->order, s))
			part->rows[part->n++] = row_of(s, t->now);
	}
	w->meant += part->n;
	return w->order->on_part(w->order->arg, part);
}

static void
finish(struct session_tour *w, struct session_thread *t)
{
	const struct session_tour_order *o = w->order;

	t->next_tour = NULL;
	w->order = NULL;
	o->on_end(o->arg, w->meant);
}

bool
session_tour_turn(struct session_tour *w, struct session_thread *t)
{
	bool goes_on = true;

	if (w->order == NULL)
		return false;
	if (atomic_load(&w->order->cancelled))
		t->next_tour = NULL;
	else if (w->order->kills)
		kill_some(w, t);
	else
		goes_on = list_some(w, t);
	if (t->next_tour != NULL)
		return goes_on;
	finish(w, t);
	return false;
}
