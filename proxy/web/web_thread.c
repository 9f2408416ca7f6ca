#include "proxy/web/web_thread.h"

#include "config/config.h"
#include "core/addr.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/proc.h"
#include "core/wall_clock.h"
#include "proxy/web/web_content.h"
#include "proxy/web/web_http.h"

#include <errno.h>
#include <ev.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* So many are accepted before others have their turn. */
#define ACCEPTS_A_TURN 16

/* While no descriptor is left. */
#define REST_S 0.2

/* Below all that relays: a page may come a little later. */
#define NICENESS 10

/* Two for each address: "*:PORT" is two. */
#define LISTENERS_MAX ((size_t)2 * CONFIG_WEB_LISTENS_MAX)

/* Of a thread that does not come to it, the main thread keeps no more. */
#define SUMS_MAX 8

struct listener {
	struct web_thread *thread;
	int fd; /* -1: none */
	ev_io ready;
};

/* What the main thread has put in, and the page's thread takes out. */
struct mailbox {
	bool stop, open, close;
	int fds[LISTENERS_MAX];
	size_t n_fds;
	struct web_content_snapshot snapshot;
	struct rate_history_sum *sums[SUMS_MAX];
	size_t n_sums;
};

struct web_thread {
	struct web_thread_setup setup;
	struct ev_loop *loop;
	pthread_t thread;
	bool started;
	pthread_mutex_t lock; /* of the mailbox */
	struct mailbox box;
	ev_async posted; /* to the page's thread */
	ev_async wanted; /* to the main thread */
	/* Of the page's thread alone, once it runs: */
	struct web_content content;
	struct web_http *http;
	struct listener listeners[LISTENERS_MAX];
	size_t n_listeners;
	bool is_open;
	ev_timer rest; /* nobody is accepted until then */
};

/* -- the page's thread ----------------------------------------------------- */

static void set_listening(struct web_thread *t, bool on);

static void
on_rest(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct web_thread *t = CONTAINER_OF(timer, struct web_thread, rest);

	ev_timer_stop(loop, timer);
	set_listening(t, t->is_open);
}

/* Without descriptors it would find the same one ready at once, for ever. */
static void
rest(struct web_thread *t)
{
	const bool was_open = t->is_open;

	set_listening(t, false);
	t->is_open = was_open;
	ev_timer_again(t->loop, &t->rest);
}

static bool
is_out_of_all(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS ||
	    error == ENOMEM;
}

static void
on_client(struct ev_loop *loop, ev_io *io, int revents)
{
	struct listener *l = CONTAINER_OF(io, struct listener, ready);

	for (unsigned i = 0; i < ACCEPTS_A_TURN; i++) {
		union addr client = { 0 };
		socklen_t len = sizeof(client);
		int fd = accept4(
		    l->fd, &client.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd == -1) {
			if (is_out_of_all(errno))
				rest(l->thread);
			return;
		}
		addr_normalize(&client);
		web_http_add(l->thread->http, &fd, &client);
	}
}

static void
set_listening(struct web_thread *t, bool on)
{
	t->is_open = on;
	for (size_t i = 0; i < t->n_listeners; i++) {
		struct listener *l = &t->listeners[i];

		if (on && l->fd != -1)
			ev_io_start(t->loop, &l->ready);
		else
			ev_io_stop(t->loop, &l->ready);
	}
}

/* Never again: the next relay has the same sockets, and accepts there. */
static void
close_listeners(struct web_thread *t)
{
	set_listening(t, false);
	for (size_t i = 0; i < t->n_listeners; i++)
		fd_close(&t->listeners[i].fd);
	t->n_listeners = 0;
}

static void
add_listeners(struct web_thread *t, const struct mailbox *box)
{
	for (size_t i = 0; i < box->n_fds; i++) {
		struct listener *l = &t->listeners[t->n_listeners++];

		l->thread = t;
		l->fd = box->fds[i];
		ev_io_init(&l->ready, on_client, l->fd, EV_READ);
	}
	set_listening(t, t->is_open);
}

static void
add_sums(struct web_thread *t, const struct mailbox *box)
{
	for (size_t i = 0; i < box->n_sums; i++) {
		rate_history_add(&t->content.rates, box->sums[i], mono_now(),
		    wall_clock_now_ms());
		free(box->sums[i]);
	}
}

static void
on_posted(struct ev_loop *loop, ev_async *a, int revents)
{
	struct web_thread *t = CONTAINER_OF(a, struct web_thread, posted);
	struct mailbox box;

	(void)pthread_mutex_lock(&t->lock);
	box = t->box;
	t->box = (struct mailbox){ .stop = box.stop };
	(void)pthread_mutex_unlock(&t->lock);
	add_listeners(t, &box);
	add_sums(t, &box);
	if (box.open)
		set_listening(t, true);
	if (box.close) {
		close_listeners(t);
		web_http_close(t->http);
	}
	if (box.snapshot.status != NULL) {
		web_content_renew(&t->content, &box.snapshot);
		web_http_renewed(t->http);
	}
	if (box.stop)
		ev_break(loop, EVBREAK_ALL);
}

