#pragma once

/*
 * Which slot a tuple belongs to: what the kernel's map `conns` has, or shall
 * have, in the process. Each slot may have two entries, one for each direction;
 * an entry keeps its tuple until it is set to another.
 *
 * Pure. The arrays are the caller's.
 */

#include "core/base.h"
#include "director/conn_tuple.h"

#define TUPLE_INDEX_NONE UINT32_MAX

struct tuple_index_entry {
	struct conn_tuple tuple;
	uint32_t next; /* in its bucket */
	bool is_in;
};

struct tuple_index {
	struct tuple_index_entry *entries; /* borrowed; two a slot */
	uint32_t *buckets;                 /* borrowed */
	uint32_t n_buckets;                /* a power of two */
	uint8_t salt[CONN_TUPLE_SALT];
};

/* Fills the arrays in; the salt is the caller's chance. */
void tuple_index_init(struct tuple_index *x, uint32_t n_slots);

/* In place of what the slot had in this direction. */
void tuple_index_set(struct tuple_index *x, uint32_t slot,
    enum conn_tuple_from from, const struct conn_tuple *tuple);
/* Also where there is none. */
void tuple_index_unset(
    struct tuple_index *x, uint32_t slot, enum conn_tuple_from from);

/* The slot, or TUPLE_INDEX_NONE. */
uint32_t tuple_index_find(const struct tuple_index *x,
    enum conn_tuple_from from, const struct conn_tuple *tuple);

/* What it was set to last. */
const struct conn_tuple *tuple_index_get(
    const struct tuple_index *x, uint32_t slot, enum conn_tuple_from from);
