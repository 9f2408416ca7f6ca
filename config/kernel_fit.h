#pragma once

/*
 * What becomes of `path: auto`: the kernel path where `path: kernel` would be
 * taken, the relay else. By the file alone, so that both nodes of a pair say
 * the same. What a host lacks is found by its director, which relays: there
 * `auto` is as `kernel` is.
 */

#include "config/config.h"

/*
 * Why the service cannot be on the kernel path, in words that follow "relayed:
 * "; NULL: it can. Of a configuration that is whole.
 */
const char *kernel_fit_why_not(
    const struct config *c, const struct config_service *s);

/* Sets `path` of each service by `path_asked`; not whole: `auto` is relayed. */
void kernel_fit_settle(struct config *c, bool whole);
