/*
 * How: what the thread works with is in a piece of memory of its own, with a
 * copy of the file's text and the state of the replacement, which comes back
 * with it. Whoever ends meanwhile leaves that to the thread. A flag under the
 * lock decides whether the end is still waited for, so a file that was given
 * up is never left in its place.
 */
#include "hapair/supervisor/file_disk.h"

#include "core/log.h"
#include "core/proc.h"
#include "core/timeout.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A disk that writes a file takes milliseconds; the rest is a busy host. */
#define PATIENCE_S 5

struct file_disk_work {
	pthread_t thread;
	enum file_disk_job job;
	char *path, *text;
	size_t len;
	struct file_replace replace;
	int error;
	char why[FILE_REPLACE_WHY_MAX];
	pthread_mutex_t lock;    /* of what follows */
	struct file_disk *owner; /* NULL: it has gone */
	bool given_up;           /* nobody waits for the end */
	bool done;               /* the thread touches nothing any more */
};

static void
work_free(struct file_disk_work *w)
{
	if (w == NULL)
		return;
	file_replace_close(&w->replace);
	(void)pthread_mutex_destroy(&w->lock);
	free(w->path);
	free(w->text);
	free(w);
}

/* -- the thread --------------------------------------------------------- */

static int
do_job(struct file_disk_work *w)
{
	int e = 0;

	switch (w->job) {
	case FILE_DISK_PUT:
		e = file_replace_prepare(
		    &w->replace, w->path, w->text, w->len, w->why);
		if (e == 0)
			e = file_replace_commit(&w->replace, w->why);
		break;
	case FILE_DISK_SETTLE:
		e = file_replace_settle(&w->replace, w->why);
		break;
	case FILE_DISK_BACK:
		e = file_replace_undo(&w->replace, w->why);
		break;
	}
	return e;
}

/* It was said that nothing has changed. */
static int
take_back(struct file_disk_work *w)
{
	int e;

	if (w->job != FILE_DISK_PUT)
		return w->error;
	e = file_replace_undo(&w->replace, w->why);
	file_replace_close(&w->replace);
	return e;
}

static void *
work_main(void *arg)
{
	struct file_disk_work *w = arg;
	bool back = false, is_owned;

	proc_set_name("hapair-file");
	w->error = do_job(w);
	(void)pthread_mutex_lock(&w->lock);
	while (w->given_up && !back) {
		(void)pthread_mutex_unlock(&w->lock);
		w->error = take_back(w);
		back = true;
		(void)pthread_mutex_lock(&w->lock);
	}
	w->done = true;
	is_owned = w->owner != NULL;
	if (is_owned)
		ev_async_send(w->owner->loop, &w->owner->ended);
	(void)pthread_mutex_unlock(&w->lock);
	if (!is_owned)
		work_free(w);
	return NULL;
}

/* -- whoever waits ------------------------------------------------------ */

/* Not under way any more; the caller frees. */
static struct file_disk_work *
collect(struct file_disk *d)
{
	struct file_disk_work *w = d->work;

	(void)pthread_join(w->thread, NULL);
	ev_timer_stop(d->loop, &d->patience);
	ev_async_stop(d->loop, &d->ended);
	d->work = NULL;
	d->replace = w->replace;
	w->replace = file_replace_none();
	if (d->closes)
		file_replace_close(&d->replace);
	d->closes = false;
	return w;
}

static void
tell_late(const struct file_disk *d, const struct file_disk_work *w)
{
	if (w->error < 0)
		log_error("supervisor",
		    "[reload] the disk has answered at last: %s: %s", d->path,
		    w->why);
	else
		log_warning("supervisor",
		    "[reload] the disk has answered at last: %s: %s", d->path,
		    w->job == FILE_DISK_SETTLE ? "a start takes this file"
		                               : "it is the one before");
}

static void
on_ended(struct ev_loop *loop, ev_async *a, int revents)
{
	struct file_disk *d = CONTAINER_OF(a, struct file_disk, ended);
	struct file_disk_work *w = d->work;
	const bool late = d->late;
	bool done;

	(void)pthread_mutex_lock(&w->lock);
	done = w->done;
	(void)pthread_mutex_unlock(&w->lock);
	if (!done)
		return;
	w = collect(d);
	d->late = false;
	if (late)
		tell_late(d, w);
	else
		d->on_end(d->arg, w->job, w->error < 0 ? w->why : NULL);
	work_free(w);
}

