#include "proxy/control/status_writer.h"

#include "core/fd.h"
#include "core/proc.h"
#include "core/reply.h"
#include "proxy/control/status_collect.h"

#include <ev.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>

/* As many texts as may be in memory. */
#define JOBS_MAX 64

struct job {
	int socket;
	struct status_collect_snapshot *snapshot;
	char *text;
	STAILQ_ENTRY(job) link;
};

STAILQ_HEAD(jobs, job);

struct status_writer {
	struct ev_loop *loop; /* borrowed */
	ev_async written;
	pthread_t thread;
	bool started;
	unsigned n_jobs;
	/* Under the lock: */
	pthread_mutex_t lock;
	pthread_cond_t more;
	bool stop;
	struct jobs waiting, done;
};

static void
job_free(struct job *j)
{
	fd_close(&j->socket);
	status_collect_free(j->snapshot);
	free(j->text);
	free(j);
}

/* Under the lock. NULL: it is over. */
static struct job *
next(struct status_writer *w)
{
	struct job *j;

	while (!w->stop && STAILQ_EMPTY(&w->waiting))
		(void)pthread_cond_wait(&w->more, &w->lock);
	if (w->stop)
		return NULL;
	j = STAILQ_FIRST(&w->waiting);
	STAILQ_REMOVE_HEAD(&w->waiting, link);
	return j;
}

static void *
writer_main(void *arg)
{
	struct status_writer *w = arg;
	struct job *j;

	proc_set_name("relay-status");
	(void)pthread_mutex_lock(&w->lock);
	while ((j = next(w)) != NULL) {
		(void)pthread_mutex_unlock(&w->lock);
		j->text = status_collect_text(j->snapshot);
		(void)pthread_mutex_lock(&w->lock);
		STAILQ_INSERT_TAIL(&w->done, j, link);
		ev_async_send(w->loop, &w->written);
	}
	(void)pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void
on_written(struct ev_loop *loop, ev_async *async, int revents)
{
	struct status_writer *w =
	    CONTAINER_OF(async, struct status_writer, written);
	struct jobs done = STAILQ_HEAD_INITIALIZER(done);
	struct job *j;

	(void)pthread_mutex_lock(&w->lock);
	STAILQ_CONCAT(&done, &w->done);
	(void)pthread_mutex_unlock(&w->lock);
	while ((j = STAILQ_FIRST(&done)) != NULL) {
		STAILQ_REMOVE_HEAD(&done, link);
		w->n_jobs--;
		reply_send(loop, &j->socket, j->text);
		j->text = NULL;
		job_free(j);
	}
}

struct status_writer *
status_writer_new(struct ev_loop *loop)
{
	struct status_writer *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->loop = loop;
	STAILQ_INIT(&w->waiting);
	STAILQ_INIT(&w->done);
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->more, NULL);
	ev_async_init(&w->written, on_written);
	ev_async_start(loop, &w->written);
	return w;
}

static bool
start(struct status_writer *w)
{
	w->started =
	    w->started || proc_start_thread(&w->thread, 0, writer_main, w) == 0;
	return w->started;
}

void
status_writer_answer(struct status_writer *w, int *socket,
    struct status_collect_snapshot *snapshot)
{
	struct job *j = NULL;

	if (snapshot != NULL && w->n_jobs < JOBS_MAX && start(w))
		j = calloc(1, sizeof(*j));
	if (j == NULL) {
		reply_error(w->loop, socket,
		    w->n_jobs < JOBS_MAX ? "out of memory"
		                         : "too many requests at once");
		status_collect_free(snapshot);
		return;
	}
	j->socket = fd_take(socket);
	j->snapshot = snapshot;
	w->n_jobs++;
	(void)pthread_mutex_lock(&w->lock);
	STAILQ_INSERT_TAIL(&w->waiting, j, link);
	(void)pthread_cond_signal(&w->more);
	(void)pthread_mutex_unlock(&w->lock);
}

static void
drop_all(struct jobs *jobs)
{
	struct job *j;

	while ((j = STAILQ_FIRST(jobs)) != NULL) {
		STAILQ_REMOVE_HEAD(jobs, link);
		job_free(j);
	}
}

void
status_writer_free(struct status_writer *w)
{
	if (w == NULL)
		return;
	(void)pthread_mutex_lock(&w->lock);
	w->stop = true;
	(void)pthread_cond_signal(&w->more);
	(void)pthread_mutex_unlock(&w->lock);
	if (w->started)
		(void)pthread_join(w->thread, NULL);
	ev_async_stop(w->loop, &w->written);
	drop_all(&w->waiting);
	drop_all(&w->done);
	(void)pthread_cond_destroy(&w->more);
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
}
