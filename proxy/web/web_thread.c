#include "proxy/web/web_thread.h"

#include "config/config.h"
#include "core/addr.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/proc.h"
#include "core/wall_clock.h"
#include "proxy/web/letterbox.h"
#include "proxy/web/rate_record.h"
#include "proxy/web/web_content.h"
#include "proxy/web/web_http.h"
#include "proxy/web/web_pace.h"

#include <errno.h>
#include <ev.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* So many are accepted before others have their turn. */
#define ACCEPTS_A_TURN 16

/* While no descriptor is left. */
#define REST_S 0.2

/*
 * Behind each who is turned away: he comes again at once, as often as he is,
 * and that costs the kernel more than it does us. Meanwhile he waits.
 */
#define TURN_AWAY_S 0.01

/* Below all that relays: a page may come a little later. */
#define NICENESS 10

/* Two for each address: "*:PORT" is two. */
#define LISTENERS_MAX ((size_t)2 * CONFIG_WEB_LISTENS_MAX)

/* Snapshots and sums that a thread which does not come to it has to read. */
#define NEWS_MAX 8

struct listener {
	struct web_thread *thread;
	int fd; /* -1: none */
	ev_io ready;
};

enum word {
	WORD_LISTEN,
	WORD_OPEN,
	WORD_CLOSE,
	WORD_STOP,
	WORD_SNAPSHOT,
	WORD_SUMS,
	WORD_TELL_PAST,
	WORD_TAKE_PAST,
};

/*
 * From the main thread, and back to it when it was read: what the main thread
 * has allocated it frees. Else a thread that has a lower priority would do that
 * under a lock of the C library that the main thread needs.
 */
struct letter {
	struct letterbox_letter link;
	enum word word;
	bool fixed; /* a part of struct web_thread */
	bool sent;  /* if so: it was, and is not sent again */
	int fd;     /* LISTEN, and of both PASTs; -1: taken, or not there yet */
	size_t len; /* of what it has, of both PASTs */
	struct web_content_snapshot snapshot;
	struct rate_history_sum *sums;
};

