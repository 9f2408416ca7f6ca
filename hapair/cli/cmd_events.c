#include "core/fd.h"
#include "core/json_doc.h"
#include "hapair/cli/client_lines.h"
#include "hapair/cli/command.h"
#include "hapair/cli/daemon_place.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* The daemon becomes another program, or is started again: so long, at most. */
#define AGAIN_TRIES 100
static const struct timespec AGAIN = { .tv_nsec = 100 * 1000000 };

#define NODES 2
#define NODE_MAX 128

/* What has been told: of each node up to this one, as its ids rise. */
struct told {
	char node[NODE_MAX];
	int64_t id;
};

struct listing {
	bool json;
	struct told all[NODES];
	unsigned n;
};

static void
tell_json(const struct json_doc *line)
{
	CLEANUP(free_str) char *text = json_doc_text(line, false);

	(void)puts(text != NULL ? text : "{}");
}

/* "2026-11-22T10:00:01.120Z p1  group main: backup -> master, REASON" */
static void
tell(const struct json_doc *line)
{
	const char *node = json_doc_string(line, "node");
	const char *reason = json_doc_string(line, "reason");

	(void)printf("%s %s%s%s: %s%s%s\n", json_doc_string(line, "time"), node,
	    *node != '\0' ? " " : "", json_doc_string(line, "subject"),
	    json_doc_string(line, "what"), *reason != '\0' ? ", reason: " : "",
	    reason);
}

/* One that was told before comes again, when the daemon is asked again. */
static bool
is_new(struct listing *l, const struct json_doc *line)
{
	const char *node = json_doc_string(line, "node");
	const int64_t id = json_doc_int(line, "id");
	unsigned i = 0;

	while (i < l->n && strcmp(l->all[i].node, node) != 0)
		i++;
	/* A daemon of an earlier version says no ids. */
	if (id == 0 || i == NODES || strlen(node) >= NODE_MAX)
		return true;
	if (i == l->n)
		strcpy(l->all[l->n++].node, node);
	if (id <= l->all[i].id)
		return false;
	l->all[i].id = id;
	return true;
}

static void
on_line(void *arg, const struct json_doc *line)
{
	struct listing *l = arg;

	if (!is_new(l, line))
		return;
	if (l->json)
		tell_json(line);
	else
		tell(line);
	(void)fflush(stdout);
}

/* False: no daemon is there any more. */
static bool
is_back(const struct client *c)
{
	for (unsigned i = 0; i < AGAIN_TRIES; i++) {
		CLEANUP(fd_close) int fd = -1;

		(void)nanosleep(&AGAIN, NULL);
		fd = client_connect(c->socket);
		if (fd >= 0)
			return true;
		fd = -1;
	}
	return false;
}

/* As long as a daemon is there: it may be replaced by the next program. */
static int
follow(const struct client *client, struct listing *l)
{
	const struct client_lines lines = {
		.call = on_line, .arg = l, .for_ever = true
	};
	struct client_odd odd = { 0 };
	struct client c = *client;
	int status;

	c.odd = &odd;
	for (;;) {
		odd.busy = false;
		status = client_lines_ask(&c, "events follow", &lines);
		if (!odd.busy)
			return status;
		if (l->n == 0 || !is_back(&c))
			return command_refuse(c.command, COMMAND_FAILED,
			    "the daemon's answer broke off: ask once more");
	}
}

int
cmd_events(int argc, char **argv)
{
	struct client client = { .command = "events",
		.path = COMMAND_CONFIG_PATH };
	int json = 0, follows = 0;
	const struct command_option options[] = {
		{ 'c', .word = &client.path },
		{ 's', .word = &client.socket },
		{ 'j', "json", .there = &json },
		{ 'f', "follow", .there = &follows },
	};
	char socket[DAEMON_PLACE_MAX];
	struct listing l = { 0 };
	const struct client_lines lines = { .call = on_line, .arg = &l };
	int status =
	    command_parse("events", argc, argv, options, ARRAY_LEN(options));

	l.json = json != 0;
	if (status == COMMAND_DONE)
		status = client_locate(&client, socket);
	if (status != COMMAND_DONE)
		return status;
	if (follows != 0)
		return follow(&client, &l);
	return client_lines_ask(&client, "events", &lines);
}
