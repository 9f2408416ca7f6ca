#pragma once

/*
 * Whether the files of passwords and keytabs that a configuration names are
 * what they were: a relay reads them once, at its start, so that another
 * password counts only with another relay. What is kept of them is a hash.
 */

#include "core/base.h"

struct config;

#define SECRET_PRINT_BYTES 32

/* Of all of them together. One that cannot be read counts as empty. */
void secret_print_take(
    const struct config *c, uint8_t ret_print[static SECRET_PRINT_BYTES]);
