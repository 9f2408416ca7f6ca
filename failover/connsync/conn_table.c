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

struct key {
	struct conn_record_end client, local;
};

_Static_assert(sizeof(struct key) == 40, "padding would be compared");

struct entry {
	UT_hash_handle hh;
	struct key key;
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

static struct key
key_of(const struct conn_record *c)
{
	return (struct key){ .client = c->client, .local = c->local };
}

static unsigned
hash(const struct conn_table *m, const struct key *k)
{
	return (unsigned)secret_short_hash(&m->secret, k, sizeof(*k));
}

void *
conn_table_find(const struct conn_table *m, const struct conn_record *c)
{
	const struct key key = key_of(c);
	struct entry *e;

	HASH_FIND_BYHASHVALUE(hh, m->head, &key, sizeof(key), hash(m, &key), e);
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
	e->key = key_of(c);
	HASH_ADD_BYHASHVALUE(
	    hh, m->head, key, sizeof(e->key), hash(m, &e->key), e);
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
