#pragma once

/*
 * The tables of show.c: groups on both nodes, the peer, what is under way,
 * what was set by hand, what has happened last, services and servers.
 */

#include "hapair/cli/show.h"

void show_tables(
    const struct json_doc *status, const struct show_view *view, FILE *out);
