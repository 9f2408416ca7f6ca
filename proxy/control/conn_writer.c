#include "proxy/control/conn_writer.h"

#include "core/fd.h"
#include "core/mono.h"
#include "core/proc.h"
#include "proxy/control/conn_lines.h"
#include "proxy/data/session_tour.h"
#include "proxy/data/worker.h"
#include "proxy/kernel/kernel_query.h"

#include <errno.h>
#include <ev.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>

/*
 * After so many parts, which take some 0.1 ms to write: the processor is the
 * workers' where they want it, and they are not kept from it for longer. Two of
 * them have filled as many by then, so that a longer list wakes nobody more
 * often.
 */
static const struct timespec REST = { .tv_nsec = 2 * 1000 * 1000 };
#define PARTS_A_TURN 4

/* Of the thread: a tenth of what a worker gets that wants the same processor.
 */
#define NICENESS 10

/* Where there is nothing to write: the workers wake nobody. */
#define LOOK_MS 2

/*
 * The main thread has made it, and frees it. Else the writer would, under a
 * lock of the C library, and the main thread might wait for who is nicer.
 */
struct list {
	int socket;
	bool lingers; /* a reload has left this relay with what it has */
	bool ended;   /* what is to be sent is the last of it */
	const char *error;
	struct mono begun,
	    took; /* its reader took something, or owes nothing */
	struct session_tour_order order;
	atomic_uint meant, left; /* workers on their tour, and the director */
	unsigned n, next;        /* of these; whose turn it is */
	struct session_tour *tours;
	struct session_tour_ring *rings; /* the director's is the last */
	struct kernel_query_tour kernel;
	size_t sent, len; /* of the text */
	char text[CONN_LINES_MAX];
	LIST_ENTRY(list) all;
	struct list *given_before;
};

struct conn_writer {
	struct worker_shared *shared; /* borrowed: services.c's */
	struct ev_loop *loop;         /* borrowed: the main thread's */
	struct kernel_query *kernel;  /* borrowed: relay.c's */
	struct conn_writer_limits limits;
	int wake_fd; /* an eventfd */
	pthread_t thread;
	bool started;
	atomic_bool stop;
	atomic_uint n_lists;
	_Atomic(struct list *) begun; /* and not seen by the thread */
	_Atomic(struct list *) over;  /* and not freed yet */
	ev_async ended;               /* to the main thread: there is one */
	/* The thread's: */
	LIST_HEAD(, list) lists;
	struct pollfd *polled; /* `lists` and one */
};

static void
list_free(struct list *l)
{
	if (l == NULL)
		return;
	fd_close(&l->socket);
	free(l->tours);
	free(l->rings);
	free(l);
}

/* To the other thread, which takes all that are there. */
static void
give(_Atomic(struct list *) *to, struct list *l)
{
	struct list *before = atomic_load(to);

	do
		l->given_before = before;
	while (!atomic_compare_exchange_weak(to, &before, l));
}

/* -- the workers' side --------------------------------------------------- */

/* After the last of them the list may be gone. */
static void
on_end(void *arg, unsigned meant)
{
	struct list *l = arg;

	atomic_fetch_add(&l->meant, meant);
	atomic_fetch_sub(&l->left, 1);
}

/* -- the thread ---------------------------------------------------------- */

/* What it has got is all: who waits for the end sees that there is none. */
static void
give_up(struct list *l)
{
	atomic_store(&l->order.cancelled, true);
	l->sent = l->len = 0;
}

/* As much as he takes now. Whether that was something. */
static bool
send_text(struct list *l, struct mono now)
{
	const ssize_t n = send(l->socket, l->text + l->sent, l->len - l->sent,
	    MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n == -1 && errno != EAGAIN && errno != EINTR)
		give_up(l);
	if (n <= 0)
		return false;
	l->took = now;
	l->sent += (size_t)n;
	if (l->sent == l->len)
		l->sent = l->len = 0;
	return true;
}

/* The rest is not wanted, but for the reason. */
static void
fail(struct list *l)
{
	atomic_store(&l->order.cancelled, true);
	l->error = "out of memory";
}

