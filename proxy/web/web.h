#pragma once

/*
 * The page and /metrics, as the relay's main thread has them: it takes the
 * listeners and the events that the supervisor sends, counts every five
 * seconds, and gives a snapshot to the page's thread where that wants one. With
 * a file without `web` there is none of it. Owned by relay.c; every call takes
 * NULL but where it says otherwise.
 */

#include "core/base.h"

struct channel_packet;
struct config;
struct ev_loop;
struct services;
struct status_collect_snapshot;
struct web;

struct web_setup {
	struct ev_loop *loop;
	const struct config *config;
	struct services *services;
	/* A snapshot is wanted: web_answer() follows. */
	void (*want)(void *arg);
	/* It would tell how the groups stand. */
	bool (*knows)(void *arg);
	/* What web_tell_past() asked for, in a memfd: taken, or closed. */
	void (*past)(void *arg, int *fd, size_t len);
	void *arg;
};

/*
 * While still root, for the password. *ret_web NULL: the file has no `web`. All
 * borrowed. Returns 0 or -ENOMEM.
 */
MUST_CHECK int web_new(const struct web_setup *setup, struct web **ret_web);
void web_free(struct web *w);

/* The rights are gone: the thread begins. Returns 0 or -errno. */
MUST_CHECK int web_start(struct web *w);

/* WEB_LISTENER or EVENT_FEED. Returns 0 or -EBADMSG: there is no `web`. */
MUST_CHECK int web_take(struct web *w, struct channel_packet *p);

/*
 * This relay is the one that serves: whoever asks is answered, once failover
 * has said how the groups stand, or after 2 s. Or it is no longer, and never
 * again.
 */
void web_serve(struct web *w, bool serves);

/*
 * The history is wanted for the next relay; false: there will be none. And that
 * of the relay before is here, in a memfd, which is taken.
 */
bool web_tell_past(struct web *w);
void web_take_past(struct web *w, int *fd, size_t len);

/* Takes it; NULL: memory was out. */
void web_answer(struct web *w, struct status_collect_snapshot *status);
