#pragma once

/*
 * Whether the keytab of a service, as the configuration names it, is one with
 * which clients of its virtual IP can log in: for `check --host`. Asks the
 * resolver, and nobody else.
 */

#include "config/config.h"

/* A sentence about the service; `good`, or to be warned of. */
typedef void (*keytab_check_tell)(void *arg, bool good, const char *text);

void keytab_check_service(
    const struct config_service *s, keytab_check_tell tell, void *arg);
