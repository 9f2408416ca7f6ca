#pragma once

/*
 * The events of both nodes as the supervisor tells them, a line of JSON each:
 * kept as they came, the last thousand. On the relay's main thread; others get
 * a text of all that stays as it is.
 */

#include "core/base.h"

struct shared_text;

#define EVENT_LINES_MAX 1000 /* as many as both nodes keep */
#define EVENT_LINES_LONGEST 4096

struct event_lines {
	char *all[EVENT_LINES_MAX]; /* without their ends */
	size_t first, n, bytes;
	char part[EVENT_LINES_LONGEST]; /* of the one that is coming */
	size_t n_part;
	bool too_long;            /* that one is: it is left out */
	struct shared_text *text; /* of all; NULL: it is another by now */
};

void event_lines_fini(struct event_lines *l); /* takes zeroes */

/* What has come, up to any place. */
void event_lines_take(struct event_lines *l, const char *bytes, size_t len);

/*
 * All, the oldest first, each with its end: held for the caller. NULL: memory
 * is out.
 */
struct shared_text *event_lines_text(struct event_lines *l);
