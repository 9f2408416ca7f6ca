#pragma once

/*
 * The estate: the peer's live connections at the virtual IPs, as it tells of
 * them over the wire. When it dies and we take its addresses, this is who has
 * to be told. What is known is kept while the wire is down.
 *
 * Does no I/O. One, owned by conn_sync.c.
 */

#include "core/base.h"
#include "core/conn_record.h"

struct config_pair;
struct estate;

/* How often each end is told of a takeover (tickle.h). */
#define ESTATE_TELLINGS 3

/* Somebody who talks to a virtual IP of ours: a client, or a server. */
struct estate_leg {
	struct conn_record_end from, to; /* from the virtual IP */
	bool is_client;
	bool told_before;        /* in an earlier round */
	struct conn_record conn; /* which it belongs to */
};

/* Borrows the groups. NULL where memory is out. */
struct estate *estate_new(const struct config_pair *pair, size_t max);
void estate_free(struct estate *e); /* takes NULL */

/*
 * What the peer says. Returns the groups, a bit each, that now have somebody
 * to be told whom they did not have before.
 */
unsigned estate_take(struct estate *e, const struct conn_record *c);

/* The peer begins to tell all; it has told all: the others are no more. */
void estate_begin(struct estate *e);
void estate_end(struct estate *e);

/* Works off what an end has left; at most `n`. Returns whether more is left. */
bool estate_sweep(struct estate *e, unsigned n);

/*
 * Goes through those who talk to a group's addresses: from the first again,
 * then one by one. estate_next() returns false at the end. The one it has given
 * out counts as told by estate_tell(), and is forgotten by the last telling or
 * by estate_forget().
 */
void estate_rewind(struct estate *e, unsigned group);
MUST_CHECK bool estate_next(
    struct estate *e, unsigned group, struct estate_leg *ret_leg);
void estate_tell(struct estate *e);
void estate_forget(struct estate *e);

/* Nobody talks to this group's addresses. */
bool estate_is_empty(const struct estate *e, unsigned group);

/* Connections. */
size_t estate_count(const struct estate *e);
