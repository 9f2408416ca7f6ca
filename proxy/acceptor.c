#include "proxy/acceptor.h"

#include "config/config.h"
#include "core/addr.h"
#include "core/fd.h"
#include "core/log.h"
#include "proxy/access.h"
#include "proxy/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*
 * Connections taken per wake-up: enough to save wake-ups in a storm, few
 * enough that those already here do not wait.
 */
#define ACCEPTS_PER_TURN 16

static void
tell_pause(struct acceptor *a, int error)
{
	uint64_t left_out;

	if (limiter_allows(&a->worker->pauses, mono_now(), &left_out))
		log_warning("relay",
		    "accept: %s, trying again in 100ms (%" PRIu64
		    " times more since the last line)",
		    strerror(error), left_out);
}

static void
tell_denial(struct acceptor *a, const union addr *client)
{
	char text[ADDR_TEXT_MAX];
	uint64_t left_out;

	if (limiter_allows(&a->worker->denials, mono_now(), &left_out))
		log_info("relay",
		    "service %s: client %s may not connect (%" PRIu64
		    " more since the last line)",
		    a->pool->config->name, addr_format_ip(client, text),
		    left_out);
}

/* What accept() may say. True: go on with the next. */
static bool
survive(struct acceptor *a, int error)
{
	switch (error) {
	case EINTR:
	case ECONNABORTED: /* gone while in the backlog */
	case EPROTO:
		return true;
	case EAGAIN:
		return false;
	default:
		/* Descriptors, memory, or worse: a level-triggered socket
		 * would spin, so nobody accepts for a moment. */
		tell_pause(a, error);
		worker_pause(a->worker);
		return false;
	}
}

/* Those who may not connect get a reset, and no memory of ours. */
static void
admit(struct acceptor *a, int fd, const union addr *client)
{
	struct worker *w = a->worker;

	if (access_is_allowed(a->pool->access, client)) {
		worker_place(w, a->pool, fd, client);
		return;
	}
	fd_close(&fd);
	tell_denial(a, client);
	counters_add(&w->services[a->pool->index].denied, 1);
	worker_leave_gates(w, a->pool);
}

static void
on_ready(struct ev_loop *loop, ev_io *io, int revents)
{
	struct acceptor *a = CONTAINER_OF(io, struct acceptor, ready);

	(void)loop;
	(void)revents;
	for (unsigned i = 0; i < ACCEPTS_PER_TURN; i++) {
		union addr client = { 0 };
		socklen_t len = sizeof(client);
		int fd;

		a->full = !worker_enter_gates(a->worker, a->pool);
		if (a->full)
			break;
		fd = accept4(
		    a->fd, &client.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd != -1) {
			admit(a, fd, &client);
			continue;
		}
		int error = errno;

		worker_leave_gates(a->worker, a->pool);
		if (!survive(a, error))
			break;
	}
	acceptor_watch(a);
}

struct acceptor *
acceptor_new(struct worker *w, struct pool *pool, int *fd)
{
	struct acceptor *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->worker = w;
	a->pool = pool;
	a->fd = fd_take(fd);
	ev_io_init(&a->ready, on_ready, a->fd, EV_READ);
	return a;
}

void
acceptor_free(struct acceptor *a)
{
	if (a == NULL)
		return;
	ev_io_stop(a->worker->loop, &a->ready);
	fd_close(&a->fd);
	free(a);
}

void
acceptor_reset_waiting(struct acceptor *a, const struct config_group *group)
{
	union addr here = { 0 };
	socklen_t len = sizeof(here);
	int fd;

	if (getsockname(a->fd, &here.sa, &len) == -1 ||
	    !config_group_has(group, &here))
		return;
	/* They have inherited what makes a plain close a reset. */
	while ((fd = accept4(a->fd, NULL, NULL, SOCK_CLOEXEC)) != -1)
		fd_close(&fd);
}

void
acceptor_watch(struct acceptor *a)
{
	struct worker *w = a->worker;
	bool accept = atomic_load(&a->pool->open) && !w->paused && !a->full &&
	    !atomic_load(&w->drop_all);

	if (accept)
		ev_io_start(w->loop, &a->ready);
	else
		ev_io_stop(w->loop, &a->ready);
}
