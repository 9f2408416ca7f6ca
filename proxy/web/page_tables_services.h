#pragma once

/*
 * Of page_tables.h: what was set by hand, the services, and their servers.
 * `rates` has them in the document's order.
 */

#include <stdio.h>

struct json_doc;
struct rate_history;

void page_tables_services(
    const struct json_doc *status, const struct rate_history *rates, FILE *out);
