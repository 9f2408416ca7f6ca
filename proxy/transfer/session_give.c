#include "proxy/transfer/session_give.h"

#include "config/config.h"
#include "proxy/data/conn_report.h"
#include "proxy/data/session.h"
#include "proxy/data/session_end.h"
#include "proxy/transfer/session_record.h"
#include "proxy/transfer/session_take.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

_Static_assert(SESSION_RECORD_NAME_MAX == CONFIG_NAME_MAX,
    "every name of a configuration has room in a record");
_Static_assert(SESSION_RECORD_TRIED_MAX == POOL_TRIED_MAX,
    "all that one has tried have room in a record");

static uint64_t
span_ns(struct mono from, struct mono to)
{
	return mono_before(from, to) ? (uint64_t)(to.ns - from.ns) : 0;
}

static uint8_t
phase_of(const struct session *s)
{
	static const uint8_t phases[] = {
		[SESSION_LISTENING] = SESSION_RECORD_LISTENING,
		[SESSION_QUEUED] = SESSION_RECORD_QUEUED,
		[SESSION_CONNECTING] = SESSION_RECORD_CONNECTING,
		[SESSION_MOVING] = SESSION_RECORD_MOVING,
		[SESSION_PARTING] = SESSION_RECORD_PARTING,
	};

	return phases[s->phase];
}

static struct session_record_end
end_of(const struct flow_end *e, const struct dead_peer *peer, struct mono now)
{
	struct session_record_end r = { .mark = e->mark,
		.answered_ns = span_ns(peer->answered, now) };

	r.flags = (uint8_t)((e->readable ? SESSION_RECORD_READABLE : 0) |
	    (e->writable ? SESSION_RECORD_WRITABLE : 0) |
	    (e->hung_up ? SESSION_RECORD_HUNG_UP : 0) |
	    (e->failed ? SESSION_RECORD_FAILED : 0) |
	    (e->spent ? SESSION_RECORD_SPENT : 0) |
	    (e->asks ? SESSION_RECORD_ASKS : 0));
	return r;
}

static struct session_record_flow
flow_of(const struct flow *f)
{
	struct session_record_flow r = { .full_reads = f->full_reads,
		.bytes = f->bytes,
		.held_len = f->held_len - f->held_pos };

	r.held = f->held != NULL ? f->held + f->held_pos : NULL;
	r.flags = (uint8_t)((f->end_read ? SESSION_RECORD_END_READ : 0) |
	    (f->end_passed ? SESSION_RECORD_END_PASSED : 0) |
	    (f->held_urgent ? SESSION_RECORD_URGENT : 0) |
	    (f->no_splice ? SESSION_RECORD_NO_SPLICE : 0));
	return r;
}

static void
name(char *ret_name, const char *from)
{
	memcpy(ret_name, from, strlen(from) + 1);
}

static void
describe_ways(const struct session *s, struct session_record *r)
{
	const struct pool *p = s->pool;
	socklen_t len = sizeof(r->to);

	name(r->service, p->config->name);
	r->client = s->info.client;
	/* Nobody takes it then. */
	if (session_get_local(s, &r->local) < 0)
		r->local = (union addr){ 0 };
	if (s->info.server != SESSION_NO_SERVER) {
		name(r->server, p->servers[s->info.server].config->name);
		if (getpeername(s->ends[SESSION_SERVER].fd, &r->to.sa, &len) ==
		    -1)
			r->to = (union addr){ 0 };
	}
	r->n_tried = s->waiter.n_tried;
	for (unsigned i = 0; i < s->waiter.n_tried; i++)
		name(r->tried[i], p->servers[s->waiter.tried[i]].config->name);
}

static void
describe_times(const struct session *s, struct session_record *r)
{
	const struct timers *all = &s->thread->timers;
	struct mono now = mono_now();

	r->accepted_ns = span_ns(s->info.accepted, now);
	if (!mono_is_never(s->info.connected))
		r->connected_ns = span_ns(s->info.connected, now);
	r->active_ns = span_ns(s->active, now);
	if (!mono_is_never(s->info.waits_until)) {
		r->flags |= SESSION_RECORD_WAITED;
		r->queue_left_ns = span_ns(now, s->info.waits_until);
	}
	if (timers_is_set(&s->timer)) {
		r->flags |= SESSION_RECORD_HAS_TIMER;
		r->timer_left_ns = span_ns(now, timers_due(all, &s->timer));
	}
	for (unsigned i = 0; i < 2; i++) {
		r->ends[i] = end_of(&s->ends[i], &s->peers[i], now);
		r->flows[i] = flow_of(&s->flows[i]);
	}
}

static void
describe(const struct session *s, struct session_record *ret_record)
{
	*ret_record = (struct session_record){
		.phase = phase_of(s),
		.flags = (uint8_t)((s->kept ? SESSION_RECORD_KEPT : 0) |
		    (s->is_told ? SESSION_RECORD_TOLD : 0)),
		.id = s->info.id,
		.source_port = s->info.source_port,
		.error = (uint32_t)s->info.error,
		.attempts = s->info.attempts,
		.queued_ms = s->info.queued_ms,
		.place = s->waiter.ticket,
		.parting_delivered = s->parting_delivered,
	};
	describe_ways(s, ret_record);
	describe_times(s, ret_record);
}

/* The registration is of the socket, which lives on: it would outlive ours. */
static void
stop(struct session *s)
{
	struct session_thread *t = s->thread;

	for (unsigned i = 0; i < 2; i++)
		if (s->ends[i].fd != -1)
			(void)epoll_ctl(
			    t->epoll, EPOLL_CTL_DEL, s->ends[i].fd, NULL);
	if (s->is_busy)
		TAILQ_REMOVE(&t->busy, s, busy);
	s->is_busy = false;
	timers_stop(&t->timers, &s->timer);
	conn_report_given(t->conn_report, s);
	s->phase = SESSION_GIVEN;
}

int
session_give(struct session *s, struct session_record *ret_record)
{
	struct pipes *pipes = s->thread->tools.pipes;

	if (s->phase == SESSION_GIVEN || s->phase == SESSION_ENDED)
		return -EAGAIN;
	/* An order is under way to end it, or to send it elsewhere. */
	if (s->info.server != SESSION_NO_SERVER &&
	    pool_is_cut(s->pool, s->info.server, &s->waiter))
		return -EAGAIN;
	if (flow_empty_pipe(&s->flows[SESSION_CLIENT], pipes) < 0 ||
	    flow_empty_pipe(&s->flows[SESSION_SERVER], pipes) < 0)
		return -ENOMEM;
	/* It has a place, and is about to connect there. */
	if (s->phase == SESSION_QUEUED && !pool_suspend(s->pool, &s->waiter))
		return -EAGAIN;
	describe(s, ret_record);
	stop(s);
	return 0;
}

void
session_give_back(struct session *s, const struct session_record *r)
{
	session_take_go_on(s, r);
}

void
session_give_up(struct session *s)
{
	session_end_given(s);
}
