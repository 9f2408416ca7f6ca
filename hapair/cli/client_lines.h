#pragma once

/*
 * Answers of the daemon that are longer than a document should be, or have no
 * end: lines, of which each is an object, up to one that has `end` in it or an
 * `error`.
 */

#include "hapair/cli/client.h"

struct client_lines {
	/*
	 * A line as it is; its texts are not. False: it is to be told as a
	 * document. NULL: each is.
	 */
	bool (*raw)(void *arg, const char *line, size_t len);
	/* A line; its texts are fit for a terminal. */
	void (*call)(void *arg, const struct json_doc *line);
	void *arg;
	bool for_ever; /* they may come as long as the daemon runs */
};

/*
 * Asks, and has each line told until the last one, which is not. Returns
 * COMMAND_DONE, or another exit status with everything said.
 */
MUST_CHECK int client_lines_ask(
    const struct client *c, const char *request, const struct client_lines *to);
