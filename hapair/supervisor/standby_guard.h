#pragma once

/*
 * What the relay may have done to a standby service, by what the supervisor
 * knows itself: whether this node decides, which server is active, which fence
 * has passed, and how often all that happens. The relay is reached by everybody
 * who reaches a service, and a fence runs as root.
 *
 * Makes no call to the world: times are arguments. One for each service, those
 * of a configuration in an array. Owned by state_store.c.
 */

#include "core/mono.h"
#include "core/msg.h"
#include "core/rate.h"

struct config;

struct standby_guard {
	struct rate fence_rate, promote_rate, choice_rate;
	bool fenced; /* its fence has passed */
	uint16_t fenced_host;
	struct mono fenced_at;
	bool promotes; /* its `promote` is due, once */
	int from;      /* -1: whoever it was */
	uint16_t to;
	struct mono promotes_until;
};

/* Of the service that leads. */
struct standby_guard_sight {
	bool decides; /* this node, as far as is known */
	bool waits;   /* a choice of the relay does */
	int active;   /* the host; -1: none of the file */
};

enum standby_guard_answer {
	STANDBY_GUARD_YES,
	STANDBY_GUARD_LATER, /* perhaps: what would allow it is on its way */
	STANDBY_GUARD_NO,
};

/*
 * Whether `fence` or `promote` may run, which counts as a run then. `m` is
 * about a service and servers that there are. Unless yes, `ret_why` is for
 * people.
 */
enum standby_guard_answer standby_guard_run(struct standby_guard *all,
    const struct msg_fence *m, const struct standby_guard_sight *sight,
    struct mono now, const char **ret_why);

/* The same of another active server of this service and its group. */
enum standby_guard_answer standby_guard_choose(struct standby_guard *all,
    const struct config *c, size_t leader, unsigned to,
    const struct standby_guard_sight *sight, struct mono now,
    const char **ret_why);

/* The fence of this service has passed, for a server that was active. */
void standby_guard_note_fence(
    struct standby_guard *g, unsigned host, struct mono now);

/* Another one is active from now on; `from`: -1, or who was it. */
void standby_guard_note_choice(struct standby_guard *all,
    const struct config *c, size_t leader, int from, unsigned to,
    struct mono now);

/* Its `promote` is due, and has not been asked for. */
bool standby_guard_owes_promote(const struct standby_guard *g, struct mono now);

/* Another relay has begun: what the last one had brought about is void. */
void standby_guard_forget(struct standby_guard *all, const struct config *c);
