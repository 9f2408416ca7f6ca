#include "director/port_pool.h"

#define NONE UINT16_MAX

enum state {
	FREE,
	QUARANTINED,
	TAKEN,
};

static void
append(struct port_pool *p, struct port_pool_list *l, uint16_t i, uint8_t state)
{
	p->ports[i].before = l->last;
	p->ports[i].after = NONE;
	p->ports[i].state = state;
	if (l->last == NONE)
		l->first = i;
	else
		p->ports[l->last].after = i;
	l->last = i;
	l->n++;
}

static void
drop(struct port_pool *p, struct port_pool_list *l, uint16_t i)
{
	const struct port_pool_port at = p->ports[i];

	if (at.before == NONE)
		l->first = at.after;
	else
		p->ports[at.before].after = at.after;
	if (at.after == NONE)
		l->last = at.before;
	else
		p->ports[at.after].before = at.before;
	l->n--;
	p->ports[i].state = TAKEN;
}

void
port_pool_init(struct port_pool *p, uint16_t chance)
{
	const struct port_pool_list empty = { .first = NONE, .last = NONE };

	p->free = p->quarantine = empty;
	for (uint16_t i = 0; i < p->n; i++)
		append(p, &p->free, (uint16_t)((chance + i) % p->n), FREE);
}

static uint16_t
number_of(const struct port_pool *p, uint16_t i)
{
	return (uint16_t)(PORT_POOL_FIRST + 2 * i + p->parity);
}

/* NONE: it is none of this pool's. */
static uint16_t
index_of(const struct port_pool *p, uint16_t port)
{
	if (port < PORT_POOL_FIRST || port % 2 != p->parity ||
	    (port - PORT_POOL_FIRST) / 2 >= p->n)
		return NONE;
	return (uint16_t)((port - PORT_POOL_FIRST) / 2);
}

static uint32_t
seconds(struct mono now)
{
	return (uint32_t)(now.ns / 1000000000);
}

uint16_t
port_pool_take(struct port_pool *p, struct mono now)
{
	uint16_t i = p->quarantine.first;

	/* One for one: the quarantine never grows while ports are taken. */
	if (i != NONE &&
	    seconds(now) - p->ports[i].freed_s >= PORT_POOL_QUARANTINE_S) {
		drop(p, &p->quarantine, i);
		append(p, &p->free, i, FREE);
	}
	i = p->free.first;
	if (i != NONE) {
		drop(p, &p->free, i);
		return number_of(p, i);
	}
	i = p->quarantine.first;
	if (i == NONE)
		return 0;
	drop(p, &p->quarantine, i);
	return number_of(p, i);
}

void
port_pool_claim(struct port_pool *p, uint16_t port)
{
	const uint16_t i = index_of(p, port);

	if (i == NONE)
		return;
	if (p->ports[i].state == FREE)
		drop(p, &p->free, i);
	else if (p->ports[i].state == QUARANTINED)
		drop(p, &p->quarantine, i);
}

void
port_pool_give(
    struct port_pool *p, uint16_t port, bool quarantine, struct mono now)
{
	const uint16_t i = index_of(p, port);

	if (i == NONE || p->ports[i].state != TAKEN)
		return;
	p->ports[i].freed_s = seconds(now);
	if (quarantine)
		append(p, &p->quarantine, i, QUARANTINED);
	else
		append(p, &p->free, i, FREE);
}

bool
port_pool_is_taken(const struct port_pool *p, uint16_t port)
{
	const uint16_t i = index_of(p, port);

	return i != NONE && p->ports[i].state == TAKEN;
}
