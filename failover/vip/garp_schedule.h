#pragma once

/*
 * When to announce a virtual IP: rounds at 0, 20, 100, 500 ms, 1.1, 2 and 5 s
 * after the claim, then each 60 s; within a round one frame after the other,
 * for switches throttle bursts. But the first word for each address goes out
 * at once: until then its clients talk to a dead host. One shot must come more
 * than a second after the first: Linux neighbours may ignore changes within
 * `locktime` (1 s).
 *
 * Pure. One schedule per group; groups on one interface share a lane.
 */

#include "core/base.h"
#include "core/mono.h"

/* Between two frames on one interface. */
#define GARP_SCHEDULE_GAP_MS 10

struct garp_schedule_lane {
	struct mono free; /* the next frame goes out no earlier */
};

struct garp_schedule {
	struct mono begun; /* never(): idle */
	unsigned round;    /* which is under way, or comes next */
	unsigned frame;    /* the next of this round */
	unsigned n_frames; /* of each round */
	unsigned n_urgent; /* of the first: they do not wait for the lane */
};

/* The empty values. */
struct garp_schedule garp_schedule_idle(void);
struct garp_schedule_lane garp_schedule_lane_init(void);

/* From the beginning, unless that was less than a second ago. */
void garp_schedule_start(struct garp_schedule *s, unsigned n_frames,
    unsigned n_urgent, struct mono now);
void garp_schedule_stop(struct garp_schedule *s);

/* When the next frame is due; never() when idle. */
struct mono garp_schedule_wake(
    const struct garp_schedule *s, const struct garp_schedule_lane *lane);

/* Whether a frame is due now; which one is in *ret_frame, and it counts as
 * sent. */
bool garp_schedule_next(struct garp_schedule *s,
    struct garp_schedule_lane *lane, struct mono now, unsigned *ret_frame);
