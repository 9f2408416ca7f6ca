#pragma once

/*
 * Surveys: who asks servers, again and again. One survey for each question,
 * however many servers of however many services want to know the same: what is
 * asked, where, how often. Each of them listens, and makes its own verdict of
 * what it hears (check.c). On the relay's main thread.
 */

#include "core/addr.h"

#include <sys/queue.h>

struct config_check;
struct ev_loop;
struct judge_answer;
struct secret_files;
struct survey;
struct surveys;

/*
 * Of a listener: an answer (or that there can be none: is_void), and how long
 * it took. Returns whether it wavers: then the next question comes sooner. May
 * neither join nor leave.
 */
typedef bool survey_heard_fn(
    void *arg, const struct judge_answer *answer, double latency_ms);

/* Part of who listens. */
struct survey_listener {
	survey_heard_fn *on_heard;
	void *arg;
	struct survey *survey; /* NULL: it does not listen */
	LIST_ENTRY(survey_listener) link;
};

/* What is asked; borrowed for as long as somebody listens, but for `to`. */
struct survey_question {
	const struct config_check *check;
	const char *host;             /* of an http check */
	const char *service, *server; /* of a script */
	union addr to;                /* with the port to ask at */
};

/* Whether one answer tells both. */
bool survey_is_same(
    const struct survey_question *a, const struct survey_question *b);

/* For at most `max` servers. NULL where memory is out. */
struct surveys *survey_open(
    struct ev_loop *loop, const struct secret_files *secrets, unsigned max);
void survey_close(struct surveys *p);

/*
 * Asks at once, or if others ask the same already, again now. Answers come from
 * the loop. Returns 0 or -ENOMEM.
 */
MUST_CHECK int survey_join(struct surveys *p, struct survey_listener *l,
    const struct survey_question *question);

/* Also where it does not listen. */
void survey_leave(struct survey_listener *l);

/* Asks now, but ten times a second at most. */
void survey_hurry(struct survey_listener *l);
