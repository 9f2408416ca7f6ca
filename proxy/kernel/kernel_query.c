#include "proxy/kernel/kernel_query.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/kernel/msg_kernel.h"
#include "core/timeout.h"
#include "proxy/data/end_reason.h"
#include "proxy/data/session.h"
#include "proxy/data/session_tour.h"
#include "proxy/failover_link.h"
#include "proxy/kernel/kernel_end.h"
#include "proxy/kernel/kernel_view.h"
#include "proxy/kernel/kernel_words.h"

#include <errno.h>

/* It answers within a turn of its loop. */
#define PATIENCE_S 1.

/* Until there is room for a page: the readers wake nobody. */
#define AGAIN_S 0.002

#define BODY_MAX 32

/* -- questions ------------------------------------------------------------- */

static void
end(struct kernel_query *q, struct kernel_query_tour *w, bool lacks)
{
	if (q->asked == w) {
		q->asked = NULL;
		ev_timer_stop(q->loop, &q->patience);
	}
	TAILQ_REMOVE(&q->tours, w, under_way);
	w->lacks = lacks;
	w->order->on_end(w->order->arg, w->meant);
}

static uint16_t
service_of(const struct kernel_query *q, const struct kernel_query_tour *w)
{
	return w->order->service == NULL
	    ? MSG_KERNEL_ALL
	    : (uint16_t)(w->order->service - q->config->services);
}

/* What is asked has a number of its own: a late answer is nobody's. */
static bool
ask_page(struct kernel_query *q, struct kernel_query_tour *w)
{
	const struct msg_kernel_list m = { .ask = ++q->ask,
		.service = service_of(q, w),
		.from = w->from,
		.most = SESSION_TOUR_ROWS };
	struct buf b = BUF_WRITER(BODY_MAX);

	q->part->n = 0;
	msg_kernel_put_list(&b, &m);
	return failover_link_offer(q->link, MSG_KERNEL_LIST, &b);
}

static bool
ask_kill(struct kernel_query *q, struct kernel_query_tour *w)
{
	const struct msg_kernel_kill m = { .ask = ++q->ask,
		.id = w->order->id };
	struct buf b = BUF_WRITER(BODY_MAX);

	msg_kernel_put_kill(&b, &m);
	return failover_link_offer(q->link, MSG_KERNEL_KILL, &b);
}

/* As many as it has told of a moment ago. */
static void
cut(struct kernel_query *q, struct kernel_query_tour *w)
{
	const struct msg_kernel_cut m = { .service = service_of(q, w),
		.server = (uint16_t)w->order->server,
		.reason = END_REASON_OPERATOR };
	struct buf b = BUF_WRITER(BODY_MAX);
	bool said;

	msg_kernel_put_cut(&b, &m);
	said = failover_link_offer(q->link, MSG_KERNEL_CUT, &b);
	if (said)
		w->meant = kernel_view_count(q->view, m.service, m.server);
	end(q, w, !said);
}

static void
ask(struct kernel_query *q, struct kernel_query_tour *w)
{
	bool said;

	if (w->ring == NULL && w->order->id == 0) {
		cut(q, w);
		return;
	}
	q->asked = w;
	timeout_arm(q->loop, &q->patience, PATIENCE_S);
	said = w->ring != NULL ? ask_page(q, w) : ask_kill(q, w);
	/* What was lost meanwhile has ended. */
	if (!said && q->asked == w)
		end(q, w, true);
}

/* It can be asked for now: nobody wants the rest of the others. */
static struct kernel_query_tour *
next(struct kernel_query *q)
{
	struct kernel_query_tour *w, *after;

	for (w = TAILQ_FIRST(&q->tours); w != NULL; w = after) {
		after = TAILQ_NEXT(w, under_way);
		if (atomic_load(&w->order->cancelled)) {
			end(q, w, false);
			continue;
		}
		if (w->ring == NULL)
			return w;
		q->part = session_tour_room(w->ring);
		if (q->part != NULL)
			return w;
	}
	return NULL;
}

static void
go_on(struct kernel_query *q)
{
	struct kernel_query_tour *w;

	while (q->asked == NULL && (w = next(q)) != NULL)
		ask(q, w);
	if (q->asked == NULL && !TAILQ_EMPTY(&q->tours))
		timeout_arm(q->loop, &q->again, AGAIN_S);
}

static void
on_again(struct ev_loop *loop, ev_timer *t, int revents)
{
	ev_timer_stop(loop, t);
	go_on(CONTAINER_OF(t, struct kernel_query, again));
}

static void
on_patience(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct kernel_query *q = CONTAINER_OF(t, struct kernel_query, patience);

	if (q->asked != NULL)
		end(q, q->asked, true);
	go_on(q);
}

static bool
has_part(const struct kernel_query *q, const struct kernel_query_tour *w)
{
	const struct session_tour_order *o = w->order;

	if (q->config == NULL || q->link->channel.fd == -1)
		return false;
	if (o->id != 0)
		return (o->id & KERNEL_QUERY_ID) != 0;
	/* Also of one that is relayed by now. */
	return o->service != NULL || w->ring != NULL;
}

bool
kernel_query_send(struct kernel_query *q, struct kernel_query_tour *w)
{
	if (!has_part(q, w))
		return false;
	if (w->ring == NULL)
		TAILQ_INSERT_HEAD(&q->tours, w, under_way);
	else
		TAILQ_INSERT_TAIL(&q->tours, w, under_way);
	go_on(q);
	return true;
}

