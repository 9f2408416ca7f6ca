#pragma once

/*
 * Clients that wait in a backlog: the kernel has completed their handshake, and
 * nobody has accepted them, because a service is full or the relay stands
 * still. The relay cannot tell of them, so the kernel is asked, by a thread
 * that is not real-time: ten times a second whether anybody waits at all, and
 * who it is where somebody still does a moment later.
 *
 * Made, asked and ended on the role's thread.
 */

#include "core/base.h"
#include "core/conn_record.h"

struct backlog_watch;
struct config_pair;
struct ev_loop;

struct backlog_watch_calls {
	/* Somebody waits at a virtual IP, or does no more. */
	void (*changed)(void *arg, const struct conn_record *c);
	/* These were all for now. */
	void (*done)(void *arg);
};

/*
 * Tells of at most `max` who wait at once; of the others when these do no more.
 * NULL where memory is out. Borrows the pair.
 */
MUST_CHECK struct backlog_watch *backlog_watch_new(struct ev_loop *loop,
    const struct config_pair *pair, size_t max,
    const struct backlog_watch_calls *calls, void *arg);

/* From now on. Returns 0 or -errno. */
MUST_CHECK int backlog_watch_start(struct backlog_watch *w);
void backlog_watch_free(struct backlog_watch *w); /* takes NULL */
