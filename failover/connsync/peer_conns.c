#include "failover/connsync/peer_conns.h"

#include "config/config.h"
#include "failover/connsync/conn_table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum side {
	CLIENT,
	SERVER,
	SIDES,
};

struct leg {
	bool there;
	uint8_t side, group, tellings;
	TAILQ_ENTRY(leg) link; /* of its group */
};

struct entry {
	struct conn_record conn; /* conn_table.c's: first */
	unsigned pass;
	struct leg legs[SIDES];
	TAILQ_ENTRY(entry) mention;
};

TAILQ_HEAD(legs, leg);
TAILQ_HEAD(entries, entry);

struct peer_conns {
	const struct config_pair *pair; /* borrowed: the configuration's */
	struct conn_table *map;
	size_t max, n_waiting; /* of the latter at most as many */
	unsigned pass;
	bool complete;
	struct entries fresh, stale; /* as in local_conns.c */
	struct legs groups[CONFIG_GROUPS_MAX];
	bool ours[CONFIG_GROUPS_MAX];        /* see peer_conns_inherit() */
	struct leg *next[CONFIG_GROUPS_MAX]; /* NULL: at the end */
	struct leg *given;                   /* the last that was given out */
};

struct peer_conns *
peer_conns_new(const struct config_pair *pair, size_t max)
{
	struct peer_conns *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->pair = pair;
	TAILQ_INIT(&e->fresh);
	TAILQ_INIT(&e->stale);
	for (unsigned i = 0; i < CONFIG_GROUPS_MAX; i++)
		TAILQ_INIT(&e->groups[i]);
	e->max = max;
	/* Live, left and waiting ones: as many of each. */
	e->map = conn_table_new(sizeof(struct entry), 3 * max);
	if (e->map == NULL) {
		free(e);
		return NULL;
	}
	return e;
}

void
peer_conns_free(struct peer_conns *e)
{
	if (e == NULL)
		return;
	conn_table_free(e->map);
	free(e);
}

static bool
find_group(
    const struct peer_conns *e, const struct conn_record_end *end, uint8_t *ret)
{
	union addr a;

	if (end->family == 0)
		return false;
	a = conn_record_end_addr(end);
	for (size_t i = 0; i < e->pair->n_groups; i++)
		if (config_group_has(&e->pair->groups[i], &a)) {
			*ret = (uint8_t)i;
			return true;
		}
	return false;
}

/*
 * Nobody connects from, and no server is at: what is no single host's, the host
 * itself, a network without routers, and our own virtual IPs. Who says so would
 * have us send there.
 */
static bool
can_be_told(const struct peer_conns *e, const struct conn_record_end *end)
{
	static const uint8_t zero[15];
	uint8_t group;

	if (end->family == AF_INET)
		return end->ip[0] != 0 && end->ip[0] != 127 &&
		    end->ip[0] < 224 && !find_group(e, end, &group);
	if (memcmp(end->ip, zero, sizeof(zero)) == 0 && end->ip[15] <= 1)
		return false; /* :: and ::1 */
	return end->ip[0] != 0xff &&
	    !(end->ip[0] == 0xfe && (end->ip[1] & 0xc0) == 0x80) &&
	    !find_group(e, end, &group);
}

/* Of whose connection `from` is our end, and `to` is the other. */
static bool
find_leg(const struct peer_conns *e, const struct conn_record_end *from,
    const struct conn_record_end *to, uint8_t *ret_group)
{
	return find_group(e, from, ret_group) && can_be_told(e, to);
}

static struct entry *
entry_of(struct leg *leg)
{
	return CONTAINER_OF(leg - leg->side, struct entry, legs);
}

static void
unlink_leg(struct peer_conns *e, struct leg *leg)
{
	if (!leg->there)
		return;
	if (e->next[leg->group] == leg)
		e->next[leg->group] = TAILQ_NEXT(leg, link);
	if (e->given == leg)
		e->given = NULL;
	TAILQ_REMOVE(&e->groups[leg->group], leg, link);
	leg->there = false;
}

/* NULL: no place. Who waits shall not take that of who was accepted. */
static struct entry *
add(struct peer_conns *e, const struct conn_record *c)
{
	const bool waits = conn_record_is_waiting(c);
	struct entry *t = NULL;

	if (!waits || e->n_waiting < e->max)
		t = conn_table_add(e->map, c);
	if (t == NULL)
		return NULL;
	e->n_waiting += waits;
	t->pass = e->pass;
	TAILQ_INSERT_TAIL(&e->fresh, t, mention);
	return t;
}

static void
replace(struct peer_conns *e, struct entry *t, const struct conn_record *c)
{
	e->n_waiting += conn_record_is_waiting(c);
	e->n_waiting -= conn_record_is_waiting(&t->conn);
	t->conn = *c;
}

static void
drop(struct peer_conns *e, struct entry *t)
{
	for (unsigned side = 0; side < SIDES; side++)
		unlink_leg(e, &t->legs[side]);
	if (t->pass == e->pass)
		TAILQ_REMOVE(&e->fresh, t, mention);
	else
		TAILQ_REMOVE(&e->stale, t, mention);
	e->n_waiting -= conn_record_is_waiting(&t->conn);
	conn_table_remove(e->map, t);
}

static void
mention(struct peer_conns *e, struct entry *t)
{
	if (t->pass == e->pass)
		return;
	TAILQ_REMOVE(&e->stale, t, mention);
	t->pass = e->pass;
	TAILQ_INSERT_TAIL(&e->fresh, t, mention);
}

