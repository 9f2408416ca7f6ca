#pragma once

/*
 * What becomes of connections: the log's line of each that has ended, figures
 * of services and servers for the relay's `status`.
 */

#include "director/director_node.h"

struct director_report;
struct director_role;

/* Returns 0 or -ENOMEM. */
MUST_CHECK int director_report_new(struct director_role *role);
void director_report_free(struct director_role *role);

/* From now on the relay is told, whenever something is another. */
void director_report_begin(struct director_role *role);

/* Whatever it was told, it is told anew: it is another one. */
void director_report_all(struct director_role *role);

/* It has a server, and its SYN is about to go there. */
void director_report_placed(struct director_role *role, uint32_t slot);
/* That server has failed. */
void director_report_failed(struct director_role *role, uint32_t slot);
/* Its client was told that there is none. */
void director_report_refused(struct director_role *role, uint32_t slot);
/* What its slot has counted, which is about to be void. */
void director_report_count_bytes(struct director_role *role, uint32_t slot);
void director_report_ended(
    struct director_role *role, uint32_t slot, enum end_reason reason);

/* A client that gets none. */
void director_report_denied(struct director_role *role, uint32_t service,
    const struct conn_tuple *client);
/* Of the SYN of this step. */
void director_report_too_many(
    struct director_role *role, const struct conn_tuple *client);
