#pragma once

/*
 * Closes descriptors that came from others, on a thread of its own. The last
 * close of a socket with SO_LINGER and unsent data waits, of a file on a dead
 * or hostile file system it waits for ever, of a packet socket for an RCU grace
 * period. What a descriptor is cannot be known for sure: who gave it may hold
 * it, too, and change it. So whoever must not sleep gives it away here.
 * SO_LINGER is switched off before anything else: what is forked meanwhile has
 * to close it, too.
 *
 * One per process, used by its main thread. The thread begins with the first
 * descriptor, so that it has no more rights than the process has by then.
 */

#include "core/base.h"

#include <sys/types.h>

struct closer;

/* NULL where memory is out. */
MUST_CHECK struct closer *closer_new(void);

/* Waits for nothing: a close that hangs is left to the process's end. */
void closer_free(struct closer *c); /* takes NULL */

/*
 * Takes what is there, stores -1, and closes it soon, or some time after what
 * hangs: nothing may depend on when. NULL: closes it here.
 */
void closer_close(struct closer *c, int *fd);

/*
 * Reads from a stranger's socket, without waiting; descriptors that come with
 * the bytes are closed. Returns as recv().
 */
MUST_CHECK ssize_t closer_recv(
    struct closer *c, int socket, void *ret_bytes, size_t room);

/* As many wait to be closed as one sender can leave behind: take no more. */
bool closer_is_full(struct closer *c);
