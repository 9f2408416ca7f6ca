#include "proxy/control/conn_query.h"

#include "config/config.h"
#include "config/server_name.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "core/json_doc.h"
#include "core/log.h"
#include "core/msg.h"
#include "core/reply.h"
#include "proxy/control/conn_lines.h"
#include "proxy/control/conn_writer.h"
#include "proxy/data/session_tour.h"
#include "proxy/data/worker.h"
#include "proxy/kernel/kernel_query.h"

#include <errno.h>
#include <ev.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/* Each is over in some milliseconds. */
#define KILLS_MAX 64

/* The list of 100,000 takes four seconds, if its reader keeps up. */
static const struct conn_writer_limits limits = {
	.lists = 64, .idle_ms = 5000, .whole_ms = 60000
};

#define TEXT_MAX SERVER_NAME_TEXT_MAX

struct request {
	bool kills;
	bool lingers;        /* a reload has left this relay with what it has */
	int service, server; /* -1: any */
	uint64_t id;         /* 0: any */
};

struct kill {
	struct request request;
	struct conn_query *query; /* borrowed */
	int socket;
	struct session_tour_order order;
	atomic_uint meant, left; /* workers on their tour, and the director */
	LIST_ENTRY(kill) all;
	struct kill *done_before;
	struct kernel_query_tour kernel;
	struct session_tour tours[]; /* one for each worker */
};

struct conn_query {
	struct ev_loop *loop;         /* borrowed */
	struct worker_shared *shared; /* borrowed: services.c's */
	int supervisor;               /* borrowed: the channel */
	struct kernel_query *kernel;  /* borrowed: relay.c's */
	struct conn_writer *writer;
	LIST_HEAD(, kill) kills;
	unsigned n_kills;
	ev_async done;
	_Atomic(struct kill *) done_kills; /* all workers have ended them */
};

static const struct config_service *
service_of(const struct conn_query *q, const struct request *r)
{
	return r->service >= 0 ? &q->shared->config->services[r->service]
	                       : NULL;
}

static struct session_tour_order
order_of(const struct conn_query *q, const struct request *r)
{
	return (struct session_tour_order){
		.service = service_of(q, r), .server = r->server, .id = r->id
	};
}

/* -- kills --------------------------------------------------------------- */

static void
kill_free(struct kill *k)
{
	LIST_REMOVE(k, all);
	k->query->n_kills--;
	fd_close(&k->socket);
	free(k);
}

/* By a worker. The last one tells the main thread. */
static void
on_end(void *arg, unsigned meant)
{
	struct kill *k = arg, *before;
	struct conn_query *q = k->query;

	atomic_fetch_add(&k->meant, meant);
	if (atomic_fetch_sub(&k->left, 1) > 1)
		return;
	before = atomic_load(&q->done_kills);
	do
		k->done_before = before;
	while (!atomic_compare_exchange_weak(&q->done_kills, &before, k));
	ev_async_send(q->loop, &q->done);
}

static void
tell_one(uint64_t id, unsigned n, struct json_doc *doc)
{
	char hex[CONN_LINES_ID_MAX], text[TEXT_MAX];

	(void)conn_lines_id_text(id, hex);
	(void)snprintf(text, sizeof(text),
	    n > 0
	        ? "connection %s is closed"
	        : "there is no connection %s; `hapair connections` lists them",
	    hex);
	if (n > 0)
		log_notice(
		    "relay", "connection %s closed, reason: an operator", hex);
	json_doc_put_string(doc, n > 0 ? "text" : "error", text);
	if (n == 0)
		json_doc_put_bool(doc, "unknown", true);
}

static void
tell_server(const struct config_service *s, const char *server, unsigned n,
    struct json_doc *doc)
{
	char text[TEXT_MAX], subject[2 * CONFIG_NAME_MAX + 300];

	(void)snprintf(text, sizeof(text),
	    "server %s of service %s: %u connection%s closed", server, s->name,
	    n, n == 1 ? "" : "s");
	(void)snprintf(
	    subject, sizeof(subject), "service %s, server %s", s->name, server);
	log_notice(subject, "%u connections closed, reason: an operator", n);
	json_doc_put_string(doc, "text", text);
}

/* To be kept, as the operator's order that it was. */
static void
report(const struct conn_query *q, const struct request *r)
{
	struct buf b = BUF_WRITER(32);
	struct msg_killed m = { .id = r->id };

	if (r->service >= 0) {
		m.service = (uint16_t)r->service;
		m.server = (uint16_t)r->server;
	}
	msg_put_killed(&b, &m);
	/* A supervisor that does not read is told of more important things. */
	if (channel_send(q->supervisor, MSG_KILLED, b.data, b.pos, -1) < 0)
		log_debug("relay", "the supervisor does not take events");
}

