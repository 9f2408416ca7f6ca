#include "hapair/supervisor/event_file.h"

#include "core/fd.h"
#include "core/json_doc.h"
#include "core/trusted_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define VERSION_OF_FILE 1
#define FILE_MAX ((size_t)4 * 1024 * 1024)

static void
put(struct json_doc *list, const struct event *e, bool own)
{
	struct json_doc *at = json_doc_put_object(list, NULL);

	json_doc_put_int(at, "id", (int64_t)e->id);
	json_doc_put_bool(at, "own", own);
	json_doc_put_int(at, "at", e->wall_ms);
	json_doc_put_string(at, "kind", event_kind_name(e->kind));
	json_doc_put_string(at, "subject", e->subject);
	json_doc_put_string(at, "what", e->what);
	json_doc_put_string(at, "reason", e->reason);
}

char *
event_file_text(const struct event_file_list lists[static 2])
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = json_doc_new();
	struct json_doc *list;

	json_doc_put_int(doc, "version", VERSION_OF_FILE);
	list = json_doc_put_array(doc, "events");
	for (unsigned i = 0; i < 2; i++)
		for (size_t k = 0; k < lists[i].n; k++)
			put(list, &lists[i].all[k], i == 0);
	return json_doc_text(doc, false);
}

static int
get(const struct json_doc *at, struct event_file_list *list)
{
	struct event e = event_of(
	    (enum event_kind)event_parse_kind(json_doc_string(at, "kind")),
	    json_doc_string(at, "subject"), json_doc_string(at, "what"),
	    json_doc_string(at, "reason"));

	e.id = (uint64_t)json_doc_int(at, "id");
	e.wall_ms = json_doc_int(at, "at");
	if (e.id == 0 || e.id > EVENT_ID_MAX || e.wall_ms < 0 ||
	    list->n == EVENT_FILE_MAX)
		return -EBADMSG;
	list->all[list->n++] = e;
	return 0;
}

int
event_file_parse(
    const char *text, size_t len, struct event_file_list lists[static 2])
{
	CLEANUP(json_doc_free_at)
	struct json_doc *doc = json_doc_parse(text, len);
	const struct json_doc *list = json_doc_get(doc, "events");
	int e = 0;

	if (json_doc_int(doc, "version") != VERSION_OF_FILE || list == NULL)
		return -EBADMSG;
	for (size_t i = 0; e == 0 && i < json_doc_count(list); i++) {
		const struct json_doc *at = json_doc_at(list, i);

		e = get(at, &lists[json_doc_bool(at, "own") ? 0 : 1]);
	}
	if (e < 0)
		lists[0].n = lists[1].n = 0;
	return e;
}

int
event_file_load(const char *directory, struct event_file_list lists[static 2])
{
	CLEANUP(fd_close) int fd = -1;
	CLEANUP(free_str) char *text = NULL;
	char path[PATH_MAX];
	size_t len;
	int e = snprintf(path, sizeof(path), "%s/" EVENT_FILE_NAME, directory);

	if (e < 0 || e >= PATH_MAX)
		return -ENAMETOOLONG;
	fd = trusted_path_open(path, TRUSTED_PATH_ROOTS, O_RDONLY, 0, NULL);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd_take(&fd);
	e = fd_read_all(fd, FILE_MAX, &text, &len);
	if (e < 0)
		return e == -EFBIG ? -EBADMSG : e;
	return event_file_parse(text, len, lists);
}
