#include "proxy/data/acceptor.h"

#include "config/config.h"
#include "core/addr.h"
#include "core/fd.h"
#include "core/log.h"
#include "proxy/data/conn_report.h"
#include "proxy/data/placement.h"
#include "proxy/data/session_thread.h"
#include "proxy/pool/acl.h"
#include "proxy/pool/client_limit.h"
#include "proxy/pool/pool.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/tcp.h>
#include <stdlib.h>
#include <string.h>

/*
 * Connections taken per wake-up: enough to save wake-ups in a storm, few
 * enough that those already here do not wait.
 */
#define ACCEPTS_PER_TURN 16

/* Descriptors come back as connections end; asking more often is a spin. */
#define PAUSE_MS 100

/* Resets of a turn: 6 ms, as those of session_sweep.c. */
#define RESETS_PER_TURN 200

/* One listening socket. */
struct acceptor {
	struct acceptor_set *set; /* borrowed */
	struct pool *pool;        /* borrowed */
	int fd;
	union addr local;
	bool full; /* a limit turned us away; the next look is at all */
	bool watched;
	/*
	 * Groups whose addresses have left, a bit each, and of how many of the
	 * next clients that is true: a backlog is first in, first out, so those
	 * behind came to an address that was here.
	 */
	unsigned left_groups;
	unsigned old[CONFIG_GROUPS_MAX];
	bool resetting; /* not looked through yet */
	struct session_thread_source ready;
	SLIST_ENTRY(acceptor) all;
};

static void
tell_pause(struct acceptor *a, int error)
{
	uint64_t left_out;

	if (limiter_allows(&a->set->pauses, mono_now(), &left_out))
		log_warning("relay",
		    "[resource] accept: %s, trying again in 100ms (%" PRIu64
		    " times more since the last line)",
		    strerror(error), left_out);
}

static void
look_later(struct acceptor_set *set)
{
	timers_set(&set->thread->timers, &set->unpause,
	    mono_add_ms(set->thread->now, PAUSE_MS));
}

/* Watches the socket or not: the only place. */
static void
watch(struct acceptor *a)
{
	struct acceptor_set *set = a->set;
	struct session_thread *t = set->thread;
	bool accept = atomic_load(&a->pool->open) && !set->paused &&
	    !set->closed && !a->full;
	int e = 0;

	if (accept == a->watched)
		return;
	if (!accept)
		session_thread_unwatch(t, a->fd);
	else
		e = session_thread_watch(t, a->fd, &a->ready);
	if (e < 0) {
		tell_pause(a, -e);
		look_later(set);
		return;
	}
	a->watched = accept;
}

void
acceptor_look(struct acceptor_set *set)
{
	struct acceptor *a;

	SLIST_FOREACH (a, &set->all, all) {
		a->full = false;
		watch(a);
	}
}

static void
on_unpause(struct timers_timer *t)
{
	struct acceptor_set *set =
	    CONTAINER_OF(t, struct acceptor_set, unpause);

	set->paused = false;
	acceptor_look(set);
}

static void
pause_all(struct acceptor_set *set)
{
	struct acceptor *a;

	set->paused = true;
	SLIST_FOREACH (a, &set->all, all)
		watch(a);
	look_later(set);
}

static void
tell_denial(struct acceptor *a, const union addr *client)
{
	char text[ADDR_TEXT_MAX];
	uint64_t left_out;

	if (limiter_allows(&a->set->denials, mono_now(), &left_out))
		log_info("relay",
		    "service %s: client %s may not connect (%" PRIu64
		    " more since the last line)",
		    a->pool->config->name, addr_format_ip(client, text),
		    left_out);
}

static void
tell_too_many(struct acceptor *a, const union addr *client)
{
	char text[ADDR_TEXT_MAX];
	uint64_t left_out;

	if (limiter_allows(&a->set->denials, mono_now(), &left_out))
		log_info("relay",
		    "service %s: client %s has too many connections (%" PRIu64
		    " more since the last line)",
		    a->pool->config->name, addr_format_ip(client, text),
		    left_out);
}

