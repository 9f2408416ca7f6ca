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

/* It runs; the disk is to know that before the peer does. */
static void
on_taken(void *arg, bool taken, const char *text)
{
	struct file_take *t = arg;

	free(t->fault);
	t->fault = taken ? NULL : strdup(text);
	t->back = file_disk_has_replaced(&t->disk);
	if (taken)
		file_disk_settle(&t->disk);
	else if (file_disk_is_busy(&t->disk))
		t->on_end(t->arg, false, text); /* it was told to go back */
	else
		file_disk_back(&t->disk);
}

static void
note_settled(struct file_take *t, const char *why)
{
	char path[MSG_PATH_MAX + 16] = "";

	if (why != NULL)
		log_error("supervisor",
		    "[reload] the file on disk is not the one that runs: %s: %s",
		    t->reload->setup.path, why);
	if (t->back)
		(void)snprintf(
		    path, sizeof(path), "%s.before", t->reload->setup.path);
	log_notice("supervisor",
	    "runs the file that the peer gave, the one before is %s",
	    *path != '\0' ? path : "the same");
	t->on_end(t->arg, true, path);
}

static void
note_failed(struct file_take *t, const char *why)
{
	const char *fault = t->fault != NULL ? t->fault : "memory is out";

	if (why == NULL)
		t->on_end(t->arg, false, fault);
	else
		tell_apart(t, fault, "the file before was not put back", why);
}

static void
put(void *arg, const struct reload_file *f)
{
	struct file_take *t = arg;

	t->reloads = !t->same;
	file_disk_put(&t->disk, f->text, f->len);
}

static void
note_put(struct file_take *t, const char *why)
{
	const char *fault = why != NULL ? refuse(t, why) : NULL;

	if (t->reloads)
		reload_kept(t->reload, fault);
	else
		on_taken(t, fault == NULL, fault != NULL ? fault : "");
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
	tell_of_it(t);
	t->undoes = false;
	if (file_disk_is_busy(&t->disk))
		t->on_end(t->arg, false,
		    refuse(t, "its disk has not answered since the last file"));
	else if (!keep_running(t))
		t->on_end(t->arg, false, "memory is out" UNCHANGED);
	else if (t->same)
		put(t, &t->file);
	else
		reload_run_unkept(t->reload, &t->file, put, on_taken, t);
}

/* -- and back ----------------------------------------------------------- */

static void
put_back(void *arg, const struct reload_file *f)
{
	struct file_take *t = arg;

	t->reloads = f != NULL;
	t->back = file_disk_has_replaced(&t->disk);
	file_disk_back(&t->disk);
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
		    file_disk_is_busy(&t->disk) ? "as soon as it answers"
		                                : "put back");
	else
		t->on_end(t->arg, taken, text);
}

static void
note_back(struct file_take *t, const char *why)
{
	const char *fault = why != NULL ? refuse(t, why) : NULL;

	/* A disk that is late has it in the end; one that fails has not. */
	t->back = t->back && (why == NULL || file_disk_is_busy(&t->disk));
	if (t->reloads)
		reload_kept(t->reload, fault);
	else
		on_undone(t, fault == NULL, fault != NULL ? fault : "");
}

void
file_take_undo(struct file_take *t)
{
	char *text = t->before;

	t->undoes = true;
	t->back = false;
	t->before = NULL;
	reload_file_fini(&t->file);
	if (file_disk_is_busy(&t->disk)) {
		free(text);
		t->on_end(t->arg, false,
		    refuse(t, "its disk has not answered since it took it"));
		return;
	}
	if (text == NULL) { /* the disk has it, and that is all */
		put_back(t, NULL);
		return;
	}
	switch (reload_file_check(&t->file, t->reload->setup.path, text,
	    t->before_len, now(t)->setup.config)) {
	case RELOAD_FILE_SAME:
		put_back(t, NULL);
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

bool
file_take_stays(const struct file_take *t)
{
	return file_disk_has_replaced(&t->disk) ||
	    (file_disk_is_busy(&t->disk) && t->back);
}

/* -- life --------------------------------------------------------------- */

static void
on_disk(void *arg, enum file_disk_job job, const char *why)
{
	struct file_take *t = arg;

	switch (job) {
	case FILE_DISK_PUT:
		note_put(t, why);
		break;
	case FILE_DISK_SETTLE:
		note_settled(t, why);
		break;
	case FILE_DISK_BACK:
		if (t->undoes)
			note_back(t, why);
		else
			note_failed(t, why);
		break;
	}
}

void
file_take_init(struct file_take *t, struct reload *reload,
    file_take_end_fn *on_end, void *arg)
{
	*t = (struct file_take){
		.reload = reload, .on_end = on_end, .arg = arg
	};
	file_disk_init(&t->disk, reload->loop, reload->setup.path, on_disk, t);
}

void
file_take_drop(struct file_take *t)
{
	free_str(&t->before);
	free_str(&t->fault);
	reload_file_fini(&t->file);
	file_disk_close(&t->disk);
}

void
file_take_fini(struct file_take *t)
{
	if (t->reload == NULL)
		return;
	file_take_drop(t);
	file_disk_fini(&t->disk);
}
