#pragma once

/*
 * Callers who follow the events: each gets the lines that there are, and then
 * each line as it comes, until it goes. Who does not read for a while, so that
 * much waits for it, is let go. So are those who have gone, when another one
 * comes, and the oldest where there are many; but for a relay of ours, which
 * shows them to others.
 *
 * Owned by event_log.c.
 */

#include "core/base.h"

#include <sys/queue.h>

struct ev_loop;
struct event_feed_reader;

struct event_feed {
	struct ev_loop *loop; /* borrowed */
	unsigned n;
	unsigned n_kept;                         /* of these, relays */
	TAILQ_HEAD(, event_feed_reader) readers; /* the oldest first */
};

void event_feed_init(struct event_feed *f, struct ev_loop *loop);
void event_feed_fini(struct event_feed *f);

bool event_feed_has_readers(const struct event_feed *f);

/*
 * Takes the socket, and the text, malloc'd; NULL: memory is out. `kept`: for
 * others there is no need to go.
 */
void event_feed_join(struct event_feed *f, int *socket, char *text, bool kept);

/* One line, with its end. */
void event_feed_tell(struct event_feed *f, const char *line);
