#pragma once

/*
 * The page's body, as it is without a script: tables of all that `status` tells
 * and of the last events, trouble first. Each section has an id, by which the
 * script finds and redraws it.
 *
 * Reads a status document (doc/cli.md), events and rates; writes HTML. No
 * other state.
 */

#include "core/base.h"

#include <stdio.h>

struct json_doc;
struct rate_history;

struct page_tables {
	const struct json_doc *status;
	const struct rate_history *rates;
	const struct json_doc *const *events; /* the newest first */
	size_t n_events;
};

/* "proxy1: master, 2 troubles - hapair", escaped. */
void page_tables_title(const struct json_doc *status, FILE *out);

void page_tables_body(const struct page_tables *p, FILE *out);
