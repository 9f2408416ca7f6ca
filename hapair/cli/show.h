#pragma once

/*
 * The answer to `status` as text for people: who serves, what is wrong, since
 * when and what to do, then the tables (show_tables.c). Pure but for the
 * stream.
 */

#include "core/base.h"

#include <stdio.h>

struct json_doc;

struct show_view {
	unsigned width; /* of the terminal; 0: there is none, nothing is cut */
	bool colour;    /* it is a terminal that wants it */
	/* The answer before, from which rates are reckoned; NULL: none. */
	const struct json_doc *before;
};

void show_status(
    const struct json_doc *status, const struct show_view *view, FILE *out);

/* "GROUP STATE" a line, for scripts. */
void show_short(const struct json_doc *status, FILE *out);

struct show_style {
	const char *bold, *good, *odd, *bad, *plain;
};

const struct show_style *show_style_of(const struct show_view *view);

/* "10:00:01Z" today, else "2026-11-22 10:00:01Z"; "" for none. */
#define SHOW_TIME_MAX 32
const char *show_time(const struct json_doc *status, const char *iso,
    char buf[static SHOW_TIME_MAX]);

/* Words in lines of the view's width, all but the first after this indent. */
void show_wrapped(
    const struct show_view *view, unsigned indent, const char *text, FILE *out);
