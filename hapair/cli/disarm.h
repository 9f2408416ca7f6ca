#pragma once

/*
 * Text from the daemon, before a terminal gets it. Part of it is what the relay
 * says, which talks to the whole network: were it taken over, its words could
 * forge lines, move the cursor or type for whoever asked. Pure.
 */

#include "core/base.h"

struct json_doc;

/* More than any sentence of ours, and than any list; what is longer is cut. */
#define DISARM_TEXT 2048
#define DISARM_LINES ((size_t)256 * 1024)

/*
 * Every text of an answer, in place: what is no printable UTF-8 becomes \xNN,
 * byte by byte. With `lines` they may have more than one. Returns 0 or -ENOMEM.
 */
MUST_CHECK int disarm_answer(struct json_doc *answer, bool lines);
