#pragma once

/* What a thread of the relay has, ended and freed; for tests without a loop. */

#include "proxy/data/session.h"
#include "proxy/data/session_end.h"
#include "proxy/data/session_thread.h"

#include <sys/queue.h>

/* The loop does this before it sleeps. */
static inline void
session_crowd_bury(struct session_thread *t)
{
	struct session *s;

	while ((s = SLIST_FIRST(&t->graveyard)) != NULL) {
		SLIST_REMOVE_HEAD(&t->graveyard, buried);
		session_free(s);
	}
}

/* All of them end. */
static inline void
session_crowd_end(struct session_thread *t)
{
	while (!LIST_EMPTY(&t->sessions))
		session_end_reset(
		    LIST_FIRST(&t->sessions), END_REASON_STOPPED, 0);
	session_crowd_bury(t);
}
