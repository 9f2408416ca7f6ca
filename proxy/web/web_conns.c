#include "proxy/web/web_conns.h"

#include <string.h>

#define V6_NETWORK_BYTES 8

bool
web_conns_is_same_client(const union addr *a, const union addr *b)
{
	size_t len_a, len_b;
	const uint8_t *bytes_a = addr_bytes(a, &len_a);
	const uint8_t *bytes_b = addr_bytes(b, &len_b);

	if (len_a != len_b)
		return false;
	return memcmp(bytes_a, bytes_b,
	           len_a > V6_NETWORK_BYTES ? V6_NETWORK_BYTES : len_a) == 0;
}

void
web_conns_init(struct web_conns *c)
{
	*c = (struct web_conns){ .n = 0 };
	for (size_t i = 0; i < WEB_CONNS_ENTRIES; i++)
		c->all[i].fd = -1;
}

static bool
has_place(const struct web_conns_one *one)
{
	return one->used && !one->ended;
}

static unsigned
count(const struct web_conns *c, const union addr *client)
{
	unsigned n = 0;

	for (size_t i = 0; i < WEB_CONNS_ENTRIES; i++)
		n += has_place(&c->all[i]) &&
		    web_conns_is_same_client(&c->all[i].client, client);
	return n;
}

enum web_conns_answer
web_conns_enter(struct web_conns *c, const union addr *client, struct mono now,
    struct web_conns_one **ret_one)
{
	struct web_conns_one *free_one = NULL;
	const unsigned same = count(c, client);
	unsigned n = 0;

	for (size_t i = 0; i < WEB_CONNS_ENTRIES; i++) {
		struct web_conns_one *one = &c->all[i];

		if (!one->used)
			free_one = free_one != NULL ? free_one : one;
		n += has_place(one);
	}
	if (same >= WEB_CONNS_CLIENT_MAX)
		return WEB_CONNS_CLIENT_FULL;
	if (n >= WEB_CONNS_MAX || free_one == NULL)
		return WEB_CONNS_FULL;
	*free_one = (struct web_conns_one){
		.used = true, .client = *client, .since = now, .fd = -1
	};
	c->n++;
	*ret_one = free_one;
	return WEB_CONNS_WELCOME;
}

struct web_conns_one *
web_conns_find_yielding(struct web_conns *c, const union addr *client)
{
	unsigned most = count(c, client) + 1;
	struct web_conns_one *found = NULL;

	for (size_t i = 0; i < WEB_CONNS_ENTRIES; i++) {
		struct web_conns_one *one = &c->all[i];
		const unsigned n =
		    has_place(one) && one->started ? count(c, &one->client) : 0;

		if (n > most ||
		    (n == most && found != NULL &&
		        mono_before(one->since, found->since))) {
			most = n;
			found = one;
		}
	}
	return found;
}

struct web_conns_one *
web_conns_find_starting(struct web_conns *c, int fd)
{
	for (size_t i = 0; i < WEB_CONNS_ENTRIES; i++) {
		struct web_conns_one *one = &c->all[i];

		if (one->used && !one->started && one->fd == fd)
			return one;
	}
	return NULL;
}

void
web_conns_leave(struct web_conns *c, struct web_conns_one *one)
{
	if (!one->used)
		return;
	*one = (struct web_conns_one){ .fd = -1 };
	c->n--;
}

void
web_conns_note_asked(struct web_conns_one *one, struct mono now)
{
	/* The first has the time since it came, for both. */
	if (one->answered && !one->busy)
		one->since = now;
	one->busy = true;
}

void
web_conns_note_answered(struct web_conns_one *one, struct mono now)
{
	one->since = now;
	one->answered = true;
	one->busy = false;
}

bool
web_conns_is_late(const struct web_conns_one *one, struct mono now)
{
	return one->used &&
	    mono_before(mono_add_ms(one->since, WEB_CONNS_PATIENCE_MS), now);
}
