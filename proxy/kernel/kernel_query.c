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
#include <stdlib.h>

/* It answers within a turn of its loop. */
#define PATIENCE_S 1.

#define BODY_MAX 32

static void
end(struct kernel_query *q, bool lacks)
{
	struct session_tour_order *o = q->order;

	ev_timer_stop(q->loop, &q->patience);
	q->order = NULL;
	q->asked = false;
	free(q->part);
	q->part = NULL;
	if (lacks)
		q->on_lack(o->arg);
	o->on_end(o->arg, q->meant);
}

static void
on_patience(struct ev_loop *loop, ev_timer *t, int revents)
{
	end(CONTAINER_OF(t, struct kernel_query, patience), true);
}

/* What is asked has a number of its own: a late answer is nobody's. */
static void
ask(struct kernel_query *q, enum msg_type type, const struct buf *b)
{
	q->asked = true;
	timeout_arm(q->loop, &q->patience, PATIENCE_S);
	if (!failover_link_offer(q->link, type, b))
		end(q, true);
}

static uint16_t
service_of(const struct kernel_query *q)
{
	return q->order->service == NULL
	    ? MSG_KERNEL_ALL
	    : (uint16_t)(q->order->service - q->config->services);
}

static void
ask_page(struct kernel_query *q)
{
	const struct msg_kernel_list m = { .ask = ++q->ask,
		.service = service_of(q),
		.from = q->from,
		.most = SESSION_TOUR_ROWS };
	struct buf b = BUF_WRITER(BODY_MAX);

	msg_kernel_put_list(&b, &m);
	ask(q, MSG_KERNEL_LIST, &b);
}

static void
kill_one(struct kernel_query *q)
{
	const struct msg_kernel_kill m = { .ask = ++q->ask,
		.id = q->order->id };
	struct buf b = BUF_WRITER(BODY_MAX);

	msg_kernel_put_kill(&b, &m);
	ask(q, MSG_KERNEL_KILL, &b);
}

/* As many as it has told of a moment ago. */
static void
kill_all(struct kernel_query *q)
{
	const struct session_tour_order *o = q->order;
	const struct msg_kernel_cut m = { .service = service_of(q),
		.server = (uint16_t)o->server,
		.reason = END_REASON_OPERATOR };
	struct buf b = BUF_WRITER(BODY_MAX);
	bool said;

	msg_kernel_put_cut(&b, &m);
	q->meant = kernel_view_count(q->view, m.service, m.server);
	said = failover_link_offer(q->link, MSG_KERNEL_CUT, &b);
	if (!said)
		q->meant = 0;
	end(q, !said);
}

static bool
has_part(const struct kernel_query *q, const struct session_tour_order *o)
{
	if (q->config == NULL || q->link->channel == -1)
		return false;
	if (o->id != 0)
		return (o->id & KERNEL_QUERY_ID) != 0;
	if (o->service != NULL)
		return o->service->path == CONFIG_PATH_KERNEL;
	return !o->kills;
}

bool
kernel_query_begin(struct kernel_query *q, struct session_tour_order *order,
    void (*on_lack)(void *arg))
{
	if (q->order != NULL || !has_part(q, order))
		return false;
	q->order = order;
	q->on_lack = on_lack;
	q->from = q->meant = 0;
	if (!order->kills)
		ask_page(q);
	else if (order->id != 0)
		kill_one(q);
	else
		kill_all(q);
	return true;
}

void
kernel_query_turn(struct kernel_query *q)
{
	if (q->order == NULL || q->asked)
		return;
	if (atomic_load(&q->order->cancelled))
		end(q, false);
	else
		ask_page(q);
}

void
kernel_query_lose(struct kernel_query *q)
{
	if (q->order != NULL)
		end(q, true);
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
		.idle_ms = m->idle_ms,
		.client = kernel_end_addr(&m->client),
		.local = kernel_end_addr(&m->listen),
		.source = kernel_end_addr(&m->source) };
}

static int
take_conn(struct kernel_query *q, struct buf *b)
{
	struct msg_kernel_conn m;

	if (msg_kernel_get_conn(b, &m) < 0)
		return -EBADMSG;
	if (q->order == NULL || !q->asked || m.ask != q->ask ||
	    (q->order->server >= 0 && m.server != q->order->server))
		return 0;
	if (q->part == NULL)
		q->part = calloc(1, sizeof(*q->part));
	if (q->part == NULL) {
		(void)!q->order->on_part(q->order->arg, NULL);
		return 0;
	}
	if (q->part->n == SESSION_TOUR_ROWS)
		return -EBADMSG;
	put_row(q, &m);
	q->meant++;
	return 0;
}

static int
take_list_end(struct kernel_query *q, struct buf *b)
{
	struct session_tour_part *part = q->part;
	struct msg_kernel_list_end m;
	bool goes_on = true;

	if (msg_kernel_get_list_end(b, &m) < 0)
		return -EBADMSG;
	if (q->order == NULL || !q->asked || m.ask != q->ask)
		return 0;
	ev_timer_stop(q->loop, &q->patience);
	q->asked = false;
	q->part = NULL;
	/* A director that goes back would never come to an end. */
	if (m.next != 0 && m.next <= q->from) {
		free(part);
		end(q, true);
		return -EBADMSG;
	}
	q->from = m.next;
	if (part != NULL)
		goes_on = q->order->on_part(q->order->arg, part);
	if (m.next == 0 || atomic_load(&q->order->cancelled))
		end(q, false);
	else if (goes_on)
		ask_page(q);
	return 0;
}

static int
take_killed(struct kernel_query *q, struct buf *b)
{
	struct msg_kernel_killed m;

	if (msg_kernel_get_killed(b, &m) < 0)
		return -EBADMSG;
	if (q->order == NULL || !q->asked || m.ask != q->ask)
		return 0;
	q->meant = m.found;
	end(q, false);
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
	ev_timer_init(&q->patience, on_patience, 0., 0.);
}

void
kernel_query_fini(struct kernel_query *q)
{
	if (q->config != NULL)
		ev_timer_stop(q->loop, &q->patience);
	free(q->part);
	q->part = NULL;
}
