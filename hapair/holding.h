#pragma once

/*
 * Holding: packet sockets of failover, of which the supervisor keeps a
 * duplicate that it never reads. The last close of one waits until every
 * processor has been idle or scheduled (an RCU grace period): 10 to 20 ms each,
 * and ten times that on a busy host. A process that was killed is not gone
 * before, and its successor would come too late to go on with its addresses. So
 * the last close is ours, once the successor is there. Owned by supervisor.c.
 */

#include "core/base.h"

#define HOLDING_MAX 8

struct holding {
	int present[HOLDING_MAX]; /* of the failover that runs */
	int past[HOLDING_MAX];    /* of the one before */
	unsigned n_present, n_past;
};

/* The empty value is zeros. Takes the descriptor. 0, or -EBADMSG: too many. */
MUST_CHECK int holding_take(struct holding *h, int *fd);

/* It has ended: its sockets are the past. */
void holding_turn(struct holding *h);

/* Its successor works: closes what is past. */
void holding_let_go(struct holding *h);

void holding_fini(struct holding *h);
