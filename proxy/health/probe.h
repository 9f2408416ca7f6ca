#pragma once

/*
 * Probes: servers are asked, again and again. One probe for each question,
 * however many servers of however many services want to know the same: what is
 * asked, where, how often. Each of them listens, and judges for itself what it
 * hears (check.c). First questions are asked at once, further ones are spread
 * over the interval. On the relay's main thread.
 */

#include "config/config.h"
#include "core/addr.h"

#include <sys/queue.h>

struct ev_loop;
struct probe;
struct probe_judge_answer;
struct probes;
struct secret_files;

/*
 * Of a listener: an answer (or that there can be none: is_void), and how long
 * it took. Returns whether it wavers: then the next question comes sooner. May
 * neither join nor leave.
 */
typedef bool probe_heard_fn(
    void *arg, const struct probe_judge_answer *answer, double latency_ms);

/* Part of who listens. */
struct probe_listener {
	probe_heard_fn *on_heard;
	void *arg;
	struct probe *probe; /* NULL: it does not listen */
	LIST_ENTRY(probe_listener) link;
};

/* What is asked; borrowed for as long as somebody listens, but for `to`. */
struct probe_question {
	const struct config_check *check;
	const char *host;                 /* of an http check */
	const char *service, *server;     /* of a script */
	enum config_proxy_protocol proxy; /* how the connection begins */
	union addr to;                    /* with the port to ask at */
};

/* Whether one answer tells both. */
bool probe_is_same(
    const struct probe_question *a, const struct probe_question *b);

/* For at most `max` servers. NULL where memory is out. */
struct probes *probe_open(
    struct ev_loop *loop, const struct secret_files *secrets, unsigned max);
void probe_close(struct probes *p);

/*
 * Asks at once, or if others ask the same already, again now. Answers come from
 * the loop. Returns 0 or -ENOMEM.
 */
MUST_CHECK int probe_join(struct probes *p, struct probe_listener *l,
    const struct probe_question *question);

/* Also where it does not listen. */
void probe_leave(struct probe_listener *l);

/* Asks now, but ten times a second at most. */
void probe_hurry(struct probe_listener *l);
