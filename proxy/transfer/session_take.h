#pragma once

/*
 * A session that another process has given (session_give.h) goes on here, in
 * two steps: first all is there and has its place, and nothing is touched;
 * then, when the giver knows that it is ours, it goes on. Limits that are full
 * do not hold it up, since it was let in before.
 *
 * On the thread that it is for.
 */

#include "core/base.h"

struct pool;
struct session;
struct session_record;
struct session_thread;

/* Where it belongs among what this relay serves. */
struct session_take_place {
	struct pool *pool;
	int server; /* or SESSION_NO_SERVER */
};

/*
 * -ENOENT: the service is not here, or the server that it talks with. One that
 * only connects can do with another server.
 */
MUST_CHECK int session_take_find(struct pool *pools, size_t n_pools,
    const struct session_record *r, struct session_take_place *ret_place);

/*
 * The first step. Takes the descriptors, the client's and the server's (-1:
 * none), also of one that it refuses: whoever gave them still has them. Returns
 * 0 or -errno.
 */
MUST_CHECK int session_take(struct session_thread *t,
    const struct session_take_place *place, const struct session_record *r,
    int fds[static 2], struct session **ret_session);

/* The second. What is held need not be in the record any more. */
void session_take_go_on(struct session *s, const struct session_record *r);
