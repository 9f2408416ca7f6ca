#pragma once

/*
 * The last 500 events of this node, and those that the peer has told of. Kept
 * over restarts, in a file that is written every few seconds at most, by a
 * thread of its own. Answers `events`, and tells those who follow of each as it
 * comes. Owned by supervisor.c.
 */

#include "core/event.h"
#include "hapair/supervisor/event_feed.h"
#include "hapair/supervisor/event_file.h"
#include "hapair/supervisor/state_writer.h"

#include <ev.h>

struct buf;
struct config;

struct event_log {
	struct ev_loop *loop;
	struct event_file_list lists[2]; /* this node's, the peer's */
	const char *names[2];            /* borrowed: theirs */
	size_t told; /* of ours, so many does the peer know */
	bool write_owed;
	ev_timer write;
	struct state_writer writer;
	struct event_feed feed;
};

/*
 * With what the file has. `directory` NULL: there is no file. Returns 0 or
 * -ENOMEM.
 */
MUST_CHECK int event_log_init(
    struct event_log *l, struct ev_loop *loop, const char *directory);

/*
 * Those of the program that this one was before, with what it had not written
 * yet, instead of what is in the file. None: what is there stays.
 */
void event_log_go_on(struct event_log *l, const char *text, size_t len);

void event_log_fini(struct event_log *l); /* takes zeros */

/* The nodes' names are this configuration's from now on. */
void event_log_follow(
    struct event_log *l, const struct config *config, int node);

/* One of this node, now. */
void event_log_add(struct event_log *l, enum event_kind kind,
    const char *subject, const char *what, const char *reason);

/* Of this node's, as many as fit of what the peer does not know. */
void event_log_put(struct event_log *l, struct buf *b);
bool event_log_has_news(const struct event_log *l);

/* It knows none any more. */
void event_log_forget_peer(struct event_log *l);

/* Some of the peer's. Returns 0 or -EBADMSG. */
MUST_CHECK int event_log_take(struct event_log *l, struct buf *b);

/* "events", "events last" or "events follow". Takes the socket. */
void event_log_obey(struct event_log *l, const char *request, int *socket);

/* For a relay of ours: all, and each that comes. Takes the socket. */
void event_log_feed(struct event_log *l, int *socket);
