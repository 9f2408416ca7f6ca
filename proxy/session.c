#include "proxy/session.h"

#include "config/config.h"
#include "core/fd.h"
#include "proxy/attempt.h"
#include "proxy/dial.h"
#include "proxy/parting.h"
#include "proxy/record.h"
#include "proxy/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static void on_timer(struct ev_loop *loop, ev_timer *t, int revents);

int
session_watch(struct session *s, enum session_side side)
{
	/* Once for good, edge-triggered: no call per change of interest. */
	struct epoll_event ev = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.ptr = &s->ends[side],
	};

	if (epoll_ctl(s->worker->epoll, EPOLL_CTL_ADD, s->ends[side].fd, &ev) ==
	    -1)
		return -errno;
	return 0;
}

struct counters *
session_server_counters(const struct session *s)
{
	const struct pool *p = s->pool;

	return &s->worker->servers[p->servers[s->info.server].slot];
}

struct counters_service *
session_service_counters(const struct session *s)
{
	return &s->worker->services[s->pool->index];
}

/* Stops, tells and unlinks; the memory waits for the graveyard. */
static void
end(struct session *s, enum ending ending, int error)
{
	struct worker *w = s->worker;
	struct counters_service *counters = session_service_counters(s);

	if (s->phase == SESSION_ENDED)
		return;
	s->info.ending = ending;
	s->info.error = error;
	record_session(s);
	tap_ended(&w->tap, s, ending);
	ev_timer_stop(w->loop, &s->timer);
	attempt_leave(s);
	fd_close(&s->ends[SESSION_CLIENT].fd);
	if (s->is_busy)
		TAILQ_REMOVE(&w->busy, s, busy);
	if (s->is_fresh)
		TAILQ_REMOVE(&w->fresh, s, fresh);
	s->phase = SESSION_ENDED;
	counters_add(&counters->sum.active, -1);
	counters_add(&counters->endings[ending], 1);
	worker_forget(w, s);
	worker_leave_gates(w, s->pool);
}

void
session_reset(struct session *s, enum ending ending, int error)
{
	int server = s->ends[SESSION_SERVER].fd;

	/* The client's is born so; the server's only if it was kept. */
	if (server != -1 && !s->kept)
		(void)!dial_break_by_default(server);
	end(s, ending, error);
}

void
session_cut(struct session *s)
{
	if (s->info.server == SESSION_NO_SERVER ||
	    !pool_is_cut(s->pool, s->info.server, &s->waiter))
		return;
	if (!attempt_elsewhere(s))
		session_reset(s, ENDING_SERVER_DOWN, 0);
}

static struct session *
new_session(struct worker *w, struct pool *pool, int client_fd,
    const union addr *client)
{
	struct session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->worker = w;
	s->pool = pool;
	s->info = (struct session_info){ .client = *client,
		.accepted = mono_now(),
		.connected = mono_never(),
		.server = SESSION_NO_SERVER };
	s->ends[SESSION_CLIENT] = (struct flow_end){ .fd = client_fd,
		.side = SESSION_CLIENT,
		.readable = true,
		.writable = true };
	s->ends[SESSION_SERVER] =
	    (struct flow_end){ .fd = -1, .side = SESSION_SERVER };
	s->waiter.owner = w;
	s->waiter.wake = worker_wake_owner;
	ev_timer_init(&s->timer, on_timer, 0., 0.);
	return s;
}

void
session_start(struct worker *w, struct pool *pool, int client_fd,
    const union addr *client)
{
	struct session *s = new_session(w, pool, client_fd, client);
	int e;

	if (s == NULL) {
		fd_close(&client_fd);
		worker_leave_gates(w, pool);
		return;
	}
	worker_remember(w, s);
	counters_add(&session_service_counters(s)->sum.active, 1);
	counters_add(&session_service_counters(s)->sum.total, 1);
	worker_add_fresh(w, s);
	e = session_watch(s, SESSION_CLIENT);
	if (e < 0) {
		session_reset(s, ENDING_RESOURCES, -e);
	} else if (pool->config->connect == CONFIG_CONNECT_AT_FIRST_BYTE) {
		s->phase = SESSION_LISTENING;
		session_wait(s, pool->config->timeouts.first_byte_ms / 1000.);
	} else {
		attempt_begin(s);
	}
}

