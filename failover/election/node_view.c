#include "failover/election/node_view.h"

#include "failover/election/illness.h"

#include <string.h>

bool
node_view_hears_peer(const struct node *n, struct mono now)
{
	const uint32_t dead_ms = node_dead_ms(n);
	const uint32_t patience_ms = n->config.patience_ms;

	return peer_is_alive(&n->peer,
	           dead_ms > patience_ms ? dead_ms : patience_ms, now) &&
	    !n->peer.resigned && !n->peer.ended;
}

enum handover_outcome
node_view_objection(const struct node *n, unsigned i, struct mono now)
{
	const struct node_group *g = &n->groups[i];
	const struct handover_view view = {
		.master = g->election.state == ELECTION_MASTER,
		.relay = n->relay_there && !n->relay_leaves && n->relay_serves,
		.peer_heard = node_view_hears_peer(n, now),
		.peer_backup = g->peer_state == ELECTION_BACKUP,
		.peer_lacks_group = g->peer_lacks_group,
		.peer_same_addresses = node_has_same_addresses(n, i),
		.peer_worse =
		    g->election.heard_illness > illness_own(&g->election),
	};

	if (g->handover.wanted)
		return HANDOVER_UNDECIDED; /* under way: the same outcome */
	return handover_objection(&view);
}

bool
node_view_is_said(const uint8_t *mac)
{
	static const uint8_t zero[HELLO_MAC_BYTES];

	return memcmp(mac, zero, sizeof(zero)) != 0;
}

bool
node_view_is_peers(const struct node_group *g, const uint8_t *mac)
{
	for (unsigned i = 0; i < HELLO_INTERFACES_MAX; i++)
		if (memcmp(mac, g->peer_macs[i], HELLO_MAC_BYTES) == 0)
			return true;
	return false;
}

bool
node_view_is_third(const struct node *n, unsigned i, unsigned k,
    const uint8_t *mac, struct mono now)
{
	const struct node_group *g = &n->groups[i];
	const enum election_state is = g->election.state;

	return (is == ELECTION_BACKUP || is == ELECTION_FAULT) &&
	    peer_is_alive(&n->peer, node_dead_ms(n), now) &&
	    node_view_is_said(mac) && node_view_is_said(g->peer_macs[k]) &&
	    !node_view_is_peers(g, mac);
}
