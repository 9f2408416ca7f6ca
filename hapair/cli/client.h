#pragma once

/*
 * The command line's side of the control socket: one request line, one answer.
 * The commands have no other way into the daemon. It is where -s SOCKET or -c
 * FILE says, and what becomes of an answer that is none is the same for all.
 */

#include "core/base.h"

struct json_doc;

#define CLIENT_ODD_TEXT_MAX 512

/* An error for which there is an answer: it is not said, but told here. */
struct client_odd {
	bool busy;    /* the daemon is in the midst of a reload, say */
	bool unknown; /* it has nothing of that name */
	char text[CLIENT_ODD_TEXT_MAX]; /* of either */
};

struct client {
	const char *command; /* its name, in messages */
	const char *socket;  /* NULL: as the configuration says */
	const char *path;    /* of the configuration */
	/*
	 * Nothing is done by the question: if the relay dies with it, it is
	 * asked once more, when the supervisor must have seen that.
	 */
	bool asks_again;
	unsigned patience_s;    /* for the answer; 0: as for most */
	bool has_lines;         /* the answer's text may have more than one */
	bool keeps_text;        /* not for a terminal: as the daemon wrote it */
	struct client_odd *odd; /* NULL: every error is said */
};

/*
 * Where the daemon is, once for several questions: from then on in `socket`.
 * `buf` is of DAEMON_PLACE_MAX bytes. Returns an exit status.
 */
MUST_CHECK int client_locate(struct client *c, char *buf);

/*
 * Asks. Returns COMMAND_DONE with the answer, which the caller frees; or
 * another exit status, with everything said. Its texts, and that of an error,
 * are fit for a terminal (disarm.h).
 */
MUST_CHECK int client_ask(
    const struct client *c, const char *request, struct json_doc **ret_answer);

/*
 * The same of what may be missing, of the daemon at `socket`: where there is no
 * answer, or it is an error, NULL, and nothing is said.
 */
MUST_CHECK struct json_doc *client_ask_quietly(
    const struct client *c, const char *request);

/*
 * All of a command that is its name and no more: reads -c and -s, asks, prints
 * the sentence. Returns the exit status.
 */
MUST_CHECK int client_run(struct client *c, int argc, char **argv);

/* Of an answer that is a sentence. Returns the exit status. */
MUST_CHECK int client_print_text(const struct json_doc *answer);

/* -- for client_lines.c and client_lingering.c ---------------------------- */

/* A connection to the daemon, with its patience; or -errno. */
MUST_CHECK int client_connect(const char *socket);

/* The request line. Returns 0 or -errno. */
MUST_CHECK int client_send(int fd, const char *request);

/* Says why the daemon was not reached. Returns the exit status. */
MUST_CHECK int client_refuse_unreached(
    const struct client *c, const char *socket, int error);

/* Whether it is an error that the caller has an answer for. */
MUST_CHECK bool client_is_odd(
    const struct client *c, const struct json_doc *answer);

/* One answer to one question; nothing is said. Returns 0 or -errno. */
MUST_CHECK int client_exchange(
    const struct client *c, const char *request, struct json_doc **ret_answer);
