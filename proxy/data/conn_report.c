#include "proxy/data/conn_report.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/conn_record.h"
#include "proxy/data/conn_feed.h"
#include "proxy/data/session.h"

#include <stdlib.h>
#include <sys/socket.h>

/*
 * How soon others hear of a new client, which nobody could tell of a takeover
 * before that; and of an end, which nobody waits for. Many connections are over
 * within a millisecond: they are told of neither way.
 */
#define YOUNG_MS 1
#define TICK_MS 5

static void on_tick(struct timers_timer *timer);

int
conn_report_init(struct conn_report *t, struct session_thread *thread,
    struct conn_feed *conn_feed)
{
	t->thread = thread;
	t->conn_feed = conn_feed;
	t->is_soon = false;
	TAILQ_INIT(&t->young);
	return timers_join(&thread->timers, &t->tick, on_tick);
}

void
conn_report_fini(struct conn_report *t)
{
	timers_leave(&t->thread->timers, &t->tick);
	free(t->chunk);
	t->chunk = NULL;
}

/* The first of them sets the time, but for a client's sake it is earlier. */
static void
want_tick(struct conn_report *t, bool young)
{
	if (timers_is_set(&t->tick) && (t->is_soon || !young))
		return;
	t->is_soon = young;
	timers_set(&t->thread->timers, &t->tick,
	    mono_add_ms(t->thread->now, young ? YOUNG_MS : TICK_MS));
}

static void
push(struct conn_report *t)
{
	struct conn_feed_chunk *c = t->chunk;

	t->chunk = NULL;
	conn_feed_push(t->conn_feed, c);
}

/* With room for a record; NULL: no memory, and conn_feed begins anew. */
static struct conn_feed_chunk *
chunk(struct conn_report *t)
{
	if (t->chunk != NULL &&
	    sizeof(t->chunk->bytes) - t->chunk->len < CONN_RECORD_BYTES_MAX)
		push(t);
	if (t->chunk == NULL) {
		t->chunk = malloc(sizeof(*t->chunk));
		if (t->chunk == NULL) {
			conn_feed_push(t->conn_feed, NULL);
			return NULL;
		}
		t->chunk->epoch = t->epoch;
		t->chunk->last = false;
		t->chunk->len = 0;
	}
	return t->chunk;
}

static void
put(struct conn_report *t, const struct conn_record *record)
{
	struct conn_feed_chunk *c = chunk(t);
	struct buf b;

	if (c == NULL)
		return;
	b = buf_writer(c->bytes, sizeof(c->bytes));
	b.pos = c->len;
	conn_record_encode(&b, record);
	c->len = b.pos;
	want_tick(t, false);
}

/* The way to the server, where it begins at a virtual IP. */
static bool
put_way(
    const struct conn_report *t, const struct session *s, struct conn_record *c)
{
	const struct config_service *service = s->pool->config;
	union addr source = service->source, server = { 0 };
	socklen_t len = sizeof(server);

	if (!service->has_source || s->info.source_port == 0 ||
	    !conn_feed_is_virtual(t->conn_feed, &source) ||
	    getpeername(s->ends[SESSION_SERVER].fd, &server.sa, &len) == -1)
		return false;
	addr_set_port(&source, s->info.source_port);
	c->source = conn_record_end_of(&source);
	c->server = conn_record_end_of(&server);
	return true;
}

static struct conn_record
record_of(const union addr *client, const union addr *local, uint64_t id,
    enum conn_record_change change)
{
	return (struct conn_record){
		.change = change,
		.client = conn_record_end_of(client),
		.local = conn_record_end_of(local),
		.id = id,
	};
}

/* Its two ends; also where the local one is. */
static bool
describe(const struct session *s, enum conn_record_change change,
    union addr *ret_local, struct conn_record *ret_conn)
{
	union addr local;

	if (session_get_local(s, &local) < 0)
		return false;
	*ret_local = local;
	*ret_conn = record_of(&s->info.client, &local, s->info.id, change);
	return true;
}

static void
tell(struct conn_report *t, struct session *s)
{
	union addr local;
	struct conn_record c;
	bool matters;

	s->is_told = false;
	if (!describe(s, CONN_RECORD_OPENED, &local, &c))
		return;
	matters = put_way(t, s, &c);
	s->is_told = conn_feed_is_virtual(t->conn_feed, &local) || matters;
	if (s->is_told)
		put(t, &c);
}

static void
on_tick(struct timers_timer *timer)
{
	struct conn_report *t = CONTAINER_OF(timer, struct conn_report, tick);
	struct session *s;

	t->is_soon = false;
	while ((s = TAILQ_FIRST(&t->young)) != NULL) {
		TAILQ_REMOVE(&t->young, s, young);
		s->is_young = false;
		tell(t, s);
	}
	if (t->chunk != NULL)
		push(t);
	timers_stop(&t->thread->timers, &t->tick); /* put() has set it */
}

void
conn_report_accepted(struct conn_report *t, struct session *s)
{
	if (t->conn_feed == NULL)
		return;
	s->is_young = true;
	TAILQ_INSERT_TAIL(&t->young, s, young);
	want_tick(t, true);
}

void
conn_report_connected(struct conn_report *t, struct session *s)
{
	if (t->conn_feed != NULL && !s->is_young && s->pool->config->has_source)
		tell(t, s);
}

void
conn_report_ended(
    struct conn_report *t, struct session *s, enum end_reason reason)
{
	const bool left =
	    reason == END_REASON_ADDRESS_MOVED || reason == END_REASON_STOPPED;
	union addr local;
	struct conn_record c;

	if (s->is_young)
		TAILQ_REMOVE(&t->young, s, young);
	/* Nobody here can tell it any more: the peer has to know of it. */
	if (left && !s->is_told && t->conn_feed != NULL)
		tell(t, s);
	if (s->is_told &&
	    describe(
	        s, left ? CONN_RECORD_LEFT : CONN_RECORD_CLOSED, &local, &c))
		put(t, &c);
	s->is_young = s->is_told = false;
}

void
conn_report_given(struct conn_report *t, struct session *s)
{
	if (s->is_young)
		TAILQ_REMOVE(&t->young, s, young);
	s->is_young = false;
}

void
conn_report_taken(struct conn_report *t, struct session *s)
{
	if (!s->is_told)
		conn_report_accepted(t, s);
}

void
conn_report_left(struct conn_report *t, const union addr *client,
    const union addr *local, struct mono now)
{
	struct conn_record c;

	if (t->conn_feed == NULL || !conn_feed_is_virtual(t->conn_feed, local))
		return;
	c = record_of(client, local, (uint64_t)now.ns, CONN_RECORD_OPENED);
	put(t, &c);
	c.change = CONN_RECORD_LEFT;
	put(t, &c);
}

void
conn_report_look(struct conn_report *t)
{
	struct session *s;
	struct conn_feed_chunk *c;

	if (t->conn_feed == NULL || t->epoch == conn_feed_epoch(t->conn_feed))
		return;
	t->epoch = conn_feed_epoch(t->conn_feed);
	free(t->chunk);
	t->chunk = NULL;
	LIST_FOREACH (s, &t->thread->sessions, all)
		if (s->is_told)
			tell(t, s);
	c = chunk(t);
	if (c == NULL)
		return;
	c->last = true;
	push(t);
}
