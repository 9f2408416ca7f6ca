#pragma once

/*
 * The kernel path in the document of `hapair status`: how it stands, and what
 * of a service goes over it. Values alone; of status.c.
 */

#include "core/base.h"

struct json_doc;
struct status;

/* "kernel"; null where no service is on that path. */
void status_kernel_put(struct json_doc *doc, const struct status *r);

/* "path" and "kernel" of a service. */
void status_kernel_put_service(
    struct json_doc *service, const struct status *r, size_t number);
