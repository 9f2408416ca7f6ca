#pragma once

/*
 * The other node's director: the stream to it (director_stream.h), and what
 * `status` says of it.
 */

#include "director/director_node.h"

struct director_peer;
struct director_role;

/* Opens it, with the pair's keys. Returns 0 or -ENOMEM. */
MUST_CHECK int director_peer_new(struct director_role *role);
void director_peer_free(struct director_role *role);

/* Where it is accepted: takes the descriptor. Returns 0 or -errno. */
MUST_CHECK int director_peer_listen(struct director_role *role, int *fd);

/* The pair's keys are others now. */
void director_peer_set_keys(struct director_role *role);

/* It is heard again. */
void director_peer_try_now(struct director_role *role);

void director_peer_send(
    struct director_role *role, const struct replica_msg *m);
void director_peer_flush(struct director_role *role);
bool director_peer_has_room(struct director_role *role);
void director_peer_hang_up(
    struct director_role *role, enum director_node_hang_up why);

/* enum msg_kernel_peer; `ret_text`: what is wrong, "" where nothing is. */
uint8_t director_peer_state(
    const struct director_role *role, const char **ret_text);