static void
want(void *arg)
{
	struct web_thread *t = arg;

	ev_async_send(t->setup.main, &t->wanted);
}

static void *
thread_main(void *arg)
{
	struct web_thread *t = arg;
	const struct web_http_setup setup = { .loop = t->loop,
		.config = t->setup.config,
		.content = &t->content,
		.auth = t->setup.auth,
		.want = want,
		.arg = t };

	proc_set_name("relay-web");
	/* Of this thread alone: Linux has a niceness for each. */
	if (setpriority(PRIO_PROCESS, 0, NICENESS) == -1)
		log_debug("web", "the page's thread keeps its priority");
	t->http = web_http_new(&setup);
	if (t->http == NULL) {
		log_error("web", "[web] the page cannot be served: %s",
		    strerror(ENOMEM));
		return NULL;
	}
	(void)ev_run(t->loop, 0);
	web_http_free(t->http);
	return NULL;
}

/* -- the main thread ------------------------------------------------------- */

static void
on_wanted(struct ev_loop *loop, ev_async *a, int revents)
{
	struct web_thread *t = CONTAINER_OF(a, struct web_thread, wanted);

	t->setup.on_want(t->setup.arg);
}

struct web_thread *
web_thread_new(const struct web_thread_setup *setup)
{
	struct web_thread *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->setup = *setup;
	(void)pthread_mutex_init(&t->lock, NULL);
	for (size_t i = 0; i < LISTENERS_MAX; i++)
		t->listeners[i].fd = -1;
	ev_timer_init(&t->rest, on_rest, 0., REST_S);
	ev_async_init(&t->posted, on_posted);
	ev_async_init(&t->wanted, on_wanted);
	ev_async_start(setup->main, &t->wanted);
	t->loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	if (web_content_init(&t->content, setup->config) < 0 ||
	    t->loop == NULL) {
		web_thread_free(t);
		return NULL;
	}
	ev_async_start(t->loop, &t->posted);
	return t;
}

int
web_thread_start(struct web_thread *t)
{
	const int e = proc_start_thread(&t->thread, 0, thread_main, t);

	t->started = e == 0;
	return e;
}

/* Under the lock the caller changes what is in the box; then it is told of. */
static struct mailbox *
open_box(struct web_thread *t)
{
	(void)pthread_mutex_lock(&t->lock);
	return &t->box;
}

static void
post(struct web_thread *t)
{
	(void)pthread_mutex_unlock(&t->lock);
	ev_async_send(t->loop, &t->posted);
}

void
web_thread_listen(struct web_thread *t, int *fd)
{
	struct mailbox *box = open_box(t);

	if (box->n_fds < LISTENERS_MAX)
		box->fds[box->n_fds++] = fd_take(fd);
	post(t);
	fd_close(fd);
}

void
web_thread_open(struct web_thread *t)
{
	open_box(t)->open = true;
	post(t);
}

void
web_thread_close(struct web_thread *t)
{
	open_box(t)->close = true;
	post(t);
}

void
web_thread_give(struct web_thread *t, struct web_content_snapshot *snapshot)
{
	struct mailbox *box = open_box(t);
	struct web_content_snapshot before = box->snapshot;

	box->snapshot = *snapshot;
	*snapshot = (struct web_content_snapshot){ .status = NULL };
	post(t);
	web_content_free_snapshot(&before);
}

void
web_thread_count(struct web_thread *t, struct rate_history_sum *sums)
{
	struct mailbox *box = open_box(t);

	if (box->n_sums < SUMS_MAX) {
		box->sums[box->n_sums++] = sums;
		sums = NULL;
	}
	post(t);
	free(sums);
}

static void
free_box(struct mailbox *box)
{
	for (size_t i = 0; i < box->n_fds; i++)
		fd_close(&box->fds[i]);
	for (size_t i = 0; i < box->n_sums; i++)
		free(box->sums[i]);
	web_content_free_snapshot(&box->snapshot);
}

void
web_thread_free(struct web_thread *t)
{
	if (t == NULL)
		return;
	if (t->started) {
		open_box(t)->stop = true;
		post(t);
		(void)pthread_join(t->thread, NULL);
	}
	ev_async_stop(t->setup.main, &t->wanted);
	free_box(&t->box);
	for (size_t i = 0; i < LISTENERS_MAX; i++)
		fd_close(&t->listeners[i].fd);
	if (t->loop != NULL)
		ev_loop_destroy(t->loop);
	web_content_fini(&t->content);
	(void)pthread_mutex_destroy(&t->lock);
	free(t);
}
