#pragma once

/*
 * What the page answers: made from a snapshot of the relay's main thread, each
 * form of it when it is asked for. On the page's thread, which has nothing else
 * to read.
 */

#include "proxy/web/metrics.h"
#include "proxy/web/process_figures.h"
#include "proxy/web/rate_history.h"
#include "proxy/web/web_request.h"

struct config;
struct json_doc;
struct shared_text;
struct status_collect_snapshot;

/* How all stood at a moment: made on the main thread, and freed there. */
struct web_content_snapshot {
	struct status_collect_snapshot *status;
	struct shared_text *events;
};

struct web_content {
	const struct config *config; /* borrowed */
	struct process_figures process;
	struct rate_history rates;
	struct metrics_moments moments;
	struct metrics_web counts;            /* of the page itself */
	struct web_content_snapshot snapshot; /* status NULL: none yet */
	struct json_doc *document;            /* of it; NULL: not made yet */
	size_t metrics_len;                   /* of the last text */
};

/* Opens what may not be opened later. Returns 0 or -ENOMEM. */
MUST_CHECK int web_content_init(
    struct web_content *c, const struct config *config);
void web_content_fini(struct web_content *c); /* takes zeroes but for fds */

/* Takes what is in it, and gives back the one before, for its maker to free. */
void web_content_exchange(
    struct web_content *c, struct web_content_snapshot *snapshot);

void web_content_free_snapshot(struct web_content_snapshot *s);

/*
 * The text of an answer, malloc'd. NULL: memory is out, or there is no snapshot
 * yet, for what needs one. Not of HEALTH, which web_content_serves() is for.
 */
char *web_content_make(
    struct web_content *c, enum web_request what, size_t *ret_len);

/* Whether an answer is made from the snapshot. */
bool web_content_is_live(enum web_request what);

/*
 * This node serves: without a pair always, else while it is master of a group,
 * and failover is there to say so.
 */
bool web_content_serves(const struct web_content *c);
