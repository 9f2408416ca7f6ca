#pragma once

/*
 * Runs the `fence` and `promote` of standby services, when the relay wants it:
 * as root, which the relay is not, with words that are the configuration's and
 * not the relay's. One of each at a time for a service. Owned by supervisor.c.
 */

#include "core/base.h"
#include "core/msg.h"

struct channel_packet;
struct config;
struct fence_run_one;

/* A fence has ended. */
typedef void fence_run_answer_fn(void *arg, const struct msg_fenced *m);

struct fence_run {
	const struct config *config; /* borrowed */
	struct fence_run_one *runs;  /* two for each service */
	fence_run_answer_fn *answer;
	void *arg;
};

/* Returns 0 or -ENOMEM. */
MUST_CHECK int fence_run_init(struct fence_run *f, const struct config *config,
    fence_run_answer_fn *answer, void *arg);

/* What the relay says. Returns 0 or -EBADMSG. */
MUST_CHECK int fence_run_take(
    struct fence_run *f, const struct channel_packet *p);

/* Those that run go on by themselves. Takes zeros. */
void fence_run_fini(struct fence_run *f);
