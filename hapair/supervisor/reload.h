#pragma once

/*
 * `hapair reload`: what may change while the daemon runs, which is the pair's
 * keys. They are read here, since nobody else may wait for a disk, and failover
 * judges and answers; what it takes becomes what is kept (key_keeper.h). A
 * configuration file that means something else now is refused by name, and
 * nothing is changed.
 */

#include "core/base.h"

struct child;
struct config;
struct ev_loop;

/* Takes the socket. `path` is the file's that `running` was read from. */
void reload_obey(struct ev_loop *loop, const struct config *running,
    const char *path, struct child *failover, int *socket);
