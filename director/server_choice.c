#include "director/server_choice.h"

#include <string.h>

static bool
is_usable(const struct server_choice_server *s,
    const struct server_choice_client *client)
{
	static const uint8_t none[CONN_TUPLE_IP];
	const bool resolved = memcmp(s->ip, none, sizeof(none)) != 0;

	/* Addresses are translated, not families. */
	return s->usable && s->weight > 0 && resolved &&
	    conn_tuple_is_v4(s->ip) == conn_tuple_is_v4(client->ip);
}

static enum pool_choice
look(const struct server_choice *c, const struct server_choice_client *client,
    unsigned *ret_tier)
{
	for (unsigned i = 0; i < c->n; i++) {
		const struct server_choice_server *s = &c->servers[i];
		const uint64_t load = (uint64_t)c->slots[i].load + s->elsewhere;

		c->choices[i] = (struct pool_choice_server){
			.usable = is_usable(s, client),
			.full = s->limit > 0 && load >= s->limit,
			.tier = s->tier,
		};
	}
	for (unsigned i = 0; i < client->n_tried; i++)
		if (client->tried[i] < c->n)
			c->choices[client->tried[i]].tried = true;
	return pool_choice_look(c->choices, c->n, ret_tier);
}

/* Who of the tier may be chosen, with the weight of this moment. */
static void
mark(struct server_choice *c, unsigned tier, struct mono now)
{
	for (unsigned i = 0; i < c->n; i++) {
		const struct server_choice_server *s = &c->servers[i];
		struct balance_slot *slot = &c->slots[i];
		int64_t up_ms = INT64_MAX;

		slot->eligible = pool_choice_has(&c->choices[i], tier);
		if (!mono_is_never(s->up_since))
			up_ms = mono_span_ms(s->up_since, now);
		slot->weight = balance_ramp(s->weight, up_ms, s->slow_start_ms);
		slot->load += s->elsewhere;
	}
}

static int
balance(
    const struct server_choice *c, const struct server_choice_client *client)
{
	const bool v4 = conn_tuple_is_v4(client->ip);
	const uint8_t *ip = client->ip + (v4 ? 12 : 0);

	switch (c->balance) {
	case CONFIG_BALANCE_ROUNDROBIN:
		return balance_roundrobin(c->slots, c->n);
	case CONFIG_BALANCE_LEASTCONN:
		return balance_leastconn(c->slots, c->n);
	case CONFIG_BALANCE_SOURCE: /* the relay's hash: 4 or 16 bytes */
		return balance_source(
		    c->slots, c->n, balance_hash(ip, v4 ? 4 : CONN_TUPLE_IP));
	case CONFIG_BALANCE_RANDOM:
		return balance_random(c->slots, c->n, client->chance);
	}
	return BALANCE_NONE;
}

enum pool_choice
server_choice_take(struct server_choice *c,
    const struct server_choice_client *client, struct mono now,
    unsigned *ret_server)
{
	unsigned tier;
	const enum pool_choice choice = look(c, client, &tier);
	int server;

	if (choice != POOL_CHOICE_SERVER)
		return choice;
	mark(c, tier, now);
	server = balance(c, client);
	for (unsigned i = 0; i < c->n; i++)
		c->slots[i].load -= c->servers[i].elsewhere;
	if (server == BALANCE_NONE)
		return POOL_CHOICE_UP;
	server_choice_enter(c, (unsigned)server);
	*ret_server = (unsigned)server;
	return POOL_CHOICE_SERVER;
}

void
server_choice_enter(struct server_choice *c, unsigned server)
{
	c->slots[server].load++;
}

void
server_choice_give(struct server_choice *c, unsigned server)
{
	if (c->slots[server].load > 0)
		c->slots[server].load--;
}
