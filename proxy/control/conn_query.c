#include "proxy/control/conn_query.h"

#include "config/config.h"
#include "config/server_name.h"
#include "core/fd.h"
#include "core/json_doc.h"
#include "core/log.h"
#include "core/proc.h"
#include "core/reply.h"
#include "core/timeout.h"
#include "proxy/control/conn_lines.h"
#include "proxy/data/session_tour.h"
#include "proxy/data/worker.h"
#include "proxy/kernel/kernel_query.h"

#include <ev.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#define REQUESTS_MAX 64

/* What may wait to be written, 8,000 rows; and from where on there is room. */
#define PARTS_MAX 256
#define PARTS_FEW 64

/*
 * After each part, which takes 0.2 ms to write: the processor is the workers'
 * where they want it.
 */
static const struct timespec PAUSE = { .tv_nsec = 500 * 1000 };

/*
 * For a list, whoever reads it: the list of 100,000 takes two or three. Less
 * where somebody waits behind it, who is waited for 5 s himself.
 */
#define ALONE_S 60.
#define SHARED_S 3.

#define TEXT_MAX SERVER_NAME_TEXT_MAX

struct request {
	int socket;
	bool kills;
	bool lingers;        /* a reload has left this relay with what it has */
	int service, server; /* -1: any */
	uint64_t id;         /* 0: any */
	STAILQ_ENTRY(request) link;
};

STAILQ_HEAD(parts, session_tour_part);

struct conn_query {
	struct ev_loop *loop;         /* borrowed */
	struct worker_shared *shared; /* borrowed: services.c's */
	struct kernel_query *kernel;  /* borrowed: relay.c's */
	STAILQ_HEAD(, request) waiting;
	unsigned n_waiting;
	struct request *now; /* NULL: none is under way */
	struct session_tour_order order;
	ev_timer limit; /* of a list that is under way */
	ev_async done;  /* the one that is under way */
	ev_async room;  /* for the director's part of it */
	pthread_t thread;
	bool started;
	atomic_bool stop;
	/* Under the lock, which is held for a few instructions: */
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct parts parts;
	unsigned n_parts;
	unsigned n_left; /* workers on their tour, and the director */
	unsigned meant;
	bool lists;     /* the thread has something to write, or to end */
	bool no_memory; /* something is missing */
	bool no_kernel; /* likewise: the director did not answer */
};

/* -- the workers' side --------------------------------------------------- */

static bool
on_part(void *arg, struct session_tour_part *part)
{
	struct conn_query *q = arg;
	bool goes_on;

	(void)pthread_mutex_lock(&q->lock);
	if (part != NULL) {
		STAILQ_INSERT_TAIL(&q->parts, part, link);
		q->n_parts++;
	} else {
		q->no_memory = true;
		atomic_store(&q->order.cancelled, true);
	}
	goes_on = q->n_parts < PARTS_MAX;
	(void)pthread_cond_signal(&q->more);
	(void)pthread_mutex_unlock(&q->lock);
	return goes_on;
}

/* Before the director's on_end(). */
static void
on_lack(void *arg)
{
	struct conn_query *q = arg;

	(void)pthread_mutex_lock(&q->lock);
	q->no_kernel = true;
	(void)pthread_mutex_unlock(&q->lock);
}

static void
on_end(void *arg, unsigned meant)
{
	struct conn_query *q = arg;
	bool last;

	(void)pthread_mutex_lock(&q->lock);
	q->meant += meant;
	last = --q->n_left == 0;
	if (last && q->lists)
		(void)pthread_cond_signal(&q->more);
	else if (last)
		ev_async_send(q->loop, &q->done);
	(void)pthread_mutex_unlock(&q->lock);
}

/* -- the thread that writes ---------------------------------------------- */

static void
write_part(struct conn_query *q, struct session_tour_part *part)
{
	if (!atomic_load(&q->order.cancelled) &&
	    conn_lines_write(
	        q->now->socket, part, q->now->lingers, &q->order.cancelled) < 0)
		atomic_store(&q->order.cancelled, true);
	free(part);
	if (!atomic_load(&q->order.cancelled))
		(void)nanosleep(&PAUSE, NULL);
}

/* Of what was asked; NULL: nothing. */
static const char *
what_lacks(const struct conn_query *q)
{
	if (q->no_memory)
		return "out of memory";
	return q->no_kernel
	    ? "the director does not answer: connections on the kernel path are left out, ask once more"
	    : NULL;
}

/* Under the lock, but for the writing. False: there is nothing to do. */
static bool
write_next(struct conn_query *q)
{
	struct session_tour_part *part = STAILQ_FIRST(&q->parts);
	const bool over = q->lists && part == NULL && q->n_left == 0;
	const char *lack = what_lacks(q);
	const unsigned n = q->meant;
	bool few;

	if (part == NULL && !over)
		return false;
	if (part != NULL) {
		STAILQ_REMOVE_HEAD(&q->parts, link);
		q->n_parts--;
	}
	few = part != NULL && q->n_parts == PARTS_FEW;
	q->lists = q->lists && !over;
	(void)pthread_mutex_unlock(&q->lock);
	if (few) {
		session_thread_wake_all(&q->shared->sessions);
		ev_async_send(q->loop, &q->room);
	}
	if (part != NULL)
		write_part(q, part);
	/* Who has gone needs no end. */
	if (over && (lack != NULL || !atomic_load(&q->order.cancelled)))
		(void)!conn_lines_end(q->now->socket, n, lack, &q->stop);
	if (over)
		ev_async_send(q->loop, &q->done);
	(void)pthread_mutex_lock(&q->lock);
	return true;
}

