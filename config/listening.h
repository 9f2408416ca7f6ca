#pragma once

/* Whoever listens: the services of a file, and its page. */

#include "config/config.h"

/* The i-th that listens: the services, then `web`. NULL: there is no more. */
const struct config_service *listening_at(const struct config *c, size_t i);

#define LISTENING_TEXT (CONFIG_NAME_MAX + 16)

/* "service impala", "web": whose listeners they are. Returns `buf`. */
const char *listening_text(
    const struct config_service *s, char buf[static LISTENING_TEXT]);
