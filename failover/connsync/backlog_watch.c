#include "failover/connsync/backlog_watch.h"

#include "config/config.h"
#include "core/fd.h"
#include "core/mono.h"
#include "core/proc.h"
#include "core/timeout.h"
#include "failover/connsync/tcp_diag.h"

#include <errno.h>
#include <ev.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

/*
 * The kernel goes through tables that are as large as the machine's memory
 * allows: looking whether anybody waits takes 0.1 ms and more, and going
 * through all connections 5 ms and a microsecond for each. So the pauses are as
 * many times as long: a third of a percent of a processor, and two percent
 * while somebody waits. Of the thread's own time: a look that was preempted or
 * stopped in between has cost nobody anything. And two seconds at the most,
 * whatever it has cost: a takeover does not tell who came after the last look.
 */
#define PAUSE_MS 100
#define PAUSE_MAX_MS 2000
#define COUNT_PAUSES 300
#define WALK_PAUSES 50

/* All memory is locked: the usual 8 MiB of a thread's stack would be, too. */
#define STACK_BYTES (128 * 1024)

/* More wait nowhere, unless somebody has raised somaxconn by much. */
#define WAITING_MAX 20000

/* Told in one go, and again this much later: see conn_sync.c. */
#define CHANGES_A_TURN 500
#define TURN_MS 2

/* From the thread to the loop: all that has changed since the one before. */
struct news {
	STAILQ_ENTRY(news) link;
	size_t n, told;
	struct conn_record changes[];
};

/* Those who wait, in the order of their ids. */
struct crowd {
	size_t n, room;
	struct conn_record *who;
};

struct backlog_watch {
	struct ev_loop *loop;
	const struct config_pair *pair; /* borrowed: the configuration's */
	size_t max;
	const struct backlog_watch_calls *calls;
	void *arg;
	ev_async came;
	ev_timer turn; /* while there is more to tell */
	pthread_t thread;
	bool started;
	pthread_mutex_t lock; /* who waits for it lends its priority */
	pthread_cond_t end;
	/* Under it: */
	bool ending;
	STAILQ_HEAD(, news) news;
	/* The thread's: */
	int diag;
	struct crowd here, before;
};

/* Goes on to the next; NULL: no memory, so it is not known for now. */
static struct conn_record *
add(struct crowd *c)
{
	if (c->n == c->room) {
		const size_t room = c->room == 0 ? 64 : 2 * c->room;
		struct conn_record *more =
		    reallocarray(c->who, room, sizeof(*more));

		if (more == NULL)
			return NULL;
		c->who = more;
		c->room = room;
	}
	return &c->who[c->n++];
}

static bool
is_virtual(const struct config_pair *pair, const struct conn_record_end *local)
{
	const union addr a = conn_record_end_addr(local);

	for (size_t i = 0; i < pair->n_groups; i++)
		if (config_group_has(&pair->groups[i], &a))
			return true;
	return false;
}

static void
on_waiting(void *arg, const struct conn_record_end *local,
    const struct conn_record_end *remote, uint64_t cookie)
{
	struct backlog_watch *w = arg;
	struct conn_record *c;

	if (w->here.n == WAITING_MAX || !is_virtual(w->pair, local))
		return;
	c = add(&w->here);
	if (c != NULL)
		*c = (struct conn_record){ .client = *remote,
			.local = *local,
			.id = conn_record_waiting_id(cookie),
			.change = CONN_RECORD_OPENED };
}

