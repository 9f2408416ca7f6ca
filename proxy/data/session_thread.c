#include "proxy/data/session_thread.h"

#include "core/fd.h"
#include "proxy/pool/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

int
session_thread_init(struct session_thread *t,
    struct session_thread_shared *shared, unsigned n_servers,
    unsigned n_services)
{
	t->shared = shared;
	LIST_INIT(&t->sessions);
	TAILQ_INIT(&t->busy);
	SLIST_INIT(&t->graveyard);
	STAILQ_INIT(&t->gifts);
	(void)pthread_mutex_init(&t->gift_lock, NULL);
	STAILQ_INSERT_TAIL(&shared->threads, t, all);
	t->chance = (uint64_t)mono_now().ns + (uintptr_t)t;
	t->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (t->epoll == -1)
		return -errno;
	t->servers = calloc(n_servers + 1, sizeof(*t->servers));
	t->services = calloc(n_services + 1, sizeof(*t->services));
	/*
	 * Pinned: libev's other backends fail or abort on some kernels, and
	 * LIBEV_FLAGS in the environment must not choose them.
	 */
	t->loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	if (t->servers == NULL || t->services == NULL || t->loop == NULL)
		return -ENOMEM;
	return 0;
}

void
session_thread_fini(struct session_thread *t)
{
	if (t->loop != NULL)
		ev_loop_destroy(t->loop);
	t->loop = NULL;
	fd_close(&t->epoll);
	free(t->servers);
	free(t->services);
	t->servers = NULL;
	t->services = NULL;
}

void
session_thread_wake(struct session_thread *t)
{
	if (t->loop != NULL) /* at the end, one after the other */
		ev_async_send(t->loop, &t->woken);
}

void
session_thread_wake_owner(void *owner)
{
	session_thread_wake(owner);
}

void
session_thread_wake_all(struct session_thread_shared *shared)
{
	struct session_thread *t;

	STAILQ_FOREACH(t, &shared->threads, all)
	session_thread_wake(t);
}

bool
session_thread_enter_limits(struct session_thread *t, struct pool *pool)
{
	if (!conn_limit_enter(&pool->limit))
		return false;
	if (conn_limit_enter(&t->shared->limit))
		return true;
	if (conn_limit_leave(&pool->limit))
		session_thread_wake_all(t->shared);
	return false;
}

void
session_thread_leave_limits(struct session_thread *t, struct pool *pool)
{
	bool wanted = conn_limit_leave(&pool->limit);

	if (conn_limit_leave(&t->shared->limit) || wanted)
		session_thread_wake_all(t->shared);
}

/* splitmix64: one addition and three multiplications. */
uint64_t
session_thread_chance(struct session_thread *t)
{
	uint64_t z = t->chance += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}
