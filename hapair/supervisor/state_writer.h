#pragma once

/*
 * Writes the state file, or another one beside it, by a thread of its own: a
 * disk that stands still stops nobody. What waits to be written is replaced by
 * what is newer. Owned by state_store.c, and by event_log.c.
 */

#include "core/base.h"

#include <pthread.h>

struct state_writer {
	const char *directory; /* borrowed; NULL: nothing is written */
	const char *name;      /* of the file; NULL: the state file's */
	bool started;          /* the thread, with what follows */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wanted;
	char *text; /* to be written, or NULL; under the lock */
	bool ends;
};

/* Takes the text, malloc'd. Returns 0 or -errno. */
MUST_CHECK int state_writer_put(struct state_writer *w, char *text);

/* Waits until what was put is written; takes zeros. */
void state_writer_fini(struct state_writer *w);
