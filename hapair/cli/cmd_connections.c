#include "core/json_doc.h"
#include "core/msg.h"
#include "core/proc.h"
#include "core/text/json_line.h"
#include "hapair/cli/client_lines.h"
#include "hapair/cli/client_lingering.h"
#include "hapair/cli/command.h"
#include "hapair/cli/daemon_place.h"
#include "hapair/cli/screen.h"
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

/* So many rows are printed at once, with columns of the same widths. */
#define ROWS_AT_ONCE 1000

/* What is shown of a connection, in the order in which it comes. */
enum field {
	ID,
	CLIENT,
	SERVICE,
	SERVER,
	STATE,
	AGE,
	IDLE,
	IN,
	OUT,
	PATH,
	PROTECTED,
	LINGERING,
	FIELDS,
};

static const char *const keys[FIELDS] = { "id", "client", "service", "server",
	"state", "age_ms", "idle_ms", "in", "out", "path", "protected",
	"lingering" };

struct listing {
	bool json;
	size_t n;
	struct text_table *table; /* else */
	struct text_table_form form;
	struct client_lines lines; /* how they come here */
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
put_text(struct text_table *t, const char *text)
{
	text_table_put(t, text, strlen(text));
}

/* The file may not have them any more. */
static void
put_server(struct text_table *t, const struct json_line_value *v)
{
	static const struct json_line_value none = { "-", 1 };
	const struct json_line_value *service =
	    v[SERVICE].len > 0 ? &v[SERVICE] : &none;
	const struct json_line_value *server =
	    v[SERVER].len > 0 ? &v[SERVER] : &none;

	text_table_cell(t, "%.*s/%.*s", (int)service->len, service->at,
	    (int)server->len, server->at);
}

/* How its bytes go, where they do. */
static void
put_path(struct text_table *t, const struct json_line_value *v)
{
	const struct json_line_value *path =
	    json_line_is(&v[STATE], "open") ? &v[PATH] : &v[STATE];

	text_table_cell(t, "%.*s%s%s", (int)path->len,
	    path->at != NULL ? path->at : "",
	    json_line_is(&v[LINGERING], "true") ? ", lingering" : "",
	    json_line_is(&v[PATH], "kernel") &&
	            !json_line_is(&v[PROTECTED], "true")
	        ? ", unprotected"
	        : "");
}

static void
put_row(struct listing *l, const struct json_line_value v[static FIELDS])
{
	struct text_table *t = l->table;
	char buf[SHORT];

	text_table_put(t, v[ID].at, v[ID].len);
	text_table_put(
	    t, v[CLIENT].at != NULL ? v[CLIENT].at : "", v[CLIENT].len);
	put_server(t, v);
	put_text(t, span_text(json_line_int(&v[AGE]), buf));
	put_text(t, span_text(json_line_int(&v[IDLE]), buf));
	put_text(t, bytes_text(json_line_int(&v[IN]), buf));
	put_text(t, bytes_text(json_line_int(&v[OUT]), buf));
	put_path(t, v);
	text_table_end_row(t);
	if (l->n % ROWS_AT_ONCE == 0)
		text_table_flush(t, stdout, &l->form);
}

/* A comma before the second and all that follow. */
static void
put_json(const struct listing *l, const char *line, size_t len)
{
	(void)fputs(l->n > 1 ? ",\n  " : HEAD "\n  ", stdout);
	(void)fwrite(line, 1, len, stdout);
}

/* As nearly all are: nothing in it is for a terminal to be afraid of. */
static bool
on_raw_line(void *arg, const char *line, size_t len)
{
	struct listing *l = arg;
	struct json_line_value values[FIELDS];

	if (!json_line_read(line, len, keys, FIELDS, values) ||
	    values[ID].at == NULL)
		return false;
	l->n++;
	if (l->json)
		put_json(l, line, len);
	else
		put_row(l, values);
	return true;
}

static struct json_line_value
value_of(const char *text)
{
	return (struct json_line_value){ text, strlen(text) };
}

/* Any other one, which may be an earlier daemon's. */
static void
on_line(void *arg, const struct json_doc *line)
{
	struct listing *l = arg;
	const struct json_doc *bytes = json_doc_get(line, "bytes");
	struct json_line_value values[FIELDS];
	char numbers[FIELDS][SHORT];
	CLEANUP(free_str) char *text = NULL;

	l->n++;
	if (l->json) {
		text = json_doc_text(line, false);
		put_json(l, text != NULL ? text : "null",
		    strlen(text != NULL ? text : "null"));
		return;
	}
	for (size_t i = 0; i < FIELDS; i++)
		values[i] = value_of(json_doc_string(line, keys[i]));
	for (size_t i = AGE; i <= OUT; i++) {
		(void)snprintf(numbers[i], SHORT, "%" PRId64,
		    json_doc_int(i >= IN ? bytes : line, keys[i]));
		values[i] = value_of(numbers[i]);
	}
	for (size_t i = PROTECTED; i <= LINGERING; i++)
		values[i] =
		    value_of(json_doc_bool(line, keys[i]) ? "true" : "false");
	put_row(l, values);
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
		    client_lingering_request(i, request, line), &l->lines);
		if (status != COMMAND_DONE && !odd.unknown && !odd.busy)
			return status;
		/* One that has ended has no rows; one with some has more. */
		if (odd.busy && l->n > before)
			return refuse(&odd);
		known = known || status == COMMAND_DONE;
		odd = (struct client_odd){ 0 };
	}
	status = client_lines_ask(known ? &quiet : client, request, &l->lines);
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

	l.lines = (struct client_lines){
		.raw = on_raw_line, .call = on_line, .arg = &l
	};
	l.form = (struct text_table_form){ .bold = "",
		.plain = "",
		.width = screen_look().width,
		.address = 1 + CLIENT };
	if (!json)
		l.table = table = text_table_new("ID", "CLIENT", "SERVER",
		    "AGE", "IDLE", "IN", "OUT", "PATH", NULL);
	status = list_all(client, request, &l);
	/* Half a list stays without its end: nobody reads it as a whole one. */
	if (json && status == COMMAND_DONE)
		(void)puts(l.n > 0 ? "\n]}" : HEAD "]}");
	if (!json && (status == COMMAND_DONE || l.n > 0))
		text_table_flush(table, stdout, &l.form);
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
