#pragma once

/*
 * The warden: sees that the roles turn, by what they count in their pulses, and
 * kills one that stands still. It is started again as after any other end:
 * failover with the state it had, before the peer gives it up, and the relay
 * when no thread of it has moved for seconds. Owned by supervisor.c.
 */

#include "hapair/supervisor/child.h"

#include "config/config.h"
#include "core/liveness.h"
#include "core/stall_detector.h"

struct warden_ward {
	struct child *child; /* borrowed: supervisor.c's */
	int fd;              /* of its pulse */
	struct liveness *liveness;
	unsigned lines; /* that it counts in */
	uint32_t limit_ms;
	bool killed; /* its end is about to be reported */
	struct stall_detector stalls[LIVENESS_LINES];
};

struct warden {
	struct ev_loop *loop;
	struct warden_ward failover, relay;
	ev_timer look;
};

/* The empty value. */
struct warden warden_none(void);

/* Returns 0 or -errno. */
MUST_CHECK int warden_init(struct warden *w, const struct config *config,
    unsigned workers, struct child *failover, struct child *relay);

/* A role has been started: it gets its pulse, failover also the relay's. */
void warden_meet(struct warden *w, struct child *child);

void warden_fini(struct warden *w);
