#pragma once

/*
 * How many connections each client has at each service, and how many of them
 * are young: not yet made, or made and silent. Who has none costs nothing.
 *
 * Pure. The array is the caller's: at least twice as many as there are slots.
 */

#include "core/base.h"
#include "director/conn_tuple.h"

struct client_count_numbers {
	uint32_t open, young;
};

struct client_count_entry {
	uint8_t ip[CONN_TUPLE_IP];
	uint32_t service;
	struct client_count_numbers n; /* both 0: nobody's */
};

struct client_count {
	struct client_count_entry *entries; /* borrowed */
	uint32_t size;                      /* a power of two */
	uint8_t salt[CONN_TUPLE_SALT];
};

/* Fills the array in; the salt is the caller's chance. */
void client_count_init(struct client_count *c);

struct client_count_numbers client_count_look(const struct client_count *c,
    uint32_t service, const uint8_t ip[static CONN_TUPLE_IP]);

/* More or fewer; never below 0. */
void client_count_add(struct client_count *c, uint32_t service,
    const uint8_t ip[static CONN_TUPLE_IP], int open, int young);
