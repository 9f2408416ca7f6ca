#pragma once

/*
 * The table of show.c that is about services and their servers.
 */

#include "hapair/cli/show.h"

/* From so many columns on nothing is shortened, and totals are shown. */
#define SHOW_SERVICES_WIDE 120

void show_services(
    const struct json_doc *status, const struct show_view *view, FILE *out);
