#pragma once

/*
 * Values found by a connection's two ends; the door to uthash. Its owner gives
 * each value a size and knows what is in it. Bounded.
 *
 * Whoever may connect chooses the ends that are hashed here, so the hash has a
 * key: nobody can pick ends that all meet in one bucket.
 */

#include "core/base.h"

struct conn_record;
struct connmap;

/* NULL where memory is out. */
struct connmap *connmap_new(size_t value_bytes, size_t max);
void connmap_free(struct connmap *m); /* takes NULL */

/* By client and local; NULL where there is none. */
void *connmap_find(const struct connmap *m, const struct conn_record *c);

/*
 * A new value, zeroed, for ends that are not there yet. NULL where the map is
 * full or memory is out.
 */
void *connmap_add(struct connmap *m, const struct conn_record *c);
void connmap_remove(struct connmap *m, void *value);

size_t connmap_count(const struct connmap *m);
