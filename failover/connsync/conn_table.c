#include "failover/connsync/conn_table.h"

#include "core/conn_record.h"
#include "core/secret.h"

#include <stdlib.h>
#include <string.h>

/*
 * uthash doubles its buckets once a chain is longer than 10, and moves every
 * entry then. With so many from the start that is at about 100,000 entries,
 * and not in the middle of somebody's takeover.
 */
#define HASH_INITIAL_NUM_BUCKETS 16384U
#define HASH_INITIAL_NUM_BUCKETS_LOG2 14U
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* The first two fields of a record. */
#define KEY_BYTES (2 * sizeof(struct conn_record_end))

_Static_assert(offsetof(struct conn_record, client) == 0 &&
        offsetof(struct conn_record, local) == KEY_BYTES / 2 && KEY_BYTES == 40,
    "padding would be compared");

struct entry {
	UT_hash_handle hh;
	/* Begins with its record. */
	_Alignas(max_align_t) unsigned char value[];
};

struct conn_table {
	size_t value_bytes, max;
	struct secret_key secret;
	struct entry *head;
};

struct conn_table *
conn_table_new(size_t value_bytes, size_t max)
{
	struct conn_table *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->value_bytes = value_bytes;
	m->max = max;
	secret_random(&m->secret, sizeof(m->secret));
	return m;
}

void
conn_table_free(struct conn_table *m)
{
	struct entry *e, *next;

	if (m == NULL)
		return;
	HASH_ITER(hh, m->head, e, next)
	{
		HASH_DELETE(hh, m->head, e);
		free(e);
	}
	free(m);
}

static unsigned
hash(const struct conn_table *m, const struct conn_record *c)
{
	return (unsigned)secret_short_hash(&m->secret, c, KEY_BYTES);
}

void *
conn_table_find(const struct conn_table *m, const struct conn_record *c)
{
	struct entry *e;

	HASH_FIND_BYHASHVALUE(hh, m->head, c, KEY_BYTES, hash(m, c), e);
	return e == NULL ? NULL : e->value;
}

void *
conn_table_add(struct conn_table *m, const struct conn_record *c)
{
	struct entry *e;

	if (conn_table_count(m) >= m->max)
		return NULL;
	e = calloc(1, sizeof(*e) + m->value_bytes);
	if (e == NULL)
		return NULL;
	memcpy(e->value, c, sizeof(*c));
	HASH_ADD_KEYPTR_BYHASHVALUE(
	    hh, m->head, e->value, KEY_BYTES, hash(m, c), e);
	if (e->hh.tbl == NULL) {
		free(e);
		return NULL;
	}
	return e->value;
}

void
conn_table_remove(struct conn_table *m, void *value)
{
	struct entry *e = CONTAINER_OF(value, struct entry, value);

	HASH_DELETE(hh, m->head, e);
	free(e);
}

size_t
conn_table_count(const struct conn_table *m)
{
	return HASH_COUNT(m->head);
}
