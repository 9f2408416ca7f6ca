#pragma once

/*
 * Where the running daemon's control socket is: as the configuration file says,
 * or, where somebody is just editing that, or it is gone or not for this user
 * to read, as is known otherwise. A file on disk that cannot be used is no
 * reason not to talk to a daemon that uses another text of it.
 */

#include "core/base.h"
#include "hapair/cli/command.h"
#include "hapair/supervisor/running_file.h"

#define DAEMON_PLACE_SOCKET "/run/hapair/control.sock"
#define DAEMON_PLACE_MAX 108 /* of a socket's address */

/*
 * What a line of a text says of `control`, whatever is wrong with the rest.
 * False: nothing. Pure.
 */
MUST_CHECK bool daemon_place_scan(
    const char *text, size_t len, char ret_socket[static DAEMON_PLACE_MAX]);

/*
 * Returns COMMAND_DONE with the socket; or, with everything said,
 * COMMAND_WRONG: the file cannot be used, and nobody is at a socket that it may
 * have meant, or that may not be guessed. A file that was passed over is one
 * line of warning.
 */
MUST_CHECK int daemon_place_find(const char *command, const char *path,
    bool guesses, char ret_socket[static DAEMON_PLACE_MAX]);

struct file;

/*
 * Loads a file; where it cannot be used, what the daemon that was there last
 * has kept of its own beside its socket (running_file.h), with a line of
 * warning. Returns 0, or -errno with everything said.
 */
MUST_CHECK int daemon_place_load(
    const char *command, struct file *f, char running[static RUNNING_FILE_MAX]);
