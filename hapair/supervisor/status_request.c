#include "hapair/supervisor/status_request.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/reply.h"
#include "core/wall_clock.h"
#include "hapair/supervisor/child_setup.h"
#include "hapair/supervisor/generation.h"
#include "hapair/supervisor/role_ends.h"
#include "proxy/control/status.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

/* A relay that turns is asked; one that has not for so long stands. */
#define STANDS_MS 250
#define LOOK_S 0.05

/* A failover that turns answers in one. */
#define FAILOVER_MS 40

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
	bool given_up; /* the relay is; failover is waited for */
	int64_t silent_ms;
	/* Failover, in case the relay does not answer. */
	uint32_t id; /* 0: it was not asked */
	struct mono asked;
	bool has;
	struct msg_peer peer;
	struct msg_tracks tracks;
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

/* What is known without a relay; malloc'd, NULL: memory is out. */
static char *
text_of(const struct status_request *q, const struct generation *g,
    const struct msg_start *m, const struct status *said)
{
	struct status r = *said;
	bool all_known = true;

	r.config = g->setup.config;
	r.start = m;
	r.pid = (int)getpid();
	r.now = mono_now();
	r.wall_ms = wall_clock_now_ms();
	r.ends = q->ends;
	r.dropped_log_lines = log_dropped();
	for (size_t i = 0; i < generation_group_count(g); i++)
		all_known = all_known && g->known[i];
	if (all_known)
		r.groups = g->groups;
	return status_text(&r);
}

/* With what there is by now. */
static void
answer(struct status_request_asked *a)
{
	const struct status said = { .relay_silent_ms = (uint32_t)a->silent_ms,
		.failover_asked = a->id != 0,
		.peer = a->has ? &a->peer : NULL,
		.tracks = a->has ? &a->tracks : NULL };

	if (!is_over(a))
		reply_send(a->query->loop, &a->socket,
		    text_of(a->query, a->generation, &a->start, &said));
	forget(a);
}

/* -- failover ------------------------------------------------------------ */

/* False: it cannot answer; also one of an earlier version, which would end. */
static bool
ask_failover(struct status_request_asked *a)
{
	const struct child *failover = &a->generation->failover;
	const struct msg_ask m = { .id = a->query->last_id + 1 };
	struct buf b = BUF_WRITER(8);

	if (a->generation->setup.node == CONFIG_NO_NODE || !failover->ready ||
	    failover->adopted)
		return false;
	if (a->id != 0)
		return true;
	msg_put_ask(&b, &m);
	/* One that stands may have no room: no reason to end it here. */
	if (channel_send(failover->channel, MSG_ASK, b.data, b.pos, -1) < 0)
		return false;
	a->id = ++a->query->last_id;
	a->asked = mono_now();
	return true;
}

/* The relay's answer will not come. */
static void
give_up(struct status_request_asked *a, int64_t silent_ms)
{
	a->given_up = true;
	a->silent_ms = silent_ms;
	if (!ask_failover(a) || a->has ||
	    mono_span_ms(a->asked, mono_now()) >= FAILOVER_MS)
		answer(a);
}

static void
take_answered(struct status_request *q, const struct generation *g, uint32_t id)
{
	struct status_request_asked *a, *next;
	const bool whole = q->from == g;

	q->from = NULL;
	for (a = TAILQ_FIRST(&q->asked); a != NULL; a = next) {
		next = TAILQ_NEXT(a, all);
		if (a->id != id || a->generation != g || !whole)
			continue;
		a->has = true;
		a->peer = q->peer;
		a->tracks = q->tracks;
		if (a->given_up)
			answer(a);
	}
}

int
status_request_take(struct status_request *q, const struct generation *g,
    const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct msg_ask m;
	int e;

	if (g->setup.node == CONFIG_NO_NODE)
		return -EBADMSG;
	switch (p->type) {
	case MSG_PEER:
		e = msg_get_peer(&b, &q->peer);
		if (e == 0 && q->peer.node == g->setup.node)
			e = -EBADMSG;
		q->tracks.n = 0;
		q->from = e == 0 ? g : NULL;
		return e;
	case MSG_TRACKS:
		/* Of another one meanwhile: then neither is answered. */
		if (q->from != g)
			q->from = NULL;
		return msg_get_tracks(&b, &q->tracks);
	case MSG_ANSWERED:
		if (msg_get_ask(&b, &m) < 0)
			return -EBADMSG;
		take_answered(q, g, m.id);
		return 0;
	default: /* not an enum: a number from another process */
		return -EBADMSG;
	}
}

