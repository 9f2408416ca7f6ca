#pragma once

/*
 * A pause in the shell: what an operator says of it, what the supervisor kept
 * of one over our end, and who is told when it begins, changes or ends.
 */

#include "core/base.h"

struct msg_peer;
struct role;

/*
 * `request` is the line of the control socket, "pause MS" or "resume". Takes
 * the socket and answers on it: with an error where the peer does not hear of
 * it now, for whoever goes to work then must know; it holds here all the same.
 */
void pause_request_ask(struct role *role, const char *request, int *socket);

/* One that still lasts, from before we began. */
void pause_request_restore(struct role *role);

/* The node tells that it is another, or over (NODE_TELL_PAUSE). */
void pause_request_tell(struct role *role);

/* For `status`. */
void pause_request_describe(const struct role *role, struct msg_peer *m);
