#include "core/json_doc.h"
#include "core/msg.h"
#include "core/proc.h"
#include "hapair/cli/client_lines.h"
#include "hapair/cli/client_lingering.h"
#include "hapair/cli/command.h"
#include "hapair/cli/daemon_place.h"
#include "hapair/cli/text_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SHORT 32
#define HEAD "{\"connections\": ["

/*
 * The work of a long list, which has time: whoever is served on the same
 * processors has not.
 */
#define NICENESS 10

struct listing {
	bool json;
	size_t n;
	struct text_table *table; /* else */
};

/* 900ms, 12s, 5m, 3h, 12d. */
static const char *
span_text(int64_t ms, char buf[static SHORT])
{
	static const struct unit {
		const char *name;
		int64_t ms, below; /* up to so many */
	} units[] = {
		{ "ms", 1, 1000 },
		{ "s", 1000, 120 },
		{ "m", 60000, 120 },
		{ "h", 3600000, 48 },
		{ "d", 86400000, INT64_MAX },
	};
	const struct unit *u = units;

	while (ms / u->ms >= u->below)
		u++;
	(void)snprintf(buf, SHORT, "%" PRId64 "%s", ms / u->ms, u->name);
	return buf;
}

/* 123, 12.3k, 1.2M, 40G. */
static const char *
bytes_text(int64_t bytes, char buf[static SHORT])
{
	static const char units[] = "kMGTPE";
	double n = (double)bytes;
	size_t i = 0;

	if (bytes < 1000) {
		(void)snprintf(buf, SHORT, "%" PRId64, bytes);
		return buf;
	}
	for (n /= 1000; n >= 1000 && units[i + 1] != '\0'; i++)
		n /= 1000;
	(void)snprintf(buf, SHORT, n < 100 ? "%.1f%c" : "%.0f%c", n, units[i]);
	return buf;
}

static void
put_row(struct text_table *t, const struct json_doc *d)
{
	const struct json_doc *bytes = json_doc_get(d, "bytes");
	const char *service = json_doc_string(d, "service");
	const char *server = json_doc_string(d, "server");
	const char *state = json_doc_string(d, "state");
	const char *path = json_doc_string(d, "path");
	char age[SHORT], idle[SHORT], in[SHORT], out[SHORT];

	text_table_cell(t, "%s", json_doc_string(d, "id"));
	text_table_cell(t, "%s", json_doc_string(d, "client"));
	/* The file may not have them any more. */
	text_table_cell(t, "%s/%s", *service != '\0' ? service : "-",
	    *server != '\0' ? server : "-");
	text_table_cell(t, "%s", span_text(json_doc_int(d, "age_ms"), age));
	text_table_cell(t, "%s", span_text(json_doc_int(d, "idle_ms"), idle));
	text_table_cell(t, "%s", bytes_text(json_doc_int(bytes, "in"), in));
	text_table_cell(t, "%s", bytes_text(json_doc_int(bytes, "out"), out));
	/* How its bytes go, where they do. */
	text_table_cell(t, "%s%s%s", strcmp(state, "open") == 0 ? path : state,
	    json_doc_bool(d, "lingering") ? ", lingering" : "",
	    strcmp(path, "kernel") == 0 && !json_doc_bool(d, "protected")
	        ? ", unprotected"
	        : "");
	text_table_end_row(t);
}

static void
on_line(void *arg, const struct json_doc *line)
{
	struct listing *l = arg;
	CLEANUP(free_str) char *text = NULL;

	if (l->json) {
		text = json_doc_text(line, false);
		(void)printf("%s\n  %s", l->n > 0 ? "," : HEAD,
		    text != NULL ? text : "null");
	} else {
		put_row(l->table, line);
	}
	l->n++;
}

static int
refuse(const struct client_odd *odd)
{
	return command_refuse("connections", COMMAND_FAILED, "%s", odd->text);
}

/*
 * Of the relay that runs, and first of those before, whom a reload has left
 * some: a server that is not in the file any more is known to these alone.
 */
static int
list_all(const struct client *client, const char *request, struct listing *l)
{
	const unsigned n = client_lingering_count(client);
	char line[MSG_REQUEST_MAX];
	struct client_odd odd = { 0 };
	struct client quiet = *client;
	bool known = false;
	int status;

	quiet.odd = &odd;
	for (unsigned i = 0; i < n; i++) {
		const size_t before = l->n;

		status = client_lines_ask(&quiet,
		    client_lingering_request(i, request, line), false, on_line,
		    l);
		if (status != COMMAND_DONE && !odd.unknown && !odd.busy)
			return status;
		/* One that has ended has no rows; one with some has more. */
		if (odd.busy && l->n > before)
			return refuse(&odd);
		known = known || status == COMMAND_DONE;
		odd = (struct client_odd){ 0 };
	}
	status = client_lines_ask(
	    known ? &quiet : client, request, false, on_line, l);
	if (odd.busy)
		return refuse(&odd);
	return odd.unknown ? COMMAND_DONE : status;
}

static int
list(const struct client *client, const char *request, bool json)
{
	CLEANUP(text_table_free_at) struct text_table *table = NULL;
	struct listing l = { .json = json };
	int status;

	if (!json)
		l.table = table = text_table_new("ID", "CLIENT", "SERVER",
		    "AGE", "IDLE", "IN", "OUT", "PATH", NULL);
	status = list_all(client, request, &l);
	/* Half a list stays without its end: nobody reads it as a whole one. */
	if (json && status == COMMAND_DONE)
		(void)puts(l.n > 0 ? "\n]}" : HEAD "]}");
	else if (status == COMMAND_DONE)
		text_table_print(table, stdout,
		    &(struct text_table_form){ .bold = "", .plain = "" });
	return fflush(stdout) != 0 ? COMMAND_FAILED : status;
}

int
cmd_connections(int argc, char **argv)
{
	struct client client = { .command = "connections",
		.path = COMMAND_CONFIG_PATH,
		.asks_again = true };
	const char *service = NULL;
	int json = 0;
	const struct command_option options[] = {
		{ 'c', .word = &client.path },
		{ 's', .word = &client.socket },
		{ 'j', "json", .there = &json },
		{ .word = &service },
	};
	char request[MSG_REQUEST_MAX], socket[DAEMON_PLACE_MAX];
	int status = command_parse(
	    "connections", argc, argv, options, ARRAY_LEN(options));

	if (status != COMMAND_DONE)
		return status;
	if (service != NULL && (*service == '\0' || strpbrk(service, " \n")))
		return command_misused("connections", "that is no service");
	if ((size_t)snprintf(request, sizeof(request), "connections%s%s",
	        service != NULL ? " " : "",
	        service != NULL ? service : "") >= sizeof(request))
		return command_misused("connections", "that is no service");
	proc_step_back(NICENESS);
	status = client_locate(&client, socket);
	return status == COMMAND_DONE ? list(&client, request, json != 0)
	                              : status;
}
