#pragma once

/*
 * Rules of the director broken on purpose: the model must notice each, or it
 * proves nothing. What the product decides is broken by the linker's --wrap, so
 * it knows nothing of this; what the kernel program or the set-up does by
 * director_world.c, which asks here.
 *
 *	early     the server hears of a connection before the peer does
 *	hasty     what the peer was told counts as protected, unconfirmed
 *	timers    who has released goes on as before
 *	stranger  believes of connections who does not own the address
 *	wait      waits for a peer that failover has declared dead
 *	bare      bare ACKs of inherited clients are withheld
 *	pass      a release leaves withheld what is withheld
 *	refusal   takes a RST for a refusal whose SYN went from the other node
 *	parity    both nodes have the same ports
 *	sweep     what a dump does not name is kept
 *	forget    what the peer deletes is kept
 *	orphan    what a process before has left is not taken over
 */

#include "core/base.h"

enum broken_director_rule {
	BROKEN_DIRECTOR_NONE,
	BROKEN_DIRECTOR_EARLY,
	BROKEN_DIRECTOR_HASTY,
	BROKEN_DIRECTOR_TIMERS,
	BROKEN_DIRECTOR_STRANGER,
	BROKEN_DIRECTOR_WAIT,
	BROKEN_DIRECTOR_BARE,
	BROKEN_DIRECTOR_PASS,
	BROKEN_DIRECTOR_REFUSAL,
	BROKEN_DIRECTOR_PARITY,
	BROKEN_DIRECTOR_SWEEP,
	BROKEN_DIRECTOR_FORGET,
	BROKEN_DIRECTOR_ORPHAN,
};

/* False: there is no such rule. */
MUST_CHECK bool broken_director_choose(const char *name);

bool broken_director_is(enum broken_director_rule rule);