static bool
local_of(int fd, union addr *ret_local)
{
	union addr here = { 0 };
	socklen_t len = sizeof(here);

	if (getsockname(fd, &here.sa, &len) == -1)
		return false;
	addr_normalize(&here);
	*ret_local = here;
	return true;
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
		pause_all(a->set);
		return false;
	}
}

/* Those who may not connect get a reset, and no memory of ours. */
static void
admit(struct acceptor *a, int fd, const union addr *client)
{
	struct session_thread *t = a->set->thread;
	struct counters_service *c = &t->services[a->pool->index];
	struct client_limit *clients = a->pool->clients;

	if (!acl_is_allowed(a->pool->acl, client)) {
		tell_denial(a, client);
		counters_add(&c->denied, 1);
	} else if (clients != NULL && !client_limit_enter(clients, client)) {
		tell_too_many(a, client);
		counters_add(&c->too_many, 1);
	} else {
		placement_place(t, a->pool, fd, client);
		return;
	}
	fd_close(&fd);
	session_thread_leave_limits(t, a->pool);
}

static int
accept_next(struct acceptor *a, union addr *ret_client)
{
	socklen_t len = sizeof(*ret_client);
	int fd;

	*ret_client = (union addr){ 0 };
	fd =
	    accept4(a->fd, &ret_client->sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd == -1 && errno == EAGAIN)
		a->left_groups = 0; /* nobody has stayed from before */
	return fd;
}

static unsigned
count_waiting(const struct acceptor *a)
{
	struct tcp_info info = { 0 };
	socklen_t len = offsetof(struct tcp_info, tcpi_sacked);

	if (getsockopt(a->fd, IPPROTO_TCP, TCP_INFO, &info, &len) == -1)
		return 0;
	/* On a listening socket this is the length of its queue. */
	return info.tcpi_unacked;
}

/*
 * Who else is to be taken in this turn: a call that finds nobody costs as much
 * as one that accepts.
 */
static unsigned
count_more(const struct acceptor *a)
{
	unsigned n = count_waiting(a);

	return n < ACCEPTS_PER_TURN - 1 ? n : ACCEPTS_PER_TURN - 1;
}

/* Once for each that leaves the backlog: whether its address left before. */
static bool
is_left_over(struct acceptor *a, int fd, union addr *ret_here)
{
	const struct config_group *groups = a->set->groups;
	bool known = true, found = false;

	*ret_here = a->local;
	if (addr_is_any(&a->local))
		known = local_of(fd, ret_here);
	for (unsigned i = 0; a->left_groups >> i != 0; i++) {
		if ((a->left_groups & 1U << i) == 0)
			continue;
		if (known && config_group_has(&groups[i], ret_here))
			found = true;
		if (--a->old[i] == 0)
			a->left_groups &= ~(1U << i);
	}
	return found;
}

/*
 * Reset: it has inherited what makes a plain close one. And told of, for where
 * the address has left already the kernel sends nothing, and only the peer can.
 */
static void
turn_away(struct acceptor *a, int fd, const union addr *client,
    const union addr *here)
{
	conn_report_left(a->set->thread->conn_report, client, here, mono_now());
	fd_close(&fd);
}

/* A place is taken: the client's from here, or given back. */
static void
take_in(struct acceptor *a, int fd, const union addr *client)
{
	union addr here;

	if (a->left_groups == 0 || !is_left_over(a, fd, &here)) {
		admit(a, fd, client);
		return;
	}
	turn_away(a, fd, client, &here);
	session_thread_leave_limits(a->set->thread, a->pool);
}

static void
on_ready(struct session_thread_source *source)
{
	struct acceptor *a = CONTAINER_OF(source, struct acceptor, ready);
	struct session_thread *t = a->set->thread;
	unsigned most = 1;

	/* Of a batch that was read before. */
	if (!a->watched)
		return;
	for (unsigned i = 0; i < most; i++) {
		union addr client;
		int fd;

		a->full = !session_thread_enter_limits(t, a->pool);
		if (a->full)
			break;
		fd = accept_next(a, &client);
		if (fd != -1) {
			take_in(a, fd, &client);
			if (i == 0)
				most += count_more(a);
			continue;
		}
		int error = errno;

		session_thread_leave_limits(t, a->pool);
		if (!survive(a, error))
			break;
	}
	watch(a);
}

