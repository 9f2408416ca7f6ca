#pragma once

/*
 * The part of trouble_find() that is about the kernel path: that it does not
 * work, or that what goes over it would end with this node.
 */

#include "core/base.h"

struct json_doc;

void trouble_kernel_find(
    const struct json_doc *status, struct json_doc *troubles);
