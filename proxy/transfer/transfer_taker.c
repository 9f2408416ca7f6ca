#include "proxy/transfer/transfer_taker.h"

#include "core/buf.h"
#include "core/fd.h"
#include "proxy/data/session_end.h"
#include "proxy/data/worker.h"
#include "proxy/transfer/session_take.h"
#include "proxy/transfer/transfer_wire.h"

#include <errno.h>
#include <stdlib.h>

/* A batch as it has come: its records, and descriptors not taken yet. */
struct arrival {
	struct transfer_wire_packet packet;
	unsigned next_fd;
	struct buf records;
	uint8_t *far; /* malloc'd, or NULL */
};

static struct session_thread *
thread_of(const struct transfer_taker *t)
{
	return &t->worker->sessions;
}

static void
end(struct transfer_taker *t)
{
	session_thread_unwatch(thread_of(t), t->channel);
	fd_close(&t->channel);
	atomic_store(&t->ended, true);
}

static void
go_on(struct transfer_taker *t, struct transfer_taker_batch *b)
{
	for (unsigned i = 0; i < b->n; i++)
		session_take_go_on(b->sessions[i], &b->records[i]);
	atomic_fetch_add(&t->n_taken, b->n);
	b->n = 0;
}

static int
say(struct transfer_taker *t, const struct transfer_message *m)
{
	struct buf b = BUF_WRITER(TRANSFER_MESSAGE_BYTES_MAX);

	transfer_message_encode(&b, m);
	return transfer_wire_send(t->channel, b.data, b.pos, NULL, 0);
}

/* Its descriptors, in the order in which they were sent; -1 for none. */
static bool
next_fds(struct arrival *a, unsigned n, int ret_fds[static 2])
{
	ret_fds[0] = ret_fds[1] = -1;
	if (n < 1 || n > 2 || a->packet.n_fds - a->next_fd < n)
		return false;
	for (unsigned i = 0; i < n; i++)
		ret_fds[i] = fd_take(&a->packet.fds[a->next_fd++]);
	return true;
}

/*
 * Returns 0, or -errno: this one is refused; -EBADMSG: whatever follows, too;
 * -ENOENT: it is of what is not in our file.
 */
static int
take_one(struct transfer_taker *t, struct arrival *a,
    struct transfer_taker_batch *batch)
{
	const struct worker_shared *shared = t->worker->shared;
	struct session_record *r = &batch->records[batch->n];
	struct session_take_place place;
	const unsigned n_fds = buf_get_u8(&a->records);
	int fds[2], e, found;

	e = session_record_decode(&a->records, r);
	if (e == -EBADMSG || !next_fds(a, n_fds, fds))
		return -EBADMSG;
	found = e < 0
	    ? e
	    : session_take_find(shared->pools, shared->n_pools, r, &place);
	if (found < 0) {
		fd_close(&fds[0]);
		fd_close(&fds[1]);
		return found == -ENOENT ? -ENOENT : -ECANCELED;
	}
	e = session_take(
	    thread_of(t), &place, r, fds, &batch->sessions[batch->n]);
	if (e == 0)
		batch->n++;
	return e < 0 ? -ECANCELED : 0;
}

static void
take_all(struct transfer_taker *t, struct arrival *a, unsigned n,
    struct transfer_taker_batch *batch)
{
	int e = 0;

	batch->n = 0;
	batch->refused = batch->gone = 0;
	for (unsigned i = 0; i < n; i++) {
		if (e != -EBADMSG)
			e = take_one(t, a, batch);
		if (e < 0)
			batch->refused |= (uint64_t)1 << i;
		if (e == -ENOENT)
			batch->gone |= (uint64_t)1 << i;
	}
	t->n_refused += n - batch->n;
}

/* Where the records are: behind the message, or in a memfd. */
static int
open_records(struct arrival *a, const struct buf *behind,
    const struct transfer_message *m)
{
	int e;

	if (m->far_len == 0) {
		a->records = buf_reader(
		    behind->data + behind->pos, behind->len - behind->pos);
		return 0;
	}
	if (a->packet.n_fds == 0)
		return -EBADMSG;
	e = transfer_wire_load(a->packet.fds[0], m->far_len, &a->far);
	if (e < 0)
		return e;
	a->next_fd = 1;
	a->records = buf_reader(a->far, m->far_len);
	return 0;
}

