#pragma once

/*
 * The command line's side of the control socket: one request line, one answer.
 * The commands have no other way into the daemon. It is where -s SOCKET or -c
 * FILE says, and what becomes of an answer that is none is the same for all.
 */

#include "core/base.h"

struct json_doc;

struct client {
	const char *command; /* its name, in messages */
	const char *socket;  /* NULL: as the configuration says */
	const char *path;    /* of the configuration */
	/*
	 * Nothing is done by the question: if the relay dies with it, it is
	 * asked once more, when the supervisor must have seen that.
	 */
	bool asks_again;
	unsigned patience_s; /* for the answer; 0: as for most */
	bool has_lines;      /* the answer's text may have more than one */
	bool keeps_text;     /* not for a terminal: as the daemon wrote it */
};

/*
 * Asks. Returns COMMAND_DONE with the answer, which the caller frees; or
 * another exit status, with everything said. Its texts, and that of an error,
 * are fit for a terminal (disarm.h).
 */
MUST_CHECK int client_ask(
    const struct client *c, const char *request, struct json_doc **ret_answer);

/*
 * All of a command that is its name and no more: reads -c and -s, asks, prints
 * the sentence. Returns the exit status.
 */
MUST_CHECK int client_run(struct client *c, int argc, char **argv);

/* Of an answer that is a sentence. Returns the exit status. */
MUST_CHECK int client_print_text(const struct json_doc *answer);

/* -- for client_lines.c -------------------------------------------------- */

/* A connection to the daemon, with its patience; or -errno. */
MUST_CHECK int client_connect(const char *socket);

/* The request line. Returns 0 or -errno. */
MUST_CHECK int client_send(int fd, const char *request);

/* Says why the daemon was not reached. Returns the exit status. */
MUST_CHECK int client_refuse_unreached(
    const struct client *c, const char *socket, int error);
