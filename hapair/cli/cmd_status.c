#include "core/json_doc.h"
#include "core/proc.h"
#include "hapair/cli/client.h"
#include "hapair/cli/command.h"
#include "hapair/cli/daemon_place.h"
#include "hapair/cli/screen.h"
#include "hapair/cli/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WATCH_S 2.
#define WATCH_LEAST_S 0.2
#define WATCH_MOST_S 86400.

/* Home; to the end of the line; to the end of the screen. */
#define HOME "\033[H"
#define REST_OF_LINE "\033[K"
#define REST_OF_SCREEN "\033[J"
#define PLAIN "\033[0m"

static struct show_view
view_of(const struct screen *s, const struct json_doc *before)
{
	return (struct show_view){
		.width = s->width, .colour = s->colour, .before = before
	};
}

/*
 * How it is, and what has happened last, which is the supervisor's to tell. An
 * older daemon does not know of that. `form`: see print().
 */
static int
ask(const struct client *client, int form, struct json_doc **ret_status)
{
	CLEANUP(json_doc_free_at) struct json_doc *last = NULL;
	const int status = client_ask(client, "status", ret_status);

	if (status != COMMAND_DONE || form == 'h')
		return status;
	last = client_ask_quietly(client, "events last");
	json_doc_put_copy(*ret_status, "events", json_doc_get(last, "events"));
	return COMMAND_DONE;
}

static int
health(const struct json_doc *d)
{
	return json_doc_bool(d, "healthy") ? COMMAND_DONE : COMMAND_FAILED;
}

/* `form`: the letter of --json or --short, or neither. */
static int
print(int form, const struct json_doc *d)
{
	const struct screen screen = screen_look();
	const struct show_view view = view_of(&screen, NULL);
	CLEANUP(free_str) char *pretty = NULL;

	if (form == 'j') {
		pretty = json_doc_text_ascii(d);
		(void)puts(pretty != NULL ? pretty : "");
	} else if (form == 'h') {
		show_short(d, stdout);
	} else {
		show_status(d, &view, stdout);
	}
	return fflush(stdout) != 0 ? COMMAND_FAILED : health(d);
}

/* -- --watch ------------------------------------------------------------ */

/* In place: what was there is written over, line by line, and nothing flickers.
 */
static void
draw(const struct screen *s, const char *text)
{
	unsigned room = s->height > 1 ? s->height - 1 : 0;

	(void)fputs(HOME, stdout);
	while (*text != '\0' && (s->height == 0 || room > 0)) {
		const size_t len = strcspn(text, "\n");

		(void)printf("%.*s" REST_OF_LINE "\n", (int)len, text);
		text += len + (text[len] == '\n');
		room--;
	}
	/* What is cut may have been about to end a colour. */
	(void)fputs(strchr(text, '\033') != NULL ? PLAIN : "", stdout);
	(void)fputs(*text != '\0' ? "…" : "", stdout);
	(void)fputs(REST_OF_LINE REST_OF_SCREEN, stdout);
}

static void
show_once(const struct json_doc *d, const struct json_doc *before)
{
	const struct screen screen = screen_look();
	const struct show_view view = view_of(&screen, before);
	CLEANUP(free_str) char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		return;
	show_status(d, &view, f);
	if (fclose(f) != 0)
		return;
	if (screen.is_terminal)
		draw(&screen, text);
	else
		(void)printf("%s\n", text);
}

/* Until somebody ends it, or nobody reads it any more. */
static int
watch(const struct client *client, double seconds)
{
	const struct timespec pause = { .tv_sec = (time_t)seconds,
		.tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9) };
	CLEANUP(json_doc_free_at) struct json_doc *before = NULL;
	bool fails = false; /* it did, the last time */

	/* For as long as somebody looks, beside those who are served. */
	proc_step_back(0);
	for (;;) {
		struct json_doc *d = NULL;

		/* What it was before is not to be taken for what it is. */
		if (fails && isatty(STDOUT_FILENO))
			(void)fputs(HOME REST_OF_SCREEN, stdout);
		if (fails)
			(void)fflush(stdout);
		fails = ask(client, 0, &d) != COMMAND_DONE;
		if (!fails) {
			show_once(d, before);
			json_doc_free_at(&before);
			before = d;
		}
		if (fflush(stdout) != 0)
			return COMMAND_FAILED;
		(void)nanosleep(&pause, NULL);
	}
}

/* Once: what is wrong with the file is said once, however often is asked. */
static int
find_place(struct client *client, char place[static DAEMON_PLACE_MAX])
{
	int status;

	if (client->socket != NULL)
		return COMMAND_DONE;
	status = daemon_place_find("status", client->path, true, place);
	if (status == COMMAND_DONE)
		client->socket = place;
	return status;
}

/* NULL: the default. */
static bool
parse_seconds(const char *word, double *ret_seconds)
{
	char *end;

	*ret_seconds = WATCH_S;
	if (word == NULL)
		return true;
	*ret_seconds = strtod(word, &end);
	return end != word && *end == '\0' && *ret_seconds >= WATCH_LEAST_S &&
	    *ret_seconds <= WATCH_MOST_S;
}

int
cmd_status(int argc, char **argv)
{
	struct client client = { .command = "status",
		.path = COMMAND_CONFIG_PATH,
		.asks_again = true };
	const char *word = NULL;
	char place[DAEMON_PLACE_MAX];
	int form = 0, watches = 0;
	double seconds;
	const struct command_option options[] = {
		{ 'c', .word = &client.path },
		{ 's', .word = &client.socket },
		{ 'j', "json", .there = &form },
		{ 'h', "short", .there = &form },
		{ 'w', "watch", .there = &watches },
		{ .word = &word },
	};
	CLEANUP(json_doc_free_at) struct json_doc *d = NULL;
	int status =
	    command_parse("status", argc, argv, options, ARRAY_LEN(options));

	client.keeps_text = form == 'j';
	if (status != COMMAND_DONE)
		return status;
	if (watches == 0 && word != NULL)
		return command_misused("status", "'%s' is not expected", word);
	if (watches != 0 && form != 0)
		return command_misused("status",
		    "--watch draws for people: it goes with neither --json nor --short");
	if (!parse_seconds(word, &seconds))
		return command_misused("status",
		    "'%s': --watch takes seconds, from 0.2 to 86400", word);
	status = find_place(&client, place);
	if (status != COMMAND_DONE)
		return status;
	if (watches != 0)
		return watch(&client, seconds);
	status = ask(&client, form, &d);
	return status == COMMAND_DONE ? print(form, d) : status;
}
