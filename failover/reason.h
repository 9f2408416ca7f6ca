#pragma once

/*
 * Why a group changed its state, in an operator's words: worded once, here, and
 * so the same in the log, in `status` and for notify.
 */

#include "failover/election.h"

#define REASON_TEXT_MAX 96

/* "peer silent for 61 ms"; `interface` is the group's. Returns `buf`. */
const char *reason_text(const struct election_out *out, const char *interface,
    char buf[static REASON_TEXT_MAX]);
