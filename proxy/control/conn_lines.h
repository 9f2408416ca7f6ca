#pragma once

/*
 * Live connections as lines of JSON, an object each, written to a socket by a
 * thread that may wait for its reader. cli.md has the keys.
 */

#include "core/base.h"

#include <stdatomic.h>

struct session_tour_part;

/* The id, as people see and type it; with its NUL. */
#define CONN_LINES_ID_MAX 17
const char *conn_lines_id_text(uint64_t id, char buf[static CONN_LINES_ID_MAX]);
/* False: it is none. */
MUST_CHECK bool conn_lines_parse_id(const char *text, uint64_t *ret_id);

/*
 * `lingers`: a reload has left them here. Returns 0 or -errno: -ETIMEDOUT where
 * the reader takes nothing for 5 s, -ECANCELED where `stop` is set meanwhile.
 */
MUST_CHECK int conn_lines_write(int socket,
    const struct session_tour_part *part, bool lingers,
    const atomic_bool *stop);

/* The last line: so many there were; or why there are not more. */
MUST_CHECK int conn_lines_end(
    int socket, unsigned n, const char *error, const atomic_bool *stop);
