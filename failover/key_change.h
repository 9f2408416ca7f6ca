#pragma once

/*
 * The pair's keys, which come from the supervisor (MSG_KEYS). Nobody here reads
 * the key file: a process that is started again begins with what the one before
 * it had, whatever is in the file by then.
 *
 * Others while it runs: the supervisor has read them from the key file, because
 * somebody wants that, who is answered here. Keys of which the peer takes none
 * are refused, also while it is silent: the two would not know each other. The
 * supervisor is told of what was taken before whoever wanted it is.
 */

#include "core/base.h"

struct channel_packet;
struct role;

/*
 * Before begin(): these are the first. Later: these in their place. Wipes the
 * message; takes its socket. Returns 0 or -errno; the supervisor may not know
 * then what is in use, so this process must end.
 */
MUST_CHECK int key_change_take(struct role *role, struct channel_packet *p);
