#pragma once

/*
 * The part of trouble_find() that is about the other node, and what both have.
 */

#include "core/base.h"

struct json_doc;

/* Of a group: neither node serves it, and both have said so. */
bool trouble_pair_has_no_master(
    const struct json_doc *status, const struct json_doc *group);

void trouble_pair_find(
    const struct json_doc *status, struct json_doc *troubles);
