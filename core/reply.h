#pragma once

/*
 * The answer to a control connection: one text, written without waiting, then
 * the socket is closed. A reader that does not read is given up after 5 s.
 */

#include "core/base.h"

struct ev_loop;

/*
 * Takes the socket and the text (malloc'd; NULL says that memory ran out), and
 * frees both when all is written, or cannot be.
 */
void reply_send(struct ev_loop *loop, int *fd, char *text);

/* Answers that are not all written yet, of this process. */
unsigned reply_waiting(void);

/* The same with {"error": TEXT}; the end of the connection ends it. */
void reply_error(struct ev_loop *loop, int *fd, const char *text);

/* For programs: the key of that name, which is true then. */
enum reply_odd {
	REPLY_PLAIN,   /* none */
	REPLY_BUSY,    /* the same will have an answer in a moment */
	REPLY_UNKNOWN, /* there is nothing of that name here */
};

void reply_error_as(
    struct ev_loop *loop, int *fd, const char *text, enum reply_odd odd);
