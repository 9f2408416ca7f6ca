#include "proxy/transfer/transfer_giver.h"

#include "core/buf.h"
#include "core/fd.h"
#include "proxy/data/session.h"
#include "proxy/data/worker.h"
#include "proxy/transfer/session_give.h"
#include "proxy/transfer/transfer_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>

/* A batch takes a millisecond; a machine may stand still for a while. */
#define PATIENCE_MS 1000

/* Some have something to do first, which takes a turn or two. */
#define AGAIN_MS 1
#define LATER_MS 200

static void give(struct transfer_giver *g);

static struct session_thread *
thread_of(const struct transfer_giver *g)
{
	return &g->worker->sessions;
}

static struct transfer_giver_batch *
free_batch(struct transfer_giver *g)
{
	for (unsigned i = 0; i < TRANSFER_MESSAGE_WINDOW; i++)
		if (g->batches[i].n == 0)
			return &g->batches[i];
	return NULL;
}

static struct transfer_giver_batch *
oldest_batch(struct transfer_giver *g)
{
	struct transfer_giver_batch *oldest = NULL;

	for (unsigned i = 0; i < TRANSFER_MESSAGE_WINDOW; i++) {
		struct transfer_giver_batch *b = &g->batches[i];

		if (b->n > 0 &&
		    (oldest == NULL || mono_before(b->sent, oldest->sent)))
			oldest = b;
	}
	return oldest;
}

static void
end(struct transfer_giver *g)
{
	session_thread_unwatch(thread_of(g), g->channel);
	(void)shutdown(g->channel, SHUT_RDWR); /* there is a copy */
	fd_close(&g->channel);
	if (g->gives)
		timers_leave(&thread_of(g)->timers, &g->timer);
	g->gives = false;
	atomic_store(&g->ended, true);
}

/* -- what was taken ---------------------------------------------------------
 */

static void
settle(struct transfer_giver *g, struct transfer_giver_batch *b,
    uint64_t refused, uint64_t gone)
{
	const int64_t us = mono_span_us(b->sent, mono_now());

	for (unsigned i = 0; i < b->n; i++) {
		struct session *s = b->sessions[i];

		if ((refused >> i & 1) == 0) {
			session_give_up(s);
			g->n_given++;
			continue;
		}
		s->stays = true;
		s->is_gone = (gone >> i & 1) != 0;
		session_give_back(s, &b->records[i]);
	}
	b->n = 0;
	if (us > g->longest_us)
		g->longest_us = (uint32_t)us;
}

static void
hear_taken(struct transfer_giver *g, const struct transfer_message *m)
{
	for (unsigned i = 0; i < TRANSFER_MESSAGE_WINDOW; i++)
		if (g->batches[i].n > 0 && g->batches[i].number == m->number)
			settle(g, &g->batches[i], m->refused, m->gone);
}

/* Returns 1, 0 at the end, or -errno. */
static int
hear(struct transfer_giver *g, struct transfer_message *ret_message)
{
	uint8_t room[TRANSFER_MESSAGE_BYTES_MAX];
	struct transfer_wire_packet p = { .body = room, .room = sizeof(room) };
	struct buf b;
	int e = transfer_wire_recv(g->channel, &p);

	if (e <= 0)
		return e;
	transfer_wire_close(&p);
	b = buf_reader(p.body, p.len);
	e = transfer_message_decode(&b, ret_message);
	return e < 0 ? e : 1;
}

static int
say(struct transfer_giver *g, enum transfer_message_type type)
{
	const struct transfer_message m = { .type = (uint8_t)type };
	struct buf b = BUF_WRITER(TRANSFER_MESSAGE_BYTES_MAX);

	transfer_message_encode(&b, &m);
	return transfer_wire_send(g->channel, b.data, b.pos, NULL, 0);
}

/*
 * What it does not know of it may begin with, or refuse, and nobody would hear
 * of that. So nothing is settled before it knows, or is gone and has none: one
 * that does not read for too long is ended by the supervisor.
 */
static void
tell_fall(struct transfer_giver *g)
{
	const int e = say(g, TRANSFER_MESSAGE_ABORT);
	const bool known = e == 0 || e == -EPIPE || e == -ECONNRESET;
	struct transfer_giver_batch *b;
	struct session *s;

	if (!known && oldest_batch(g) != NULL) {
		timers_set(&thread_of(g)->timers, &g->timer,
		    mono_add_ms(mono_now(), AGAIN_MS));
		return;
	}
	while ((b = oldest_batch(g)) != NULL)
		settle(g, b, UINT64_MAX, 0);
	LIST_FOREACH (s, &thread_of(g)->sessions, all)
		s->stays = true;
	g->failed = true;
	end(g);
}