static int
by_id(const void *a, const void *b)
{
	const struct conn_record *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* Asked of one id after the other, from the least. */
static bool
has(const struct crowd *c, size_t *at, uint64_t id)
{
	while (*at < c->n && c->who[*at].id < id)
		++*at;
	return *at < c->n && c->who[*at].id == id;
}

/*
 * Who waits no more, and then who does since: of them as many as there is room
 * for beside those that were told. The others are left out of `here`, and so
 * come the next time.
 */
static struct news *
compare(const struct crowd *before, struct crowd *here, size_t max)
{
	struct news *news = malloc(
	    sizeof(*news) + (before->n + here->n) * sizeof(news->changes[0]));
	size_t at = 0, kept = 0, told;

	if (news == NULL)
		return NULL;
	news->n = news->told = 0;
	for (size_t i = 0; i < before->n; i++) {
		if (has(here, &at, before->who[i].id))
			continue;
		news->changes[news->n] = before->who[i];
		news->changes[news->n++].change = CONN_RECORD_CLOSED;
	}
	told = before->n - news->n;
	at = 0;
	for (size_t i = 0; i < here->n; i++) {
		if (!has(before, &at, here->who[i].id)) {
			if (told == max)
				continue;
			told++;
			news->changes[news->n++] = here->who[i];
		}
		here->who[kept++] = here->who[i];
	}
	here->n = kept;
	return news;
}

static void
publish(struct backlog_watch *w, struct news *news)
{
	(void)pthread_mutex_lock(&w->lock);
	STAILQ_INSERT_TAIL(&w->news, news, link);
	(void)pthread_mutex_unlock(&w->lock);
	ev_async_send(w->loop, &w->came);
}

/* Who waits now is whom the next look is compared with. */
static void
note(struct backlog_watch *w)
{
	struct crowd swapped = w->before;
	struct news *news;

	if (w->here.n > 0)
		qsort(w->here.who, w->here.n, sizeof(w->here.who[0]), by_id);
	news = compare(&w->before, &w->here, w->max);
	if (news == NULL)
		return; /* against the one before, the next time */
	w->before = w->here;
	w->here = swapped;
	if (news->n > 0)
		publish(w, news);
	else
		free(news);
}

/* The processor's time that this thread has had. */
static int64_t
spent_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t
pause_after(int64_t look_us, int64_t pauses)
{
	const int64_t us = pauses * look_us;

	if (us < PAUSE_MS * 1000)
		return PAUSE_MS * 1000;
	return us < PAUSE_MAX_MS * 1000 ? us : PAUSE_MAX_MS * 1000;
}

/*
 * Who waits, where anybody does; `again`: somebody did the last time, too.
 * Returns whether anybody waits, and how long to pause.
 */
static bool
look(struct backlog_watch *w, bool again, int64_t *ret_pause_us)
{
	const int64_t begun_us = spent_us();
	unsigned waiting[] = { 0, 0 };
	bool anybody = false;
	int64_t pauses = COUNT_PAUSES;
	int e = tcp_diag_count_waiting(w->diag, AF_INET, &waiting[0]);

	if (e == 0)
		e = tcp_diag_count_waiting(w->diag, AF_INET6, &waiting[1]);
	if (e == 0)
		anybody = waiting[0] > 0 || waiting[1] > 0;
	w->here.n = 0;
	if (anybody && again) {
		pauses = WALK_PAUSES;
		if (waiting[0] > 0)
			e = tcp_diag_walk_waiting(
			    w->diag, AF_INET, on_waiting, w);
		if (e == 0 && waiting[1] > 0)
			e = tcp_diag_walk_waiting(
			    w->diag, AF_INET6, on_waiting, w);
	}
	if (e == 0 && (again || !anybody) && w->here.n + w->before.n > 0)
		note(w);
	*ret_pause_us = pause_after(spent_us() - begun_us, pauses);
	return anybody;
}

/* Until then, or until it shall end: then true. */
static bool
rest(struct backlog_watch *w, int64_t pause_us)
{
	const struct mono until = mono_add_us(mono_now(), pause_us);
	const struct timespec at = { .tv_sec = until.ns / 1000000000,
		.tv_nsec = until.ns % 1000000000 };
	bool ending;

	(void)pthread_mutex_lock(&w->lock);
	while (!w->ending &&
	    pthread_cond_timedwait(&w->end, &w->lock, &at) != ETIMEDOUT)
		;
	ending = w->ending;
	(void)pthread_mutex_unlock(&w->lock);
	return ending;
}

static void *
backlog_watch_main(void *arg)
{
	struct backlog_watch *w = arg;
	int64_t pause_us = 0;
	bool anybody = false;

	proc_set_name("hapair-backlog");
	do
		anybody = look(w, anybody, &pause_us);
	while (!rest(w, pause_us));
	return NULL;
}

static struct news *
first(struct backlog_watch *w)
{
	struct news *news;

	(void)pthread_mutex_lock(&w->lock);
	news = STAILQ_FIRST(&w->news);
	(void)pthread_mutex_unlock(&w->lock);
	return news;
}

static void
drop_first(struct backlog_watch *w, struct news *news)
{
	(void)pthread_mutex_lock(&w->lock);
	STAILQ_REMOVE_HEAD(&w->news, link);
	(void)pthread_mutex_unlock(&w->lock);
	free(news);
}

/* In portions, since the heartbeat is in this thread. */
static void
tell(struct backlog_watch *w)
{
	unsigned left = CHANGES_A_TURN;
	struct news *news;

	while ((news = first(w)) != NULL) {
		for (; left > 0 && news->told < news->n; left--)
			w->calls->changed(w->arg, &news->changes[news->told++]);
		if (news->told < news->n) {
			timeout_arm(w->loop, &w->turn, TURN_MS / 1e3);
			break;
		}
		drop_first(w, news);
	}
	w->calls->done(w->arg);
}

static void
on_came(struct ev_loop *loop, ev_async *a, int revents)
{
	tell(CONTAINER_OF(a, struct backlog_watch, came));
}

static void
on_turn(struct ev_loop *loop, ev_timer *t, int revents)
{
	tell(CONTAINER_OF(t, struct backlog_watch, turn));
}

static int
init_lock(pthread_mutex_t *lock)
{
	pthread_mutexattr_t attr;
	int e = -pthread_mutexattr_init(&attr);

	if (e < 0)
		return e;
	/* The thread may be preempted with it, and the heartbeat wait. */
	e = -pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	if (e == 0)
		e = -pthread_mutex_init(lock, &attr);
	(void)pthread_mutexattr_destroy(&attr);
	return e;
}

static int
init_end(pthread_cond_t *end)
{
	pthread_condattr_t attr;
	int e = -pthread_condattr_init(&attr);

	if (e < 0)
		return e;
	e = -pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (e == 0)
		e = -pthread_cond_init(end, &attr);
	(void)pthread_condattr_destroy(&attr);
	return e;
}

struct backlog_watch *
backlog_watch_new(struct ev_loop *loop, const struct config_pair *pair,
    size_t max, const struct backlog_watch_calls *calls, void *arg)
{
	struct backlog_watch *w = calloc(1, sizeof(*w));

	if (w == NULL || init_lock(&w->lock) < 0) {
		free(w);
		return NULL;
	}
	if (init_end(&w->end) < 0) {
		(void)pthread_mutex_destroy(&w->lock);
		free(w);
		return NULL;
	}
	w->loop = loop;
	w->pair = pair;
	w->max = max;
	w->calls = calls;
	w->arg = arg;
	w->diag = -1;
	STAILQ_INIT(&w->news);
	ev_async_init(&w->came, on_came);
	ev_set_priority(&w->came, EV_MINPRI);
	ev_init(&w->turn, on_turn);
	ev_set_priority(&w->turn, EV_MINPRI);
	return w;
}

int
backlog_watch_start(struct backlog_watch *w)
{
	int e;

	w->diag = tcp_diag_open();
	if (w->diag < 0)
		return w->diag;
	ev_async_start(w->loop, &w->came);
	e = proc_start_thread(&w->thread, STACK_BYTES, backlog_watch_main, w);
	w->started = e == 0;
	return e;
}

void
backlog_watch_free(struct backlog_watch *w)
{
	struct news *news;

	if (w == NULL)
		return;
	if (w->started) {
		(void)pthread_mutex_lock(&w->lock);
		w->ending = true;
		(void)pthread_cond_signal(&w->end);
		(void)pthread_mutex_unlock(&w->lock);
		(void)pthread_join(w->thread, NULL);
	}
	ev_async_stop(w->loop, &w->came);
	ev_timer_stop(w->loop, &w->turn);
	while ((news = first(w)) != NULL)
		drop_first(w, news);
	free(w->here.who);
	free(w->before.who);
	fd_close(&w->diag);
	(void)pthread_cond_destroy(&w->end);
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
}
