#pragma once

/*
 * Answers of the daemon that are longer than a document should be, or have no
 * end: lines, of which each is an object, up to one that has `end` in it or an
 * `error`.
 */

#include "hapair/cli/client.h"

/* A line; its texts are fit for a terminal. */
typedef void client_lines_fn(void *arg, const struct json_doc *line);

/*
 * Asks, and has each line told until the last one, which is not. Where
 * `for_ever` it waits for them as long as the daemon runs. Returns
 * COMMAND_DONE, or another exit status with everything said.
 */
MUST_CHECK int client_lines_ask(const struct client *c, const char *request,
    bool for_ever, client_lines_fn *call, void *arg);
