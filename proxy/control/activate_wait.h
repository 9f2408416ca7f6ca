#pragma once

/*
 * Operators who wait for a server to become active: each is answered when it is
 * so, or when it is clear that it will not be, because the fence failed or
 * another choice came first. On the relay's main thread; owned by
 * server_admin.c.
 */

#include "core/msg.h"

#include <ev.h>
#include <sys/queue.h>

struct activate_wait_one;
struct config;
struct standby_run;

struct activate_wait {
	struct ev_loop *loop;
	const struct config *config;     /* borrowed */
	struct standby_run *standby_run; /* borrowed */
	unsigned n;
	LIST_HEAD(, activate_wait_one) all;
	ev_timer look; /* while there is any */
};

void activate_wait_init(struct activate_wait *w, struct ev_loop *loop,
    const struct config *config, struct standby_run *standby_run);
void activate_wait_fini(struct activate_wait *w); /* takes zeros */

/* "server NAME of service NAME: TEXT" is the answer, at once. */
void activate_wait_answer(struct activate_wait *w, const struct msg_active *m,
    bool done, const char *text, int *socket);

/* The same, once the fence has ended. Takes the socket. */
void activate_wait_add(
    struct activate_wait *w, const struct msg_active *m, int *socket);
