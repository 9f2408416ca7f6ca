#pragma once

/*
 * The moment in which this process becomes another program: what that needs is
 * left open, the rest closes by itself. Signals wait until the next one hears
 * them. The environment says where it finds what it is left, by
 * UPGRADE_EXEC_VARIABLE: two descriptors, of the state and of the keys. The
 * keys are in a file of their own, which the next one wipes.
 */

#include "core/base.h"

#include <signal.h>

struct generation;
struct key_keeper;
struct upgrade_collect;

#define UPGRADE_EXEC_VARIABLE "HAPAIR_LEFT"

/*
 * `program` is a descriptor of the file, `now` the generation that runs;
 * `socket` is of who asked, or -1. Comes back only with -errno, and all is as
 * it was, but that scripts of `track` have begun anew.
 */
MUST_CHECK int upgrade_exec_do(const struct upgrade_collect *state,
    const struct key_keeper *keys, struct generation *now, int program,
    int socket);

/*
 * A signal that libev has caught, and not told of yet, would be gone with this
 * program. So they wait in the kernel from a turn of the loop before that on:
 * in this turn it tells of those that it has.
 */
void upgrade_exec_hold_signals(sigset_t *ret_before);

/* They are heard again, by what listens to them now; NULL: in the next one. */
void upgrade_exec_hear_signals(const sigset_t *before);
