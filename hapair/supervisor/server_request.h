#pragma once

/*
 * What `hapair server SERVICE/NAME WORD` or `SERVICE reset` asks of the daemon
 * (the line may end with reason=TEXT, which goes with a word that is kept),
 * and what it is told: which server of the configuration is meant, what was
 * agreed on about it, and what shall be.
 *
 * Pure: state_store.c does it.
 */

#include "config/server_name.h"
#include "core/accord.h"

struct config;

#define SERVER_REQUEST_TEXT_MAX SERVER_NAME_TEXT_MAX
/* What stands before the reason, which goes on to the line's end. */
#define SERVER_REQUEST_REASON "reason="
#define SERVER_REQUEST_WORDS                                                   \
	"ready, drain, maint, weight=N (0 to 256), activate or reset"

struct server_request {
	uint16_t service, server; /* indices in the configuration */
	bool activate, reset;     /* else `wanted`: */
	bool whole;               /* all servers of the service; with `reset` */
	struct accord wanted;     /* without epoch, node and time */
	uint32_t weight;          /* the server's, in the file */
};

/* Of the request's line. False: no, and why is in `ret_why`. */
MUST_CHECK bool server_request_parse(const struct config *c, const char *line,
    struct server_request *ret_request,
    char ret_why[static SERVER_REQUEST_TEXT_MAX]);

/* False: no operator may give that as a reason, and why is in `ret_why`. */
MUST_CHECK bool server_request_check_reason(
    const char *reason, char ret_why[static SERVER_REQUEST_TEXT_MAX]);

/*
 * The answer, where this is agreed on so far about the same thing (NULL:
 * nothing). Returns whether something has to be changed for it: where only its
 * reason is another one, it is so since it was.
 */
MUST_CHECK bool server_request_answer(struct server_request *request,
    const struct accord *known, char ret_text[static SERVER_REQUEST_TEXT_MAX]);

/*
 * Of a reset: whether this is to be taken back; if so, `a` says that now, with
 * the request's time.
 */
MUST_CHECK bool server_request_resets(
    const struct server_request *request, struct accord *a);

/* The answer to it, when so many were. */
void server_request_answer_reset(const struct server_request *request,
    unsigned n, char ret_text[static SERVER_REQUEST_TEXT_MAX]);
