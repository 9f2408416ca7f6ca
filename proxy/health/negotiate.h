#pragma once

/*
 * Tickets without waiting: each is fetched by a thread of its own, since what
 * fetches them blocks (ticket.h) and the relay's main thread must not. Who asks
 * is answered within the time it allows, whatever becomes of the thread: one
 * that hangs is left to itself, also by negotiate_close(), and ends when it
 * may. How many there are is bounded, for each server and altogether; who finds
 * no place waits for one. All calls by the loop's thread.
 */

#include "proxy/health/ticket.h"

#include <ev.h>
#include <sys/queue.h>

struct negotiate;
struct negotiate_errand;
struct negotiate_target;

typedef void negotiate_ticket_fn(
    const struct ticket_wish *wish, struct ticket *ret_ticket);

/* What threads do, any number of them at once: ticket.h's. */
struct negotiate_means {
	negotiate_ticket_fn *get;
	negotiate_ticket_fn *renew; /* beside those that get, who wait not */
	uint32_t renew_every_ms;    /* for each server */
};

/* From the loop. The question is over: another may be asked. */
typedef void negotiate_answer_fn(void *arg, const struct ticket *ticket);

/* Borrowed for the call. */
struct negotiate_question {
	const char *host;
	const char *keytab; /* as libkrb5 names it; NULL: the environment's */
	uint32_t timeout_ms;
};

/* Part of who asks, from zeroes. */
struct negotiate_call {
	struct negotiate *all; /* NULL: nothing is asked */
	negotiate_answer_fn *on_answer;
	void *arg;
	uint32_t timeout_ms;
	struct negotiate_target *target; /* NULL: nothing was asked yet */
	struct negotiate_errand *errand; /* NULL: waits for one */
	ev_timer late;
	TAILQ_ENTRY(negotiate_call) link; /* of those that wait */
};

/* NULL where memory is out. Keeps the means. */
struct negotiate *negotiate_open(
    struct ev_loop *loop, const struct negotiate_means *means);

/* After all its calls were answered or cancelled. NULL-safe. */
void negotiate_close(struct negotiate *n);

/*
 * `on_answer` and `arg` are set, and nothing is asked. Returns 0, or -errno
 * where memory or threads are out and no answer will come.
 */
MUST_CHECK int negotiate_ask(struct negotiate *n, struct negotiate_call *call,
    const struct negotiate_question *question);

/*
 * The server would not have the ticket that was the last answer: it may have
 * other keys by now. The next one is new, but not as often as all that.
 */
void negotiate_distrust(struct negotiate_call *call);

/* Also where nothing is asked: no answer will come. */
void negotiate_cancel(struct negotiate_call *call);
