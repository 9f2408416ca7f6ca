#pragma once

/*
 * From what this relay knows of its services to records for the next one, and
 * from records to what this one knows. On the main thread.
 */

#include "proxy/data/counters.h"

struct buf;
struct service_record;
struct services;

/* What the next one has been told of the counters, to tell each but once. */
struct service_state_told {
	struct counters_sum *servers; /* by slot */
	uint32_t *loads;              /* likewise */
	struct counters_service_sum *services;
};

/* Returns 0 or -ENOMEM. */
MUST_CHECK int service_state_init(
    struct service_state_told *t, const struct services *r);
void service_state_fini(struct service_state_told *t);

/*
 * The record of a service (server: -1) or of one of its servers, with what was
 * counted since the last time; `past`: and with what is known of it, else with
 * who stays here. False: nothing of it is news.
 */
MUST_CHECK bool service_state_describe(struct services *r,
    struct service_state_told *t, size_t service, int server, bool past,
    struct service_record *ret_record);

/*
 * Another relay's: known from now on, and counted. One that has no checks yet
 * is where that one was. What is not in this relay's file is forgotten.
 */
void service_state_take(
    struct services *r, const struct service_record *record);

/* Who stayed with it stays there, for `record` came after it gave the others.
 */
void service_state_take_stays(
    struct services *r, const struct service_record *record);

/* It has ended, and nobody stays there. */
void service_state_forget_stays(struct services *r);
