#pragma once

/*
 * Sees that the roles turn, by what they count in their pulses, and kills one
 * that stands still. It is started again as after any other end: failover with
 * the state it had, before the peer gives it up, and the relay when no thread
 * of it has moved for seconds. Owned by supervisor.c.
 */

#include "hapair/supervisor/child.h"

#include "config/config.h"
#include "core/liveness.h"
#include "core/stall_detector.h"

struct role_watchdog_ward {
	struct child *child; /* borrowed: supervisor.c's */
	int fd;              /* of its pulse */
	struct liveness *liveness;
	unsigned lines; /* that it counts in */
	uint32_t limit_ms;
	bool killed; /* its end is about to be reported */
	bool stays;  /* its last end may be days away */
	struct stall_detector stalls[LIVENESS_LINES];
};

struct role_watchdog {
	struct ev_loop *loop;
	struct role_watchdog_ward failover, relay, director;
	bool shows; /* this failover was started by us, and is shown: */
	pid_t shown[LIVENESS_LINES]; /* the relay's threads; 0: not yet */
	ev_timer look;
};

/* The empty value. */
struct role_watchdog role_watchdog_none(void);

/* Returns 0 or -errno. */
MUST_CHECK int role_watchdog_init(struct role_watchdog *w,
    const struct config *config, unsigned workers, struct child *failover,
    struct child *relay, struct child *director);

/*
 * Of roles that run already: the files of their pulses, which are taken; the
 * director's may be -1. Returns 0 or -errno.
 */
MUST_CHECK int role_watchdog_adopt(
    struct role_watchdog *w, int failover, int relay, int director);

/*
 * A role has been started: it gets its pulse, failover also the relay's, and as
 * soon as these are known what the kernel says of its threads.
 */
void role_watchdog_meet(struct role_watchdog *w, struct child *child);

/* The relay was replaced, and goes on until its last connection has ended. */
void role_watchdog_stay(struct role_watchdog *w);

void role_watchdog_fini(struct role_watchdog *w);
