#pragma once

/*
 * Connections that a reload has left with a relay before
 * (hapair/supervisor/lingering_request.h).
 */

#include "hapair/cli/client.h"

/* How many such relays there are; `socket` is set. */
unsigned client_lingering_count(const struct client *c);

/* What the N-th of them is to be asked, of MSG_REQUEST_MAX bytes. */
const char *client_lingering_request(
    unsigned index, const char *request, char *buf);
