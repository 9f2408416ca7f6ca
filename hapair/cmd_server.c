#include "core/accord.h"
#include "core/jdoc.h"
#include "core/msg.h"
#include "hapair/client.h"
#include "hapair/command.h"
#include "hapair/file.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct words {
	const char *socket; /* NULL: as the configuration says */
	const char *server; /* SERVICE/NAME */
	const char *word;
	struct file file;
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
parse(struct words *w, int argc, char **argv)
{
	static const struct option none[] = { { NULL, 0, NULL, 0 } };
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "c:s:", none, NULL)) != -1)
		switch (c) {
		case 'c':
			w->file.path = optarg;
			break;
		case 's':
			w->socket = optarg;
			break;
		default: /* what getopt makes of anything else */
			return command_bad_option("server", argv);
		}
	if (optind < argc)
		w->server = argv[optind++];
	if (optind < argc)
		w->word = argv[optind++];
	if (optind < argc)
		return command_misused(
		    "server", "'%s' is not expected", argv[optind]);
	return check(w);
}

static int
print(const char *text, size_t len)
{
	CLEANUP(jdoc_free_at) struct jdoc *d = jdoc_parse(text, len);
	const char *done = jdoc_string(d, "text");

	if (*done == '\0') {
		(void)fprintf(stderr, "hapair server: %s\n",
		    d != NULL ? jdoc_string(d, "error")
		              : "the daemon says nothing sensible");
		return COMMAND_FAILED;
	}
	return puts(done) < 0 || fflush(stdout) != 0 ? COMMAND_FAILED
	                                             : COMMAND_DONE;
}

static int
ask(const struct words *w)
{
	char request[MSG_REQUEST_MAX];
	CLEANUP(free_str) char *answer = NULL;
	size_t len = 0;
	int n, e;

	n = snprintf(
	    request, sizeof(request), "server %s %s", w->server, w->word);
	if ((size_t)n >= sizeof(request))
		return command_misused("server", "that is no server's name");
	e = client_ask(w->socket, request, &answer, &len);
	if (e == 0)
		return print(answer, len);
	(void)fprintf(stderr, "hapair server: %s: %s%s\n", w->socket,
	    strerror(-e),
	    e == -ENOENT || e == -ECONNREFUSED ? "; no daemon runs here" : "");
	return COMMAND_UNREACHABLE;
}

int
cmd_server(int argc, char **argv)
{
	struct words w = { .file = { .path = COMMAND_CONFIG_PATH } };
	int status = parse(&w, argc, argv);

	if (status != COMMAND_DONE)
		return status;
	if (w.socket == NULL && file_load(&w.file) < 0)
		return COMMAND_WRONG;
	if (w.socket == NULL)
		w.socket = w.file.config->control;
	status = ask(&w);
	file_free(&w.file);
	return status;
}
