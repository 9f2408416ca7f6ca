#pragma once

/*
 * The keeper: what both nodes agree on, as the supervisor keeps it over the end
 * of its roles, and in the state file over its own. The file is written by a
 * thread of this file's own: a disk that stands still stops nobody. Owned by
 * supervisor.c.
 */

#include "core/accords.h"
#include "core/base.h"

#include <pthread.h>

struct chan_packet;
struct child;

struct keeper {
	struct accords all;
	const char *directory; /* borrowed: the environment's */
	bool started;          /* the thread, with what follows */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wanted;
	char *text; /* to be written, or NULL; under the lock */
	bool ends;
};

/* Reads the state file; what is wrong with it is said and costs no start. */
void keeper_init(struct keeper *k);

/* What failover says. Returns 0 or -EBADMSG. */
MUST_CHECK int keeper_take(struct keeper *k, const struct chan_packet *p);

/* Tells a role all of it. */
void keeper_brief(const struct keeper *k, struct child *role);

/* Waits until what was taken is written; takes zeros. */
void keeper_fini(struct keeper *k);