void
kernel_query_lose(struct kernel_query *q)
{
	struct kernel_query_tour *w;

	while (q->config != NULL && (w = TAILQ_FIRST(&q->tours)) != NULL)
		end(q, w, true);
}

/* -- answers --------------------------------------------------------------- */

static uint8_t
phase_of(uint8_t phase)
{
	switch ((enum msg_kernel_phase)phase) {
	case MSG_KERNEL_HELD:
		return SESSION_QUEUED;
	case MSG_KERNEL_COMMITTING:
	case MSG_KERNEL_CONNECTING:
		return SESSION_CONNECTING;
	case MSG_KERNEL_SILENT:
		return SESSION_LISTENING;
	case MSG_KERNEL_OPEN:
		return SESSION_MOVING;
	case MSG_KERNEL_DOUBTED:
		break;
	}
	return SESSION_PARTING;
}

/* One that is not protected, and has no reason, is in a moment. */
static const char *
why_of(const struct msg_kernel_conn *m)
{
	const char *why = kernel_words_why(m->why);

	if (m->protected)
		return NULL;
	return why != NULL ? why : "the peer is about to confirm it";
}

static void
put_row(struct kernel_query *q, const struct msg_kernel_conn *m)
{
	const struct config_service *c = m->service < q->config->n_services
	    ? &q->config->services[m->service]
	    : NULL;
	const bool served = c != NULL && m->server < c->n_servers;

	q->part->rows[q->part->n++] = (struct session_tour_row){ .service = c,
		.server = served ? m->server : SESSION_NO_SERVER,
		.phase = phase_of(m->phase),
		.in_kernel = true,
		.why = why_of(m),
		.id = m->id,
		.in = m->bytes_in,
		.out = m->bytes_out,
		.age_ms = m->age_ms,
		/* The program's clock is coarse, and behind by some ms. */
		.idle_ms = m->idle_ms < m->age_ms ? m->idle_ms : m->age_ms,
		.client = kernel_end_addr(&m->client),
		.local = kernel_end_addr(&m->listen),
		.source = kernel_end_addr(&m->source) };
}

/* Whose answer it is; NULL: nobody's any more. */
static struct kernel_query_tour *
asker(const struct kernel_query *q, uint32_t ask, bool lists)
{
	struct kernel_query_tour *w = q->asked;

	return w != NULL && ask == q->ask && (w->ring != NULL) == lists ? w
	                                                                : NULL;
}

static int
take_conn(struct kernel_query *q, struct buf *b)
{
	struct kernel_query_tour *w;
	struct msg_kernel_conn m;

	if (msg_kernel_get_conn(b, &m) < 0)
		return -EBADMSG;
	w = asker(q, m.ask, true);
	if (w == NULL ||
	    (w->order->server >= 0 && m.server != w->order->server))
		return 0;
	if (q->part->n == SESSION_TOUR_ROWS)
		return -EBADMSG;
	put_row(q, &m);
	w->meant++;
	return 0;
}

static int
take_list_end(struct kernel_query *q, struct buf *b)
{
	struct kernel_query_tour *w;
	struct msg_kernel_list_end m;

	if (msg_kernel_get_list_end(b, &m) < 0)
		return -EBADMSG;
	w = asker(q, m.ask, true);
	if (w == NULL)
		return 0;
	/* A director that goes back would never come to an end. */
	if (m.next != 0 && m.next <= w->from)
		return -EBADMSG;
	if (q->part->n > 0)
		session_tour_push(w->ring);
	w->from = m.next;
	if (m.next == 0) {
		end(q, w, false);
	} else {
		q->asked = NULL;
		ev_timer_stop(q->loop, &q->patience);
		TAILQ_REMOVE(&q->tours, w, under_way);
		TAILQ_INSERT_TAIL(&q->tours, w, under_way);
	}
	go_on(q);
	return 0;
}

static int
take_killed(struct kernel_query *q, struct buf *b)
{
	struct kernel_query_tour *w;
	struct msg_kernel_killed m;

	if (msg_kernel_get_killed(b, &m) < 0)
		return -EBADMSG;
	w = asker(q, m.ask, false);
	if (w == NULL)
		return 0;
	w->meant = m.found;
	end(q, w, false);
	go_on(q);
	return 0;
}

int
kernel_query_take(struct kernel_query *q, const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);

	switch (p->type) {
	case MSG_KERNEL_CONN:
		return take_conn(q, &b);
	case MSG_KERNEL_LIST_END:
		return take_list_end(q, &b);
	case MSG_KERNEL_KILLED:
		return take_killed(q, &b);
	default: /* not an enum: a number from another process */
		return -EBADMSG;
	}
}

/* -- life ------------------------------------------------------------------ */

void
kernel_query_init(struct kernel_query *q, struct ev_loop *loop,
    struct failover_link *link, const struct config *config,
    const struct kernel_view *view)
{
	*q = (struct kernel_query){
		.loop = loop, .link = link, .config = config, .view = view
	};
	TAILQ_INIT(&q->tours);
	ev_timer_init(&q->patience, on_patience, 0., 0.);
	ev_timer_init(&q->again, on_again, 0., 0.);
}

void
kernel_query_fini(struct kernel_query *q)
{
	if (q->config == NULL)
		return;
	ev_timer_stop(q->loop, &q->patience);
	ev_timer_stop(q->loop, &q->again);
}
