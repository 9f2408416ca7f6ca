#pragma once

/*
 * All accords that a process knows, each thing once, in the order of what they
 * are about. Each process has its own and tells the others what is news;
 * telling again what is known changes nothing. The empty value is zeros.
 */

#include "core/accord.h"

/*
 * As many servers as a configuration may have, twice; and what fits into a
 * channel's buffer whole, for a role that is started.
 */
#define ACCORDS_MAX 8192

struct accords {
	struct accord *all;
	size_t n, room;
};

/*
 * Returns 1 where it was news, 0 where it was not, -ENOSPC or -ENOMEM. Where it
 * is now: at `ret_index`, written for news only.
 */
MUST_CHECK int accords_take(
    struct accords *all, const struct accord *a, size_t *ret_index);

/* NULL where nothing was agreed on. */
const struct accord *accords_find(const struct accords *all,
    enum accord_kind kind, const char *subject, const char *server);

/*
 * As many as fit from `first` on, into a body of messages. Returns the index of
 * the first that did not.
 */
size_t accords_put(const struct accords *all, size_t first, struct buf *b);

void accords_fini(struct accords *all);
