#include "hapair/keeper.h"

#include "core/buf.h"
#include "core/chan.h"
#include "core/log.h"
#include "core/proc.h"
#include "hapair/child.h"
#include "hapair/statefile.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static void
load(struct keeper *k)
{
	int e = statefile_load(k->directory, &k->all);

	if (e == 0)
		return;
	log_error("state", "%s/%s: %s, beginning without it", k->directory,
	    STATEFILE_NAME, e == -EBADMSG ? "it is damaged" : strerror(-e));
	if (e != -EBADMSG)
		return;
	e = statefile_set_aside(k->directory);
	if (e < 0)
		log_error("state", "it cannot be set aside: %s", strerror(-e));
}

void
keeper_init(struct keeper *k)
{
	*k = (struct keeper){ .directory = statefile_directory() };
	load(k);
	if (k->all.n > 0)
		log_notice("state", "%zu accords read from %s/%s", k->all.n,
		    k->directory, STATEFILE_NAME);
}

static void
write_one(struct keeper *k, char *text, int *last)
{
	int e = statefile_write(k->directory, text, strlen(text));

	if (e < 0 && e != *last)
		log_error("state",
		    "%s/%s cannot be written: %s; it will not survive the end of both nodes",
		    k->directory, STATEFILE_NAME, strerror(-e));
	else if (e == 0 && *last < 0)
		log_notice("state", "%s/%s is written again", k->directory,
		    STATEFILE_NAME);
	*last = e;
	free(text);
}

static void *
writer_main(void *arg)
{
	struct keeper *k = arg;
	int last = 0;

	proc_set_name("hapair-state");
	(void)pthread_mutex_lock(&k->lock);
	while (k->text != NULL || !k->ends) {
		char *text = k->text;

		if (text == NULL) {
			(void)pthread_cond_wait(&k->wanted, &k->lock);
			continue;
		}
		k->text = NULL;
		(void)pthread_mutex_unlock(&k->lock);
		write_one(k, text, &last);
		(void)pthread_mutex_lock(&k->lock);
	}
	(void)pthread_mutex_unlock(&k->lock);
	return NULL;
}

/* Not before there is something to write: most daemons never have. */
static int
start(struct keeper *k)
{
	sigset_t all, before;
	int e;

	if (k->started)
		return 0;
	(void)pthread_mutex_init(&k->lock, NULL);
	(void)pthread_cond_init(&k->wanted, NULL);
	/* Signals are the main thread's business. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	e = pthread_create(&k->thread, NULL, writer_main, k);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	k->started = e == 0;
	return -e;
}

/* The newest alone: what waits to be written is replaced. */
static void
store(struct keeper *k)
{
	char *text = statefile_text(&k->all);
	int e = text != NULL ? start(k) : -ENOMEM;

	if (e < 0) {
		log_error("state", "cannot be written: %s", strerror(-e));
		free(text);
		return;
	}
	(void)pthread_mutex_lock(&k->lock);
	free(k->text);
	k->text = text;
	(void)pthread_cond_signal(&k->wanted);
	(void)pthread_mutex_unlock(&k->lock);
}

int
keeper_take(struct keeper *k, const struct chan_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	bool news = false;

	while (b.pos < b.len) {
		struct accord a;
		size_t index;

		if (accord_get(&b, &a) < 0)
			return -EBADMSG;
		news = accords_take(&k->all, &a, &index) > 0 || news;
	}
	if (news)
		store(k);
	return 0;
}

void
keeper_brief(const struct keeper *k, struct child *role)
{
	size_t next = 0;

	while (next < k->all.n) {
		uint8_t room[CHAN_BODY_MAX];
		struct buf b = buf_writer(room, sizeof(room));

		next = accords_put(&k->all, next, &b);
		child_send(role, MSG_ACCORDS, b.data, b.pos, -1);
	}
}

void
keeper_fini(struct keeper *k)
{
	if (k->started) {
		(void)pthread_mutex_lock(&k->lock);
		k->ends = true;
		(void)pthread_cond_signal(&k->wanted);
		(void)pthread_mutex_unlock(&k->lock);
		(void)pthread_join(k->thread, NULL);
	}
	accords_fini(&k->all);
}
