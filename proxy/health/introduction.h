#pragma once

/*
 * A connection that begins with a header of the PROXY protocol, for whoever
 * connects in a way of its own: it gets the descriptor when the header is said.
 * On the main thread, within a time.
 */

#include "config/config.h"

#include <ev.h>

/* A descriptor, which the callee owns, or -errno. From the loop. */
typedef void introduction_done_fn(void *arg, int fd);

struct introduction {
	struct ev_loop *loop;
	enum config_proxy_protocol version;
	introduction_done_fn *on_done;
	void *arg;
	int fd; /* -1: nothing is under way */
	ev_io io;
	ev_timer late;
};

/* The fields before the descriptor are set. Returns 0, or -errno at once. */
MUST_CHECK int introduction_start(
    struct introduction *i, const union addr *to, uint32_t timeout_ms);

/* Also where nothing is under way, or nothing was started: no call will come.
 */
void introduction_stop(struct introduction *i);

/*
 * Says who it is on a connection that is just there, and on which nothing was
 * said yet. Nothing with CONFIG_PROXY_PROTOCOL_NONE. Returns 0 or -errno.
 */
MUST_CHECK int introduction_say(int fd, enum config_proxy_protocol version);
