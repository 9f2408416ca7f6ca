#pragma once

/*
 * The ledger: this node's live connections, as the relay tells of them, and
 * what of it the peer has not been told yet. A debt stays in the ledger until
 * the wire has room for it, so nothing is queued twice and nothing overflows;
 * a connection that opens and closes before its turn was never one.
 *
 * Does no I/O. One, owned by conn_sync.c.
 */

#include "core/base.h"
#include "core/conn_record.h"

struct ledger;

enum ledger_debt {
	LEDGER_PAID,   /* nothing to tell now */
	LEDGER_BEGIN,  /* what follows is all there is */
	LEDGER_RECORD, /* a change, in *ret_conn */
	LEDGER_END,    /* what was not told since BEGIN is no more */
};

/* For `max` live connections. NULL where memory is out. */
struct ledger *ledger_new(size_t max);
void ledger_free(struct ledger *l); /* takes NULL */

/*
 * What the relay says. Returns 0, or -ENOSPC where so many debts are open that
 * it is better to start over (ledger_restart) when the wire is back.
 */
MUST_CHECK int ledger_take(struct ledger *l, const struct conn_record *c);

/*
 * The relay, maybe a new one, begins to tell all; then it has told all. In
 * between what it has not mentioned again counts on, afterwards it has closed.
 */
void ledger_begin(struct ledger *l);
void ledger_end(struct ledger *l);

/* Works off what an end has left; at most `n`. Returns whether more is left. */
bool ledger_sweep(struct ledger *l, unsigned n);

/* Whoever is at the wire's other end now knows nothing. */
void ledger_restart(struct ledger *l);

/* The next debt, which counts as paid from here on. */
enum ledger_debt ledger_next(struct ledger *l, struct conn_record *ret_conn);

/*
 * What has left (CONN_RECORD_LEFT) is told once, and must arrive: it is kept
 * until the wire is drained, which settles it; at most `n`.
 */
bool ledger_awaits(const struct ledger *l);
void ledger_settle(struct ledger *l, unsigned n);

/* A live connection of ours has these ends. */
bool ledger_is_live(const struct ledger *l, const struct conn_record *c);