/* -- the relay ----------------------------------------------------------- */

static void
on_look(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct status_request_asked *a =
	    CONTAINER_OF(t, struct status_request_asked, look);
	const int64_t ms = mono_span_ms(a->since, mono_now());
	const bool moves = relay_count(a->generation) != a->count;

	if (is_over(a))
		forget(a);
	else if (a->given_up)
		answer(a);
	else if (!moves && ms >= STANDS_MS)
		give_up(a, relay_stands_ms(a->generation));
	else if (ms >= PATIENCE_MS)
		forget(a);
	else if (!moves)
		(void)ask_failover(a); /* to have its answer by then */
}

/* NULL: memory is out, or too many wait. Takes the socket else. */
static struct status_request_asked *
asked_new(struct status_request *q, const struct generation *g,
    const struct msg_start *m, int *socket)
{
	struct status_request_asked *a = NULL;

	if (q->n_asked < ASKED_MAX)
		a = calloc(1, sizeof(*a));
	if (a == NULL)
		return NULL;
	a->query = q;
	a->generation = g;
	a->start = *m;
	a->socket = fd_take(socket);
	a->count = relay_count(g);
	a->since = mono_now();
	ev_timer_init(&a->look, on_look, LOOK_S, LOOK_S);
	ev_timer_start(q->loop, &a->look);
	TAILQ_INSERT_TAIL(&q->asked, a, all);
	q->n_asked++;
	return a;
}

static void
answer_for_relay(struct status_request *q, const struct generation *g,
    const struct msg_start *m, int64_t silent_ms, int *socket)
{
	const struct status said = { .relay_silent_ms = (uint32_t)silent_ms };
	struct status_request_asked *a = asked_new(q, g, m, socket);

	if (a != NULL)
		give_up(a, silent_ms);
	else
		reply_send(q->loop, socket, text_of(q, g, m, &said));
}

void
status_request_tell_ends(const struct status_request *q, struct generation *g)
{
	struct buf b = BUF_WRITER(2 * MSG_TEXT_MAX + 64);

	msg_put_role_ends(&b, &q->ends);
	child_send(&g->relay, MSG_ROLE_ENDS, b.data, b.pos, -1);
	if (!g->setup.config->has_pair ||
	    !director_child_is_known(&g->director))
		return;
	b.pos = 0;
	msg_put_ends(&b, &q->director);
	child_send(&g->relay, MSG_DIRECTOR_ENDS, b.data, b.pos, -1);
}

void
status_request_ask(struct status_request *q, struct generation *g,
    const struct msg_start *m, int *socket)
{
	const int64_t stands_ms = relay_stands_ms(g);
	CLEANUP(fd_close) int own = -1;

	if (stands_ms >= STANDS_MS) {
		answer_for_relay(q, g, m, stands_ms, socket);
		return;
	}
	/* Where it is not watched the relay answers, as long as it turns. */
	own = fcntl(*socket, F_DUPFD_CLOEXEC, 0);
	if (own != -1)
		(void)asked_new(q, g, m, &own);
	status_request_tell_ends(q, g);
	child_setup_request(&g->relay, "status", *socket);
	fd_close(socket);
}

void
status_request_answer(struct status_request *q, const struct generation *g,
    const struct msg_start *m, int *socket)
{
	answer_for_relay(q, g, m, 0, socket);
}

void
status_request_note_director(struct status_request *q, struct generation *g,
    const struct child *director)
{
	if (director->stopping || director->unwanted)
		return;
	role_ends_note(&q->director, director->end, director->end_status,
	    wall_clock_now_ms());
	if (g->setup.config->has_web)
		status_request_tell_ends(q, g);
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
	/* When both have ended the generation goes: none waits any more then.
	 */
	for (a = TAILQ_FIRST(&q->asked); a != NULL; a = next) {
		next = TAILQ_NEXT(a, all);
		if (a->generation != g || relay == a->given_up)
			continue;
		if (relay && !is_over(a))
			give_up(a, 0);
		else if (relay)
			forget(a);
		else
			answer(a);
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
