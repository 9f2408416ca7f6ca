#pragma once

/*
 * This node's live connections, as the relay tells of them, and what of it the
 * peer has not been told yet. What is owed stays here until the wire has room
 * for it, so nothing is queued twice and nothing overflows; a connection that
 * opens and closes before its turn was never one.
 *
 * Does no I/O. One, owned by conn_sync.c.
 */

#include "core/base.h"
#include "core/conn_record.h"

struct local_conns;

enum local_conns_debt {
	LOCAL_CONNS_PAID,   /* nothing to tell now */
	LOCAL_CONNS_BEGIN,  /* what follows is all there is */
	LOCAL_CONNS_RECORD, /* a change, in *ret_conn */
	LOCAL_CONNS_END,    /* what was not told since BEGIN is no more */
};

/*
 * For `max` live connections, and as many that wait in a backlog. NULL where
 * memory is out.
 */
struct local_conns *local_conns_new(size_t max);
void local_conns_free(struct local_conns *l); /* takes NULL */

/*
 * What the relay says, or backlog_watch.h of who waits. Returns 0 or -ENOSPC.
 * Of the relay's it means that so many debts are open that it is better to
 * start over (local_conns_restart) when the wire is back; of who waits that
 * too many do.
 */
MUST_CHECK int local_conns_take(
    struct local_conns *l, const struct conn_record *c);

/*
 * The relay, maybe a new one, begins to tell all; then it has told all. In
 * between what it has not mentioned again counts on, afterwards it has closed.
 */
void local_conns_begin(struct local_conns *l);
void local_conns_end(struct local_conns *l);

/* Works off what an end has left; at most `n`. Returns whether more is left. */
bool local_conns_sweep(struct local_conns *l, unsigned n);

/* Whoever is at the wire's other end now knows nothing. */
void local_conns_restart(struct local_conns *l);

/* The next debt, which counts as paid from here on. */
enum local_conns_debt local_conns_next(
    struct local_conns *l, struct conn_record *ret_conn);

/*
 * What has left (CONN_RECORD_LEFT) is told once, and must arrive: it is kept
 * until the wire is drained, which settles it; at most `n`.
 */
bool local_conns_awaits(const struct local_conns *l);
void local_conns_settle(struct local_conns *l, unsigned n);

/* Of live ones. */
size_t local_conns_count(const struct local_conns *l);

/* Of these, at any of so many addresses; goes through all of them. */
size_t local_conns_count_at(const struct local_conns *l,
    const struct conn_record_end *addresses, size_t n);

/* A live connection of ours has these ends. */
bool local_conns_is_live(
    const struct local_conns *l, const struct conn_record *c);
