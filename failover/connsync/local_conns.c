#include "failover/connsync/local_conns.h"

#include "failover/connsync/conn_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/*
 * How: an entry is in two lists. One tells what the peer knows of it (owed,
 * told), the other whether the relay has mentioned it since it last began to
 * tell all (fresh, stale). Starting over joins two lists and raises a number,
 * so that it costs the same with 10 connections and with 100,000: the role's
 * heartbeat is in the same thread.
 */
struct entry {
	struct conn_record conn; /* conn_table.c's: first */
	unsigned known; /* the epoch in which the peer was told of it */
	unsigned pass;  /* of the relay's, in which it was last mentioned */
	bool queued;    /* in `owed`, also when the peer knows it */
	TAILQ_ENTRY(entry) debt, mention;
};

TAILQ_HEAD(entries, entry);

/*
 * Who waits in a backlog is counted apart, closed or not: the kernel has more
 * of them than the relay may have connections, and they come and go in crowds.
 */
struct counts {
	size_t opened, closed, left;
};

struct local_conns {
	struct conn_table *map;
	size_t max; /* of live ones, of those who wait, and of either debt */
	struct counts accepted, waiting;
	unsigned epoch, pass;
	bool owes_begin, owes_end;
	bool complete; /* the relay has told all: what is stale has closed */
	/* `left`: told, and so to be forgotten once that has arrived. */
	struct entries owed, told, left, fresh, stale;
};

struct local_conns *
local_conns_new(size_t max)
{
	struct local_conns *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	TAILQ_INIT(&l->owed);
	TAILQ_INIT(&l->told);
	TAILQ_INIT(&l->left);
	TAILQ_INIT(&l->fresh);
	TAILQ_INIT(&l->stale);
	l->epoch = l->pass = 1; /* a new entry's 0 is neither */
	l->max = max;
	/* Live, closed, left, and waiting or not any more: as many of each. */
	l->map = conn_table_new(sizeof(struct entry), 5 * max + 1);
	if (l->map == NULL) {
		free(l);
		return NULL;
	}
	return l;
}

void
local_conns_free(struct local_conns *l)
{
	if (l == NULL)
		return;
	conn_table_free(l->map);
	free(l);
}

static struct entries *
debts_of(struct local_conns *l, const struct entry *e)
{
	if (e->queued || e->known != l->epoch)
		return &l->owed;
	return e->conn.change == CONN_RECORD_LEFT ? &l->left : &l->told;
}

static struct entries *
mentions_of(struct local_conns *l, const struct entry *e)
{
	return e->pass == l->pass ? &l->fresh : &l->stale;
}

static void
mention(struct local_conns *l, struct entry *e)
{
	if (e->pass == l->pass)
		return;
	TAILQ_REMOVE(&l->stale, e, mention);
	e->pass = l->pass;
	TAILQ_INSERT_TAIL(&l->fresh, e, mention);
}

static size_t *
count_of(struct local_conns *l, const struct conn_record *c)
{
	struct counts *n =
	    conn_record_is_waiting(c) ? &l->waiting : &l->accepted;

	switch (c->change) {
	case CONN_RECORD_CLOSED:
		return &n->closed;
	case CONN_RECORD_LEFT:
		return &n->left;
	case CONN_RECORD_UNKNOWN: /* of no relay of ours */
	case CONN_RECORD_OPENED:
		break;
	}
	return &n->opened;
}

/* The one place that writes `conn`, for the counts' sake. */
static void
become(struct local_conns *l, struct entry *e, const struct conn_record *c)
{
	--*count_of(l, &e->conn);
	e->conn = *c;
	++*count_of(l, c);
}

/* What it has become is to be told. */
static void
owe(struct local_conns *l, struct entry *e, const struct conn_record *c)
{
	TAILQ_REMOVE(debts_of(l, e), e, debt);
	become(l, e, c);
	e->queued = true;
	TAILQ_INSERT_TAIL(&l->owed, e, debt);
}

static void
drop(struct local_conns *l, struct entry *e)
{
	TAILQ_REMOVE(debts_of(l, e), e, debt);
	TAILQ_REMOVE(mentions_of(l, e), e, mention);
	--*count_of(l, &e->conn);
	conn_table_remove(l->map, e);
}

/* They shall not take the place of those who were accepted. */
static bool
has_room_for(const struct local_conns *l, const struct conn_record *c)
{
	return !conn_record_is_waiting(c) ||
	    (l->waiting.opened < l->max &&
	        l->waiting.opened + l->waiting.closed < 2 * l->max);
}

static int
open_again(struct local_conns *l, struct entry *e, const struct conn_record *c)
{
	mention(l, e);
	if (e->conn.change == CONN_RECORD_OPENED &&
	    conn_record_is_same(&e->conn, c))
		return 0;
	/* Its relay knows it better by now. */
	if (e->conn.change == CONN_RECORD_OPENED && conn_record_is_waiting(c) &&
	    !conn_record_is_waiting(&e->conn))
		return 0;
	if (!conn_record_is_waiting(&e->conn) && !has_room_for(l, c))
		return -ENOSPC;
	owe(l, e, c);
	return 0;
}

static int
open_entry(struct local_conns *l, const struct conn_record *c)
{
	struct entry *e = conn_table_find(l->map, c);

	if (e != NULL)
		return open_again(l, e, c);
	e = has_room_for(l, c) ? conn_table_add(l->map, c) : NULL;
	if (e == NULL)
		return -ENOSPC;
	++*count_of(l, c);
	e->pass = l->pass;
	e->queued = true;
	TAILQ_INSERT_TAIL(&l->owed, e, debt);
	TAILQ_INSERT_TAIL(&l->fresh, e, mention);
	return 0;
}