static int
take_batch(struct transfer_taker *t, struct arrival *a,
    const struct buf *behind, const struct transfer_message *m)
{
	struct transfer_message taken = { .type = TRANSFER_MESSAGE_TAKEN,
		.number = m->number };
	struct transfer_taker_batch *batch = &t->batches[t->n_doubtful];

	if (t->n_doubtful == TRANSFER_MESSAGE_WINDOW)
		return -EBADMSG;
	batch->number = m->number;
	/* Without records none is taken, and all are refused. */
	(void)!open_records(a, behind, m);
	take_all(t, a, m->n_sessions, batch);
	free(a->far);
	taken.refused = batch->refused;
	taken.gone = batch->gone;
	if (say(t, &taken) == 0)
		go_on(t, batch);
	else
		t->n_doubtful++;
	return 0;
}

/* The giver has them again. */
static void
forget(struct transfer_taker *t)
{
	for (unsigned k = 0; k < t->n_doubtful; k++)
		for (unsigned i = 0; i < t->batches[k].n; i++)
			session_end_given(t->batches[k].sessions[i]);
	t->n_doubtful = 0;
	t->failed = true;
	end(t);
}

/* The giver is gone, and has nothing any more. */
static void
keep(struct transfer_taker *t)
{
	for (unsigned k = 0; k < t->n_doubtful; k++)
		go_on(t, &t->batches[k]);
	t->n_doubtful = 0;
	t->failed = true;
	end(t);
}

/* Returns 0 or -EBADMSG. */
static int
take_message(struct transfer_taker *t, struct arrival *a)
{
	struct buf b = buf_reader(a->packet.body, a->packet.len);
	struct transfer_message m;

	if (transfer_message_decode(&b, &m) < 0)
		return -EBADMSG;
	switch ((enum transfer_message_type)m.type) {
	case TRANSFER_MESSAGE_BATCH:
		return take_batch(t, a, &b, &m);
	case TRANSFER_MESSAGE_END:
		end(t);
		return 0;
	case TRANSFER_MESSAGE_ABORT:
		forget(t);
		return 0;
	case TRANSFER_MESSAGE_GO:
	case TRANSFER_MESSAGE_TAKEN:
	case TRANSFER_MESSAGE_HELLO:
	case TRANSFER_MESSAGE_WORKER:
	case TRANSFER_MESSAGE_STATE:
	case TRANSFER_MESSAGE_GATHERED:
	case TRANSFER_MESSAGE_GIVEN:
	case TRANSFER_MESSAGE_DONE:
	case TRANSFER_MESSAGE_DROP:
	case TRANSFER_MESSAGE_DROPPED:
		break;
	}
	return -EBADMSG;
}

/* One at a time: the sessions that are here have their turn in between. */
static void
on_ready(struct session_thread_source *source)
{
	struct transfer_taker *t =
	    CONTAINER_OF(source, struct transfer_taker, ready);
	uint8_t room[TRANSFER_WIRE_BODY_MAX];
	struct arrival a = { .packet = { .body = room, .room = sizeof(room) } };
	int e = transfer_wire_recv(t->channel, &a.packet);

	if (e == -EAGAIN)
		return;
	if (e == 1)
		e = take_message(t, &a) < 0 ? 0 : 1;
	transfer_wire_close(&a.packet);
	if (e != 1 && t->channel != -1)
		keep(t);
}

struct transfer_taker *
transfer_taker_new(struct worker *w, int *channel)
{
	const struct transfer_message go = { .type = TRANSFER_MESSAGE_GO };
	struct transfer_taker *t = calloc(1, sizeof(*t));
	int e;

	if (t == NULL) {
		fd_close(channel);
		return NULL;
	}
	t->worker = w;
	t->ready.on_ready = on_ready;
	t->channel = fd_take(channel);
	e = say(t, &go);
	/* Who is gone says so at its end: the worker hears of it. */
	if ((e < 0 && e != -EPIPE) ||
	    session_thread_watch(&w->sessions, t->channel, &t->ready) < 0) {
		transfer_taker_free(t);
		return NULL;
	}
	return t;
}

void
transfer_taker_free(struct transfer_taker *t)
{
	if (t == NULL)
		return;
	fd_close(&t->channel);
	free(t);
}
