#pragma once

/*
 * What a relay does for the one that comes after it, when the supervisor says
 * so: it accepts nobody any more, tells what it knows of services and servers,
 * and gives each session away. Those that the other one cannot have go on to
 * their end here. Where the other one dies before it has said DONE, this one
 * has again what was not taken, and accepts as before.
 *
 * On the main thread; owned by relay.c.
 */

#include "core/base.h"

struct services;
struct successor;

struct successor_calls {
	/*
	 * It begins: whether successor_give_past() will follow, which is waited
	 * for a moment.
	 */
	bool (*on_past_wanted)(void *arg);
	/* The other one serves from now on. */
	void (*on_served)(void *arg);
	/* So many are left here, and later none. */
	void (*on_given)(void *arg, unsigned left);
	/* What successor_drop() asked for is done, or nobody will do it. */
	void (*on_dropped)(void *arg, unsigned group);
	/* It is gone: this relay goes on. Called last, from the loop. */
	void (*on_lost)(void *arg);
};

/* Takes the channel to the other relay. NULL where memory is out. */
MUST_CHECK struct successor *successor_new(struct services *services,
    int *channel, const struct successor_calls *calls, void *arg);

/*
 * An address leaves, and there is no connection to it here. True: the other one
 * may have some, and was told to end them.
 */
MUST_CHECK bool successor_drop(struct successor *s, unsigned group);

/*
 * What the page knows of the past, sealed in a memfd, which is taken: for the
 * other one, if it is not too late.
 */
void successor_give_past(struct successor *s, int *fd, uint32_t len);

/* When the workers have ended, or the other one is lost. Takes NULL. */
void successor_free(struct successor *s);
