#pragma once

/*
 * The relay, as the failover role sees it: a channel that comes anew whenever
 * the relay is replaced, whether it serves, and the questions it asks.
 */

#include "core/base.h"
#include "failover/role.h"

/* A new channel, owned from now on; the one before is closed. */
void sibling_take(struct role *role, int chan);

/*
 * The groups are ready to begin, and do so (beat_start) when the relay serves:
 * a node that said sooner that it can't serve yet would leave everything to a
 * peer whose relay was a moment faster. They don't wait for ever, nor where one
 * of them is master already.
 */
void sibling_begin(struct role *role);

void sibling_close(struct role *role);
