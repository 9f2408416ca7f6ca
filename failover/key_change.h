#pragma once

/*
 * Other keys for the pair while it runs: the supervisor has read them from the
 * key file (MSG_KEYS), because somebody wants that, who is answered here. Keys
 * of which the peer takes none are refused, also while it is silent: the two
 * would not know each other.
 */

#include "core/base.h"

struct channel_packet;
struct role;

/* Wipes the message; takes its socket. Returns 0 or -EBADMSG. */
MUST_CHECK int key_change_take(struct role *role, struct channel_packet *p);
