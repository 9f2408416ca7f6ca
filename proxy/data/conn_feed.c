#include "proxy/data/conn_feed.h"

#include "config/config.h"
#include "core/msg.h"

#include <errno.h>
#include <ev.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Failover reads within a turn of its loop; a full channel is a stall. */
#define RETRY_S 0.002

/* The least records that a chunk holds, of the largest kind; and some more. */
#define CHUNK_RECORDS 40
#define CHUNKS_MORE 64

STAILQ_HEAD(chunks, conn_feed_chunk);

struct conn_feed {
	struct conn_feed_setup setup;
	ev_async pushed;
	ev_timer retry;
	int channel; /* borrowed: the relay's; -1: nobody listens */
	bool owes_begin;
	unsigned n_last; /* chunks of this epoch that said so */
	size_t n_max;

	atomic_uint epoch;
	pthread_mutex_t lock;
	/* Under it: */
	struct chunks queue;
	size_t n_queued;
	bool open, overflowed;
};

static void
free_chunks(struct chunks *list)
{
	struct conn_feed_chunk *c;

	while ((c = STAILQ_FIRST(list)) != NULL) {
		STAILQ_REMOVE_HEAD(list, link);
		free(c);
	}
}

/*
 * Returns whether it went out; else there is another try, or an end. Half of
 * the channel stays free: what else the relay says is short, and cannot wait.
 */
static bool
send_one(struct conn_feed *f, enum msg_type type, const void *body, size_t len)
{
	int e = -EAGAIN;

	if (channel_has_room(f->channel))
		e = channel_send(f->channel, (uint16_t)type, body, len, -1);

	if (e == -EAGAIN)
		ev_timer_again(f->setup.loop, &f->retry);
	else if (e < 0)
		conn_feed_stop(f);
	return e == 0;
}

/* The oldest chunk; NULL where there is none. */
static struct conn_feed_chunk *
next_chunk(struct conn_feed *f)
{
	struct conn_feed_chunk *c;

	(void)pthread_mutex_lock(&f->lock);
	c = STAILQ_FIRST(&f->queue);
	if (c != NULL) {
		STAILQ_REMOVE_HEAD(&f->queue, link);
		f->n_queued--;
	}
	(void)pthread_mutex_unlock(&f->lock);
	return c;
}

static void
put_back(struct conn_feed *f, struct conn_feed_chunk *c)
{
	(void)pthread_mutex_lock(&f->lock);
	STAILQ_INSERT_HEAD(&f->queue, c, link);
	f->n_queued++;
	(void)pthread_mutex_unlock(&f->lock);
}

static bool
send_chunks(struct conn_feed *f)
{
	struct conn_feed_chunk *c;

	while ((c = next_chunk(f)) != NULL) {
		if (c->len > 0 &&
		    !send_one(f, MSG_CONNECTIONS, c->bytes, c->len)) {
			if (f->channel != -1)
				put_back(f, c);
			else
				free(c);
			return false;
		}
		f->n_last += c->last;
		free(c);
	}
	return true;
}

static void
pump(struct conn_feed *f)
{
	ev_timer_stop(f->setup.loop, &f->retry);
	if (f->channel == -1)
		return;
	if (f->owes_begin) {
		if (!send_one(f, MSG_CONNECTIONS_BEGIN, NULL, 0))
			return;
		f->owes_begin = false;
	}
	if (!send_chunks(f))
		return;
	if (f->n_last == f->setup.n_workers &&
	    send_one(f, MSG_CONNECTIONS_END, NULL, 0))
		f->n_last = 0;
}

static void
on_pushed(struct ev_loop *loop, ev_async *async, int revents)
{
	struct conn_feed *f = CONTAINER_OF(async, struct conn_feed, pushed);
	bool overflowed;

	(void)pthread_mutex_lock(&f->lock);
	overflowed = f->overflowed;
	(void)pthread_mutex_unlock(&f->lock);
	if (overflowed)
		conn_feed_begin(f, f->channel);
	else
		pump(f);
}

static void
on_retry(struct ev_loop *loop, ev_timer *t, int revents)
{
	pump(CONTAINER_OF(t, struct conn_feed, retry));
}

struct conn_feed *
conn_feed_new(const struct conn_feed_setup *setup)
{
	struct conn_feed *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->setup = *setup;
	f->channel = -1;
	f->n_max = setup->max_connections / CHUNK_RECORDS + CHUNKS_MORE +
	    setup->n_workers;
	STAILQ_INIT(&f->queue);
	(void)pthread_mutex_init(&f->lock, NULL);
	ev_async_init(&f->pushed, on_pushed);
	ev_async_start(setup->loop, &f->pushed);
	ev_timer_init(&f->retry, on_retry, 0., RETRY_S);
	return f;
}

void
conn_feed_free(struct conn_feed *f)
{
	if (f == NULL)
		return;
	conn_feed_stop(f);
	ev_async_stop(f->setup.loop, &f->pushed);
	(void)pthread_mutex_destroy(&f->lock);
	free(f);
}

/* Nothing of before is told any more. */
static void
forget(struct conn_feed *f, bool open)
{
	(void)pthread_mutex_lock(&f->lock);
	f->open = open;
	f->overflowed = false;
	atomic_fetch_add(&f->epoch, 1);
	free_chunks(&f->queue);
	f->n_queued = 0;
	(void)pthread_mutex_unlock(&f->lock);
	f->n_last = 0;
}

void
conn_feed_begin(struct conn_feed *f, int channel)
{
	f->channel = channel;
	f->owes_begin = true;
	forget(f, true);
	pump(f);
	f->setup.wake(f->setup.arg);
}

void
conn_feed_stop(struct conn_feed *f)
{
	ev_timer_stop(f->setup.loop, &f->retry);
	f->channel = -1;
	forget(f, false);
}

unsigned
conn_feed_epoch(const struct conn_feed *f)
{
	return atomic_load(&f->epoch);
}

void
conn_feed_push(struct conn_feed *f, struct conn_feed_chunk *chunk)
{
	bool taken = false, overflowed;

	(void)pthread_mutex_lock(&f->lock);
	if (chunk == NULL || f->n_queued >= f->n_max) {
		f->overflowed = f->open;
	} else if (f->open && chunk->epoch == atomic_load(&f->epoch)) {
		STAILQ_INSERT_TAIL(&f->queue, chunk, link);
		f->n_queued++;
		taken = true;
	}
	overflowed = f->overflowed;
	(void)pthread_mutex_unlock(&f->lock);
	if (!taken)
		free(chunk);
	if (taken || overflowed)
		ev_async_send(f->setup.loop, &f->pushed);
}

bool
conn_feed_is_virtual(const struct conn_feed *f, const union addr *a)
{
	const struct config_pair *pair = &f->setup.config->pair;

	for (size_t i = 0; i < pair->n_groups; i++) {
		const struct config_group *g = &pair->groups[i];

		for (size_t k = 0; k < g->n_addresses; k++)
			if (addr_is_same_ip(&g->addresses[k].addr, a))
				return true;
	}
	return false;
}