static void *
writer_main(void *arg)
{
	struct conn_query *q = arg;

	proc_set_name("relay-conns");
	(void)pthread_mutex_lock(&q->lock);
	while (!atomic_load(&q->stop))
		if (!write_next(q))
			(void)pthread_cond_wait(&q->more, &q->lock);
	(void)pthread_mutex_unlock(&q->lock);
	return NULL;
}

static bool
start(struct conn_query *q)
{
	q->started =
	    q->started || proc_start_thread(&q->thread, 0, writer_main, q) == 0;
	return q->started;
}

/* -- requests ------------------------------------------------------------ */

static void
request_free(struct request *r)
{
	fd_close(&r->socket);
	free(r);
}

static const struct config_service *
service_of(const struct conn_query *q, const struct request *r)
{
	return r->service >= 0 ? &q->shared->config->services[r->service]
	                       : NULL;
}

/* What it has got is all: who waits for the end sees that there is none. */
static void
on_limit(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct conn_query *q = CONTAINER_OF(t, struct conn_query, limit);

	ev_timer_stop(loop, t);
	atomic_store(&q->order.cancelled, true);
}

/* Of the list that is under way. */
static void
limit(struct conn_query *q)
{
	const double seconds = q->n_waiting > 0 ? SHARED_S : ALONE_S;

	if (q->now == NULL || q->now->kills ||
	    (ev_is_active(&q->limit) &&
	        ev_timer_remaining(q->loop, &q->limit) <= seconds))
		return;
	timeout_arm(q->loop, &q->limit, seconds);
}

/* Before any list: it is over in a moment, and may be urgent. */
static void
enqueue(struct conn_query *q, struct request *r)
{
	struct request *before = NULL, *at;

	STAILQ_FOREACH(at, &q->waiting, link)
	{
		if (!at->kills)
			break;
		before = at;
	}
	if (!r->kills)
		STAILQ_INSERT_TAIL(&q->waiting, r, link);
	else if (before != NULL)
		STAILQ_INSERT_AFTER(&q->waiting, before, r, link);
	else
		STAILQ_INSERT_HEAD(&q->waiting, r, link);
	q->n_waiting++;
}

static void
begin(struct conn_query *q)
{
	struct request *r = STAILQ_FIRST(&q->waiting);

	if (r == NULL || q->now != NULL)
		return;
	STAILQ_REMOVE_HEAD(&q->waiting, link);
	q->n_waiting--;
	q->now = r;
	q->order = (struct session_tour_order){ .kills = r->kills,
		.service = service_of(q, r),
		.server = r->server,
		.id = r->id,
		.on_part = on_part,
		.on_end = on_end,
		.arg = q };
	/* No worker and no thread has anything to do with it yet. */
	(void)pthread_mutex_lock(&q->lock);
	q->meant = 0;
	q->no_memory = q->no_kernel = false;
	q->n_left = q->shared->n_workers + 1;
	q->lists = !r->kills;
	(void)pthread_mutex_unlock(&q->lock);
	for (unsigned i = 0; i < q->shared->n_workers; i++) {
		struct worker *w = &q->shared->workers[i];

		atomic_store(&w->tour_order, &q->order);
		worker_wake(w);
	}
	limit(q);
	if (!kernel_query_begin(q->kernel, &q->order, on_lack))
		on_end(q, 0);
}

static void
on_room(struct ev_loop *loop, ev_async *async, int revents)
{
	kernel_query_turn(CONTAINER_OF(async, struct conn_query, room)->kernel);
}

static void
answer_kill(struct conn_query *q, struct request *r, unsigned n)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = json_doc_new();
	const struct config_service *s = service_of(q, r);
	char id[CONN_LINES_ID_MAX], text[TEXT_MAX];
	char subject[2 * CONFIG_NAME_MAX + 300];

	if (s == NULL) {
		(void)conn_lines_id_text(r->id, id);
		(void)snprintf(text, sizeof(text),
		    n > 0
		        ? "connection %s is closed"
		        : "there is no connection %s; `hapair connections` lists them",
		    id);
		if (n > 0)
			log_notice("relay",
			    "connection %s closed, reason: an operator", id);
		json_doc_put_string(doc, n > 0 ? "text" : "error", text);
		if (n == 0)
			json_doc_put_bool(doc, "unknown", true);
	} else {
		const char *server = s->servers[r->server].name;

		(void)snprintf(text, sizeof(text),
		    "server %s of service %s: %u connection%s closed", server,
		    s->name, n, n == 1 ? "" : "s");
		(void)snprintf(subject, sizeof(subject),
		    "service %s, server %s", s->name, server);
		log_notice(
		    subject, "%u connections closed, reason: an operator", n);
		json_doc_put_string(doc, "text", text);
	}
	json_doc_put_int(doc, "closed", n);
	reply_send(q->loop, &r->socket, json_doc_text(doc, false));
}