void
session_wait(struct session *s, double seconds)
{
	ev_timer_stop(s->worker->loop, &s->timer);
	/* The loop's idea of now may be as old as this batch of events. */
	ev_now_update(s->worker->loop);
	ev_timer_set(&s->timer, seconds, 0.);
	ev_timer_start(s->worker->loop, &s->timer);
}

/* How long nothing may move, at this stage of the connection; 0: for ever. */
static double
patience_of(const struct session *s)
{
	const struct config_timeouts *t = &s->pool->config->timeouts;
	bool half = s->flows[0].end_read != s->flows[1].end_read;

	return (half ? t->half_closed_ms : t->idle_ms) / 1000.;
}

/*
 * Bytes only move `active`; the timer is looked at when it fires, and set for
 * the rest. So a busy connection costs no timer calls.
 */
static void
check_idleness(struct session *s)
{
	double patience = patience_of(s);
	double rest = patience - mono_span_ms(s->active, mono_now()) / 1000.;
	enum ending ending = ENDING_IDLE;

	if (patience <= 0.)
		return;
	if (rest > 0.) {
		session_wait(s, rest);
		return;
	}
	if (s->flows[SESSION_CLIENT].end_read)
		ending = ENDING_SERVER_HALF;
	else if (s->flows[SESSION_SERVER].end_read)
		ending = ENDING_CLIENT_HALF;
	session_reset(s, ending, ETIMEDOUT);
}

static void
on_timer(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct session *s = CONTAINER_OF(t, struct session, timer);

	(void)loop;
	(void)revents;
	if (s->phase == SESSION_MOVING)
		check_idleness(s);
	else if (s->phase == SESSION_PARTING)
		parting_run(s);
	else
		attempt_on_timer(s);
}

void
session_connected(struct session *s)
{
	double idle = s->pool->config->timeouts.idle_ms / 1000.;

	s->phase = SESSION_MOVING;
	s->active = s->worker->now;
	tap_connected(&s->worker->tap, s);
	if (idle > 0.)
		session_wait(s, idle);
	else
		ev_timer_stop(s->worker->loop, &s->timer);
	session_run(s);
}

void
session_on_event(struct flow_end *end, uint32_t events)
{
	/* From this end to the array, from the array to its session. */
	struct session *s = CONTAINER_OF(end - end->side, struct session, ends);

	if (s->phase == SESSION_ENDED)
		return; /* of a batch that was read before it ended */
	if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		end->readable = true;
	if ((events & EPOLLOUT) != 0)
		end->writable = true;
	if ((events & (EPOLLRDHUP | EPOLLHUP)) != 0)
		end->hung_up = true;
	if ((events & EPOLLERR) != 0)
		end->failed = true;
	if (s->phase == SESSION_MOVING || s->phase == SESSION_PARTING)
		session_run(s);
	else if (end->side == SESSION_CLIENT)
		attempt_on_client(s);
	else
		attempt_on_server(s, events);
}

static void
count_bytes(struct session *s, const uint64_t before[static 2])
{
	int64_t in = (int64_t)(s->flows[SESSION_CLIENT].bytes - before[0]);
	int64_t out = (int64_t)(s->flows[SESSION_SERVER].bytes - before[1]);

	if (in > 0) {
		counters_add(&session_server_counters(s)->bytes_in, in);
		counters_add(&session_service_counters(s)->sum.bytes_in, in);
	}
	if (out > 0) {
		counters_add(&session_server_counters(s)->bytes_out, out);
		counters_add(&session_service_counters(s)->sum.bytes_out, out);
	}
	if (in > 0 || out > 0)
		s->active = s->worker->now;
}

static enum flow_result
pump(struct session *s, enum session_side from, int *ret_errno)
{
	return flow_pump(&s->flows[from], &s->ends[from], &s->ends[1 - from],
	    &s->worker->tools, ret_errno);
}

