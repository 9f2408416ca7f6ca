#pragma once

/*
 * What the page's script asks for, and /events.json: put together from texts
 * that are JSON already, and from the rates.
 */

#include "core/base.h"

#include <stdio.h>

struct config;
struct rate_history;

/* Of the last events, as lines (event_lines.h): the newest first. */
#define PAGE_JSON_EVENTS 100

/* Where each begins, and how long it is. Returns how many; PAGE_JSON_EVENTS
 * at most. */
size_t page_json_last_lines(const char *lines, size_t len,
    const char *ret_at[static PAGE_JSON_EVENTS],
    size_t ret_len[static PAGE_JSON_EVENTS]);

/* /page.json. `status` as status_text() has it. */
void page_json_live(const struct config *c, const char *status,
    const struct rate_history *rates, const char *lines, size_t len, FILE *out);

/* /history.json: every point that there is. */
void page_json_history(
    const struct config *c, const struct rate_history *rates, FILE *out);

/* /events.json: all lines, the oldest first. */
void page_json_events(const char *lines, size_t len, FILE *out);
