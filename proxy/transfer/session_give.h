#pragma once

/*
 * A session is written down and stopped, so that another process can go on with
 * it: a successor on this host, which gets its two sockets as well. From then
 * on nothing here touches it, until it is known which of two has come about:
 * the other one has it, or will never have it and it goes on here. Between the
 * two nobody has read or written a byte, so either is safe.
 *
 * On the session's thread.
 */

#include "core/base.h"

struct session;
struct session_record;

/*
 * Stops it and writes it down; what is held stays the session's. Its sockets
 * are in `ends`. -EAGAIN: not now, for something that was decided about it is
 * yet to be done; -ENOMEM: there is no memory for what is in its pipes. In both
 * cases it goes on as if nothing had been.
 */
MUST_CHECK int session_give(
    struct session *s, struct session_record *ret_record);

/* Nobody has taken it: it goes on here. */
void session_give_back(struct session *s, const struct session_record *r);

/* It has been taken: here it is no more. */
void session_give_up(struct session *s);
