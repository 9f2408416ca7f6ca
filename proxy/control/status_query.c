#include "proxy/control/status_query.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "core/reply.h"

#include <errno.h>
#include <stdlib.h>

#define PATIENCE_S 0.2
#define WAITING_MAX 64

struct status_query_request {
	struct status_query *query; /* borrowed */
	uint32_t id;
	int socket;
	ev_timer patience;
	LIST_ENTRY(status_query_request) all;
};

void
status_query_init(struct status_query *a, struct ev_loop *loop,
    status_query_answer_fn *answer, void *arg)
{
	*a =
	    (struct status_query){ .loop = loop, .answer = answer, .arg = arg };
	LIST_INIT(&a->waiting);
}

/* Without failover's part, and nobody's socket. */
static void
answer_alone(struct status_query *a)
{
	const struct status_query_said said = { .ends = &a->ends };
	int nobody = -1;

	a->answer(a->arg, &nobody, &said);
}

static void
finish(struct status_query_request *q, const struct status_query_said *said)
{
	struct status_query *a = q->query;
	struct status_query_said all = *said;

	all.ends = &a->ends;
	ev_timer_stop(a->loop, &q->patience);
	LIST_REMOVE(q, all);
	a->n_waiting--;
	a->answer(a->arg, &q->socket, &all);
	free(q);
}

static const struct status_query_said nothing = { .peer = NULL };

static void
on_patience(struct ev_loop *loop, ev_timer *t, int revents)
{
	finish(
	    CONTAINER_OF(t, struct status_query_request, patience), &nothing);
}

void
status_query_ask(struct status_query *a, int *socket, int failover)
{
	struct status_query_request *q = NULL;
	struct msg_ask m = { .id = ++a->next_id };
	struct buf b = BUF_WRITER(16);

	msg_put_ask(&b, &m);
	if (a->n_waiting < WAITING_MAX)
		q = calloc(1, sizeof(*q));
	if (q == NULL && *socket == -1) {
		answer_alone(a);
		return;
	}
	if (q == NULL) {
		reply_error(a->loop, socket, "too many requests at once");
		return;
	}
	q->query = a;
	q->id = m.id;
	q->socket = fd_take(socket);
	ev_timer_init(&q->patience, on_patience, PATIENCE_S, 0.);
	ev_timer_start(a->loop, &q->patience);
	LIST_INSERT_HEAD(&a->waiting, q, all);
	a->n_waiting++;
	if (failover == -1 ||
	    channel_send(failover, MSG_ASK, b.data, b.pos, -1) < 0)
		finish(q, &nothing);
}

static int
take_answered(struct status_query *a, struct buf *b)
{
	const struct status_query_said said = {
		.peer = a->has_peer ? &a->peer : NULL,
		.tracks = a->has_tracks ? &a->tracks : NULL,
	};
	struct status_query_request *q, *next;
	struct msg_ask m;

	if (msg_get_ask(b, &m) < 0)
		return -EBADMSG;
	for (q = LIST_FIRST(&a->waiting); q != NULL; q = next) {
		next = LIST_NEXT(q, all);
		if (q->id == m.id)
			finish(q, &said);
	}
	a->has_peer = a->has_tracks = false;
	return 0;
}

int
status_query_take_ends(struct status_query *a, const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);

	return msg_get_role_ends(&b, &a->ends);
}

int
status_query_take(struct status_query *a, const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	int e;

	switch (p->type) {
	case MSG_PEER:
		e = msg_get_peer(&b, &a->peer);
		a->has_peer = e == 0;
		return e;
	case MSG_TRACKS:
		e = msg_get_tracks(&b, &a->tracks);
		a->has_tracks = e == 0;
		return e;
	case MSG_ANSWERED:
		return take_answered(a, &b);
	default: /* not an enum: a number from another process */
		return -EBADMSG;
	}
}

void
status_query_fini(struct status_query *a)
{
	struct status_query_request *q;

	while ((q = LIST_FIRST(&a->waiting)) != NULL) {
		ev_timer_stop(a->loop, &q->patience);
		LIST_REMOVE(q, all);
		fd_close(&q->socket);
		free(q);
	}
}
