#pragma once

/*
 * What the commands that ask a running daemon have in common: where it is, by
 * -s SOCKET or -c FILE, and what becomes of an answer that is none.
 */

#include "core/base.h"

struct json_doc;

/* For getopt, beside the command's own. */
#define CLIENT_CALL_OPTIONS "c:s:"

struct client_call {
	const char *command; /* its name, in messages */
	const char *socket;  /* NULL: as the configuration says */
	const char *path; /* of the configuration; NULL: where it always is */
};

/*
 * Takes one of CLIENT_CALL_OPTIONS, as getopt_long returned it. False: it is
 * none.
 */
MUST_CHECK bool client_call_take(struct client_call *t, int option);

/*
 * Takes these options, and at most `n` words behind them; a word that is not
 * there is NULL. Returns COMMAND_DONE, or another exit status with everything
 * said.
 */
MUST_CHECK int client_call_parse(struct client_call *t, int argc, char **argv,
    const char **ret_words, int n);

/*
 * Asks. Returns COMMAND_DONE with the answer, which the caller frees; or
 * another exit status, with everything said.
 */
MUST_CHECK int client_call_ask(const struct client_call *t, const char *request,
    struct json_doc **ret_answer);
