#pragma once

/*
 * Whether the keytab of a service, as the configuration names it, is one with
 * which clients of its virtual IP can log in: for `check --host`. Asks the
 * resolver, and nobody else.
 */

#include "config/config.h"

/* A sentence about the service; `good`, or to be warned of. */
typedef void (*tabcheck_tell)(void *arg, bool good, const char *text);

void tabcheck_service(
    const struct config_service *s, tabcheck_tell tell, void *arg);
