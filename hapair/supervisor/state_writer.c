#include "hapair/supervisor/state_writer.h"

#include "core/log.h"
#include "core/proc.h"
#include "hapair/supervisor/state_file.h"

#include <stdlib.h>
#include <string.h>

static void
write_one(struct state_writer *w, char *text, int *last)
{
	const char *name = w->name != NULL ? w->name : STATE_FILE_NAME;
	int e = state_file_write(w->directory, name, text, strlen(text));

	if (e < 0 && e != *last)
		log_error("state",
		    "[state] %s/%s cannot be written: %s; it will not survive the end of both nodes",
		    w->directory, name, strerror(-e));
	else if (e == 0 && *last < 0)
		log_notice("state", "[state] %s/%s is written again",
		    w->directory, name);
	*last = e;
	free(text);
}

static void *
writer_main(void *arg)
{
	struct state_writer *w = arg;
	int last = 0;

	proc_set_name("hapair-state");
	(void)pthread_mutex_lock(&w->lock);
	while (w->text != NULL || !w->ends) {
		char *text = w->text;

		if (text == NULL) {
			(void)pthread_cond_wait(&w->wanted, &w->lock);
			continue;
		}
		w->text = NULL;
		(void)pthread_mutex_unlock(&w->lock);
		write_one(w, text, &last);
		(void)pthread_mutex_lock(&w->lock);
	}
	(void)pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* Not before there is something to write: most daemons never have. */
static int
start(struct state_writer *w)
{
	int e;

	if (w->started)
		return 0;
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->wanted, NULL);
	e = proc_start_thread(&w->thread, 0, writer_main, w);
	w->started = e == 0;
	return e;
}

int
state_writer_put(struct state_writer *w, char *text)
{
	int e = w->directory != NULL ? start(w) : 0;

	if (e < 0 || w->directory == NULL) {
		free(text);
		return e;
	}
	(void)pthread_mutex_lock(&w->lock);
	free(w->text);
	w->text = text;
	(void)pthread_cond_signal(&w->wanted);
	(void)pthread_mutex_unlock(&w->lock);
	return 0;
}

void
state_writer_fini(struct state_writer *w)
{
	if (!w->started)
		return;
	(void)pthread_mutex_lock(&w->lock);
	w->ends = true;
	(void)pthread_cond_signal(&w->wanted);
	(void)pthread_mutex_unlock(&w->lock);
	(void)pthread_join(w->thread, NULL);
}
