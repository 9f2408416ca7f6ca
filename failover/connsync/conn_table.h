#pragma once

/*
 * Values found by a connection's two ends. Its owner gives each value a size
 * and knows what is in it, behind the struct conn_record that it begins with.
 * Bounded, and as quick when it is full as when it is empty: the buckets are
 * there from the start, and nothing is ever moved.
 *
 * Whoever may connect chooses the ends that are hashed here, so the hash has a
 * key: nobody can pick ends that all meet in one bucket.
 */

#include "core/base.h"

struct conn_record;
struct conn_table;

/*
 * For at most so many, but memory only for those there were at once. NULL where
 * memory is out.
 */
struct conn_table *conn_table_new(size_t value_bytes, size_t max);
void conn_table_free(struct conn_table *m); /* takes NULL */

/* By client and local; NULL where there is none. */
void *conn_table_find(const struct conn_table *m, const struct conn_record *c);

/*
 * A new value, zeroed but for its record, for ends that are not there yet. NULL
 * where the map is full or memory is out.
 */
void *conn_table_add(struct conn_table *m, const struct conn_record *c);
void conn_table_remove(struct conn_table *m, void *value);

size_t conn_table_count(const struct conn_table *m);