/*
 * The other one is gone, or late. From here on it cannot tell us of anything
 * more, and what it does not tell us of it must not begin with: so each session
 * is one relay's alone.
 */
static void
fall(struct transfer_giver *g)
{
	struct transfer_message m;
	int e;

	g->falls = true;
	session_thread_unwatch(thread_of(g), g->channel);
	(void)shutdown(g->channel, SHUT_RD);
	while ((e = hear(g, &m)) == 1 || e == -EBADMSG)
		if (e == 1 && m.type == TRANSFER_MESSAGE_TAKEN)
			hear_taken(g, &m);
	tell_fall(g);
}

/* -- what is given ----------------------------------------------------------
 */

/*
 * Goes on behind the last that was looked at. Whoever comes meanwhile, of
 * another thread, is first in the list: so the last pass is one that finds
 * nobody. False: that was it.
 */
static bool
has_more(struct transfer_giver *g)
{
	struct session_thread *t = thread_of(g);

	if (t->next_give == NULL && g->found) {
		g->found = g->later = false;
		t->next_give = LIST_FIRST(&t->sessions);
	}
	return t->next_give != NULL;
}

/* As many as can be had, stopped and written down. */
static void
fill(struct transfer_giver *g, struct transfer_giver_batch *b)
{
	struct session_thread *t = thread_of(g);
	struct session *s;

	b->number = g->next++;
	while ((s = t->next_give) != NULL &&
	    b->n < TRANSFER_MESSAGE_SESSIONS_MAX) {
		t->next_give = LIST_NEXT(s, all);
		if (s->phase == SESSION_GIVEN || s->stays)
			continue;
		if (session_give(s, &b->records[b->n]) < 0)
			g->later = true;
		else
			b->sessions[b->n++] = s;
	}
	g->found = g->found || b->n > 0;
}

static void
put_sessions(struct buf *body, const struct transfer_giver_batch *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		const struct flow_end *server =
		    &b->sessions[i]->ends[SESSION_SERVER];

		buf_put_u8(body, server->fd == -1 ? 1 : 2);
		session_record_encode(body, &b->records[i]);
	}
}

static unsigned
collect_fds(const struct transfer_giver_batch *b, int *ret_fds, unsigned n)
{
	for (unsigned i = 0; i < b->n; i++)
		for (unsigned k = 0; k < 2; k++)
			if (b->sessions[i]->ends[k].fd != -1)
				ret_fds[n++] = b->sessions[i]->ends[k].fd;
	return n;
}

static int
send_near(struct transfer_giver *g, const struct transfer_giver_batch *b)
{
	const struct transfer_message m = { .type = TRANSFER_MESSAGE_BATCH,
		.number = b->number,
		.n_sessions = (uint8_t)b->n };
	int fds[2 * TRANSFER_MESSAGE_SESSIONS_MAX];
	struct buf body = BUF_WRITER(TRANSFER_WIRE_BODY_MAX);

	transfer_message_encode(&body, &m);
	put_sessions(&body, b);
	if (body.bad)
		return -EMSGSIZE;
	return transfer_wire_send(
	    g->channel, body.data, body.pos, fds, collect_fds(b, fds, 0));
}

/* With more held than goes into a packet. */
static int
send_far(struct transfer_giver *g, const struct transfer_giver_batch *b)
{
	struct transfer_message m = { .type = TRANSFER_MESSAGE_BATCH,
		.number = b->number,
		.n_sessions = (uint8_t)b->n };
	int fds[2 * TRANSFER_MESSAGE_SESSIONS_MAX + 1];
	struct buf body = BUF_WRITER(TRANSFER_MESSAGE_BYTES_MAX), far;
	CLEANUP(free_str) char *room = NULL;
	CLEANUP(fd_close) int store = -1;
	size_t len = 0;

	for (unsigned i = 0; i < b->n; i++)
		len += session_record_room(&b->records[i]) + 1;
	room = malloc(len);
	if (room == NULL)
		return -ENOMEM;
	far = buf_writer(room, len);
	put_sessions(&far, b);
	store = transfer_wire_store(far.data, far.pos);
	if (store < 0)
		return store;
	m.far_len = (uint32_t)far.pos;
	transfer_message_encode(&body, &m);
	fds[0] = store;
	return transfer_wire_send(
	    g->channel, body.data, body.pos, fds, collect_fds(b, fds, 1));
}

static int
send_batch(struct transfer_giver *g, struct transfer_giver_batch *b)
{
	int e = send_near(g, b);

	if (e == -EMSGSIZE)
		e = send_far(g, b);
	return e;
}

/* The next look: whether a batch is late, or what could not be given can now.
 */
