#include "proxy/control/status_query.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "core/reply.h"

#include <stdlib.h>

#define PATIENCE_S 0.3
#define WAITING_MAX 64

struct asker_request {
	struct asker *asker; /* borrowed */
	uint32_t id;
	int socket;
	ev_timer patience;
	LIST_ENTRY(asker_request) all;
};

void
asker_init(
    struct asker *a, struct ev_loop *loop, asker_answer_fn *answer, void *arg)
{
	*a = (struct asker){ .loop = loop, .answer = answer, .arg = arg };
	LIST_INIT(&a->waiting);
}

static void
finish(struct asker_request *q, const struct asker_said *said)
{
	struct asker *a = q->asker;

	ev_timer_stop(a->loop, &q->patience);
	LIST_REMOVE(q, all);
	a->n_waiting--;
	reply_send(a->loop, &q->socket, a->answer(a->arg, said));
	free(q);
}

static const struct asker_said nothing = { .peer = NULL };

static void
on_patience(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)loop;
	(void)revents;
	finish(CONTAINER_OF(t, struct asker_request, patience), &nothing);
}

void
asker_ask(struct asker *a, int *socket, int failover)
{
	struct asker_request *q = NULL;
	struct msg_ask m = { .id = ++a->next_id };
	uint8_t room[16];
	struct buf b = buf_writer(room, sizeof(room));

	msg_put_ask(&b, &m);
	if (a->n_waiting < WAITING_MAX)
		q = calloc(1, sizeof(*q));
	if (q == NULL) {
		reply_error(a->loop, socket, "too many requests at once");
		return;
	}
	q->asker = a;
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

int
asker_take_peer(struct asker *a, const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	int e = msg_get_peer(&b, &a->peer);

	a->has_peer = e == 0;
	return e;
}

int
asker_take_tracks(struct asker *a, const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	int e = msg_get_tracks(&b, &a->tracks);

	a->has_tracks = e == 0;
	return e;
}

int
asker_take_answered(struct asker *a, const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	const struct asker_said said = {
		.peer = a->has_peer ? &a->peer : NULL,
		.tracks = a->has_tracks ? &a->tracks : NULL,
	};
	struct asker_request *q, *next;
	struct msg_ask m;
	int e = msg_get_ask(&b, &m);

	if (e < 0)
		return e;
	for (q = LIST_FIRST(&a->waiting); q != NULL; q = next) {
		next = LIST_NEXT(q, all);
		if (q->id == m.id)
			finish(q, &said);
	}
	a->has_peer = a->has_tracks = false;
	return 0;
}

void
asker_fini(struct asker *a)
{
	struct asker_request *q;

	while ((q = LIST_FIRST(&a->waiting)) != NULL) {
		ev_timer_stop(a->loop, &q->patience);
		LIST_REMOVE(q, all);
		fd_close(&q->socket);
		free(q);
	}
}
