#include "failover/connsync/conn_table.h"

#include "core/conn_record.h"
#include "core/secret.h"

#include <stdlib.h>
#include <string.h>

/*
 * How: chains of numbers, not of pointers, from buckets that are all there from
 * the start. Entries come from pieces of memory that are never moved and never
 * given back. So no entry costs more than any other, whatever their number: the
 * heartbeat is in the same thread, and a table that grows by being built anew
 * stopped it for 49 ms at 600,000 entries.
 */

/* A chain of two on the average where the table is full. */
#define ENTRIES_A_BUCKET 2
#define BUCKETS_LEAST 1024

/* So many entries are 40 KB, which the kernel has to clear and to lock. */
#define ENTRIES_A_PIECE 256

#define NONE 0

/* The first two fields of a record. */
#define KEY_BYTES (2 * sizeof(struct conn_record_end))

_Static_assert(offsetof(struct conn_record, client) == 0 &&
        offsetof(struct conn_record, local) == KEY_BYTES / 2 && KEY_BYTES == 40,
    "padding would be compared");

struct entry {
	uint32_t self, next; /* from 1; in its bucket, or among the free */
	/* Begins with its record. */
	_Alignas(void *) unsigned char value[];
};

struct conn_table {
	size_t value_bytes, entry_bytes, max, n;
	struct secret_key secret;
	uint32_t mask, *buckets;
	uint32_t n_made,
	    free; /* entries in pieces; the first to be used again */
	unsigned char **pieces;
};

/* The least power of two that does. */
static size_t
count_buckets(size_t max)
{
	size_t n = BUCKETS_LEAST;

	while (n < max / ENTRIES_A_BUCKET)
		n *= 2;
	return n;
}

struct conn_table *
conn_table_new(size_t value_bytes, size_t max)
{
	struct conn_table *m = calloc(1, sizeof(*m));
	const size_t n_buckets = count_buckets(max);

	if (m == NULL)
		return NULL;
	m->value_bytes = value_bytes;
	m->entry_bytes =
	    (sizeof(struct entry) + value_bytes + _Alignof(struct entry) - 1) /
	    _Alignof(struct entry) * _Alignof(struct entry);
	m->max = max;
	m->mask = (uint32_t)(n_buckets - 1);
	m->buckets = calloc(n_buckets, sizeof(m->buckets[0]));
	m->pieces = calloc(max / ENTRIES_A_PIECE + 1, sizeof(m->pieces[0]));
	if (m->buckets == NULL || m->pieces == NULL) {
		conn_table_free(m);
		return NULL;
	}
	secret_random(&m->secret, sizeof(m->secret));
	return m;
}

void
conn_table_free(struct conn_table *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i * ENTRIES_A_PIECE < m->n_made; i++)
		free(m->pieces[i]);
	free(m->pieces);
	free(m->buckets);
	free(m);
}

static struct entry *
entry_at(const struct conn_table *m, uint32_t number)
{
	const uint32_t i = number - 1;

	return (struct entry *)(m->pieces[i / ENTRIES_A_PIECE] +
	    i % ENTRIES_A_PIECE * m->entry_bytes);
}

static uint32_t *
bucket_of(const struct conn_table *m, const void *key)
{
	return &m->buckets[secret_short_hash(&m->secret, key, KEY_BYTES) &
	    m->mask];
}

void *
conn_table_find(const struct conn_table *m, const struct conn_record *c)
{
	for (uint32_t i = *bucket_of(m, c); i != NONE; i = entry_at(m, i)->next)
		if (memcmp(entry_at(m, i)->value, c, KEY_BYTES) == 0)
			return entry_at(m, i)->value;
	return NULL;
}

/* NULL: no memory. */
static struct entry *
make(struct conn_table *m)
{
	unsigned char **piece = &m->pieces[m->n_made / ENTRIES_A_PIECE];
	struct entry *e;

	if (m->n_made % ENTRIES_A_PIECE == 0) {
		*piece = malloc(ENTRIES_A_PIECE * m->entry_bytes);
		if (*piece == NULL)
			return NULL;
	}
	m->n_made++;
	e = entry_at(m, m->n_made);
	e->self = m->n_made;
	return e;
}

void *
conn_table_add(struct conn_table *m, const struct conn_record *c)
{
	uint32_t *bucket = bucket_of(m, c);
	struct entry *e;

	if (m->n >= m->max)
		return NULL;
	if (m->free != NONE) {
		e = entry_at(m, m->free);
		m->free = e->next;
	} else {
		e = make(m);
	}
	if (e == NULL)
		return NULL;
	memset(e->value, 0, m->value_bytes);
	memcpy(e->value, c, sizeof(*c));
	e->next = *bucket;
	*bucket = e->self;
	m->n++;
	return e->value;
}

void
conn_table_remove(struct conn_table *m, void *value)
{
	struct entry *e = CONTAINER_OF(value, struct entry, value);
	uint32_t *at = bucket_of(m, value);

	while (*at != e->self)
		at = &entry_at(m, *at)->next;
	*at = e->next;
	e->next = m->free;
	m->free = e->self;
	m->n--;
}

size_t
conn_table_count(const struct conn_table *m)
{
	return m->n;
}
