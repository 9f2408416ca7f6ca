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
struct fences_run;

/* A fence has ended. */
typedef void fences_answer_fn(void *arg, const struct msg_fenced *m);

struct fences {
	const struct config *config; /* borrowed */
	struct fences_run *runs;     /* two for each service */
	fences_answer_fn *answer;
	void *arg;
};

/* Returns 0 or -ENOMEM. */
MUST_CHECK int fences_init(struct fences *f, const struct config *config,
    fences_answer_fn *answer, void *arg);

/* What the relay says. Returns 0 or -EBADMSG. */
MUST_CHECK int fences_take(struct fences *f, const struct channel_packet *p);

/* Those that run go on by themselves. Takes zeros. */
void fences_fini(struct fences *f);