/* Whether there was one, of the workers in turn. */
static bool
write_part(struct list *l)
{
	for (unsigned i = 0; i < l->n; i++) {
		struct session_tour_ring *ring =
		    &l->rings[(l->next + i) % l->n];
		const struct session_tour_part *part = session_tour_peek(ring);
		int len;

		if (part == NULL)
			continue;
		len = conn_lines_put(part, l->lingers, l->text);
		session_tour_pop(ring);
		l->next = (l->next + i + 1) % l->n;
		if (len < 0)
			fail(l);
		else
			l->len = (size_t)len;
		return true;
	}
	return false;
}

static void
write_end(struct list *l)
{
	const char *lack = l->kernel.lacks ? CONN_LINES_NO_DIRECTOR : NULL;
	const int len = conn_lines_put_end(atomic_load(&l->meant),
	    l->error != NULL ? l->error : lack, l->text);

	l->ended = true;
	if (len > 0)
		l->len = (size_t)len;
}

/* Its next part, or its end. Whether there was something to write. */
static bool
write_some(struct list *l)
{
	/* First: when they have ended, nothing comes behind what is seen. */
	const bool over = atomic_load(&l->left) == 0;
	const bool wanted = !atomic_load(&l->order.cancelled);

	if (wanted && write_part(l))
		return true;
	if (!over || l->ended || !(wanted || l->error != NULL))
		return false;
	write_end(l);
	return true;
}

/* Whether something was done. */
static bool
go_on(struct conn_writer *w, struct list *l)
{
	const struct mono now = mono_now();
	bool done = false;

	if (l->len == 0)
		l->took = now;
	for (unsigned i = 0; i < PARTS_A_TURN && (l->len > 0 || write_some(l));
	     i++) {
		if (l->len > 0 && !send_text(l, now))
			break;
		done = true;
	}
	if (!mono_before(now, mono_add_ms(l->took, w->limits.idle_ms)) ||
	    !mono_before(now, mono_add_ms(l->begun, w->limits.whole_ms)))
		give_up(l);
	return done;
}

/* No worker has anything to do with it any more, nor has its reader. */
static bool
is_over(const struct list *l)
{
	return atomic_load(&l->left) == 0 && l->len == 0 &&
	    (l->ended ||
	        (atomic_load(&l->order.cancelled) && l->error == NULL));
}

static void
take_begun(struct conn_writer *w)
{
	struct list *l = atomic_exchange(&w->begun, NULL), *before;

	for (; l != NULL; l = before) {
		before = l->given_before;
		LIST_INSERT_HEAD(&w->lists, l, all);
	}
}

/* Its reader sees that at once, whenever the main thread comes to it. */
static void
give_back(struct conn_writer *w, struct list *l)
{
	LIST_REMOVE(l, all);
	atomic_fetch_sub(&w->n_lists, 1);
	fd_close(&l->socket);
	give(&w->over, l);
	ev_async_send(w->loop, &w->ended);
}

/* Some parts of each list, with a rest in between. Whether there was one. */
static bool
turn(struct conn_writer *w)
{
	struct list *l, *next;
	bool any = false;

	for (l = LIST_FIRST(&w->lists); l != NULL; l = next) {
		const bool done = go_on(w, l);

		next = LIST_NEXT(l, all);
		if (is_over(l))
			give_back(w, l);
		if (done)
			(void)nanosleep(&REST, NULL);
		any = any || done;
	}
	return any;
}

/* Until a reader takes something, a list begins, or the workers have some. */
static void
wait_for_some(struct conn_writer *w)
{
	nfds_t n = 0;
	struct list *l;
	eventfd_t woken;

	w->polled[n++] = (struct pollfd){ .fd = w->wake_fd, .events = POLLIN };
	LIST_FOREACH (l, &w->lists, all)
		if (l->len > 0 && n <= w->limits.lists)
			w->polled[n++] = (struct pollfd){ .fd = l->socket,
				.events = POLLOUT };
	(void)poll(w->polled, n, LIST_EMPTY(&w->lists) ? -1 : LOOK_MS);
	(void)eventfd_read(w->wake_fd, &woken);
}