static void
arm(struct transfer_giver *g)
{
	struct timers *timers = &thread_of(g)->timers;
	const struct transfer_giver_batch *b = oldest_batch(g);

	if (g->later)
		timers_set(
		    timers, &g->timer, mono_add_ms(mono_now(), AGAIN_MS));
	else if (b != NULL)
		timers_set(
		    timers, &g->timer, mono_add_ms(b->sent, PATIENCE_MS));
	else
		timers_stop(timers, &g->timer);
}

/* True: who could not be given yet has had time enough, and stays. */
static bool
is_over(struct transfer_giver *g)
{
	struct session *s;

	if (oldest_batch(g) != NULL) {
		g->pressed = mono_never();
		return false;
	}
	if (!g->later)
		return true;
	if (mono_is_never(g->pressed))
		g->pressed = mono_now();
	if (mono_span_ms(g->pressed, mono_now()) < LATER_MS)
		return false;
	LIST_FOREACH (s, &thread_of(g)->sessions, all)
		s->stays = true;
	return true;
}

static void
give(struct transfer_giver *g)
{
	struct transfer_giver_batch *b;

	while (!worker_has_orders(g->worker) && (b = free_batch(g)) != NULL &&
	    has_more(g)) {
		fill(g, b);
		if (b->n == 0)
			continue;
		b->sent = mono_now();
		if (send_batch(g, b) < 0) {
			settle(g, b, UINT64_MAX, 0);
			fall(g);
			return;
		}
	}
	/* Then all of them are looked at once more, when it is carried out. */
	g->later = g->later || worker_has_orders(g->worker);
	if (!is_over(g)) {
		arm(g);
		return;
	}
	g->failed = say(g, TRANSFER_MESSAGE_END) < 0;
	end(g);
}

static void
on_timer(struct timers_timer *t)
{
	struct transfer_giver *g =
	    CONTAINER_OF(t, struct transfer_giver, timer);
	const struct transfer_giver_batch *b = oldest_batch(g);

	if (g->falls) {
		tell_fall(g);
	} else if (b != NULL &&
	    mono_span_ms(b->sent, mono_now()) >= PATIENCE_MS) {
		fall(g);
	} else {
		g->found = g->found || g->later;
		give(g);
	}
}

static int
begin(struct transfer_giver *g)
{
	struct session *s;
	int e;

	int waits = TRANSFER_GIVER_WAITS;

	/* Twice, or too late: from then on nothing must have been sent. */
	if (!atomic_compare_exchange_strong(
	        &g->asks, &waits, TRANSFER_GIVER_ASKED))
		return -EBADMSG;
	/* What an earlier one could not have, this one may. */
	LIST_FOREACH (s, &thread_of(g)->sessions, all)
		s->stays = s->is_gone = false;
	e = timers_join(&thread_of(g)->timers, &g->timer, on_timer);
	g->gives = g->found = e == 0;
	return e;
}

static void
on_ready(struct session_thread_source *source)
{
	struct transfer_giver *g =
	    CONTAINER_OF(source, struct transfer_giver, ready);
	struct transfer_message m;
	int e = hear(g, &m);

	if (e == -EAGAIN)
		return;
	if (e == 1 && m.type == TRANSFER_MESSAGE_GO)
		e = begin(g) < 0 ? 0 : 1;
	else if (e == 1 && m.type == TRANSFER_MESSAGE_TAKEN && g->gives)
		hear_taken(g, &m);
	else
		e = 0;
	if (e == 1)
		give(g);
	else
		fall(g);
}

struct transfer_giver *
transfer_giver_new(struct worker *w, int *channel)
{
	struct transfer_giver *g = calloc(1, sizeof(*g));

	if (g == NULL) {
		fd_close(channel);
		return NULL;
	}
	g->worker = w;
	g->ready.on_ready = on_ready;
	g->pressed = mono_never();
	g->channel = fd_take(channel);
	g->ours = fcntl(g->channel, F_DUPFD_CLOEXEC, 0);
	/* From here on it is the worker's. */
	if (g->ours == -1 ||
	    session_thread_watch(&w->sessions, g->channel, &g->ready) < 0) {
		transfer_giver_free(g);
		return NULL;
	}
	return g;
}

/* The worker is told by the end of the channel. */
void
transfer_giver_hurry(struct transfer_giver *g)
{
	int waits = TRANSFER_GIVER_WAITS;

	if (atomic_compare_exchange_strong(
	        &g->asks, &waits, TRANSFER_GIVER_HURRIED))
		(void)shutdown(g->ours, SHUT_RDWR);
}

void
transfer_giver_free(struct transfer_giver *g)
{
	if (g == NULL)
		return;
	fd_close(&g->ours);
	fd_close(&g->channel);
	free(g);
}