/* It is over in all workers, and in the thread. */
static void
on_done(struct ev_loop *loop, ev_async *async, int revents)
{
	struct conn_query *q = CONTAINER_OF(async, struct conn_query, done);
	struct request *r = q->now;
	unsigned n;

	if (r == NULL)
		return;
	(void)pthread_mutex_lock(&q->lock);
	n = q->meant;
	(void)pthread_mutex_unlock(&q->lock);
	q->now = NULL;
	ev_timer_stop(loop, &q->limit);
	if (r->kills && n == 0 && q->no_kernel)
		reply_error(loop, &r->socket, what_lacks(q));
	else if (r->kills)
		answer_kill(q, r, n);
	request_free(r);
	begin(q);
}

/* False: why is in `ret_why`. */
static bool
parse(const struct config *c, const char *line, struct request *ret_request,
    char ret_why[static TEXT_MAX])
{
	const char *what = strchr(line, ' ');
	const bool kills = strncmp(line, "kill", 4) == 0;
	struct request r = {
		.socket = -1, .kills = kills, .service = -1, .server = -1
	};
	struct server_name found;

	what = what != NULL ? what + 1 : "";
	if (kills && strchr(what, '/') == NULL) {
		(void)snprintf(ret_why, TEXT_MAX,
		    "'%.64s' is no connection's ID, expected one of `hapair connections`, or SERVICE/NAME for all of a server's",
		    what);
		*ret_request = r;
		return conn_lines_parse_id(what, &ret_request->id);
	}
	if (kills || *what != '\0') {
		if (!server_name_find(c, what, strlen(what), &found, ret_why))
			return false;
		r.service = found.service;
		r.server = found.whole ? -1 : found.server;
	}
	*ret_request = r;
	return true;
}

static bool
is_verb(const char *line, const char *verb)
{
	const size_t len = strlen(verb);

	return strncmp(line, verb, len) == 0 &&
	    (line[len] == '\0' || line[len] == ' ');
}

bool
conn_query_obey(struct conn_query *q, const char *request, int *socket)
{
	struct request parsed, *r = NULL;
	char why[TEXT_MAX] = "too many requests at once";
	const bool lingers = is_verb(request, "lingering");
	bool known;

	if (lingers)
		request += strlen("lingering ");
	if (!is_verb(request, "connections") && !is_verb(request, "kill"))
		return false;
	known = parse(q->shared->config, request, &parsed, why);
	if (known && q->n_waiting < REQUESTS_MAX && start(q))
		r = malloc(sizeof(*r));
	if (r == NULL) {
		reply_error_as(
		    q->loop, socket, why, known ? REPLY_PLAIN : REPLY_UNKNOWN);
		return true;
	}
	*r = parsed;
	r->lingers = lingers;
	r->socket = fd_take(socket);
	enqueue(q, r);
	begin(q);
	limit(q);
	return true;
}

/* -- life ---------------------------------------------------------------- */

struct conn_query *
conn_query_new(struct ev_loop *loop, struct worker_shared *shared,
    struct kernel_query *kernel)
{
	struct conn_query *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return NULL;
	q->loop = loop;
	q->shared = shared;
	q->kernel = kernel;
	STAILQ_INIT(&q->waiting);
	STAILQ_INIT(&q->parts);
	(void)pthread_mutex_init(&q->lock, NULL);
	(void)pthread_cond_init(&q->more, NULL);
	ev_init(&q->limit, on_limit);
	ev_async_init(&q->done, on_done);
	ev_async_start(loop, &q->done);
	ev_async_init(&q->room, on_room);
	ev_async_start(loop, &q->room);
	return q;
}

void
conn_query_stop(struct conn_query *q)
{
	if (q == NULL)
		return;
	(void)pthread_mutex_lock(&q->lock);
	atomic_store(&q->stop, true);
	atomic_store(&q->order.cancelled, true);
	(void)pthread_cond_signal(&q->more);
	(void)pthread_mutex_unlock(&q->lock);
	if (q->started)
		(void)pthread_join(q->thread, NULL);
	q->started = false;
}

void
conn_query_free(struct conn_query *q)
{
	struct session_tour_part *part;
	struct request *r;

	if (q == NULL)
		return;
	ev_timer_stop(q->loop, &q->limit);
	ev_async_stop(q->loop, &q->done);
	ev_async_stop(q->loop, &q->room);
	if (q->now != NULL)
		request_free(q->now);
	while ((r = STAILQ_FIRST(&q->waiting)) != NULL) {
		STAILQ_REMOVE_HEAD(&q->waiting, link);
		request_free(r);
	}
	while ((part = STAILQ_FIRST(&q->parts)) != NULL) {
		STAILQ_REMOVE_HEAD(&q->parts, link);
		free(part);
	}
	(void)pthread_cond_destroy(&q->more);
	(void)pthread_mutex_destroy(&q->lock);
	free(q);
}