static void
answer_kill(struct conn_query *q, struct kill *k)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = json_doc_new();
	const struct request *r = &k->request;
	const struct config_service *s = service_of(q, r);
	const unsigned n = atomic_load(&k->meant);

	if (n == 0 && k->kernel.lacks)
		json_doc_put_string(doc, "error", CONN_LINES_NO_DIRECTOR);
	else if (s == NULL)
		tell_one(r->id, n, doc);
	else
		tell_server(s, s->servers[r->server].name, n, doc);
	json_doc_put_int(doc, "closed", n);
	/* First: who has the answer finds the event. */
	if (s != NULL || n > 0)
		report(q, r);
	reply_send(q->loop, &k->socket, json_doc_text(doc, false));
}

static void
on_done(struct ev_loop *loop, ev_async *async, int revents)
{
	struct conn_query *q = CONTAINER_OF(async, struct conn_query, done);
	struct kill *k = atomic_exchange(&q->done_kills, NULL), *before;

	for (; k != NULL; k = before) {
		before = k->done_before;
		answer_kill(q, k);
		kill_free(k);
	}
}

static int
kill_begin(struct conn_query *q, const struct request *r, int *socket)
{
	const unsigned n = q->shared->n_workers;
	struct kill *k = NULL;

	if (q->n_kills >= KILLS_MAX)
		return -EBUSY;
	k = calloc(1, sizeof(*k) + n * sizeof(k->tours[0]));
	if (k == NULL)
		return -ENOMEM;
	k->request = *r;
	k->query = q;
	k->socket = fd_take(socket);
	k->order = order_of(q, r);
	k->order.on_end = on_end;
	k->order.arg = k;
	k->kernel.order = &k->order;
	atomic_store(&k->left, n + 1);
	LIST_INSERT_HEAD(&q->kills, k, all);
	q->n_kills++;
	for (unsigned i = 0; i < n; i++)
		k->tours[i].order = &k->order;
	for (unsigned i = 0; i < n; i++)
		session_tour_send(
		    &k->tours[i], &q->shared->workers[i].sessions);
	if (!kernel_query_send(q->kernel, &k->kernel))
		on_end(k, 0);
	return 0;
}

/* -- requests ------------------------------------------------------------ */

/* False: why is in `ret_why`. */
static bool
parse(const struct config *c, const char *line, struct request *ret_request,
    char ret_why[static TEXT_MAX])
{
	const char *what = strchr(line, ' ');
	const bool kills = strncmp(line, "kill", 4) == 0;
	struct request r = { .kills = kills, .service = -1, .server = -1 };
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

static int
obey(struct conn_query *q, const struct request *r, int *socket)
{
	const struct session_tour_order who = order_of(q, r);

	return r->kills
	    ? kill_begin(q, r, socket)
	    : conn_writer_begin(q->writer, &who, r->lingers, socket);
}

bool
conn_query_obey(struct conn_query *q, const char *request, int *socket)
{
	const bool lingers = is_verb(request, "lingering");
	char why[TEXT_MAX];
	struct request r;
	int e;

	if (lingers)
		request += strlen("lingering ");
	if (!is_verb(request, "connections") && !is_verb(request, "kill"))
		return false;
	if (!parse(q->shared->config, request, &r, why)) {
		reply_error_as(q->loop, socket, why, REPLY_UNKNOWN);
		return true;
	}
	r.lingers = lingers;
	e = obey(q, &r, socket);
	if (e < 0)
		reply_error(q->loop, socket,
		    e == -EBUSY ? "too many requests at once" : strerror(-e));
	return true;
}

/* -- life ---------------------------------------------------------------- */

struct conn_query *
conn_query_new(
    struct worker_shared *shared, int supervisor, struct kernel_query *kernel)
{
	struct conn_query *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return NULL;
	q->writer = conn_writer_new(shared, kernel, &limits);
	if (q->writer == NULL) {
		free(q);
		return NULL;
	}
	q->loop = shared->sessions.main;
	q->shared = shared;
	q->supervisor = supervisor;
	q->kernel = kernel;
	LIST_INIT(&q->kills);
	ev_async_init(&q->done, on_done);
	ev_async_start(q->loop, &q->done);
	return q;
}

void
conn_query_stop(struct conn_query *q)
{
	if (q != NULL)
		conn_writer_stop(q->writer);
}

void
conn_query_free(struct conn_query *q)
{
	struct kill *k;

	if (q == NULL)
		return;
	ev_async_stop(q->loop, &q->done);
	while ((k = LIST_FIRST(&q->kills)) != NULL)
		kill_free(k);
	conn_writer_free(q->writer);
	free(q);
}
