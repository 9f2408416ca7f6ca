#pragma once

/*
 * Of a service and its servers in the document of `hapair status`, and what is
 * wrong with them. Values alone; of status.c.
 */

#include "core/base.h"

struct json_doc;
struct status;

/* How many there were of each kind that comes in numbers; begins as zeros. */
struct status_service_tally {
	bool without_v6; /* of "*:PORT" the [::] is left out: no IPv6 here */
	unsigned down, services; /* servers; services with more of them */
	unsigned left_out;       /* servers of services that are not told */
};

/* In the order of the file. */
void status_service_put(struct json_doc *services, const struct status *r,
    size_t number, struct status_service_tally *tally,
    struct json_doc *problems);

/* What is no fault of a service, and could be better. */
void status_service_hint(
    struct json_doc *hints, const struct status *r, size_t number);

/* After the last: how many were left out. */
void status_service_tell_rest(
    const struct status_service_tally *tally, struct json_doc *problems);
