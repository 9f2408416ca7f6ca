#include "failover/vip/vip_lease.h"

#include "config/config.h"
#include "core/proc.h"
#include "failover/realtime.h"
#include "failover/vip/netlink.h"
#include "failover/vip/vip.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

/* All memory is locked: the usual 8 MiB of a thread's stack would be, too. */
#define STACK_BYTES (128 * 1024)

struct lease {
	bool wanted;
	struct vip vip; /* a copy, with our netlink */
	bool told;      /* what follows is to be */
	int error;      /* of the last renewal that failed */
};

struct vip_lease {
	struct ev_loop *loop;
	vip_lease_failed_fn *fn;
	void *arg;
	struct netlink *netlink; /* the thread's */
	pthread_t thread;
	bool started;
	atomic_bool ending;
	sem_t wake;
	ev_async failed;
	/*
	 * Held by the thread while it talks to the kernel about one group. Who
	 * waits for it lends the thread its priority.
	 */
	pthread_mutex_t lock;
	struct lease leases[CONFIG_GROUPS_MAX];
};

static void
renew(struct vip_lease *r, struct lease *l)
{
	bool news = false;

	(void)pthread_mutex_lock(&r->lock);
	if (l->wanted) {
		const uint32_t refused = vip_refused(&l->vip);

		l->wanted = false;
		l->error = vip_hold(&l->vip);
		news = l->error < 0 || vip_refused(&l->vip) != refused;
		l->told = l->told || news;
	}
	(void)pthread_mutex_unlock(&r->lock);
	if (news)
		ev_async_send(r->loop, &r->failed);
}

static void *
vip_lease_main(void *arg)
{
	struct vip_lease *r = arg;

	realtime_follow();
	for (;;) {
		while (sem_wait(&r->wake) == -1 && errno == EINTR)
			continue;
		if (atomic_load(&r->ending))
			return NULL;
		for (size_t i = 0; i < ARRAY_LEN(r->leases); i++)
			renew(r, &r->leases[i]);
	}
}

static void
on_failed(struct ev_loop *loop, ev_async *w, int revents)
{
	struct vip_lease *r = CONTAINER_OF(w, struct vip_lease, failed);

	for (size_t i = 0; i < ARRAY_LEN(r->leases); i++) {
		struct lease l;

		(void)pthread_mutex_lock(&r->lock);
		l = r->leases[i];
		r->leases[i].told = false;
		(void)pthread_mutex_unlock(&r->lock);
		if (l.told)
			r->fn(r->arg, i, l.error, &l.vip);
	}
}

static int
init_lock(struct vip_lease *r)
{
	pthread_mutexattr_t attr;
	int e = pthread_mutexattr_init(&attr);

	if (e != 0)
		return -e;
	e = pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	if (e == 0)
		e = pthread_mutex_init(&r->lock, &attr);
	(void)pthread_mutexattr_destroy(&attr);
	return -e;
}

int
vip_lease_start(struct ev_loop *loop, vip_lease_failed_fn *fn, void *arg,
    struct vip_lease **ret_renewer)
{
	struct vip_lease *r = calloc(1, sizeof(*r));
	int e;

	if (r == NULL)
		return -ENOMEM;
	r->loop = loop;
	r->fn = fn;
	r->arg = arg;
	e = init_lock(r);
	if (e < 0) {
		free(r);
		return e;
	}
	(void)sem_init(&r->wake, 0, 0); /* fails on a value too large alone */
	ev_async_init(&r->failed, on_failed);
	ev_async_start(loop, &r->failed);
	e = netlink_open(&r->netlink);
	if (e == 0)
		e = proc_start_thread(
		    &r->thread, STACK_BYTES, vip_lease_main, r);
	r->started = e == 0;
	if (e < 0) {
		vip_lease_free(r);
		return e;
	}
	*ret_renewer = r;
	return 0;
}

void
vip_lease_free(struct vip_lease *r)
{
	if (r == NULL)
		return;
	if (r->started) {
		atomic_store(&r->ending, true);
		(void)sem_post(&r->wake);
		(void)pthread_join(r->thread, NULL);
	}
	ev_async_stop(r->loop, &r->failed);
	netlink_free(r->netlink);
	(void)sem_destroy(&r->wake);
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}

void
vip_lease_ask(struct vip_lease *r, const struct vip *const *holders, size_t n)
{
	if (pthread_mutex_trylock(&r->lock) != 0)
		return;
	for (size_t i = 0; i < n; i++) {
		struct lease *l = &r->leases[i];

		l->wanted = holders[i]->held;
		l->vip = *holders[i];
		l->vip.netlink = r->netlink;
	}
	(void)pthread_mutex_unlock(&r->lock);
	(void)sem_post(&r->wake);
}

void
vip_lease_forget(struct vip_lease *r, size_t group)
{
	(void)pthread_mutex_lock(&r->lock);
	r->leases[group].wanted = false;
	(void)pthread_mutex_unlock(&r->lock);
}
