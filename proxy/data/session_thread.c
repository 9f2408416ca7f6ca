#include "proxy/data/session_thread.h"

#include "core/fd.h"
#include "proxy/pool/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

int
session_thread_init(struct session_thread *t,
    struct session_thread_shared *shared, unsigned n_servers,
    unsigned n_services)
{
	t->shared = shared;
	LIST_INIT(&t->sessions);
	TAILQ_INIT(&t->busy);
	TAILQ_INIT(&t->tours);
	SLIST_INIT(&t->graveyard);
	STAILQ_INIT(&t->gifts);
	(void)pthread_mutex_init(&t->gift_lock, NULL);
	t->epoll = t->wake_fd = -1;
	STAILQ_INSERT_TAIL(&shared->threads, t, all);
	t->index = shared->n_threads++;
	t->now = mono_now();
	t->chance = (uint64_t)t->now.ns + (uintptr_t)t;
	t->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (t->epoll == -1)
		return -errno;
	t->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (t->wake_fd == -1)
		return -errno;
	t->servers = calloc(n_servers + 1, sizeof(*t->servers));
	t->services = calloc(n_services + 1, sizeof(*t->services));
	if (t->servers == NULL || t->services == NULL)
		return -ENOMEM;
	return session_thread_watch(t, t->wake_fd, &t->on_woken);
}

void
session_thread_fini(struct session_thread *t)
{
	fd_close(&t->epoll);
	fd_close(&t->wake_fd);
	timers_fini(&t->timers);
	free(t->servers);
	free(t->services);
	t->servers = NULL;
	t->services = NULL;
}

int
session_thread_watch(
    struct session_thread *t, int fd, struct session_thread_source *source)
{
	struct epoll_event ev = { .events = EPOLLIN,
		.data.u64 = (uintptr_t)source | SESSION_THREAD_OTHER };

	if (epoll_ctl(t->epoll, EPOLL_CTL_ADD, fd, &ev) == -1)
		return -errno;
	return 0;
}

void
session_thread_unwatch(struct session_thread *t, int fd)
{
	(void)epoll_ctl(t->epoll, EPOLL_CTL_DEL, fd, NULL);
}

void
session_thread_wake(struct session_thread *t)
{
	/* At the end they go one after the other. */
	if (t->wake_fd != -1 && !atomic_exchange(&t->woken, true))
		(void)eventfd_write(t->wake_fd, 1);
}

void
session_thread_begin_to_look(struct session_thread *t)
{
	eventfd_t n;

	(void)eventfd_read(t->wake_fd, &n);
	(void)atomic_exchange(&t->woken, false);
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
session_thread_join_limits(struct session_thread *t, struct pool *pool)
{
	conn_limit_join(&pool->limit);
	conn_limit_join(&t->shared->limit);
}

void
session_thread_leave_limits(struct session_thread *t, struct pool *pool)
{
	bool wanted = conn_limit_leave(&pool->limit);

	if (conn_limit_leave(&t->shared->limit) || wanted)
		session_thread_wake_all(t->shared);
}

/* A microsecond: what a thread takes at least from one client to the next. */
#define ID_STEP 1024u

uint64_t
session_thread_id(struct session_thread *t, struct mono now)
{
	uint64_t id = (uint64_t)now.ns / ID_STEP * ID_STEP + t->index % ID_STEP;

	if (id <= t->last_id)
		id = t->last_id + ID_STEP;
	t->last_id = id;
	return id;
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
