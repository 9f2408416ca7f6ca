#include "hapair/cli/client_call.h"

#include "core/json_doc.h"
#include "hapair/cli/client.h"
#include "hapair/cli/command.h"
#include "hapair/cli/file.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

bool
client_call_take(struct client_call *t, int option)
{
	switch (option) {
	case 'c':
		t->path = optarg;
		return true;
	case 's':
		t->socket = optarg;
		return true;
	default: /* of the command's own */
		return false;
	}
}

int
client_call_parse(
    struct client_call *t, int argc, char **argv, const char **ret_words, int n)
{
	static const struct option none[] = { { NULL, 0, NULL, 0 } };
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, CLIENT_CALL_OPTIONS, none, NULL)) !=
	    -1)
		if (!client_call_take(t, c))
			return command_bad_option(t->command, argv);
	for (int i = 0; i < n; i++)
		ret_words[i] = optind < argc ? argv[optind++] : NULL;
	if (optind < argc)
		return command_misused(
		    t->command, "'%s' is not expected", argv[optind]);
	return COMMAND_DONE;
}

static int
read_answer(const struct client_call *t, const char *text, size_t len,
    struct json_doc **ret_answer)
{
	CLEANUP(json_doc_free_at)
	struct json_doc *d = json_doc_parse(text, len);
	const char *error = d != NULL ? json_doc_string(d, "error")
	                              : "the daemon's answer cannot be read";

	if (*error != '\0') {
		(void)fprintf(stderr, "hapair %s: %s\n", t->command, error);
		return COMMAND_FAILED;
	}
	*ret_answer = d;
	d = NULL;
	return COMMAND_DONE;
}

static int
ask_at(const struct client_call *t, const char *socket, const char *request,
    struct json_doc **ret_answer)
{
	CLEANUP(free_str) char *text = NULL;
	size_t len = 0;
	const int e = client_ask(socket, request, &text, &len);

	if (e == 0)
		return read_answer(t, text, len, ret_answer);
	(void)fprintf(stderr, "hapair %s: %s: %s%s\n", t->command, socket,
	    strerror(-e),
	    e == -ENOENT || e == -ECONNREFUSED ? "; no daemon runs here" : "");
	return COMMAND_UNREACHABLE;
}

int
client_call_ask(const struct client_call *t, const char *request,
    struct json_doc **ret_answer)
{
	CLEANUP(file_free)
	struct file f = { .path =
		              t->path != NULL ? t->path : COMMAND_CONFIG_PATH };

	if (t->socket != NULL)
		return ask_at(t, t->socket, request, ret_answer);
	if (file_load(&f) < 0)
		return COMMAND_WRONG;
	return ask_at(t, f.config->control, request, ret_answer);
}
