#include "proxy/data/session.h"

#include "core/fd.h"
#include "proxy/data/dial.h"
#include "proxy/pool/source_ports.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

struct session *
session_new(struct session_thread *t, struct pool *pool, int client_fd,
    const union addr *client)
{
	struct session *s = calloc(1, sizeof(*s));
	unsigned n;

	if (s == NULL)
		return NULL;
	if (timers_join(&t->timers, &s->timer, NULL) < 0) {
		free(s);
		return NULL;
	}
	s->thread = t;
	s->pool = pool;
	s->joined = mono_now();
	s->info = (struct session_info){ .client = *client,
		.id = session_thread_id(t, s->joined),
		.accepted = s->joined,
		.connected = mono_never(),
		.waits_until = mono_never(),
		.server = SESSION_NO_SERVER };
	s->peers[0] = s->peers[1] = dead_peer_init(s->info.accepted);
	s->ends[SESSION_CLIENT] = (struct flow_end){ .fd = client_fd,
		.side = SESSION_CLIENT,
		.readable = true,
		.writable = true };
	s->ends[SESSION_SERVER] =
	    (struct flow_end){ .fd = -1, .side = SESSION_SERVER };
	s->waiter.owner = t;
	s->waiter.wake = session_thread_wake_owner;
	LIST_INSERT_HEAD(&t->sessions, s, all);
	n = atomic_fetch_add_explicit(&t->n_sessions, 1, memory_order_relaxed);
	if (n + 1 > t->peak)
		t->peak = n + 1;
	return s;
}

void
session_free(struct session *s)
{
	timers_leave(&s->thread->timers, &s->timer);
	flow_fini(&s->flows[SESSION_CLIENT], s->thread->tools.pipes);
	flow_fini(&s->flows[SESSION_SERVER], s->thread->tools.pipes);
	free(s);
}

void
session_wait(struct session *s, double seconds)
{
	struct session_thread *t = s->thread;

	timers_set(&t->timers, &s->timer,
	    mono_add_us(t->now, (int64_t)(seconds * 1e6)));
}

int
session_watch(struct session *s, enum session_side side)
{
	/* Once for good, edge-triggered: no call per change of interest. */
	struct epoll_event ev = {
		.events = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.ptr = &s->ends[side],
	};

	if (epoll_ctl(s->thread->epoll, EPOLL_CTL_ADD, s->ends[side].fd, &ev) ==
	    -1)
		return -errno;
	return 0;
}

void
session_be_busy(struct session *s)
{
	if (s->is_busy)
		return;
	s->is_busy = true;
	TAILQ_INSERT_TAIL(&s->thread->busy, s, busy);
}

void
session_close(struct session *s, enum session_side side)
{
	int *fd = &s->ends[side].fd;

	/* The registration would outlive ours, and it points at the session. */
	if (s->shared && *fd != -1)
		(void)epoll_ctl(s->thread->epoll, EPOLL_CTL_DEL, *fd, NULL);
	fd_close(fd);
}

void
session_leave_server(struct session *s)
{
	if (s->phase == SESSION_QUEUED)
		pool_leave(s->pool, &s->waiter);
	if (s->info.server == SESSION_NO_SERVER)
		return;
	/* Else it would go on connecting. */
	if (s->shared && s->phase == SESSION_CONNECTING)
		dial_break(s->ends[SESSION_SERVER].fd);
	session_close(s, SESSION_SERVER);
	s->ends[SESSION_SERVER] =
	    (struct flow_end){ .fd = -1, .side = SESSION_SERVER };
	if (s->info.source_port != 0)
		source_ports_give(s->pool->servers[s->info.server].ports,
		    s->info.source_port);
	s->info.source_port = 0;
	counters_add(&session_server_counters(s)->active, -1);
	pool_give(s->pool, s->info.server);
}

int
session_get_local(const struct session *s, union addr *ret_local)
{
	union addr here = { 0 };
	socklen_t len = sizeof(here);

	if (getsockname(s->ends[SESSION_CLIENT].fd, &here.sa, &len) == -1)
		return -errno;
	addr_normalize(&here);
	*ret_local = here;
	return 0;
}