static void *
writer_main(void *arg)
{
	struct conn_writer *w = arg;

	proc_set_name("relay-conns");
	proc_step_back(NICENESS);
	while (!atomic_load(&w->stop)) {
		take_begun(w);
		if (!turn(w))
			wait_for_some(w);
	}
	return NULL;
}

/* -- the main thread's side ---------------------------------------------- */

static void
free_over(struct conn_writer *w)
{
	struct list *l = atomic_exchange(&w->over, NULL), *before;

	for (; l != NULL; l = before) {
		before = l->given_before;
		list_free(l);
	}
}

static void
on_ended(struct ev_loop *loop, ev_async *async, int revents)
{
	free_over(CONTAINER_OF(async, struct conn_writer, ended));
}

static struct list *
list_new(const struct conn_writer *w, const struct session_tour_order *who)
{
	const unsigned n = w->shared->n_workers + 1;
	struct list *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->socket = -1;
	l->n = n;
	l->begun = mono_now();
	l->order = *who;
	l->order.on_end = on_end;
	l->order.arg = l;
	atomic_store(&l->left, n);
	l->tours = calloc(n, sizeof(*l->tours));
	l->rings = calloc(n, sizeof(*l->rings));
	if (l->tours == NULL || l->rings == NULL) {
		list_free(l);
		return NULL;
	}
	return l;
}

static void
send_tours(const struct conn_writer *w, struct list *l)
{
	const unsigned n = w->shared->n_workers;

	for (unsigned i = 0; i < n; i++) {
		l->tours[i].order = &l->order;
		l->tours[i].ring = &l->rings[i];
		session_tour_send(
		    &l->tours[i], &w->shared->workers[i].sessions);
	}
	l->kernel.order = &l->order;
	l->kernel.ring = &l->rings[n];
	if (!kernel_query_send(w->kernel, &l->kernel))
		on_end(l, 0);
}

int
conn_writer_begin(struct conn_writer *w, const struct session_tour_order *who,
    bool lingers, int *socket)
{
	struct list *l;
	int e = 0;

	/* Else there might be more than that in memory. */
	free_over(w);
	if (atomic_load(&w->n_lists) >= w->limits.lists)
		return -EBUSY;
	if (!w->started)
		e = proc_start_thread(&w->thread, 0, writer_main, w);
	if (e < 0)
		return e;
	w->started = true;
	l = list_new(w, who);
	if (l == NULL)
		return -ENOMEM;
	l->lingers = lingers;
	l->socket = fd_take(socket);
	atomic_fetch_add(&w->n_lists, 1);
	send_tours(w, l);
	give(&w->begun, l);
	(void)eventfd_write(w->wake_fd, 1);
	return 0;
}

struct conn_writer *
conn_writer_new(struct worker_shared *shared, struct kernel_query *kernel,
    const struct conn_writer_limits *limits)
{
	struct conn_writer *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->shared = shared;
	w->loop = shared->sessions.main;
	w->kernel = kernel;
	w->limits = *limits;
	LIST_INIT(&w->lists);
	ev_async_init(&w->ended, on_ended);
	ev_async_start(w->loop, &w->ended);
	w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	w->polled = calloc(limits->lists + 1, sizeof(*w->polled));
	if (w->wake_fd == -1 || w->polled == NULL) {
		conn_writer_free(w);
		return NULL;
	}
	return w;
}

void
conn_writer_stop(struct conn_writer *w)
{
	if (w == NULL)
		return;
	atomic_store(&w->stop, true);
	(void)eventfd_write(w->wake_fd, 1);
	if (w->started)
		(void)pthread_join(w->thread, NULL);
	w->started = false;
}

void
conn_writer_free(struct conn_writer *w)
{
	struct list *l;

	if (w == NULL)
		return;
	ev_async_stop(w->loop, &w->ended);
	free_over(w);
	take_begun(w);
	while ((l = LIST_FIRST(&w->lists)) != NULL) {
		LIST_REMOVE(l, all);
		list_free(l);
	}
	fd_close(&w->wake_fd);
	free(w->polled);
	free(w);
}
