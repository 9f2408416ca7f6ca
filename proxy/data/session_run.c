#include "proxy/data/session_run.h"

#include "config/config.h"
#include "core/fd.h"
#include "proxy/data/conn_report.h"
#include "proxy/data/session.h"
#include "proxy/data/session_connect.h"
#include "proxy/data/session_end.h"
#include "proxy/data/session_move.h"
#include "proxy/pool/client_limit.h"

#include <sys/epoll.h>

static void
on_timer(struct timers_timer *t)
{
	struct session *s = CONTAINER_OF(t, struct session, timer);

	if (s->phase == SESSION_MOVING || s->phase == SESSION_PARTING)
		session_move_on_timer(s);
	else
		session_connect_on_timer(s);
}

void
session_run_adopt(struct session *s)
{
	s->timer.on_due = on_timer;
	counters_add(&session_service_counters(s)->sum.active, 1);
}

void
session_run_start(struct session_thread *t, struct pool *pool, int client_fd,
    const union addr *client)
{
	struct session *s = session_new(t, pool, client_fd, client);
	int e;

	if (s == NULL) {
		fd_close(&client_fd);
		if (pool->clients != NULL)
			client_limit_leave(pool->clients, client);
		session_thread_leave_limits(t, pool);
		return;
	}
	session_run_adopt(s);
	counters_add(&session_service_counters(s)->sum.total, 1);
	conn_report_accepted(t->conn_report, s);
	e = session_watch(s, SESSION_CLIENT);
	if (e < 0) {
		session_end_reset(s, END_REASON_RESOURCES, -e);
	} else if (pool->config->connect == CONFIG_CONNECT_AT_FIRST_BYTE) {
		s->phase = SESSION_LISTENING;
		session_wait(s, pool->config->timeouts.first_byte_ms / 1000.);
	} else {
		session_connect_begin(s);
	}
}

void
session_run_event(struct flow_end *end, uint32_t events)
{
	/* From this end to the array, from the array to its session. */
	struct session *s = CONTAINER_OF(end - end->side, struct session, ends);

	if (s->phase == SESSION_ENDED || s->phase == SESSION_GIVEN)
		return; /* of a batch that was read before */
	/* Likewise, and of the socket of an earlier attempt. */
	if (end->side == SESSION_SERVER && s->phase == SESSION_CONNECTING &&
	    s->dialled == s->thread->turn)
		return;
	if ((events &
	        (EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		end->readable = true;
	if ((events & EPOLLPRI) != 0) {
		end->mark = FLOW_MARK_AHEAD;
		end->asks = true;
	}
	if ((events & EPOLLOUT) != 0)
		end->writable = true;
	if ((events & (EPOLLRDHUP | EPOLLHUP)) != 0)
		end->hung_up = true;
	if ((events & EPOLLERR) != 0)
		end->failed = true;
	if (s->phase == SESSION_MOVING || s->phase == SESSION_PARTING)
		session_move_on_event(s);
	else if (end->side == SESSION_CLIENT)
		session_connect_on_client(s);
	else
		session_connect_on_server(s, events);
}

void
session_run_cut(struct session *s)
{
	enum end_reason reason = END_REASON_SERVER_DOWN;

	if (s->info.server == SESSION_NO_SERVER ||
	    !pool_is_cut(s->pool, s->info.server, &s->waiter))
		return;
	if (atomic_load(&s->pool->servers[s->info.server].drain_is_over))
		reason = END_REASON_DRAINED;
	if (!session_connect_elsewhere(s))
		session_end_reset(s, reason, 0);
}
