#pragma once

/*
 * The page's thread: a loop of its own that accepts, answers, and draws the
 * history, at a lower priority than all that relays, and with a quarter of a
 * processor at most. It shares nothing with the main thread but letters
 * (letterbox.h), so that neither waits for the other: listeners, snapshots and
 * counters come in, and out goes that a snapshot is wanted.
 *
 * Made, started and ended by the main thread, which web.c is on.
 */

#include "proxy/web/rate_history.h"

struct config;
struct ev_loop;
struct web_auth;
struct web_content_snapshot;
struct web_thread;

struct web_thread_setup {
	const struct config *config; /* borrowed */
	const struct web_auth *auth; /* borrowed */
	struct ev_loop *main;        /* borrowed: the main thread's */
	/* On the main thread: a snapshot is wanted. */
	void (*on_want)(void *arg);
	/*
	 * Likewise: what web_thread_tell_past() asked for, a memfd of so many
	 * bytes; taken, or closed.
	 */
	void (*on_past)(void *arg, int *fd, size_t len);
	void *arg;
};

/*
 * While this process may still open files; the thread does not run yet. NULL:
 * memory is out.
 */
struct web_thread *web_thread_new(const struct web_thread_setup *setup);

/* Waits for what it is at. Takes NULL. */
void web_thread_free(struct web_thread *t);

/* With the rights that we have by now. Returns 0 or -errno. */
MUST_CHECK int web_thread_start(struct web_thread *t);

/* Another listening socket, which is taken: at any time. */
void web_thread_listen(struct web_thread *t, int *fd);

/*
 * From now on it accepts, or never again, and who is connected has one answer
 * more at most; it does neither at first.
 */
void web_thread_open(struct web_thread *t);
void web_thread_close(struct web_thread *t);

/* What was wanted. Takes what is in it. */
void web_thread_give(
    struct web_thread *t, struct web_content_snapshot *snapshot);

/*
 * The history is wanted for the next relay. False: memory is out. And that of
 * the relay before is here, in a memfd, which is taken.
 */
bool web_thread_tell_past(struct web_thread *t);
void web_thread_take_past(struct web_thread *t, int *fd, size_t len);

/* How much was counted, by row of rate_history.h; malloc'd, taken. */
void web_thread_count(struct web_thread *t, struct rate_history_sum *sums);
