#include "core/accord.h"
#include "core/json_doc.h"
#include "core/msg.h"
#include "hapair/cli/client_call.h"
#include "hapair/cli/command.h"

#include <stdio.h>
#include <string.h>

struct words {
	struct client_call call;
	const char *server; /* SERVICE/NAME */
	const char *word;
};

static int
check(const struct words *w)
{
	const char *slash = w->server != NULL ? strchr(w->server, '/') : NULL;
	enum accord_kind kind;
	uint16_t value;

	if (slash == NULL || slash == w->server || slash[1] == '\0' ||
	    strpbrk(w->server, " \n") != NULL)
		return command_misused("server",
		    "expected a server, as SERVICE/NAME%s%s",
		    w->server != NULL ? ", found " : "",
		    w->server != NULL ? w->server : "");
	if (w->word == NULL)
		return command_misused(
		    "server", "expected what it shall be, behind its name");
	if (!accord_parse_word(w->word, &kind, &value) &&
	    strcmp(w->word, "activate") != 0)
		return command_misused(
		    "server", "'%s' is not understood", w->word);
	return COMMAND_DONE;
}

static int
ask(const struct words *w, struct json_doc **ret_answer)
{
	char request[MSG_REQUEST_MAX];
	int n = snprintf(
	    request, sizeof(request), "server %s %s", w->server, w->word);

	if ((size_t)n >= sizeof(request))
		return command_misused("server", "that is no server's name");
	return client_call_ask(&w->call, request, ret_answer);
}

int
cmd_server(int argc, char **argv)
{
	struct words w = { .call = { .command = "server" } };
	CLEANUP(json_doc_free_at) struct json_doc *d = NULL;
	const char *found[2] = { NULL };
	int status =
	    client_call_parse(&w.call, argc, argv, found, ARRAY_LEN(found));

	w.server = found[0];
	w.word = found[1];
	if (status == COMMAND_DONE)
		status = check(&w);
	if (status == COMMAND_DONE)
		status = ask(&w, &d);
	if (status != COMMAND_DONE)
		return status;
	return puts(json_doc_string(d, "text")) < 0 || fflush(stdout) != 0
	    ? COMMAND_FAILED
	    : COMMAND_DONE;
}