static void
on_patience(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct file_disk *d = CONTAINER_OF(t, struct file_disk, patience);
	struct file_disk_work *w = d->work;
	const char *const outcome = w->job == FILE_DISK_SETTLE
	    ? "keeps it"
	    : "has the file before again";
	char text[128];
	bool done;

	ev_timer_stop(loop, t);
	(void)pthread_mutex_lock(&w->lock);
	done = w->done;
	w->given_up = !done;
	(void)pthread_mutex_unlock(&w->lock);
	if (done)
		return; /* it is on its way here */
	d->late = true;
	(void)snprintf(text, sizeof(text),
	    "its disk has not answered in %d s, and %s when it does",
	    (int)d->patience_s, outcome);
	log_error("supervisor",
	    "[reload] %s: its disk has not answered in %d s, and %s when it does",
	    d->path, (int)d->patience_s, outcome);
	d->on_end(d->arg, w->job, text);
}

static struct file_disk_work *
work_new(
    struct file_disk *d, enum file_disk_job job, const char *text, size_t len)
{
	struct file_disk_work *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	(void)pthread_mutex_init(&w->lock, NULL);
	w->job = job;
	w->owner = d;
	w->replace = file_replace_none();
	w->path = strdup(d->path);
	w->len = len;
	w->text = malloc(len + 1);
	if (w->path == NULL || w->text == NULL) {
		work_free(w);
		return NULL;
	}
	memcpy(w->text, text, len);
	return w;
}

static void
begin(struct file_disk *d, enum file_disk_job job, const char *text, size_t len)
{
	struct file_disk_work *w = work_new(d, job, text, len);
	int e = -ENOMEM;

	assert(d->work == NULL);
	if (w != NULL) {
		w->replace = d->replace;
		ev_async_start(d->loop, &d->ended);
		e = proc_start_thread(&w->thread, 0, work_main, w);
	}
	if (e == 0) {
		d->work = w;
		d->replace = file_replace_none();
		timeout_arm(d->loop, &d->patience, d->patience_s);
		return;
	}
	if (w != NULL) {
		ev_async_stop(d->loop, &d->ended);
		w->replace = file_replace_none();
	}
	work_free(w);
	d->on_end(d->arg, job, strerror(-e));
}

void
file_disk_put(struct file_disk *d, const char *text, size_t len)
{
	begin(d, FILE_DISK_PUT, text, len);
}

void
file_disk_settle(struct file_disk *d)
{
	if (d->replace.mark == -1)
		d->on_end(d->arg, FILE_DISK_SETTLE, NULL);
	else
		begin(d, FILE_DISK_SETTLE, "", 0);
}

void
file_disk_back(struct file_disk *d)
{
	if (!d->replace.replaced)
		d->on_end(d->arg, FILE_DISK_BACK, NULL);
	else
		begin(d, FILE_DISK_BACK, "", 0);
}

bool
file_disk_is_busy(const struct file_disk *d)
{
	return d->work != NULL;
}

bool
file_disk_has_replaced(const struct file_disk *d)
{
	return d->replace.replaced;
}

void
file_disk_close(struct file_disk *d)
{
	if (d->work != NULL)
		d->closes = true;
	else
		file_replace_close(&d->replace);
}

/* -- life --------------------------------------------------------------- */

void
file_disk_init(struct file_disk *d, struct ev_loop *loop, const char *path,
    file_disk_end_fn *on_end, void *arg)
{
	*d = (struct file_disk){ .loop = loop,
		.path = path,
		.on_end = on_end,
		.arg = arg,
		.replace = file_replace_none(),
		.patience_s = PATIENCE_S };
	ev_async_init(&d->ended, on_ended);
	ev_init(&d->patience, on_patience);
}

/* What hangs is left to the process's end. */
static void
leave(struct file_disk_work *w)
{
	const pthread_t thread = w->thread;
	bool done;

	(void)pthread_mutex_lock(&w->lock);
	done = w->done;
	w->given_up = true;
	w->owner = NULL;
	(void)pthread_mutex_unlock(&w->lock);
	if (!done) { /* from here on it may be gone */
		(void)pthread_detach(thread);
		return;
	}
	(void)pthread_join(thread, NULL);
	work_free(w);
}

void
file_disk_fini(struct file_disk *d)
{
	if (d->loop == NULL)
		return;
	ev_timer_stop(d->loop, &d->patience);
	ev_async_stop(d->loop, &d->ended);
	if (d->work != NULL)
		leave(d->work);
	d->work = NULL;
	file_replace_close(&d->replace);
}