/* To the end of its group's, to be told as often as any. */
static unsigned
link_leg(struct peer_conns *e, struct entry *t, enum side side)
{
	struct leg *leg = &t->legs[side];

	const struct conn_record *c = &t->conn;

	if (side == CLIENT ? !find_leg(e, &c->local, &c->client, &leg->group)
	                   : !find_leg(e, &c->source, &c->server, &leg->group))
		return 0;
	leg->there = true;
	leg->side = (uint8_t)side;
	leg->tellings = 0;
	TAILQ_INSERT_TAIL(&e->groups[leg->group], leg, link);
	if (e->next[leg->group] == NULL)
		e->next[leg->group] = leg;
	return 1u << leg->group;
}

static unsigned
link_legs(struct peer_conns *e, struct entry *t)
{
	unsigned groups = 0;

	for (unsigned side = 0; side < SIDES; side++) {
		unlink_leg(e, &t->legs[side]);
		groups |= link_leg(e, t, side);
	}
	return groups;
}

/* An end of it is at an address that is ours now, and being told. */
static bool
is_ours(const struct peer_conns *e, const struct entry *t)
{
	for (unsigned side = 0; side < SIDES; side++)
		if (t->legs[side].there && e->ours[t->legs[side].group])
			return true;
	return false;
}

unsigned
peer_conns_take(struct peer_conns *e, const struct conn_record *c)
{
	struct entry *t = conn_table_find(e->map, c);
	uint8_t group;

	if (c->change == CONN_RECORD_CLOSED) {
		if (t != NULL && t->conn.id == c->id && !is_ours(e, t))
			drop(e, t);
		return 0;
	}
	if (t != NULL && c->change == CONN_RECORD_OPENED &&
	    conn_record_is_same(&t->conn, c)) {
		mention(e, t);
		return 0;
	}
	if (t != NULL) {
		mention(e, t);
		if (c->change == CONN_RECORD_OPENED)
			replace(e, t, c);
		return link_legs(e, t);
	}
	/* None of ours: the peer's file has more groups. */
	if (!find_leg(e, &c->local, &c->client, &group) &&
	    !find_leg(e, &c->source, &c->server, &group))
		return 0;
	t = add(e, c);
	/* NULL: its client waits for its own patience. */
	return t != NULL ? link_legs(e, t) : 0;
}

void
peer_conns_begin(struct peer_conns *e)
{
	TAILQ_CONCAT(&e->stale, &e->fresh, mention);
	e->pass++;
	e->complete = false;
}

void
peer_conns_end(struct peer_conns *e)
{
	e->complete = true;
}

bool
peer_conns_sweep(struct peer_conns *e, unsigned n)
{
	struct entry *t;

	if (!e->complete)
		return false;
	while (n-- > 0 && (t = TAILQ_FIRST(&e->stale)) != NULL)
		if (is_ours(e, t))
			mention(e, t);
		else
			drop(e, t);
	return !TAILQ_EMPTY(&e->stale);
}

void
peer_conns_inherit(struct peer_conns *e, unsigned group, bool ours)
{
	e->ours[group] = ours;
}

void
peer_conns_rewind(struct peer_conns *e, unsigned group)
{
	e->next[group] = TAILQ_FIRST(&e->groups[group]);
}

bool
peer_conns_next(
    struct peer_conns *e, unsigned group, struct peer_conns_leg *ret_leg)
{
	struct leg *leg = e->next[group];
	const struct conn_record *c;

	e->given = leg;
	if (leg == NULL)
		return false;
	e->next[group] = TAILQ_NEXT(leg, link);
	c = &entry_of(leg)->conn;
	*ret_leg = (struct peer_conns_leg){
		.from = leg->side == CLIENT ? c->local : c->source,
		.to = leg->side == CLIENT ? c->client : c->server,
		.is_client = leg->side == CLIENT,
		.told_before = leg->tellings > 0,
		.conn = *c,
	};
	return true;
}

void
peer_conns_forget(struct peer_conns *e)
{
	struct leg *leg = e->given;
	struct entry *t;

	if (leg == NULL)
		return;
	t = entry_of(leg);
	unlink_leg(e, leg);
	if (!t->legs[CLIENT].there && !t->legs[SERVER].there)
		drop(e, t);
}

bool
peer_conns_tell(struct peer_conns *e)
{
	const struct leg *leg = e->given;

	if (leg == NULL ||
	    ++e->given->tellings < (leg->side == CLIENT
	                                   ? PEER_CONNS_TELLINGS_MAX
	                                   : PEER_CONNS_TELLINGS))
		return false;
	peer_conns_forget(e);
	return true;
}

bool
peer_conns_answered(struct peer_conns *e, const struct conn_record_end *client,
    const struct conn_record_end *local)
{
	const struct conn_record c = { .client = *client, .local = *local };
	struct entry *t = conn_table_find(e->map, &c);

	if (t == NULL || !t->legs[CLIENT].there ||
	    t->legs[CLIENT].tellings == 0)
		return false;
	e->given = &t->legs[CLIENT];
	peer_conns_forget(e);
	return true;
}

bool
peer_conns_is_empty(const struct peer_conns *e, unsigned group)
{
	return TAILQ_EMPTY(&e->groups[group]);
}

size_t
peer_conns_count(const struct peer_conns *e)
{
	return conn_table_count(e->map);
}
