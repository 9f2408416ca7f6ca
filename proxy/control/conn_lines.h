#pragma once

/*
 * Live connections as lines of JSON, an object each; cli.md has the keys. Pure
 * but for memory.
 */

#include "core/base.h"

#include "proxy/data/session_tour.h"

/* Why some are left out. */
#define CONN_LINES_NO_DIRECTOR                                                 \
	"the director does not answer: connections on the kernel path are left out, ask once more"

/* The id, as people see and type it; with its NUL. */
#define CONN_LINES_ID_MAX 17
const char *conn_lines_id_text(uint64_t id, char buf[static CONN_LINES_ID_MAX]);
/* False: it is none. */
MUST_CHECK bool conn_lines_parse_id(const char *text, uint64_t *ret_id);

/* Of a part, and more than a last line needs; with its NUL. */
#define CONN_LINES_LINE_MAX 1024
#define CONN_LINES_MAX (SESSION_TOUR_ROWS * CONN_LINES_LINE_MAX)

/*
 * `lingers`: a reload has left them here. Returns the length, or -ENOBUFS.
 */
MUST_CHECK int conn_lines_put(const struct session_tour_part *part,
    bool lingers, char buf[static CONN_LINES_MAX]);

/*
 * The last line, likewise: so many there were; or why there are not more.
 * Returns the length, or -ENOMEM.
 */
MUST_CHECK int conn_lines_put_end(
    unsigned n, const char *error, char buf[static CONN_LINES_MAX]);
