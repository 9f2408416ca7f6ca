#include "core/accord.h"
#include "core/jdoc.h"
#include "core/msg.h"
#include "hapair/command.h"
#include "hapair/talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct words {
	struct talk talk;
	const char *server; /* SERVICE/NAME */
	const char *word;
};

static bool
is_weight(const char *word)
{
	static const char key[] = "weight=";
	unsigned long n;
	char *end;

	if (strncmp(word, key, sizeof(key) - 1) != 0)
		return false;
	word += sizeof(key) - 1;
	n = strtoul(word, &end, 10);
	return *word >= '0' && *word <= '9' && *end == '\0' &&
	    n <= ACCORD_WEIGHT_MAX;
}

static int
check(const struct words *w)
{
	const char *slash = w->server != NULL ? strchr(w->server, '/') : NULL;
	enum accord_admin admin;

	if (slash == NULL || slash == w->server || slash[1] == '\0' ||
	    strpbrk(w->server, " \n") != NULL)
		return command_misused("server",
		    "expected a server, as SERVICE/NAME%s%s",
		    w->server != NULL ? ", found " : "",
		    w->server != NULL ? w->server : "");
	if (w->word == NULL)
		return command_misused(
		    "server", "expected what it shall be, behind its name");
	if (!accord_parse_admin(w->word, &admin) && !is_weight(w->word) &&
	    strcmp(w->word, "activate") != 0)
		return command_misused(
		    "server", "'%s' is not understood", w->word);
	return COMMAND_DONE;
}

static int
ask(const struct words *w, struct jdoc **ret_answer)
{
	char request[MSG_REQUEST_MAX];
	int n = snprintf(
	    request, sizeof(request), "server %s %s", w->server, w->word);

	if ((size_t)n >= sizeof(request))
		return command_misused("server", "that is no server's name");
	return talk_ask(&w->talk, request, ret_answer);
}

int
cmd_server(int argc, char **argv)
{
	struct words w = { .talk = { .command = "server" } };
	CLEANUP(jdoc_free_at) struct jdoc *d = NULL;
	const char *found[2] = { NULL };
	int status = talk_parse(&w.talk, argc, argv, found, ARRAY_LEN(found));

	w.server = found[0];
	w.word = found[1];
	if (status == COMMAND_DONE)
		status = check(&w);
	if (status == COMMAND_DONE)
		status = ask(&w, &d);
	if (status != COMMAND_DONE)
		return status;
	return puts(jdoc_string(d, "text")) < 0 || fflush(stdout) != 0
	    ? COMMAND_FAILED
	    : COMMAND_DONE;
}
