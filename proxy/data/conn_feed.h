#pragma once

/*
 * What the workers' reports (conn_report.h) have to tell of their connections,
 * on its way to failover. Chunks come from any worker's thread, under a short
 * lock, and go out on the main thread in the order in which they came. Nobody
 * waits: what failover does not take stays here, and where it grows beyond a
 * bound all is thrown away and told anew.
 *
 * Made and ended by services.c, on the main thread; NULL where there is no
 * pair.
 */

#include "core/base.h"
#include "core/channel.h"

#include <sys/queue.h>

union addr;
struct config;
struct conn_feed;
struct ev_loop;

/* As many records as go into one message. */
struct conn_feed_chunk {
	STAILQ_ENTRY(conn_feed_chunk) link;
	unsigned epoch;
	bool last; /* of what this worker had to tell anew */
	size_t len;
	uint8_t bytes[CHANNEL_BODY_MAX];
};

struct conn_feed_setup {
	struct ev_loop *loop;
	const struct config *config; /* borrowed */
	unsigned n_workers;
	uint32_t max_connections;
	/* Makes all workers look at conn_feed_epoch(). */
	void (*wake)(void *arg);
	void *arg;
};

/* NULL where memory is out. */
MUST_CHECK struct conn_feed *conn_feed_new(const struct conn_feed_setup *setup);
void conn_feed_free(struct conn_feed *f); /* takes NULL */

/* A new failover, which knows nothing; its channel stays the caller's. */
void conn_feed_begin(struct conn_feed *f, int channel);

/* It is gone; what is told now is told to nobody. */
void conn_feed_stop(struct conn_feed *f);

/* From any thread: changes whenever all has to be told anew. */
unsigned conn_feed_epoch(const struct conn_feed *f);

/* From any thread: takes the chunk. NULL: memory ran out, so begin anew. */
void conn_feed_push(struct conn_feed *f, struct conn_feed_chunk *chunk);

/* The address is one of a group's. From any thread. */
bool conn_feed_is_virtual(const struct conn_feed *f, const union addr *a);
