#pragma once

/*
 * Runs the `fence` and `promote` of standby services, when the relay wants it:
 * as root, which the relay is not, with words that are the configuration's and
 * not the relay's, and only where active_choice.c grants it. What it may grant
 * in a moment waits. One of each at a time for a service. Owned by
 * supervisor.c.
 */

#include "core/base.h"
#include "core/limiter.h"
#include "core/msg.h"

#include <ev.h>

struct channel_packet;
struct config;
struct fence_run_one;
struct state_store;

/* A fence has ended. */
typedef void fence_run_answer_fn(void *arg, const struct msg_fenced *m);

struct fence_run {
	const struct config *config; /* borrowed */
	struct state_store *store;   /* likewise */
	struct fence_run_one *runs;  /* two for each service */
	struct limiter refusals;
	ev_timer again; /* while any waits; on the default loop */
	fence_run_answer_fn *answer;
	void *arg;
};

/* Returns 0 or -ENOMEM. */
MUST_CHECK int fence_run_init(struct fence_run *f, const struct config *config,
    struct state_store *store, fence_run_answer_fn *answer, void *arg);

/*
 * What the relay says. Returns 0, also where it is refused, which is answered;
 * or -EBADMSG for what no relay of ours says.
 */
MUST_CHECK int fence_run_take(
    struct fence_run *f, const struct channel_packet *p);

/* One runs, or waits for what may allow it. */
bool fence_run_is_busy(const struct fence_run *f);

/* Those that run go on by themselves. Takes zeros. */
void fence_run_fini(struct fence_run *f);
