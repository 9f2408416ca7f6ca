#pragma once

/*
 * The part of the store that is about active servers: what the relay has
 * chosen, until it is agreed on or taken back, and which of its wishes for
 * `fence` and `promote` are granted. The rules are standby_guard.c's.
 */

#include "core/limiter.h"
#include "core/mono.h"
#include "hapair/supervisor/standby_guard.h"

struct buf;
struct state_store;

/*
 * Failover tells the relay and us which node is master over two channels, so
 * the relay may wish something by what we are about to read. This is long for
 * that.
 */
#define ACTIVE_CHOICE_PATIENCE_MS 1000

/* Of the service that leads its group. */
struct active_choice {
	bool waits;
	uint16_t server;
	struct mono until;
	struct limiter refusals;
};

/* CHOSEN of the relay. Returns 0 or -EBADMSG. */
MUST_CHECK int active_choice_take(struct state_store *s, struct buf *b);

/* Something may be settled by now. */
void active_choice_look(struct state_store *s);

/* A choice waits, or the `promote` of one that was agreed on is to come. */
bool active_choice_is_under_way(const struct state_store *s);

/*
 * While connections go from one relay to the next, nothing of this is begun:
 * the next one would know nothing of it. What is wished meanwhile waits, for
 * the relay that wished it or, with it, for nobody.
 */
void active_choice_hold(struct state_store *s, bool hold);

/* A relay begins, and has chosen nothing. */
void active_choice_forget(struct state_store *s);

/*
 * Whether this may run, which counts as a run then. `m` is about a service and
 * servers that there are. Unless yes, `ret_why` is for people.
 */
enum standby_guard_answer active_choice_may_run(
    struct state_store *s, const struct msg_fence *m, const char **ret_why);

/* A fence has passed. */
void active_choice_note_fence(struct state_store *s, const struct msg_fence *m);
