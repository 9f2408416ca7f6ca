#pragma once

/*
 * Gives the sessions of one worker to a worker of the next relay: a batch at a
 * time, so that each of them stands still for a millisecond, and no more
 * batches than are taken. A session that the other one did not take, since it
 * does not have its service or server, goes on here and stays; so do all that
 * are left where the other one is gone, takes too long, or never asks. One that
 * cannot even be told that it takes too long may have what it was sent: that
 * stands still until it was told, or is gone.
 *
 * Made and freed on the main thread; all else is on the worker's. Until a giver
 * has ended, or its worker has been stopped, it must not be freed.
 */

#include "proxy/data/session_thread.h"
#include "proxy/data/timers.h"
#include "proxy/transfer/session_record.h"
#include "proxy/transfer/transfer_message.h"

struct session;
struct worker;

struct transfer_giver_batch {
	uint32_t number;
	unsigned n; /* 0: free */
	struct mono sent;
	struct session *sessions[TRANSFER_MESSAGE_SESSIONS_MAX];
	struct session_record records[TRANSFER_MESSAGE_SESSIONS_MAX];
};

/* Whoever is first, the worker or the main thread, decides. */
enum transfer_giver_asks {
	TRANSFER_GIVER_WAITS,
	TRANSFER_GIVER_ASKED,
	TRANSFER_GIVER_HURRIED,
};

struct transfer_giver {
	struct session_thread_source ready;
	struct worker *worker; /* borrowed: services.c's */
	int channel;
	int ours;        /* the same channel, for the main thread */
	atomic_int asks; /* enum transfer_giver_asks */
	bool gives;      /* the other one has said GO */
	bool falls;      /* nothing more is given, which it is to be told */
	/* Of this pass through the sessions: see session_thread.next_give. */
	bool later;          /* some could not be given yet */
	bool found;          /* some were */
	struct mono pressed; /* since when nothing but these is left */
	uint32_t next;       /* number */
	struct timers_timer timer;
	struct transfer_giver_batch batches[TRANSFER_MESSAGE_WINDOW];
	atomic_bool ended;
	/* When it has ended. */
	bool failed;
	unsigned n_given;
	uint32_t longest_us; /* that a batch was under way */
};

/*
 * The worker accepts nobody any more. Takes the channel. NULL: no memory or no
 * descriptor, and the channel is closed.
 */
MUST_CHECK struct transfer_giver *transfer_giver_new(
    struct worker *w, int *channel);
void transfer_giver_free(struct transfer_giver *g); /* takes NULL */

/*
 * One that nobody has asked for anything by now ends, and gives nothing. By the
 * main thread.
 */
void transfer_giver_hurry(struct transfer_giver *g);

static inline bool
transfer_giver_has_ended(struct transfer_giver *g)
{
	return atomic_load(&g->ended);
}
