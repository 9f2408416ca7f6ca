#include "director/client_count.h"

#include "proxy/pool/balance.h"

#include <string.h>

void
client_count_init(struct client_count *c)
{
	memset(c->entries, 0, c->size * sizeof(*c->entries));
}

static bool
is_free(const struct client_count_entry *e)
{
	return e->n.open == 0 && e->n.young == 0;
}

static uint32_t
home_of(const struct client_count *c, uint32_t service, const uint8_t *ip)
{
	uint8_t key[CONN_TUPLE_SALT + CONN_TUPLE_IP + sizeof(service)];

	memcpy(key, c->salt, CONN_TUPLE_SALT);
	memcpy(key + CONN_TUPLE_SALT, ip, CONN_TUPLE_IP);
	memcpy(
	    key + CONN_TUPLE_SALT + CONN_TUPLE_IP, &service, sizeof(service));
	return (uint32_t)balance_hash(key, sizeof(key)) & (c->size - 1);
}

/* Where it is, or the free place where it would be. */
static uint32_t
place_of(const struct client_count *c, uint32_t service, const uint8_t *ip)
{
	uint32_t i = home_of(c, service, ip);

	for (; !is_free(&c->entries[i]); i = (i + 1) & (c->size - 1))
		if (c->entries[i].service == service &&
		    memcmp(c->entries[i].ip, ip, CONN_TUPLE_IP) == 0)
			break;
	return i;
}

struct client_count_numbers
client_count_look(const struct client_count *c, uint32_t service,
    const uint8_t ip[static CONN_TUPLE_IP])
{
	return c->entries[place_of(c, service, ip)].n;
}

/*
 * A place is free again: who stands behind it moves up, unless it stands at or
 * behind its home already; so a search may end at the first free place.
 */
static void
close_gap(struct client_count *c, uint32_t gap)
{
	const uint32_t mask = c->size - 1;

	for (uint32_t i = (gap + 1) & mask; !is_free(&c->entries[i]);
	     i = (i + 1) & mask) {
		const struct client_count_entry *e = &c->entries[i];
		const uint32_t home = home_of(c, e->service, e->ip);

		if (((i - home) & mask) < ((i - gap) & mask))
			continue;
		c->entries[gap] = *e;
		memset(&c->entries[i], 0, sizeof(*e));
		gap = i;
	}
}

static uint32_t
sum(uint32_t n, int more)
{
	if (more < 0 && n < (uint32_t)-more)
		return 0;
	return n + (uint32_t)more;
}

void
client_count_add(struct client_count *c, uint32_t service,
    const uint8_t ip[static CONN_TUPLE_IP], int open, int young)
{
	const uint32_t i = place_of(c, service, ip);
	struct client_count_entry *e = &c->entries[i];
	const bool was_free = is_free(e);

	e->n.open = sum(e->n.open, open);
	e->n.young = sum(e->n.young, young);
	if (is_free(e)) {
		memset(e, 0, sizeof(*e));
		if (!was_free)
			close_gap(c, i);
		return;
	}
	memcpy(e->ip, ip, CONN_TUPLE_IP);
	e->service = service;
}
