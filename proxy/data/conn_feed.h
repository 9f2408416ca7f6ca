#pragma once

/*
 * The feed: what the workers' taps (conn_report.h) have to tell of their
 * connections, on its way to failover. Chunks come from any worker's thread,
 * under a short lock, and go out on the main thread in the order in which they
 * came. Nobody waits: what failover does not take stays here, and where it
 * grows beyond a bound all is thrown away and told anew.
 *
 * Made and ended by services.c, on the main thread; NULL where there is no
 * pair.
 */

#include "core/base.h"
#include "core/channel.h"

#include <sys/queue.h>

union addr;
struct config;
struct ev_loop;
struct feed;

/* As many records as go into one message. */
struct feed_chunk {
	STAILQ_ENTRY(feed_chunk) link;
	unsigned epoch;
	bool last; /* of what this worker had to tell anew */
	size_t len;
	uint8_t bytes[CHANNEL_BODY_MAX];
};

struct feed_setup {
	struct ev_loop *loop;
	const struct config *config; /* borrowed */
	unsigned n_workers;
	uint32_t max_connections;
	/* Makes all workers look at feed_epoch(). */
	void (*wake)(void *arg);
	void *arg;
};

/* NULL where memory is out. */
MUST_CHECK struct feed *feed_new(const struct feed_setup *setup);
void feed_free(struct feed *f); /* takes NULL */

/* A new failover, which knows nothing; its channel stays the caller's. */
void feed_begin(struct feed *f, int channel);

/* It is gone; what is told now is told to nobody. */
void feed_stop(struct feed *f);

/* From any thread: changes whenever all has to be told anew. */
unsigned feed_epoch(const struct feed *f);

/* From any thread: takes the chunk. NULL: memory ran out, so begin anew. */
void feed_push(struct feed *f, struct feed_chunk *chunk);

/* The address is one of a group's. From any thread. */
bool feed_is_virtual(const struct feed *f, const union addr *a);
