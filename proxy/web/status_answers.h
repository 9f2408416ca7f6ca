#pragma once

/*
 * Who asks how all stands, and is answered: callers of the control socket, and
 * the page. Both wait for failover's part, for 200 ms at most. Embedded in
 * struct relay, on its main thread.
 */

#include "proxy/control/status_collect.h"
#include "proxy/control/status_query.h"

struct status_writer;
struct web;

struct status_answers {
	struct status_query query;
	struct status_writer *writer;
	struct web *web; /* NULL: the file has none */
	struct status_collect from;
	const int *failover; /* borrowed: the channel to it; -1: none */
	/* See web_tell_past(). */
	void (*past)(void *arg, int *fd, size_t len);
	void *arg;
};

void status_answers_init(
    struct status_answers *a, struct ev_loop *loop, const int *failover);
void status_answers_fini(struct status_answers *a);

/*
 * All is there of which is told, and this process is still root. Returns 0 or
 * -ENOMEM.
 */
MUST_CHECK int status_answers_begin(
    struct status_answers *a, const struct status_collect *from);

/* Takes the caller's socket. */
void status_answers_ask(struct status_answers *a, int *socket);
