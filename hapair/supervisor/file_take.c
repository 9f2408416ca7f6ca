#include "hapair/supervisor/file_take.h"

#include "config/config.h"
#include "core/fd.h"
#include "core/log.h"
#include "hapair/supervisor/event_note.h"
#include "hapair/supervisor/reload.h"
#include "hapair/supervisor/state_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNCHANGED "; nothing was changed"

static const struct generation *
now(const struct file_take *t)
{
	return t->reload->change->now;
}

static const char *
refuse(struct file_take *t, const char *why)
{
	(void)snprintf(t->said, sizeof(t->said), "%s: %s" UNCHANGED,
	    t->reload->setup.path, why);
	return t->said;
}

/*
 * What runs and what is on disk are two files, and a restart would take the
 * other one. Behind why it came to that, which does not say so.
 */
static void
tell_apart(
    struct file_take *t, const char *fault, const char *how, const char *why)
{
	const char *end = strstr(fault, UNCHANGED);
	CLEANUP(free_str) char *text = NULL;

	log_error("supervisor",
	    "[reload] the file on disk is not the one that runs: %s: %s",
	    t->reload->setup.path, why);
	/* A peer that reads "nothing was changed" adds nothing of it. */
	if (asprintf(&text, "%.*s; %s: %s: %s",
	        end != NULL ? (int)(end - fault) : (int)strlen(fault), fault,
	        how, t->reload->setup.path, why) == -1)
		text = NULL;
	t->on_end(t->arg, false, text != NULL ? text : "memory is out");
}

/* -- the new file ------------------------------------------------------- */

/* The text that runs, to go back to; false: memory is out. */
static bool
keep_running(struct file_take *t)
{
	const int file = now(t)->file;
	struct stat st;

	free_str(&t->before);
	if (t->same)
		return true;
	if (fstat(file, &st) == -1)
		return false;
	t->before_len = (size_t)st.st_size;
	t->before = calloc(1, t->before_len + 1);
	return t->before != NULL &&
	    pread(file, t->before, t->before_len, 0) == (ssize_t)st.st_size;
}

static void
on_taken(void *arg, bool taken, const char *text)
{
	struct file_take *t = arg;
	char why[FILE_REPLACE_WHY_MAX], path[MSG_PATH_MAX + 16] = "";

	if (taken) {
		if (t->disk.replaced)
			(void)snprintf(path, sizeof(path), "%s.before",
			    t->reload->setup.path);
		log_notice("supervisor",
		    "runs the file that the peer gave, the one before is %s",
		    *path != '\0' ? path : "the same");
		t->on_end(t->arg, true, path);
	} else if (file_replace_undo(&t->disk, why) < 0) {
		tell_apart(t, text, "the file before was not put back", why);
	} else {
		t->on_end(t->arg, false, text);
	}
}

/* Waits for the disk: no earlier than it is asked to take the file. */
static const char *
put_on_disk(void *arg, const struct reload_file *f)
{
	struct file_take *t = arg;
	char why[FILE_REPLACE_WHY_MAX];

	if (file_replace_prepare(
	        &t->disk, t->reload->setup.path, f->text, f->len, why) == 0 &&
	    file_replace_commit(&t->disk, why) == 0)
		return NULL;
	return refuse(t, why);
}

/* Before anything is done: what it brings may be another log. */
static void
tell_of_it(struct file_take *t)
{
	CLEANUP(free_str)
	char *lines = t->same ? NULL : reload_file_lines(&t->file);
	char *save = NULL;
	const char *line = lines != NULL ? strtok_r(lines, "\n", &save) : NULL;

	event_note_file(now(t)->setup.store->setup.events);
	if (line == NULL)
		line = t->same ? "it means what runs" : "memory is out";
	do
		log_warning("supervisor",
		    "[reload] takes a file of the peer: %s", line);
	while (lines != NULL && (line = strtok_r(NULL, "\n", &save)) != NULL);
}

void
file_take_begin(struct file_take *t)
{
	const char *why;

	tell_of_it(t);
	if (!keep_running(t)) {
		on_taken(t, false, "memory is out" UNCHANGED);
	} else if (t->same) {
		why = put_on_disk(t, &t->file);
		on_taken(t, why == NULL, why != NULL ? why : "");
	} else {
		reload_run_unkept(
		    t->reload, &t->file, put_on_disk, on_taken, t);
	}
}

/* -- and back ----------------------------------------------------------- */

static const char *
put_back(void *arg, const struct reload_file *f)
{
	struct file_take *t = arg;
	char why[FILE_REPLACE_WHY_MAX];
	const bool was = t->disk.replaced;

	(void)f;
	if (file_replace_undo(&t->disk, why) < 0)
		return refuse(t, why);
	t->back = was;
	return NULL;
}

static void
on_undone(void *arg, bool taken, const char *text)
{
	struct file_take *t = arg;

	if (taken)
		log_notice("supervisor",
		    "runs the file before the peer's again, which the peer could not take itself");
	if (!taken && t->back)
		tell_apart(t, text,
		    "it runs the new file, but its disk has the one before, and a restart would take that",
		    "put back");
	else
		t->on_end(t->arg, taken, text);
}

/* The disk has it, and that is all there was to do. */
static void
undo_disk(struct file_take *t)
{
	const char *why = put_back(t, NULL);

	on_undone(t, why == NULL, why != NULL ? why : "");
}

void
file_take_undo(struct file_take *t)
{
	char *text = t->before;

	t->back = false;
	t->before = NULL;
	reload_file_fini(&t->file);
	if (text == NULL) {
		undo_disk(t);
		return;
	}
	switch (reload_file_check(&t->file, t->reload->setup.path, text,
	    t->before_len, now(t)->setup.config)) {
	case RELOAD_FILE_SAME:
		undo_disk(t);
		break;
	case RELOAD_FILE_CHANGED:
		reload_run_unkept(t->reload, &t->file, put_back, on_undone, t);
		break;
	case RELOAD_FILE_WRONG:
	case RELOAD_FILE_REFUSED:
		on_undone(t, false,
		    t->file.fault != NULL ? t->file.fault : "memory is out");
		break;
	}
}

/* -- life --------------------------------------------------------------- */

struct file_take
file_take_init(struct reload *reload, file_take_end_fn *on_end, void *arg)
{
	return (struct file_take){ .reload = reload,
		.on_end = on_end,
		.arg = arg,
		.disk = file_replace_none() };
}

void
file_take_drop(struct file_take *t)
{
	if (t->reload == NULL)
		return;
	free_str(&t->before);
	reload_file_fini(&t->file);
	file_replace_close(&t->disk);
}