/* As what it was, but for this. */
static void
owe_end(struct local_conns *l, struct entry *e, enum conn_record_change change)
{
	struct conn_record c = e->conn;

	c.change = change;
	mention(l, e);
	owe(l, e, &c);
}

static void
close_entry(struct local_conns *l, struct entry *e)
{
	if (e->known != l->epoch) {
		drop(l, e); /* the peer never heard of it */
		return;
	}
	owe_end(l, e, CONN_RECORD_CLOSED);
}

/* Without a wire for long, what was left long ago is of no use to anybody. */
static void
leave_entry(struct local_conns *l, struct entry *e)
{
	if (l->accepted.left >= l->max) {
		drop(l, e);
		return;
	}
	owe_end(l, e, CONN_RECORD_LEFT);
}

int
local_conns_take(struct local_conns *l, const struct conn_record *c)
{
	struct entry *e;

	if (c->change == CONN_RECORD_OPENED)
		return open_entry(l, c);
	e = conn_table_find(l->map, c);
	/* Another worker may have been quicker with the ends' next user. */
	if (e == NULL || e->conn.id != c->id ||
	    e->conn.change != CONN_RECORD_OPENED)
		return 0;
	if (c->change == CONN_RECORD_CLOSED)
		close_entry(l, e);
	else
		leave_entry(l, e);
	return l->accepted.closed > l->max ? -ENOSPC : 0;
}

void
local_conns_begin(struct local_conns *l)
{
	TAILQ_CONCAT(&l->stale, &l->fresh, mention);
	l->pass++;
	l->complete = false;
}

void
local_conns_end(struct local_conns *l)
{
	l->complete = true;
}

bool
local_conns_sweep(struct local_conns *l, unsigned n)
{
	struct entry *e;

	if (!l->complete)
		return false;
	while (n-- > 0 && (e = TAILQ_FIRST(&l->stale)) != NULL) {
		/*
		 * What has left stays until the peer was told of it, and of who
		 * waits no relay speaks.
		 */
		if (e->conn.change == CONN_RECORD_OPENED &&
		    !conn_record_is_waiting(&e->conn))
			close_entry(l, e);
		else
			mention(l, e);
	}
	return !TAILQ_EMPTY(&l->stale);
}

void
local_conns_restart(struct local_conns *l)
{
	TAILQ_CONCAT(&l->owed, &l->told, debt);
	TAILQ_CONCAT(&l->owed, &l->left, debt);
	l->epoch++;
	l->owes_begin = l->owes_end = true;
}

/* Whether it is still worth telling; it is done with either way. */
static bool
pay(struct local_conns *l, struct entry *e, struct conn_record *ret_conn)
{
	const bool known = e->known == l->epoch;

	if (e->conn.change == CONN_RECORD_CLOSED && !known) {
		drop(l, e);
		return false;
	}
	*ret_conn = e->conn;
	if (e->conn.change == CONN_RECORD_CLOSED) {
		drop(l, e);
		return true;
	}
	TAILQ_REMOVE(&l->owed, e, debt);
	e->queued = false;
	e->known = l->epoch;
	TAILQ_INSERT_TAIL(debts_of(l, e), e, debt);
	return true;
}

enum local_conns_debt
local_conns_next(struct local_conns *l, struct conn_record *ret_conn)
{
	struct entry *e;

	if (l->owes_begin) {
		l->owes_begin = false;
		return LOCAL_CONNS_BEGIN;
	}
	while ((e = TAILQ_FIRST(&l->owed)) != NULL)
		if (pay(l, e, ret_conn))
			return LOCAL_CONNS_RECORD;
	if (l->owes_end && l->complete) {
		l->owes_end = false;
		return LOCAL_CONNS_END;
	}
	return LOCAL_CONNS_PAID;
}

bool
local_conns_awaits(const struct local_conns *l)
{
	return !TAILQ_EMPTY(&l->left);
}

void
local_conns_settle(struct local_conns *l, unsigned n)
{
	struct entry *e;

	while (n-- > 0 && (e = TAILQ_FIRST(&l->left)) != NULL)
		drop(l, e);
}

bool
local_conns_is_live(const struct local_conns *l, const struct conn_record *c)
{
	const struct entry *e = conn_table_find(l->map, c);

	return e != NULL && e->conn.change == CONN_RECORD_OPENED &&
	    (e->pass == l->pass || !l->complete);
}

size_t
local_conns_count(const struct local_conns *l)
{
	return l->accepted.opened + l->waiting.opened;
}

static size_t
count_at(const struct entries *list, const struct conn_record_end *addresses,
    size_t n)
{
	const struct entry *e;
	size_t found = 0;

	TAILQ_FOREACH (e, list, mention) {
		const struct conn_record_end *local = &e->conn.local;
		bool there = false;

		for (size_t i = 0; i < n && !there; i++)
			there = local->family == addresses[i].family &&
			    memcmp(local->ip, addresses[i].ip,
			        sizeof(local->ip)) == 0;
		found += there && e->conn.change == CONN_RECORD_OPENED;
	}
	return found;
}

size_t
local_conns_count_at(const struct local_conns *l,
    const struct conn_record_end *addresses, size_t n)
{
	return count_at(&l->fresh, addresses, n) +
	    count_at(&l->stale, addresses, n);
}
