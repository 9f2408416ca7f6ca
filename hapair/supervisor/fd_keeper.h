#pragma once

/*
 * Packet sockets of failover, of which the supervisor keeps a duplicate that it
 * never reads. The last close of one waits until every processor has been idle
 * or scheduled (an RCU grace period): 10 to 20 ms each, and ten times that on a
 * busy host. A process that was killed is not gone before, and its successor
 * would come too late to go on with its addresses. So the last close is ours,
 * once the successor is there, on a thread that may wait for it.
 *
 * When we are killed ourselves, it must not delay what tells others of it: the
 * channels to the roles, and the wire. The kernel closes the descriptors of a
 * dying process from the highest, so ours are taken before any of those, and
 * kept for this use. Owned by supervisor.c.
 */

#include "core/base.h"

struct closer;

#define FD_KEEPER_MAX 8

/* Descriptors, with /dev/null where nothing is held. */
struct fd_keeper_bank {
	int slots[FD_KEEPER_MAX];
	unsigned n; /* the first of them are held */
};

struct fd_keeper {
	struct closer *closer; /* borrowed; NULL: closes here, and waits */
	int null;              /* to fill what is empty */
	struct fd_keeper_bank present; /* of the failover that runs */
	struct fd_keeper_bank past;    /* of the one before */
};

struct fd_keeper fd_keeper_none(void); /* the empty value */

/* Takes its descriptors. Returns 0 or -errno. */
MUST_CHECK int fd_keeper_init(struct fd_keeper *h);
void fd_keeper_fini(struct fd_keeper *h);

/*
 * Those that were taken over from the program before, below all that is opened
 * from now on.
 */
void fd_keeper_sink(struct fd_keeper *h);

/* Takes a duplicate; `fd` stays the caller's. 0 or -EBADMSG: too many. */
MUST_CHECK int fd_keeper_take(struct fd_keeper *h, int fd);

/* It has ended: its sockets are the past. */
void fd_keeper_turn(struct fd_keeper *h);

/* Its successor works: closes what is past. */
void fd_keeper_let_go(struct fd_keeper *h);
