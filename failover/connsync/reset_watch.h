#pragma once

/*
 * Hears the resets that clients send to virtual IPs: who answers a tickle with
 * one has no such connection any more, and so was told of the takeover.
 *
 * While it is open the kernel copies every TCP packet that arrives, to throw
 * away nearly all of the copies: so it is open for as long as somebody is told.
 * One, owned by tickle.c.
 */

#include "core/base.h"

#include <ev.h>

struct config_pair;
struct conn_record_end;

/* From a client, to a virtual IP. */
typedef void reset_watch_heard(void *arg, const struct conn_record_end *client,
    const struct conn_record_end *local);

struct reset_watch {
	int v4, v6; /* -1: closed */
	ev_io v4_ready, v6_ready;
	reset_watch_heard *heard;
	void *arg;
};

struct reset_watch reset_watch_init(reset_watch_heard *heard, void *arg);

/* Where it is not open yet. Returns 0 or -errno. */
MUST_CHECK int reset_watch_open(struct reset_watch *w, struct ev_loop *loop,
    const struct config_pair *pair);
void reset_watch_close(struct reset_watch *w, struct ev_loop *loop);
