#include "hapair/supervisor/event_log.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/json_doc.h"
#include "core/log.h"
#include "core/reply.h"
#include "core/wall_clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	OWN,
	PEER,
};

/* What comes meanwhile is written at once, then; at the end, the rest. */
#define WRITE_AFTER_S 2.

/*
 * Of those that `status` shows. Of one kind fewer: twenty servers of a host
 * that died leave room for the takeover before.
 */
#define LAST_MAX 6
#define LAST_OF_KIND 3

/* -- what is kept -------------------------------------------------------- */

/*
 * The one that makes room: of the kind that has the most. So servers that come
 * and go, or orders without end, drive out none but their own.
 */
static size_t
oldest(const struct event_file_list *list)
{
	size_t counts[UINT8_MAX + 1] = { 0 }, first = 0, most = 0;

	for (size_t i = list->n; i-- > 0;)
		counts[list->all[i].kind]++;
	for (size_t i = list->n; i-- > 0;)
		if (counts[list->all[i].kind] >= most) {
			most = counts[list->all[i].kind];
			first = i;
		}
	return first;
}

static void
remove_at(struct event_log *l, struct event_file_list *list, size_t i)
{
	list->n--;
	memmove(&list->all[i], &list->all[i + 1],
	    (list->n - i) * sizeof(*list->all));
	if (list == &l->lists[OWN] && l->told > i)
		l->told--;
}

static void
write_later(struct event_log *l)
{
	if (!l->write_owed)
		ev_timer_again(l->loop, &l->write);
	l->write_owed = true;
}

static void
write_now(struct event_log *l)
{
	char *text = event_file_text(l->lists);
	int e = text != NULL ? state_writer_put(&l->writer, text) : -ENOMEM;

	ev_timer_stop(l->loop, &l->write);
	l->write_owed = false;
	if (e < 0)
		log_error(
		    "events", "[state] cannot be written: %s", strerror(-e));
}

static void
on_write(struct ev_loop *loop, ev_timer *t, int revents)
{
	write_now(CONTAINER_OF(t, struct event_log, write));
}

/* -- what is told -------------------------------------------------------- */

static void
put(struct json_doc *doc, const struct event_log *l, unsigned whose,
    const struct event *e)
{
	char time[WALL_CLOCK_TEXT_MAX];

	json_doc_put_string(doc, "time", wall_clock_format(e->wall_ms, time));
	json_doc_put_int(doc, "id", (int64_t)e->id);
	json_doc_put_string(doc, "node", l->names[whose]);
	json_doc_put_string(doc, "kind", event_kind_name(e->kind));
	json_doc_put_string(doc, "subject", e->subject);
	json_doc_put_string(doc, "what", e->what);
	json_doc_put_string(doc, "reason", e->reason);
}

/* A line of JSON, with its end; malloc'd. */
static char *
line_of(const struct event_log *l, unsigned whose, const struct event *e)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = json_doc_new();
	CLEANUP(free_str) char *text = NULL;
	char *line = NULL;

	put(doc, l, whose, e);
	text = json_doc_text(doc, false);
	if (text != NULL && asprintf(&line, "%s\n", text) < 0)
		line = NULL;
	return line;
}

static void
add(struct event_log *l, unsigned whose, size_t at, const struct event *e)
{
	struct event_file_list *list = &l->lists[whose];
	CLEANUP(free_str) char *line = NULL;

	memmove(&list->all[at + 1], &list->all[at],
	    (list->n - at) * sizeof(*list->all));
	list->all[at] = *e;
	list->n++;
	if (event_feed_has_readers(&l->feed))
		line = line_of(l, whose, e);
	if (line != NULL)
		event_feed_tell(&l->feed, line);
	write_later(l);
}

void
event_log_add(struct event_log *l, enum event_kind kind, const char *subject,
    const char *what, const char *reason)
{
	struct event_file_list *list = &l->lists[OWN];
	struct event e = event_of(kind, subject, what, reason);

	if (list->n == EVENT_FILE_MAX)
		remove_at(l, list, oldest(list));
	e.wall_ms = wall_clock_now_ms();
	/* A moment, so that one that lost its file repeats none. */
	e.id = (uint64_t)e.wall_ms * 1000;
	if (list->n > 0 && e.id <= list->all[list->n - 1].id)
		e.id = list->all[list->n - 1].id + 1;
	add(l, OWN, list->n, &e);
}

/* -- the peer ------------------------------------------------------------ */

void
event_log_put(struct event_log *l, struct buf *b)
{
	const struct event_file_list *own = &l->lists[OWN];

	while (l->told < own->n && b->len - b->pos >= EVENT_BYTES_MAX)
		event_put(b, &own->all[l->told++]);
}

bool
event_log_has_news(const struct event_log *l)
{
	return l->told < l->lists[OWN].n;
}

void
event_log_forget_peer(struct event_log *l)
{
	l->told = 0;
}

static void
take_one(struct event_log *l, const struct event *e)
{
	struct event_file_list *list = &l->lists[PEER];
	size_t at = list->n;

	while (at > 0 && list->all[at - 1].id > e->id)
		at--;
	if (at > 0 && list->all[at - 1].id == e->id)
		return; /* told once more, over another wire */
	if (list->n == EVENT_FILE_MAX) {
		const size_t gone = oldest(list);

		if (at == 0)
			return;
		remove_at(l, list, gone);
		at -= gone < at ? 1 : 0;
	}
	add(l, PEER, at, e);
}

