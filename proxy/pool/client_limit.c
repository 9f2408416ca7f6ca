#include "proxy/pool/client_limit.h"

#include "core/addr.h"
#include "core/secret.h"
#include "proxy/pool/balance.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/* A few clients in each where a node is full; 32 KiB. */
#define BUCKETS 4096

#define KEY_MAX 16

struct client {
	uint8_t key[KEY_MAX];
	size_t key_len;
	uint32_t connections; /* never 0 */
	SLIST_ENTRY(client) link;
};

SLIST_HEAD(bucket, client);

struct client_limit {
	pthread_mutex_t lock;
	uint32_t limit;
	size_t n_clients;
	uint8_t salt[KEY_MAX]; /* so that nobody can choose a bucket */
	struct bucket buckets[BUCKETS];
};

struct client_limit *
client_limit_new(uint32_t limit)
{
	struct client_limit *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	(void)pthread_mutex_init(&l->lock, NULL);
	l->limit = limit;
	secret_random(l->salt, sizeof(l->salt));
	for (size_t i = 0; i < BUCKETS; i++)
		SLIST_INIT(&l->buckets[i]);
	return l;
}

void
client_limit_free(struct client_limit *l)
{
	struct client *c;

	if (l == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while ((c = SLIST_FIRST(&l->buckets[i])) != NULL) {
			SLIST_REMOVE_HEAD(&l->buckets[i], link);
			free(c);
		}
	(void)pthread_mutex_destroy(&l->lock);
	free(l);
}

static struct bucket *
bucket_of(struct client_limit *l, const uint8_t *key, size_t len)
{
	uint8_t salted[2 * KEY_MAX];

	memcpy(salted, l->salt, KEY_MAX);
	memcpy(salted + KEY_MAX, key, len);
	return &l->buckets[balance_hash(salted, KEY_MAX + len) % BUCKETS];
}

static struct client *
find(struct bucket *b, const uint8_t *key, size_t len)
{
	struct client *c;

	SLIST_FOREACH (c, b, link)
		if (c->key_len == len && memcmp(c->key, key, len) == 0)
			break;
	return c;
}

/* Under the lock. */
static bool
enter(struct client_limit *l, const uint8_t *key, size_t len, uint32_t limit)
{
	struct bucket *b = bucket_of(l, key, len);
	struct client *c = find(b, key, len);

	if (c == NULL) {
		c = calloc(1, sizeof(*c));
		if (c == NULL)
			return false;
		memcpy(c->key, key, len);
		c->key_len = len;
		SLIST_INSERT_HEAD(b, c, link);
		l->n_clients++;
	} else if (c->connections >= limit) {
		return false;
	}
	c->connections++;
	return true;
}

static bool
enter_locked(struct client_limit *l, const union addr *client, uint32_t limit)
{
	size_t len;
	const uint8_t *key = addr_bytes(client, &len);
	bool entered;

	(void)pthread_mutex_lock(&l->lock);
	entered = enter(l, key, len, limit);
	(void)pthread_mutex_unlock(&l->lock);
	return entered;
}

bool
client_limit_enter(struct client_limit *l, const union addr *client)
{
	return enter_locked(l, client, l->limit);
}

bool
client_limit_join(struct client_limit *l, const union addr *client)
{
	return enter_locked(l, client, UINT32_MAX);
}

void
client_limit_leave(struct client_limit *l, const union addr *client)
{
	size_t len;
	const uint8_t *key = addr_bytes(client, &len);
	struct bucket *b = bucket_of(l, key, len);
	struct client *c;

	(void)pthread_mutex_lock(&l->lock);
	c = find(b, key, len);
	if (c != NULL && --c->connections == 0) {
		SLIST_REMOVE(b, c, client, link);
		free(c);
		l->n_clients--;
	}
	(void)pthread_mutex_unlock(&l->lock);
}

size_t
client_limit_count(struct client_limit *l)
{
	size_t n;

	(void)pthread_mutex_lock(&l->lock);
	n = l->n_clients;
	(void)pthread_mutex_unlock(&l->lock);
	return n;
}
