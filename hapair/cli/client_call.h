#pragma once

/*
 * What the commands that ask a running daemon have in common: where it is, by
 * -s SOCKET or -c FILE, and what becomes of an answer that is none.
 */

#include "core/base.h"

struct json_doc;

/* For getopt, beside the command's own. */
#define TALK_OPTIONS "c:s:"

struct talk {
	const char *command; /* its name, in messages */
	const char *socket;  /* NULL: as the configuration says */
	const char *path; /* of the configuration; NULL: where it always is */
};

/* Takes one of TALK_OPTIONS, as getopt_long returned it. False: it is none. */
MUST_CHECK bool talk_take(struct talk *t, int option);

/*
 * Takes these options, and at most `n` words behind them; a word that is not
 * there is NULL. Returns COMMAND_DONE, or another exit status with everything
 * said.
 */
MUST_CHECK int talk_parse(
    struct talk *t, int argc, char **argv, const char **ret_words, int n);

/*
 * Asks. Returns COMMAND_DONE with the answer, which the caller frees; or
 * another exit status, with everything said.
 */
MUST_CHECK int talk_ask(
    const struct talk *t, const char *request, struct json_doc **ret_answer);
