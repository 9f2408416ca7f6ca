#pragma once

/*
 * The table of show.c that is about the kernel path; nothing where no service
 * is on it.
 */

#include "hapair/cli/show.h"

void show_kernel(
    const struct json_doc *status, const struct show_view *view, FILE *out);