struct web_thread {
	struct web_thread_setup setup;
	struct ev_loop *loop;
	pthread_t thread;
	bool started;
	struct letterbox in, back;
	ev_async posted; /* to the page's thread */
	ev_async wanted; /* to the main thread */
	ev_async told;   /* likewise: the history comes back */
	/* Of the main thread alone: */
	struct letter open, close, stop; /* which must not want for memory */
	unsigned n_news;                 /* under way, there or back */
	/* Of the page's thread alone, once it runs: */
	struct web_content content;
	struct web_http *http;
	struct listener listeners[LISTENERS_MAX];
	size_t n_listeners;
	bool is_open;
	ev_timer rest; /* nobody is accepted until then */
	struct web_pace pace;
	ev_prepare turn;
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
rest(struct web_thread *t, double seconds)
{
	const bool was_open = t->is_open;

	set_listening(t, false);
	t->is_open = was_open;
	t->rest.repeat = seconds;
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
				rest(l->thread, REST_S);
			return;
		}
		addr_normalize(&client);
		if (!web_http_add(l->thread->http, &fd, &client)) {
			rest(l->thread, TURN_AWAY_S);
			return;
		}
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
add_listener(struct web_thread *t, int *fd)
{
	struct listener *l = &t->listeners[t->n_listeners];

	if (t->n_listeners == LISTENERS_MAX) {
		fd_close(fd);
		return;
	}
	t->n_listeners++;
	l->thread = t;
	l->fd = fd_take(fd);
	ev_io_init(&l->ready, on_client, l->fd, EV_READ);
	set_listening(t, t->is_open);
}

/* Of the history of the relay before not more hangs than small lines. */
static void
take_past(struct web_thread *t, const struct letter *l)
{
	const int e =
	    rate_record_load(&t->content.rates, t->setup.config, l->fd, l->len);

	if (e < 0)
		log_debug(
		    "web", "the history of the relay before: %s", strerror(-e));
}

static void
read_letter(struct web_thread *t, struct letter *l)
{
	switch (l->word) {
	case WORD_LISTEN:
		add_listener(t, &l->fd);
		break;
	case WORD_OPEN:
		set_listening(t, true);
		break;
	case WORD_CLOSE:
		close_listeners(t);
		web_http_close(t->http);
		break;
	case WORD_STOP:
		ev_break(t->loop, EVBREAK_ALL);
		break;
	case WORD_SNAPSHOT:
		/* The one before goes back in its place. */
		web_content_exchange(&t->content, &l->snapshot);
		web_http_renewed(t->http);
		break;
	case WORD_SUMS:
		rate_history_add(&t->content.rates, l->sums, mono_now(),
		    wall_clock_now_ms());
		break;
	case WORD_TELL_PAST:
		l->fd = rate_record_store(
		    &t->content.rates, t->setup.config, &l->len);
		break;
	case WORD_TAKE_PAST:
		take_past(t, l);
		break;
	}
}

static struct letter *
letter_of(struct letterbox_letter *link)
{
	return link != NULL ? CONTAINER_OF(link, struct letter, link) : NULL;
}

static struct letter *
next_of(const struct letter *l)
{
	return letter_of(l->link.next);
}

static void
on_posted(struct ev_loop *loop, ev_async *a, int revents)
{
	struct web_thread *t = CONTAINER_OF(a, struct web_thread, posted);
	struct letter *l = letter_of(letterbox_take(&t->in)), *next;

	for (; l != NULL; l = next) {
		const bool tells = l->word == WORD_TELL_PAST;

		next = next_of(l);
		read_letter(t, l);
		letterbox_put(&t->back, &l->link);
		if (tells)
			ev_async_send(t->setup.main, &t->told);
	}
}

/* Before each wait of the loop. Nothing is in its way but this thread. */
static void
on_turn(struct ev_loop *loop, ev_prepare *p, int revents)
{
	struct web_thread *t = CONTAINER_OF(p, struct web_thread, turn);
	struct timespec used = { 0 }, rest = { 0 };
	unsigned rest_ms;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	rest_ms = web_pace_rest_ms(&t->pace,
	    (int64_t)used.tv_sec * 1000000000 + used.tv_nsec, mono_now());
	t->content.counts.rests += rest_ms > 0;
	if (rest_ms == 0)
		rest_ms = web_pace_gap_ms(&t->pace, mono_now());
	if (rest_ms > 0) {
		rest.tv_nsec = (long)rest_ms * 1000000;
		(void)nanosleep(&rest, NULL);
		ev_now_update(loop);
	}
	t->pace.turned = mono_now();
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
	proc_step_back(NICENESS);
	t->http = web_http_new(&setup);
	if (t->http == NULL) {
		log_error("web", "[web] the page cannot be served: %s",
		    strerror(ENOMEM));
		return NULL;
	}
	ev_prepare_start(t->loop, &t->turn);
	(void)ev_run(t->loop, 0);
	ev_prepare_stop(t->loop, &t->turn);
	web_http_free(t->http);
	return NULL;
}

/* -- the main thread ------------------------------------------------------- */

static bool
is_news(enum word word)
{
	return word == WORD_SNAPSHOT || word == WORD_SUMS;
}

/* What was read is freed, and what it brings back is passed on. */
static void
free_all(struct web_thread *t, struct letterbox *box)
{
	struct letter *l = letter_of(letterbox_take(box)), *next;

	for (; l != NULL; l = next) {
		next = next_of(l);
		if (l->word == WORD_TELL_PAST && l->fd >= 0)
			t->setup.on_past(t->setup.arg, &l->fd, l->len);
		fd_close(&l->fd);
		web_content_free_snapshot(&l->snapshot);
		free(l->sums);
		t->n_news -= is_news(l->word);
		if (!l->fixed)
			free(l);
	}
}

static void
on_told(struct ev_loop *loop, ev_async *a, int revents)
{
	struct web_thread *t = CONTAINER_OF(a, struct web_thread, told);

	free_all(t, &t->back);
}

static void
on_wanted(struct ev_loop *loop, ev_async *a, int revents)
{
	struct web_thread *t = CONTAINER_OF(a, struct web_thread, wanted);

	t->setup.on_want(t->setup.arg);
}

static void
set_fixed(struct letter *l, enum word word)
{
	*l = (struct letter){ .word = word, .fixed = true, .fd = -1 };
}

struct web_thread *
web_thread_new(const struct web_thread_setup *setup)
{
	struct web_thread *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->setup = *setup;
	set_fixed(&t->open, WORD_OPEN);
	set_fixed(&t->close, WORD_CLOSE);
	set_fixed(&t->stop, WORD_STOP);
	for (size_t i = 0; i < LISTENERS_MAX; i++)
		t->listeners[i].fd = -1;
	ev_init(&t->rest, on_rest);
	ev_prepare_init(&t->turn, on_turn);
	ev_async_init(&t->posted, on_posted);
	ev_async_init(&t->wanted, on_wanted);
	ev_async_init(&t->told, on_told);
	ev_async_start(setup->main, &t->wanted);
	ev_async_start(setup->main, &t->told);
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

static void
post(struct web_thread *t, struct letter *l)
{
	letterbox_put(&t->in, &l->link);
	ev_async_send(t->loop, &t->posted);
}

/* Never twice. */
static void
post_fixed(struct web_thread *t, struct letter *l)
{
	if (l->sent)
		return;
	l->sent = true;
	post(t, l);
}

/*
 * What has come back is freed at this occasion. NULL: memory is out, or too
 * much was not read yet.
 */
static struct letter *
letter_new(struct web_thread *t, enum word word)
{
	struct letter *l;

	free_all(t, &t->back);
	if (is_news(word) && t->n_news >= NEWS_MAX)
		return NULL;
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return NULL;
	t->n_news += is_news(word);
	l->word = word;
	l->fd = -1;
	return l;
}

void
web_thread_listen(struct web_thread *t, int *fd)
{
	struct letter *l = letter_new(t, WORD_LISTEN);

	if (l == NULL) {
		fd_close(fd);
		return;
	}
	l->fd = fd_take(fd);
	post(t, l);
}

void
web_thread_open(struct web_thread *t)
{
	post_fixed(t, &t->open);
}

void
web_thread_close(struct web_thread *t)
{
	post_fixed(t, &t->close);
}

void
web_thread_give(struct web_thread *t, struct web_content_snapshot *snapshot)
{
	struct letter *l = letter_new(t, WORD_SNAPSHOT);

	if (l == NULL) {
		web_content_free_snapshot(snapshot);
		return;
	}
	l->snapshot = *snapshot;
	*snapshot = (struct web_content_snapshot){ .status = NULL };
	post(t, l);
}

void
web_thread_count(struct web_thread *t, struct rate_history_sum *sums)
{
	struct letter *l = letter_new(t, WORD_SUMS);

	if (l == NULL) {
		free(sums);
		return;
	}
	l->sums = sums;
	post(t, l);
}

bool
web_thread_tell_past(struct web_thread *t)
{
	struct letter *l = letter_new(t, WORD_TELL_PAST);

	if (l != NULL)
		post(t, l);
	return l != NULL;
}

void
web_thread_take_past(struct web_thread *t, int *fd, size_t len)
{
	struct letter *l = letter_new(t, WORD_TAKE_PAST);

	if (l == NULL) {
		fd_close(fd);
		return;
	}
	l->fd = fd_take(fd);
	l->len = len;
	post(t, l);
}

void
web_thread_free(struct web_thread *t)
{
	if (t == NULL)
		return;
	if (t->started) {
		post_fixed(t, &t->stop);
		(void)pthread_join(t->thread, NULL);
	}
	ev_async_stop(t->setup.main, &t->wanted);
	ev_async_stop(t->setup.main, &t->told);
	free_all(t, &t->in);
	free_all(t, &t->back);
	for (size_t i = 0; i < LISTENERS_MAX; i++)
		fd_close(&t->listeners[i].fd);
	if (t->loop != NULL)
		ev_loop_destroy(t->loop);
	web_content_fini(&t->content);
	free(t);
}
