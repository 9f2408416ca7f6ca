/*
 * The death of a director whose kernel goes on: the program passes packets as
 * before, by entries that another process finds in a moment.
 */

#include "director/director_found.h"
#include "tests/model/broken_director.h"
#include "tests/model/director_world_node.h"

#include <string.h>

#define W (&director_world)

/* What is kept in the maps, of the one that is no more. */
static struct director_found
found_of(const struct director_world_node *n, uint32_t slot)
{
	const struct director_node_slot *s = &n->d.slots[slot];

	return (struct director_found){
		.slot = slot,
		.service = s->service,
		.server = s->server,
		.isn = s->isn,
		.client =
		    *tuple_index_get(&n->d.index, slot, CONN_TUPLE_CLIENT),
		.server_side =
		    *tuple_index_get(&n->d.index, slot, CONN_TUPLE_SERVER),
	};
}

/* Its ports are known as soon as its server is. */
static void
take(struct director_world_node *n, const struct director_found *f)
{
	const struct conn_tuple *t = &f->server_side;

	if (broken_director_is(BROKEN_DIRECTOR_ORPHAN))
		return;
	if (!director_found_take(&n->d, f, W->now))
		W->wrong = "two connections have one tuple in the maps";
	else if (f->server != DIRECTOR_NODE_NONE)
		director_found_claim_ports(
		    &n->d, (uint16_t)f->server, t->dst, t->src, t->sport);
}

/* As failover says at the beginning of a channel. */
static void
hear_failover(unsigned node)
{
	struct director_world_node *n = &W->nodes[node];
	const struct director_node_event ev = { .type = DIRECTOR_NODE_CLAIM,
		.term = W->owns[node],
		.peer_dead = W->nodes[1 - node].dead };

	n->judged = ev.peer_dead;
	if (W->owns[node] > 0)
		director_world_step(node, &ev);
}

bool
director_world_restart(unsigned node)
{
	struct director_world_node *n = &W->nodes[node];
	const struct director_world_kernel kernel = n->kernel;
	const bool was_empty = n->is_empty;
	struct director_found found[DIRECTOR_WORLD_SLOTS];
	unsigned n_found = 0;

	if (n->dead)
		return false;
	for (uint32_t i = 0; i < DIRECTOR_WORLD_SLOTS; i++)
		if (n->d.slots[i].conn.written)
			found[n_found++] = found_of(n, i);
	if (W->linked)
		W->nodes[1 - node].unaware = true;
	director_world_part();
	director_world_begin_process(node);
	n->kernel = kernel;
	for (unsigned i = 0; i < DIRECTOR_WORLD_SLOTS; i++)
		n->kernel.slots[i].kept = false;
	n->is_empty = was_empty;
	n->is_fresh = false;
	for (unsigned i = 0; i < n_found; i++)
		take(n, &found[i]);
	hear_failover(node);
	return true;
}
