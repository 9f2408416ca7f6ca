#pragma once

/*
 * What a relay gets of the one before it: its clients in the backlog, what is
 * known of services and servers, and the sessions. Until it has got them, or
 * the other one is gone, it accepts and checks nobody.
 *
 * On the main thread; owned by relay.c.
 */

#include "core/base.h"

struct predecessor;
struct services;

struct predecessor_calls {
	/* Some more is here, and more comes. */
	void (*on_taking)(void *arg);
	/* It has what it could get. */
	void (*on_taken)(void *arg);
	/* What its page knows of the past, in a memfd: taken, or closed. */
	void (*on_past)(void *arg, int *fd, uint32_t len);
	/* Memory is out: the relay is to end, and the other one goes on. */
	void (*on_failed)(void *arg);
};

/* Before services_start(). Takes the channel. NULL where memory is out. */
MUST_CHECK struct predecessor *predecessor_new(struct services *services,
    int *channel, const struct predecessor_calls *calls, void *arg);

/* The services have started: it may begin. */
void predecessor_begin(struct predecessor *p);

/* services_drop_group() has ended: the other one may have asked for it. */
void predecessor_note_dropped(struct predecessor *p, unsigned group);

/* When the workers have ended. Takes NULL. */
void predecessor_free(struct predecessor *p);
