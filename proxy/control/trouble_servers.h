#pragma once

/*
 * The part of trouble_find() that is about services and their servers.
 */

#include "core/base.h"

struct json_doc;

void trouble_servers_find(
    const struct json_doc *status, struct json_doc *troubles);
