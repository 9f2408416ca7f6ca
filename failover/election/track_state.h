#pragma once

/*
 * One thing that this node is to be judged by (`track`): an interface, a
 * service, a script. Takes what is seen of it and says whether it is well; and
 * what all of them together make of the node: at fault, or worth less.
 *
 * Pure. Well until something else is known. One per item of pair.track,
 * embedded in struct track_item.
 */

#include "core/base.h"
#include "core/mono.h"

struct config_track;

/*
 * An interface that comes up may go down again presently (autonegotiation, a
 * switch that starts); one that is down is down. It counts as up after this.
 */
#define TRACK_STATE_SETTLE_MS 1000

struct track_state {
	bool ok;
	uint32_t row;     /* of a script: results in a row against `ok` */
	struct mono wake; /* of an interface: it is up for long enough then */
};

struct track_state track_state_init(void);

/* What is seen first of an interface is believed at once. */
void track_state_begin(struct track_state *t, bool up);

/* An interface was looked at, or its `wake` has come. */
void track_state_see(struct track_state *t, bool up, struct mono now);

/*
 * So many servers of the service are up, and of so many nothing is known yet,
 * for the relay has just been started: they may be, so nothing is judged by
 * their absence.
 */
void track_state_count(struct track_state *t, const struct config_track *config,
    uint32_t up, uint32_t unknown);

/* A run of the script has ended. */
void track_state_run(
    struct track_state *t, const struct config_track *config, bool passed);

struct track_state_sum {
	int fault;        /* the first without a weight that is not well; -1 */
	uint8_t faults;   /* so many are not */
	uint32_t lowered; /* weights of those that are not well, added up */
};

struct track_state_sum track_state_sum_none(void);
void track_state_add(struct track_state_sum *sum, int index,
    const struct track_state *t, const struct config_track *config);

/* Never below 1: worth little is not at fault. */
uint8_t track_state_priority(
    uint8_t priority, const struct track_state_sum *sum);
