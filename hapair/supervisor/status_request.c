#include "hapair/supervisor/status_request.h"

#include "core/buf.h"
#include "core/fd.h"
#include "core/reply.h"
#include "core/wall_clock.h"
#include "hapair/supervisor/child_setup.h"
#include "hapair/supervisor/generation.h"
#include "hapair/supervisor/role_ends.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>

/* A relay that turns is asked; one that has not for so long stands. */
#define STANDS_MS 250
#define LOOK_S 0.05

/* It turns, and its reader does not read: that is reply.c's to end. */
#define PATIENCE_MS 6000

/* Of so many the answer is watched. */
#define ASKED_MAX 64

struct status_request_asked {
	struct status_request *query;
	const struct generation *generation;
	struct msg_start start;
	int socket;
	uint64_t count; /* of the relay's main thread, when it was asked */
	struct mono since;
	ev_timer look;
	TAILQ_ENTRY(status_request_asked) all;
};

static uint64_t
relay_count(const struct generation *g)
{
	uint64_t count = 0;

	if (g->watchdog.relay.liveness != NULL)
		liveness_read(g->watchdog.relay.liveness, &count, 1);
	return count;
}

/* As the watchdog saw it, which looks twenty times a second. */
static int64_t
relay_stands_ms(const struct generation *g)
{
	const struct stall_detector *main =
	    &g->watchdog.relay.stalls[LIVENESS_MAIN];

	if (mono_is_never(main->moved) || main->count != relay_count(g))
		return 0;
	return mono_span_ms(main->moved, mono_now());
}

static void
forget(struct status_request_asked *a)
{
	ev_timer_stop(a->query->loop, &a->look);
	TAILQ_REMOVE(&a->query->asked, a, all);
	a->query->n_asked--;
	fd_close(&a->socket);
	free(a);
}

/* Has been answered, or nobody waits any more: both ends are shut down. */
static bool
is_over(const struct status_request_asked *a)
{
	struct pollfd p = { .fd = a->socket };

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

static void
answer(struct status_request *q, const struct generation *g,
    const struct msg_start *m, int64_t silent_ms, int *socket)
{
	reply_send(q->loop, socket,
	    generation_status(g, m, &q->ends, (uint32_t)silent_ms));
}

static void
on_look(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct status_request_asked *a =
	    CONTAINER_OF(t, struct status_request_asked, look);
	const int64_t ms = mono_span_ms(a->since, mono_now());
	const bool stands =
	    ms >= STANDS_MS && relay_count(a->generation) == a->count;

	if (stands && !is_over(a))
		answer(a->query, a->generation, &a->start,
		    relay_stands_ms(a->generation), &a->socket);
	if (stands || is_over(a) || ms >= PATIENCE_MS)
		forget(a);
}

static void
watch(struct status_request *q, const struct generation *g,
    const struct msg_start *m, int socket)
{
	struct status_request_asked *a = NULL;

	if (q->n_asked < ASKED_MAX)
		a = calloc(1, sizeof(*a));
	if (a == NULL)
		return; /* the relay will answer it, as long as it turns */
	*a = (struct status_request_asked){ .query = q,
		.generation = g,
		.start = *m,
		.socket = fcntl(socket, F_DUPFD_CLOEXEC, 0),
		.count = relay_count(g),
		.since = mono_now() };
	ev_timer_init(&a->look, on_look, LOOK_S, LOOK_S);
	ev_timer_start(q->loop, &a->look);
	TAILQ_INSERT_TAIL(&q->asked, a, all);
	q->n_asked++;
	if (a->socket == -1)
		forget(a);
}

void
status_request_tell_ends(const struct status_request *q, struct generation *g)
{
	struct buf b = BUF_WRITER(2 * MSG_TEXT_MAX + 64);

	msg_put_role_ends(&b, &q->ends);
	child_send(&g->relay, MSG_ROLE_ENDS, b.data, b.pos, -1);
}

void
status_request_ask(struct status_request *q, struct generation *g,
    const struct msg_start *m, int *socket)
{
	const int64_t stands_ms = relay_stands_ms(g);

	if (stands_ms >= STANDS_MS) {
		answer(q, g, m, stands_ms, socket);
		return;
	}
	watch(q, g, m, *socket);
	status_request_tell_ends(q, g);
	child_setup_request(&g->relay, "status", *socket);
	fd_close(socket);
}

void
status_request_answer(struct status_request *q, const struct generation *g,
    const struct msg_start *m, int *socket)
{
	answer(q, g, m, 0, socket);
}

void
status_request_note_end(
    struct status_request *q, struct generation *g, const struct child *role)
{
	const bool relay = role == &g->relay;
	struct status_request_asked *a, *next;

	if (!role->stopping && !role->unwanted)
		role_ends_note(relay ? &q->ends.relay : &q->ends.failover,
		    role->end, role->end_status, wall_clock_now_ms());
	if (!relay && g->setup.config->has_web)
		status_request_tell_ends(q, g);
	if (!relay)
		return;
	for (a = TAILQ_FIRST(&q->asked); a != NULL; a = next) {
		next = TAILQ_NEXT(a, all);
		if (a->generation != g)
			continue;
		if (!is_over(a))
			answer(q, g, &a->start, 0, &a->socket);
		forget(a);
	}
}

void
status_request_init(struct status_request *q, struct ev_loop *loop)
{
	*q = (struct status_request){ .loop = loop };
	TAILQ_INIT(&q->asked);
}

void
status_request_fini(struct status_request *q)
{
	if (q->loop == NULL)
		return;
	while (!TAILQ_EMPTY(&q->asked))
		forget(TAILQ_FIRST(&q->asked));
}
