#pragma once

/*
 * Of a service and its servers in the document of `hapair status`. Values
 * alone; of status.c.
 */

#include "core/base.h"

struct json_doc;
struct status;

/*
 * In the order of the file. `without_v6`: of "*:PORT" the [::] is left out,
 * since there is no IPv6 here.
 */
void status_service_put(struct json_doc *services, const struct status *r,
    size_t number, bool without_v6);

/* No more than trouble_servers.h reads. */
void status_service_put_brief(
    struct json_doc *services, const struct status *r, size_t number);

/* What is no fault of a service, and could be better. */
void status_service_hint(
    struct json_doc *hints, const struct status *r, size_t number);