enum flow_result
session_pump(struct session *s, enum session_side from)
{
	uint64_t before[2] = { s->flows[0].bytes, s->flows[1].bytes };
	int ignored;
	enum flow_result r = pump(s, from, &ignored);

	count_bytes(s, before);
	return r;
}

/*
 * One side is gone. A server's last words still go to the client; a client
 * that resets wants nothing any more, and its server hears of it at once,
 * behind what it can take now of the client's words.
 */
static void
side_failed(struct session *s, enum session_side side, int error)
{
	bool gone = error == ETIMEDOUT || error == EHOSTUNREACH;

	if (side == SESSION_SERVER) {
		parting_begin(s, error);
		return;
	}
	s->ends[side].readable = true;
	s->ends[side].failed = true;
	while (session_pump(s, side) == FLOW_BUSY)
		continue;
	session_reset(s, gone ? ENDING_CLIENT_GONE : ENDING_CLIENT_DATA, error);
}

void
session_be_busy(struct session *s)
{
	if (s->is_busy)
		return;
	s->is_busy = true;
	TAILQ_INSERT_TAIL(&s->worker->busy, s, busy);
}

/*
 * Both have said their last word and every byte of it is out: closing sends
 * whichever FIN is still to be sent. Otherwise an end is passed on alone, and
 * from now on the other one must not take for ever.
 */
static bool
settle_ends(struct session *s, const enum flow_result r[static 2])
{
	if (r[0] == FLOW_ENDED && r[1] == FLOW_ENDED) {
		dial_end_in_order(s->ends[SESSION_CLIENT].fd);
		if (s->kept)
			dial_end_in_order(s->ends[SESSION_SERVER].fd);
		end(s, ENDING_NORMAL, 0);
		return true;
	}
	for (enum session_side from = 0; from < 2; from++) {
		enum session_side to = 1 - from;
		int e;

		if (r[from] != FLOW_ENDED || s->flows[from].end_passed)
			continue;
		e = flow_pass_end(&s->flows[from], &s->ends[to]);
		if (e < 0) {
			side_failed(s, to, -e);
			return true;
		}
		session_wait(s, patience_of(s));
	}
	return false;
}

static void
settle(struct session *s, const enum flow_result r[static 2], const int e[2])
{
	for (enum session_side from = 0; from < 2; from++) {
		enum session_side to = 1 - from;

		if (r[from] == FLOW_READ_FAILED) {
			side_failed(s, from, e[from]);
			return;
		}
		if (r[from] == FLOW_WRITE_FAILED) {
			side_failed(s, to, e[from]);
			return;
		}
		if (r[from] == FLOW_NO_MEMORY) {
			session_reset(s, ENDING_RESOURCES, ENOMEM);
			return;
		}
		/* Nothing to read, or no room for it: the reset goes first. */
		if (s->ends[from].failed && r[from] != FLOW_BUSY) {
			side_failed(s, from, -dial_result(s->ends[from].fd));
			return;
		}
	}
	if (!settle_ends(s, r) && (r[0] == FLOW_BUSY || r[1] == FLOW_BUSY))
		session_be_busy(s);
}

void
session_run(struct session *s)
{
	uint64_t before[2] = { s->flows[0].bytes, s->flows[1].bytes };
	enum flow_result r[2];
	int e[2] = { 0, 0 };

	if (s->phase == SESSION_PARTING) {
		parting_run(s);
		return;
	}
	r[SESSION_CLIENT] = pump(s, SESSION_CLIENT, &e[SESSION_CLIENT]);
	r[SESSION_SERVER] = pump(s, SESSION_SERVER, &e[SESSION_SERVER]);
	count_bytes(s, before);
	settle(s, r, e);
}

bool
session_get_local(const struct session *s, union addr *ret_local)
{
	union addr here = { 0 };
	socklen_t len = sizeof(here);

	if (getsockname(s->ends[SESSION_CLIENT].fd, &here.sa, &len) == -1)
		return false;
	addr_normalize(&here);
	*ret_local = here;
	return true;
}

void
session_free(struct session *s)
{
	flow_fini(&s->flows[SESSION_CLIENT], s->worker->tools.pipes);
	flow_fini(&s->flows[SESSION_SERVER], s->worker->tools.pipes);
	free(s);
}
