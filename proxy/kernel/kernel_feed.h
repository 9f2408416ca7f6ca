#pragma once

/*
 * What the director is told of the servers of `path: kernel`: how each stands,
 * whole at the beginning of a channel and then whatever is another, and whose
 * connections shall end. It is the difference between what is so and what was
 * said, so what cannot be said now is said later, in its last form.
 *
 * On the relay's main thread; part of struct kernel_link.
 */

#include "core/base.h"

#include <ev.h>

struct failover_link;
struct kernel_feed_told;
struct pool;
struct services;

struct kernel_feed {
	struct ev_loop *loop;          /* borrowed */
	struct failover_link *link;    /* borrowed: to the director */
	struct services *services;     /* borrowed; NULL: not begun */
	struct kernel_feed_told *told; /* by slot of the server */
	bool whole;                    /* all of it was said on this channel */
	ev_timer tick;                 /* while there is a channel */
};

/* Before the services start. Returns 0 or -ENOMEM. */
MUST_CHECK int kernel_feed_init(struct kernel_feed *f, struct ev_loop *loop,
    struct failover_link *link, struct services *services);
void kernel_feed_fini(struct kernel_feed *f); /* takes zeros */

/* A new channel, on which nothing was said; and that it is lost. */
void kernel_feed_begin(struct kernel_feed *f);
void kernel_feed_stop(struct kernel_feed *f);

/* Something about a server of the pool may be another now. */
void kernel_feed_look(struct kernel_feed *f, struct pool *pool);