int
acceptor_init(struct acceptor_set *set, struct session_thread *t)
{
	set->thread = t;
	SLIST_INIT(&set->all);
	return timers_join(&t->timers, &set->unpause, on_unpause);
}

void
acceptor_close_all(struct acceptor_set *set)
{
	struct acceptor *a;

	set->resetting = false;
	while ((a = SLIST_FIRST(&set->all)) != NULL) {
		SLIST_REMOVE_HEAD(&set->all, all);
		if (a->watched)
			session_thread_unwatch(set->thread, a->fd);
		fd_close(&a->fd);
		free(a);
	}
}

void
acceptor_fini(struct acceptor_set *set)
{
	acceptor_close_all(set);
	timers_leave(&set->thread->timers, &set->unpause);
}

int
acceptor_add(struct acceptor_set *set, struct pool *pool, int *fd)
{
	struct acceptor *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return -ENOMEM;
	a->set = set;
	a->pool = pool;
	a->fd = fd_take(fd);
	/* One that cannot say it is none that a group could be about. */
	(void)local_of(a->fd, &a->local);
	a->ready.on_ready = on_ready;
	SLIST_INSERT_HEAD(&set->all, a, all);
	return 0;
}

/* Of these, those with an address that clients of this socket may have. */
static unsigned
groups_at(const struct acceptor *a, unsigned groups)
{
	unsigned found = groups;

	for (unsigned i = 0; groups >> i != 0; i++)
		if (!addr_is_any(&a->local) &&
		    !config_group_has(&a->set->groups[i], &a->local))
			found &= ~(1U << i);
	return found;
}

void
acceptor_reset_order(
    struct acceptor_set *set, const struct config_group *groups, unsigned which)
{
	struct acceptor *a;

	set->groups = groups;
	SLIST_FOREACH (a, &set->all, all) {
		const unsigned left = groups_at(a, which);
		const unsigned n = left != 0 ? count_waiting(a) : 0;

		if (n == 0)
			continue;
		for (unsigned i = 0; left >> i != 0; i++)
			if ((left & 1U << i) != 0)
				a->old[i] = n;
		a->left_groups |= left;
		a->resetting = set->resetting = true;
	}
}

/* Nobody is welcome, so no place is needed. False: nobody is left. */
static bool
reset_next(struct acceptor *a)
{
	union addr client, here;
	int fd = accept_next(a, &client);

	if (fd == -1)
		return false;
	(void)is_left_over(a, fd, &here);
	turn_away(a, fd, &client, &here);
	return true;
}

/*
 * Who came to another address is welcome. False: nobody is left, or there is no
 * place for such a one; on_ready() goes on when there is.
 */
static bool
sort_next(struct acceptor *a)
{
	struct session_thread *t = a->set->thread;
	union addr client;
	int fd;

	/* Another relay may be about to accept who is welcome. */
	if (a->set->closed || !session_thread_enter_limits(t, a->pool))
		return false;
	fd = accept_next(a, &client);
	if (fd != -1) {
		take_in(a, fd, &client);
		return true;
	}
	session_thread_leave_limits(t, a->pool);
	return false;
}

static bool
look_at_next(struct acceptor *a)
{
	if (a->left_groups == 0)
		return false;
	return addr_is_any(&a->local) ? sort_next(a) : reset_next(a);
}

bool
acceptor_reset_turn(struct acceptor_set *set)
{
	unsigned left = RESETS_PER_TURN;
	struct acceptor *a;

	if (!set->resetting)
		return true;
	SLIST_FOREACH (a, &set->all, all)
		while (a->resetting) {
			if (left-- == 0)
				return false;
			a->resetting = look_at_next(a);
		}
	set->resetting = false;
	return true;
}
