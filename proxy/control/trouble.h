#pragma once

/*
 * What is wrong, found in the facts of a status document (doc/cli.md), and
 * grouped by cause: one dead host is one trouble, however many servers it had.
 * Each has a word for programs, a sentence, since when, and what to do about
 * it; doc/troubles.md has all of them.
 *
 * Reads and writes values alone: no clock, no other state. Of status.c, and of
 * tests, which feed it documents.
 */

#include "core/base.h"

struct json_doc;

/* Adds all to an array, which may be the document's own. */
void trouble_find(const struct json_doc *status, struct json_doc *troubles);

/*
 * For the files of trouble_find(): adds one, with what to do from `advice` on.
 * `since` may be "". The format tells of all that follows.
 */
struct json_doc *trouble_put(struct json_doc *troubles, const char *id,
    const char *since, const char *format, ...) PRINTF_LIKE(4, 5);
void trouble_advise(struct json_doc *trouble, const char *format, ...)
    PRINTF_LIKE(2, 3);

/* So many ms have passed between a time and that of the answer; -1: unknown. */
int64_t trouble_age_ms(const struct json_doc *status, const char *since);
