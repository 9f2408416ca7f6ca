#pragma once

/*
 * What a role is told when it begins, as messages over its channel: the
 * configuration, its listening sockets and the pair's keys. The supervisor says
 * when.
 */

#include "hapair/supervisor/child.h"

struct config;
struct listeners;
struct secret_keys;

/*
 * START, with the configuration: `file` is a sealed memory file and stays the
 * caller's. Returns 0 or -errno.
 */
MUST_CHECK int child_setup_start(
    struct child *role, const struct msg_start *m, int file);

/* Each LISTENER of the configuration, for the relay. */
void child_setup_listeners(
    struct child *relay, const struct config *c, const struct listeners *l);

/* A failover that is replaced goes on from what the last one said. */
void child_setup_groups(struct child *failover, const struct msg_group *groups,
    const bool *known, size_t n);

/*
 * The pair's keys: those that a failover begins with, or, with the `socket` of
 * whoever wants them changed, others in their place. Leaves no copy.
 */
void child_setup_keys(
    struct child *failover, const struct secret_keys *keys, int socket);

/* An operator's, which the role answers on the caller's socket itself. */
void child_setup_request(struct child *role, const char *request, int socket);
