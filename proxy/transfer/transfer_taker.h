#pragma once

/*
 * Takes the sessions of one worker of the relay before this one
 * (transfer_giver.h says how they come), for a worker of this one. Each batch
 * is acknowledged before any of its bytes is touched; where that is not heard
 * any more, it waits until it is known whether the giver has them again, or is
 * dead.
 *
 * Made and freed on the main thread; all else is on the worker's. Until a taker
 * has ended, or its worker has been stopped, it must not be freed.
 */

#include "proxy/data/session_thread.h"
#include "proxy/transfer/session_record.h"
#include "proxy/transfer/transfer_message.h"

struct session;
struct worker;

struct transfer_taker_batch {
	uint32_t number;
	uint64_t refused, gone; /* as in a message */
	unsigned n;
	struct session *sessions[TRANSFER_MESSAGE_SESSIONS_MAX];
	struct session_record records[TRANSFER_MESSAGE_SESSIONS_MAX];
};

struct transfer_taker {
	struct session_thread_source ready;
	struct worker *worker; /* borrowed: services.c's */
	int channel;
	unsigned n_doubtful; /* batches of which nobody was told */
	struct transfer_taker_batch batches[TRANSFER_MESSAGE_WINDOW];
	atomic_bool ended;
	atomic_uint n_taken; /* by now */
	/* When it has ended. */
	bool failed;
	unsigned n_refused;
};

/*
 * Takes the channel, and asks for the first batch. NULL: no memory or no
 * descriptor, and the channel is closed.
 */
MUST_CHECK struct transfer_taker *transfer_taker_new(
    struct worker *w, int *channel);
void transfer_taker_free(struct transfer_taker *t); /* takes NULL */

static inline bool
transfer_taker_has_ended(struct transfer_taker *t)
{
	return atomic_load(&t->ended);
}
