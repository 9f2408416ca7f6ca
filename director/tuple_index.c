#include "director/tuple_index.h"

#define DIRECTIONS 2

void
tuple_index_init(struct tuple_index *x, uint32_t n_slots)
{
	for (uint32_t i = 0; i < x->n_buckets; i++)
		x->buckets[i] = TUPLE_INDEX_NONE;
	for (uint32_t i = 0; i < n_slots * DIRECTIONS; i++)
		x->entries[i].is_in = false;
}

static uint32_t *
bucket_of(const struct tuple_index *x, const struct conn_tuple *tuple)
{
	return &x->buckets[conn_tuple_hash(tuple, x->salt) &
	    (x->n_buckets - 1)];
}

void
tuple_index_unset(
    struct tuple_index *x, uint32_t slot, enum conn_tuple_from from)
{
	const uint32_t number = slot * DIRECTIONS + from;
	struct tuple_index_entry *e = &x->entries[number];
	uint32_t *at;

	if (!e->is_in)
		return;
	at = bucket_of(x, &e->tuple);
	while (*at != number)
		at = &x->entries[*at].next;
	*at = e->next;
	e->is_in = false;
}

void
tuple_index_set(struct tuple_index *x, uint32_t slot, enum conn_tuple_from from,
    const struct conn_tuple *tuple)
{
	const uint32_t number = slot * DIRECTIONS + from;
	struct tuple_index_entry *e = &x->entries[number];
	uint32_t *bucket;

	tuple_index_unset(x, slot, from);
	bucket = bucket_of(x, tuple);
	*e = (struct tuple_index_entry){
		.tuple = *tuple, .next = *bucket, .is_in = true
	};
	*bucket = number;
}

uint32_t
tuple_index_find(const struct tuple_index *x, enum conn_tuple_from from,
    const struct conn_tuple *tuple)
{
	for (uint32_t i = *bucket_of(x, tuple); i != TUPLE_INDEX_NONE;
	     i = x->entries[i].next)
		if (i % DIRECTIONS == from &&
		    conn_tuple_is_same(&x->entries[i].tuple, tuple))
			return i / DIRECTIONS;
	return TUPLE_INDEX_NONE;
}

const struct conn_tuple *
tuple_index_get(
    const struct tuple_index *x, uint32_t slot, enum conn_tuple_from from)
{
	return &x->entries[slot * DIRECTIONS + from].tuple;
}
