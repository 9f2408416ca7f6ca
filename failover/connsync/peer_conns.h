#pragma once

/*
 * The peer's live connections at the virtual IPs, as it tells of them over the
 * wire. When it dies and we take its addresses, this is who has to be told.
 * What is known is kept while the wire is down.
 *
 * Does no I/O. One, owned by conn_sync.c.
 */

#include "core/base.h"
#include "core/conn_record.h"

struct config_pair;
struct peer_conns;

/*
 * How often an end is told of a takeover at most (tickle.h): a server, of which
 * no answer is known, and a client, until it has answered.
 */
#define PEER_CONNS_TELLINGS 3
#define PEER_CONNS_TELLINGS_MAX 8

/* Somebody who talks to a virtual IP of ours: a client, or a server. */
struct peer_conns_leg {
	struct conn_record_end from, to; /* from the virtual IP */
	bool is_client;
	bool told_before;        /* in an earlier round */
	struct conn_record conn; /* which it belongs to */
};

/*
 * For `max` live connections, as many that have left and as many that wait in a
 * backlog. Borrows the groups. NULL where memory is out.
 */
struct peer_conns *peer_conns_new(const struct config_pair *pair, size_t max);
void peer_conns_free(struct peer_conns *e); /* takes NULL */

/*
 * What the peer says. Returns the groups, a bit each, that now have somebody
 * to be told whom they did not have before.
 */
unsigned peer_conns_take(struct peer_conns *e, const struct conn_record *c);

/* The peer begins to tell all; it has told all: the others are no more. */
void peer_conns_begin(struct peer_conns *e);
void peer_conns_end(struct peer_conns *e);

/* Works off what an end has left; at most `n`. Returns whether more is left. */
bool peer_conns_sweep(struct peer_conns *e, unsigned n);

/*
 * We have claimed a group, and who is connected to its addresses is told: until
 * that is over, the peer's word that it knows them no more does not count.
 */
void peer_conns_inherit(struct peer_conns *e, unsigned group, bool ours);

/*
 * Goes through those who are connected to a group's addresses: from the first
 * again, then one by one. peer_conns_next() returns false at the end, and goes
 * on with whoever comes later. The one it has given out counts as told by
 * peer_conns_tell(), and is forgotten by the last telling (then true is
 * returned) or by peer_conns_forget().
 */
void peer_conns_rewind(struct peer_conns *e, unsigned group);
MUST_CHECK bool peer_conns_next(
    struct peer_conns *e, unsigned group, struct peer_conns_leg *ret_leg);
bool peer_conns_tell(struct peer_conns *e);
void peer_conns_forget(struct peer_conns *e);

/*
 * The client has answered what it was told: it has no such connection any more.
 * Returns whether there was one that had been told.
 */
bool peer_conns_answered(struct peer_conns *e,
    const struct conn_record_end *client, const struct conn_record_end *local);

/* Nobody talks to this group's addresses. */
bool peer_conns_is_empty(const struct peer_conns *e, unsigned group);

/* Connections. */
size_t peer_conns_count(const struct peer_conns *e);
