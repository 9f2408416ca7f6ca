#include "config/schema/scalar.h"
#include "config/yaml/nearest.h"
#include "core/accord.h"
#include "core/json_doc.h"
#include "core/msg.h"
#include "hapair/cli/client.h"
#include "hapair/cli/command.h"
#include "hapair/cli/drain_wait.h"
#include "hapair/supervisor/server_request.h"

#include <stdio.h>
#include <string.h>

/* Until all fences of a standby group have ended: an hour each, at most. */
#define FENCES_S 86400

static bool
is_word(const char *word)
{
	enum accord_kind kind;
	uint16_t value;

	return accord_parse_word(word, &kind, &value) ||
	    strcmp(word, "activate") == 0 || strcmp(word, "reset") == 0;
}

/* SERVICE/NAME, or of what is for all servers of a service SERVICE. */
static bool
is_name(const char *server, bool whole)
{
	const char *slash = server != NULL ? strchr(server, '/') : NULL;

	if (server == NULL || *server == '\0' || strpbrk(server, " \n") != NULL)
		return false;
	if (slash == NULL)
		return whole;
	return slash != server && slash[1] != '\0' &&
	    strchr(slash + 1, '/') == NULL;
}

static int
refuse_word(const char *word)
{
	static const char *const words[] = { "ready", "drain", "maint",
		"weight=", "activate", "reset" };
	struct nearest near = nearest_to(word);
	char text[NEAREST_TEXT];

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		nearest_offer(&near, words[i]);
	/* With the number that is wrong it would say the same once more. */
	if (strchr(word, '=') != NULL || near.word == NULL)
		return command_misused("server",
		    "'%s' is not understood, expected " SERVER_REQUEST_WORDS,
		    word);
	return command_misused("server", "'%s' is not understood%s", word,
	    nearest_text(&near, text));
}

/* Either is NULL where it was not given. */
static int
check(const char *server, const char *word)
{
	const bool whole = word != NULL && strcmp(word, "reset") == 0;

	if (!is_name(server, whole))
		return command_misused("server",
		    "expected a server, as SERVICE/NAME%s%s",
		    server != NULL ? ", found " : "",
		    server != NULL ? server : "");
	if (word == NULL)
		return command_misused("server",
		    "expected what it shall be, behind its name: " SERVER_REQUEST_WORDS);
	if (!is_word(word))
		return refuse_word(word);
	return COMMAND_DONE;
}

/* How long an empty server is waited for; 0: not at all. */
static int
check_wait(bool wait, const char *word, const char *most, uint64_t *ret_ms)
{
	*ret_ms = wait ? DRAIN_WAIT_FOR_EVER : 0;
	if (wait && strcmp(word, "drain") != 0 && strcmp(word, "maint") != 0)
		return command_misused("server",
		    "--wait belongs to drain and maint: nothing else empties a server");
	if (most != NULL && (scalar_duration(most, ret_ms) < 0 || *ret_ms == 0))
		return command_misused("server",
		    "'%s' is no duration; expected one such as 30s or 5m behind --wait",
		    most);
	return COMMAND_DONE;
}

static int
check_reason(const char *word, const char *reason)
{
	enum accord_kind kind;
	uint16_t value;
	char why[SERVER_REQUEST_TEXT_MAX];

	if (reason == NULL)
		return COMMAND_DONE;
	if (!accord_parse_word(word, &kind, &value))
		return command_misused("server",
		    "--reason belongs to ready, drain, maint and weight=N: nothing else is kept with one");
	if (!server_request_check_reason(reason, why))
		return command_misused("server", "--reason: %s", why);
	return COMMAND_DONE;
}

/* What was done is printed. */
static int
order(const struct client *client, const char *server, const char *word,
    const char *reason)
{
	CLEANUP(json_doc_free_at) struct json_doc *d = NULL;
	char request[MSG_REQUEST_MAX];
	int status;

	if ((size_t)snprintf(request, sizeof(request), "server %s %s%s%s",
	        server, word, reason != NULL ? " " SERVER_REQUEST_REASON : "",
	        reason != NULL ? reason : "") >= sizeof(request))
		return command_misused("server", "that is no server's name");
	status = client_ask(client, request, &d);
	return status == COMMAND_DONE ? client_print_text(d) : status;
}

int
cmd_server(int argc, char **argv)
{
	struct client client = { .command = "server",
		.path = COMMAND_CONFIG_PATH };
	const char *server = NULL, *word = NULL, *most = NULL, *reason = NULL;
	int wait = 0;
	const struct command_option options[] = {
		{ 'c', .word = &client.path },
		{ 's', .word = &client.socket },
		{ 'w', "wait", .there = &wait },
		{ 'r', "reason", .word = &reason },
		{ .word = &server },
		{ .word = &word },
		{ .word = &most },
	};
	uint64_t wait_ms = 0;
	int status =
	    command_parse("server", argc, argv, options, ARRAY_LEN(options));

	if (status == COMMAND_DONE && most != NULL && wait == 0)
		status =
		    command_misused("server", "'%s' is not expected", most);
	if (status == COMMAND_DONE)
		status = check(server, word);
	if (status == COMMAND_DONE)
		status = check_wait(wait != 0, word, most, &wait_ms);
	if (status == COMMAND_DONE)
		status = check_reason(word, reason);
	if (word != NULL && strcmp(word, "activate") == 0)
		client.patience_s = FENCES_S;
	if (status == COMMAND_DONE)
		status = order(&client, server, word, reason);
	if (status == COMMAND_DONE && wait_ms > 0)
		status = drain_wait(&client, server, wait_ms);
	return status;
}
