#include "proxy/data/placement.h"

#include "core/addr.h"
#include "core/fd.h"
#include "proxy/data/session_run.h"
#include "proxy/data/session_thread.h"

#include <stdlib.h>

/* Below this difference the kernel's spread is good enough. */
#define GIFT_LEAST 2

struct placement_gift {
	struct pool *pool;
	int fd;
	union addr client;
	STAILQ_ENTRY(placement_gift) link;
};

static unsigned
count_sessions(struct session_thread *t)
{
	return atomic_load_explicit(&t->n_sessions, memory_order_relaxed);
}

static struct session_thread *
least_loaded(struct session_thread *t, unsigned *ret_least)
{
	struct session_thread *best = t, *other;
	unsigned least = count_sessions(t);

	STAILQ_FOREACH(other, &t->shared->threads, all)
	{
		unsigned n = count_sessions(other);

		if (n < least) {
			best = other;
			least = n;
		}
	}
	*ret_least = least;
	return best;
}

void
placement_place(struct session_thread *t, struct pool *pool, int client_fd,
    const union addr *client)
{
	unsigned mine = count_sessions(t), least;
	struct session_thread *other = least_loaded(t, &least);
	struct placement_gift *g = NULL;

	if (mine >= least + GIFT_LEAST + least / 8)
		g = malloc(sizeof(*g));
	if (g == NULL) {
		session_run_start(t, pool, client_fd, client);
		return;
	}
	*g = (struct placement_gift){
		.pool = pool, .fd = client_fd, .client = *client
	};
	(void)pthread_mutex_lock(&other->gift_lock);
	STAILQ_INSERT_TAIL(&other->gifts, g, link);
	(void)pthread_mutex_unlock(&other->gift_lock);
	session_thread_wake(other);
}

static struct placement_gift *
take(struct session_thread *t)
{
	struct placement_gift *g;

	(void)pthread_mutex_lock(&t->gift_lock);
	g = STAILQ_FIRST(&t->gifts);
	if (g != NULL)
		STAILQ_REMOVE_HEAD(&t->gifts, link);
	(void)pthread_mutex_unlock(&t->gift_lock);
	return g;
}

void
placement_unwrap(struct session_thread *t)
{
	struct placement_gift *g;

	while ((g = take(t)) != NULL) {
		session_run_start(t, g->pool, g->fd, &g->client);
		free(g);
	}
}

void
placement_drop(struct session_thread *t)
{
	struct placement_gift *g;

	while ((g = take(t)) != NULL) {
		fd_close(&g->fd);
		free(g);
	}
}
