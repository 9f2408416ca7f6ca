#pragma once

/*
 * The answer to `status` as text for people.
 */

#include "core/base.h"

#include <stdio.h>

struct json_doc;

/* `colour`: the stream is a terminal that wants it. */
void show_status(const struct json_doc *status, FILE *out, bool colour);

/* "GROUP STATE" a line, for scripts. */
void show_short(const struct json_doc *status, FILE *out);
