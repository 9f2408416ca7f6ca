#pragma once

/*
 * The command line's side of the control socket: one request line, one
 * answer. The commands have no other way into the daemon.
 */

#include "core/base.h"

/*
 * Asks. Returns 0 with the answer (the caller frees; a NUL behind it), or
 * -errno: -ENOENT, -ECONNREFUSED where no daemon is there, -ETIMEDOUT where it
 * does not answer within 5 s.
 */
MUST_CHECK int client_ask(const char *socket_path, const char *request,
    char **ret_answer, size_t *ret_len);
