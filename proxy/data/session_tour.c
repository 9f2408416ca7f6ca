#include "proxy/data/session_tour.h"

#include "proxy/data/session.h"
#include "proxy/data/session_end.h"

#include <sys/socket.h>

/*
 * What a turn may cost, of some 50 us: a look takes 0.15 us, where none of the
 * session is in the processor's cache, a row 3 us for two questions to the
 * kernel, a reset 25 us.
 */
#define TURN_COST 320
#define LOOK_COST 1
#define ROW_COST (TURN_COST / SESSION_TOUR_ROWS)
#define RESET_COST 160

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

/* -- between the thread and the reader ----------------------------------- */

static bool
is_full(const struct session_tour_ring *r)
{
	return atomic_load_explicit(&r->filled, memory_order_relaxed) -
	    atomic_load_explicit(&r->emptied, memory_order_acquire) ==
	    SESSION_TOUR_PARTS;
}

/* The reader does not look there. */
struct session_tour_part *
session_tour_room(struct session_tour_ring *ring)
{
	const unsigned at =
	    atomic_load_explicit(&ring->filled, memory_order_relaxed);

	return is_full(ring) ? NULL : &ring->parts[at % SESSION_TOUR_PARTS];
}

void
session_tour_push(struct session_tour_ring *ring)
{
	atomic_fetch_add_explicit(&ring->filled, 1, memory_order_release);
}

const struct session_tour_part *
session_tour_peek(const struct session_tour_ring *ring)
{
	const unsigned at =
	    atomic_load_explicit(&ring->emptied, memory_order_relaxed);

	if (atomic_load_explicit(&ring->filled, memory_order_acquire) == at)
		return NULL;
	return &ring->parts[at % SESSION_TOUR_PARTS];
}

void
session_tour_pop(struct session_tour_ring *ring)
{
	atomic_fetch_add_explicit(&ring->emptied, 1, memory_order_release);
}

/* -- turns --------------------------------------------------------------- */

void
session_tour_send(struct session_tour *w, struct session_thread *t)
{
	struct session_tour *before =
	    atomic_load_explicit(&t->sent_tours, memory_order_relaxed);

	do
		w->sent_before = before;
	while (!atomic_compare_exchange_weak(&t->sent_tours, &before, w));
	session_thread_wake(t);
}

void
session_tour_begin_sent(struct session_thread *t)
{
	struct session_tour *w, *before;

	/* A look costs less than an exchange, and nearly always suffices. */
	if (atomic_load_explicit(&t->sent_tours, memory_order_relaxed) == NULL)
		return;
	for (w = atomic_exchange(&t->sent_tours, NULL); w != NULL; w = before) {
		before = w->sent_before;
		w->next = LIST_FIRST(&t->sessions);
		if (w->ring == NULL)
			TAILQ_INSERT_HEAD(&t->tours, w, under_way);
		else
			TAILQ_INSERT_TAIL(&t->tours, w, under_way);
	}
}

void
session_tour_pass(struct session_thread *t, const struct session *s)
{
	struct session_tour *w;

	TAILQ_FOREACH (w, &t->tours, under_way)
		if (w->next == s)
			w->next = LIST_NEXT(s, all);
}

/* The one of an id may be any thread's: once it is found all are over. */
static void
kill_some(struct session_tour *w)
{
	unsigned left = TURN_COST;
	struct session *s;

	while (left > 0 && (s = w->next) != NULL) {
		w->next = LIST_NEXT(s, all);
		left -= LOOK_COST;
		if (!is_meant(w->order, s))
			continue;
		session_end_reset(s, END_REASON_OPERATOR, 0);
		w->meant++;
		left = left > RESET_COST ? left - RESET_COST : 0;
		if (w->order->id != 0) {
			atomic_store(&w->order->cancelled, true);
			w->next = NULL;
		}
	}
}

static void
list_some(struct session_tour *w, struct mono now)
{
	struct session_tour_part *part = session_tour_room(w->ring);
	unsigned left = TURN_COST;
	struct session *s;

	part->n = 0;
	while (
	    left > 0 && part->n < SESSION_TOUR_ROWS && (s = w->next) != NULL) {
		w->next = LIST_NEXT(s, all);
		left -= LOOK_COST;
		if (!is_meant(w->order, s))
			continue;
		part->rows[part->n++] = row_of(s, now);
		left = left > ROW_COST ? left - ROW_COST : 0;
	}
	w->meant += part->n;
	if (part->n > 0)
		session_tour_push(w->ring);
}

/* Who has cancelled it may not read any more. */
static bool
stands_still(const struct session_tour *w)
{
	return w->ring != NULL && is_full(w->ring) &&
	    !atomic_load(&w->order->cancelled);
}

static void
go_on(struct session_tour *w, struct session_thread *t)
{
	if (atomic_load(&w->order->cancelled))
		w->next = NULL;
	else if (w->ring == NULL)
		kill_some(w);
	else
		list_some(w, t->now);
	TAILQ_REMOVE(&t->tours, w, under_way);
	if (w->next == NULL)
		w->order->on_end(w->order->arg, w->meant);
	else if (w->ring == NULL)
		TAILQ_INSERT_HEAD(&t->tours, w, under_way);
	else
		TAILQ_INSERT_TAIL(&t->tours, w, under_way);
}

enum session_tour_next
session_tour_turn(struct session_thread *t)
{
	struct session_tour *w;

	TAILQ_FOREACH (w, &t->tours, under_way)
		if (!stands_still(w))
			break;
	if (w != NULL)
		go_on(w, t);
	w = TAILQ_FIRST(&t->tours);
	if (w == NULL)
		return SESSION_TOUR_NONE;
	return w->ring == NULL ? SESSION_TOUR_AT_ONCE : SESSION_TOUR_LATER;
}
