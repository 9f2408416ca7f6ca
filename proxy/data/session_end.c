#include "proxy/data/session_end.h"

#include "proxy/data/conn_log.h"
#include "proxy/data/conn_report.h"
#include "proxy/data/dial.h"
#include "proxy/data/session.h"
#include "proxy/data/session_tour.h"
#include "proxy/pool/client_limit.h"

#include <assert.h>
#include <sys/socket.h>

static void
unlink_session(struct session *s)
{
	struct session_thread *t = s->thread;

	if (s->is_busy)
		TAILQ_REMOVE(&t->busy, s, busy);
	if (t->next_upkeep == s)
		t->next_upkeep = LIST_NEXT(s, all);
	if (t->next_sweep == s)
		t->next_sweep = LIST_NEXT(s, all);
	if (t->next_give == s)
		t->next_give = LIST_NEXT(s, all);
	session_tour_pass(t, s);
	LIST_REMOVE(s, all);
	SLIST_INSERT_HEAD(&t->graveyard, s, buried);
	atomic_fetch_sub_explicit(&t->n_sessions, 1, memory_order_relaxed);
}

/* Gives back all that it has here. */
static void
leave(struct session *s)
{
	struct session_thread *t = s->thread;

	timers_stop(&t->timers, &s->timer);
	session_leave_server(s);
	/* Else the pool would wake a session that is freed. */
	assert(s->waiter.waiting == POOL_WAITS_NOT);
	session_close(s, SESSION_CLIENT);
	s->phase = SESSION_ENDED;
	counters_add(&session_service_counters(s)->sum.active, -1);
	unlink_session(s);
	if (s->pool->clients != NULL)
		client_limit_leave(s->pool->clients, &s->info.client);
	session_thread_leave_limits(t, s->pool);
}

static void
end(struct session *s, enum end_reason reason, int error)
{
	if (s->phase == SESSION_ENDED)
		return;
	s->info.reason = (uint8_t)reason;
	s->info.error = error;
	conn_log_session(s);
	conn_report_ended(s->thread->conn_report, s, reason);
	counters_add(&session_service_counters(s)->endings[reason], 1);
	leave(s);
}

void
session_end_given(struct session *s)
{
	if (s->phase != SESSION_ENDED)
		leave(s);
}

void
session_end_in_order(struct session *s)
{
	dial_end_in_order(s->ends[SESSION_CLIENT].fd);
	if (s->kept)
		dial_end_in_order(s->ends[SESSION_SERVER].fd);
	/* A close sends nothing while the other relay has the file, too. */
	for (unsigned i = 0; i < 2 && s->shared; i++)
		(void)shutdown(s->ends[i].fd, SHUT_RDWR);
	end(s, END_REASON_NORMAL, 0);
}

void
session_end_reset(struct session *s, enum end_reason reason, int error)
{
	int server = s->ends[SESSION_SERVER].fd;

	/* What its sockets do now is not ours to say. */
	if (s->phase == SESSION_GIVEN) {
		session_end_given(s);
		return;
	}
	/* The client's is born so; the server's only if it was kept. */
	if (server != -1 && !s->kept)
		(void)!dial_break_by_default(server);
	for (unsigned i = 0; i < 2 && s->shared; i++)
		dial_break(s->ends[i].fd);
	end(s, reason, error);
}
