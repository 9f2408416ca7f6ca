#pragma once

/*
 * All that both nodes know of and that outlives them: a pause of moves, which
 * failover agrees on with the peer itself, and all accords of a node, each
 * thing once, in the order of what they are about. Its supervisor has them and
 * tells its relay and the peer what is news; telling again what is known
 * changes nothing. The empty value is zeros.
 */

#include "core/accord.h"
#include "core/msg.h"

/*
 * As many servers as a configuration may have, twice; and what fits into a
 * channel's buffer whole, for a role that is started.
 */
#define SHARED_STATE_MAX 8192

struct shared_state {
	struct accord *all;
	size_t n, room;
	struct msg_pause pause;
};

/*
 * Returns 1 where it was news, 0 where it was not, -ENOSPC or -ENOMEM. Where it
 * is now: at `ret_index`, written for news only.
 */
MUST_CHECK int shared_state_take(
    struct shared_state *all, const struct accord *a, size_t *ret_index);

/* What came of something that the peer says. */
enum shared_state_heard {
	SHARED_STATE_SAME,
	SHARED_STATE_NEWS,
	SHARED_STATE_OLDER, /* what is known here holds, and the peer needs it
	                     */
	SHARED_STATE_SAID_AGAIN, /* likewise; for that its epoch is another */
};

/*
 * The same for what the peer says. It is told what holds where it knows
 * something else, so that both end with the same: the order of epochs that are
 * far apart is no order of three. What was said here is not given up for an
 * epoch that cannot be true, or below one: it is said again, above the peer's.
 * Returns enum shared_state_heard, -ENOSPC or -ENOMEM; `ret_index` is written
 * unless both know the same.
 */
MUST_CHECK int shared_state_hear(struct shared_state *all, uint8_t node,
    const struct accord *a, size_t *ret_index);

/*
 * The same for what is decided here, by this node, about which all but epoch
 * and node is said: they are filled in. It takes the place of whatever was
 * agreed on before; and of whatever the peer may still know, for its epoch is
 * above all that was known here, as long as the last one was not among that.
 * Returns 0, -ENOSPC or -ENOMEM.
 */
MUST_CHECK int shared_state_make(struct shared_state *all, uint8_t node,
    struct accord *a, size_t *ret_index);

/* NULL where nothing was agreed on. */
const struct accord *shared_state_find(const struct shared_state *all,
    enum accord_kind kind, const char *subject, const char *server);

/*
 * As many as fit from `first` on, into a body of messages. Returns the index of
 * the first that did not.
 */
size_t shared_state_put(
    const struct shared_state *all, size_t first, struct buf *b);

/* Keeps those about which `keeps` says so. Returns how many went. */
size_t shared_state_forget(struct shared_state *all,
    bool (*keeps)(const void *arg, const struct accord *a), const void *arg);

void shared_state_fini(struct shared_state *all);