int
event_log_take(struct event_log *l, struct buf *b)
{
	struct event e;

	while (b->pos < b->len) {
		if (event_get(b, &e) < 0)
			return -EBADMSG;
		take_one(l, &e);
	}
	return 0;
}

/* -- operators ----------------------------------------------------------- */

/* Both, by time; each is in the order of its own clock already. */
static char *
all_lines(const struct event_log *l, const char *end)
{
	const struct event_file_list *a = &l->lists[OWN], *b = &l->lists[PEER];
	size_t i = 0, k = 0, len;
	char *text = NULL;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return NULL;
	while (i < a->n || k < b->n) {
		const bool own = k == b->n ||
		    (i < a->n && a->all[i].wall_ms <= b->all[k].wall_ms);
		CLEANUP(free_str)
		char *line = line_of(
		    l, own ? OWN : PEER, own ? &a->all[i++] : &b->all[k++]);

		(void)fputs(line != NULL ? line : "", out);
	}
	(void)fputs(end, out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* Whose is the latest of those that are left; some are. */
static unsigned
later(const struct event_log *l, const size_t left[static 2])
{
	if (left[OWN] == 0 || left[PEER] == 0)
		return left[OWN] > 0 ? OWN : PEER;
	return l->lists[OWN].all[left[OWN] - 1].wall_ms >=
	        l->lists[PEER].all[left[PEER] - 1].wall_ms
	    ? OWN
	    : PEER;
}

/* The last of both, the newest first. */
static char *
last_text(const struct event_log *l)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = json_doc_new();
	struct json_doc *list = json_doc_put_array(doc, "events");
	size_t left[] = { l->lists[OWN].n, l->lists[PEER].n };
	unsigned of_kind[UINT8_MAX + 1] = { 0 }, n = 0;

	while (n < LAST_MAX && left[OWN] + left[PEER] > 0) {
		const unsigned whose = later(l, left);
		const struct event *e = &l->lists[whose].all[--left[whose]];

		if (of_kind[e->kind]++ >= LAST_OF_KIND)
			continue;
		put(json_doc_put_object(list, NULL), l, whose, e);
		n++;
	}
	return json_doc_text(doc, false);
}

void
event_log_obey(struct event_log *l, const char *request, int *socket)
{
	if (strcmp(request, "events") == 0)
		reply_send(l->loop, socket, all_lines(l, "{\"end\": true}\n"));
	else if (strcmp(request, "events last") == 0)
		reply_send(l->loop, socket, last_text(l));
	else if (strcmp(request, "events follow") == 0)
		event_feed_join(&l->feed, socket, all_lines(l, ""), false);
	else
		reply_error(l->loop, socket,
		    "expected: events, events last, or events follow");
}

void
event_log_feed(struct event_log *l, int *socket)
{
	event_feed_join(&l->feed, socket, all_lines(l, ""), true);
}

/* -- life ---------------------------------------------------------------- */

int
event_log_init(struct event_log *l, struct ev_loop *loop, const char *directory)
{
	int e = 0;

	*l = (struct event_log){ .loop = loop, .names = { "", "" } };
	ev_timer_init(&l->write, on_write, 0., WRITE_AFTER_S);
	event_feed_init(&l->feed, loop);
	for (unsigned i = 0; i < 2; i++) {
		/* One more, while one is put in. */
		l->lists[i].all =
		    calloc(EVENT_FILE_MAX + 1, sizeof(*l->lists[i].all));
		if (l->lists[i].all == NULL)
			return -ENOMEM;
	}
	l->writer.name = EVENT_FILE_NAME;
	l->writer.directory = directory;
	if (directory != NULL)
		e = event_file_load(directory, l->lists);
	if (e < 0)
		log_warning("events",
		    "[state] %s/%s: %s, beginning without them", directory,
		    EVENT_FILE_NAME,
		    e == -EBADMSG ? "it is damaged" : strerror(-e));
	return 0;
}

void
event_log_go_on(struct event_log *l, const char *text, size_t len)
{
	if (len == 0)
		return;
	for (unsigned i = 0; i < 2; i++)
		l->lists[i].n = 0;
	if (event_file_parse(text, len, l->lists) < 0)
		log_warning("events",
		    "[state] what the program before has left is damaged, beginning without it");
	write_later(l);
}

void
event_log_follow(struct event_log *l, const struct config *config, int node)
{
	const bool alone = node == CONFIG_NO_NODE;

	l->names[OWN] = alone ? "" : config->pair.nodes[node].name;
	l->names[PEER] = alone ? "" : config->pair.nodes[1 - node].name;
}

void
event_log_fini(struct event_log *l)
{
	if (l->loop == NULL)
		return;
	if (l->write_owed)
		write_now(l);
	event_feed_fini(&l->feed);
	state_writer_fini(&l->writer);
	for (unsigned i = 0; i < 2; i++)
		free(l->lists[i].all);
	*l = (struct event_log){ .loop = NULL };
}
