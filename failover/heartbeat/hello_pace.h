#pragma once

/*
 * Hello pace: when to leave the peer's hellos unread for a moment. A real-time
 * process that never waits would be ended for it, and whoever has the key can
 * say so much that there is always another one to read. So after so many there
 * is a rest, unless the loop has waited for something by itself meanwhile. How
 * long it was about them says nothing: where a hypervisor gives little, or
 * under a sanitizer, each takes long.
 *
 * Pure: no clock, socket, allocation or log. A value inside heartbeat.c's
 * struct, for all roads together.
 */

#include "core/base.h"
#include "core/mono.h"

/*
 * Several times what a peer says that is awake again after a second. Only who
 * has the key can say more, and then waits.
 */
#define HELLO_PACE_MAX 128
#define HELLO_PACE_REST_MS 10

struct hello_pace {
	unsigned n;          /* hellos, since */
	struct mono counted; /* then */
	struct mono waits;   /* the loop does, since; never() */
	int64_t waited_ns;   /* in that time */
};

/* The empty value. */
struct hello_pace hello_pace_init(void);

/* The loop is about to wait; and goes on. */
void hello_pace_wait(struct hello_pace *p, struct mono now);
void hello_pace_go_on(struct hello_pace *p, struct mono now);

/* One was read. True: now rest. */
MUST_CHECK bool hello_pace_take(struct hello_pace *p, struct mono now);

/* So it was. */
void hello_pace_rested(struct hello_pace *p, struct mono now);
