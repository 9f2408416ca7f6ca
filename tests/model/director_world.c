/*
 * Packets: what clients and servers do, and what the program of the node that
 * has the address makes of it.
 */

#include "tests/model/director_world.h"
#include "tests/model/broken_director.h"
#include "tests/model/director_world_node.h"

struct director_world director_world;

#define W (&director_world)

/* Of the node that has the address; NULL: packets go nowhere. */
static struct director_world_node *
holder(void)
{
	return W->holder < 0 ? NULL : &W->nodes[W->holder];
}

/* NULL: there is no entry, and the stack answers. */
static struct director_world_slot *
entry_of(struct director_world_kernel *k, uint8_t entry)
{
	return entry == 0 ? NULL : &k->slots[entry - 1];
}

static bool
is_alive(const struct director_world_client *c)
{
	return c->state == DIRECTOR_WORLD_MADE ||
	    c->state == DIRECTOR_WORLD_SPOKE;
}

/* A RST arrives: who was made and not excused has lost its connection. */
static void
reset_client(unsigned client)
{
	struct director_world_client *c = &W->clients[client];

	if (is_alive(c) && !c->excused)
		W->wrong = "a connection is lost that was protected, or whose "
		           "node lives";
	if (is_alive(c) || c->state == DIRECTOR_WORLD_ASKS)
		c->state = DIRECTOR_WORLD_RESET;
}

static bool
is_at(const struct director_world_server_conn *k, unsigned client)
{
	return (k->state == DIRECTOR_WORLD_HALF ||
	           k->state == DIRECTOR_WORLD_WHOLE) &&
	    k->client == client && k->number == W->clients[client].number;
}

/* Its client lives and has no other end at any server. */
static bool
is_living(const struct director_world_server_conn *k)
{
	if (!is_at(k, k->client) || !is_alive(&W->clients[k->client]))
		return false;
	for (unsigned s = 0; s < DIRECTOR_WORLD_SERVERS; s++)
		for (unsigned p = 0; p < 2 * DIRECTOR_WORLD_PORTS; p++)
			if (&W->servers[s][p] != k &&
			    is_at(&W->servers[s][p], k->client))
				return false;
	return true;
}

/*
 * What is left of an earlier connection answers with a challenge, which the
 * client resets: its SYN comes again.
 */
void
director_world_arrive(
    unsigned server, unsigned port, unsigned client, uint8_t number)
{
	struct director_world_server_conn *k = &W->servers[server][port];
	const enum director_world_fate fate = W->fate;

	W->fate = DIRECTOR_WORLD_ACCEPTED;
	if (k->state == DIRECTOR_WORLD_HALF ||
	    k->state == DIRECTOR_WORLD_WHOLE) {
		if (k->client == client && k->number == number)
			return;
		/* Where both have died nobody knows which ports are in use. */
		if (is_living(k) && !(W->died[0] && W->died[1]))
			W->wrong = "two connections have one port";
		k->state = DIRECTOR_WORLD_NOTHING;
		return;
	}
	if (fate == DIRECTOR_WORLD_LOST)
		return;
	*k = (struct director_world_server_conn){
		.state = fate == DIRECTOR_WORLD_REFUSED ? DIRECTOR_WORLD_REFUSES
		                                        : DIRECTOR_WORLD_HALF,
		.client = (uint8_t)client,
		.number = number,
	};
}

bool
director_world_syn(unsigned client)
{
	struct director_world_client *c = &W->clients[client];
	struct director_world_node *h = holder();
	struct director_world_slot *at;
	struct director_node_event ev = { .type = DIRECTOR_NODE_SYN,
		.slot = DIRECTOR_NODE_NONE,
		.listen = client };

	if (is_alive(c) ||
	    (c->state != DIRECTOR_WORLD_ASKS && c->number == W->calls[client]))
		return false;
	if (c->state != DIRECTOR_WORLD_ASKS) {
		c->number++;
		c->excused = c->promised = false;
	}
	c->state = DIRECTOR_WORLD_ASKS;
	if (h == NULL)
		return true;
	at = entry_of(&h->kernel, h->kernel.of_client[client]);
	ev.tuple = director_world_client_tuple(client);
	ev.isn = c->number;
	if (at == NULL || !at->seen.syn_ack || at->seen.rst ||
	    (at->seen.fin_client && at->seen.fin_server))
		director_world_step((unsigned)W->holder, &ev);
	else
		director_world_arrive(at->server, at->port, client, c->number);
	return true;
}

/*
 * The RST of a server, or of nobody there, to a client. One that has an ACK may
 * be taken for the answer to a SYN; what answers data has none.
 */
static void
pass_reset(struct director_world_slot *at, bool has_ack)
{
	struct director_node_event ev = { .type = DIRECTOR_NODE_REFUSED,
		.slot = (uint32_t)(at - holder()->kernel.slots),
		.reason = END_REASON_SERVER_REFUSED };

	if (has_ack && at->syn_sent && !at->seen.syn_ack) {
		if (is_alive(&W->clients[at->client]))
			W->wrong = "a living client's RST is kept back";
		at->seen.refused = true;
		director_world_step((unsigned)W->holder, &ev);
		return;
	}
	/* Of the other node's SYN, or another process's: it comes again. */
	if (has_ack && at->inherited && !at->seen.syn_ack)
		return;
	if (has_ack && W->clients[at->client].state == DIRECTOR_WORLD_ASKS)
		W->wrong = "a client hears of one server's refusal";
	at->seen.last = W->now;
	at->seen.rst = at->closed = true;
	reset_client(at->client);
}

void
director_world_part(void)
{
	W->linked = false;
	W->nodes[0].in.n = W->nodes[1].in.n = 0;
}

static struct director_world_server_conn *
end_of(const struct director_world_slot *at)
{
	return &W->servers[at->server][at->port];
}

bool
director_world_syn_ack(unsigned server, unsigned port)
{
	struct director_world_server_conn *k = &W->servers[server][port];
	struct director_world_node *h = holder();
	struct director_world_slot *at;
	struct director_world_client *c;

	if (k->state != DIRECTOR_WORLD_HALF || h == NULL)
		return false;
	at = entry_of(&h->kernel, h->kernel.of_server[server][port]);
	if (at == NULL) {
		k->state = DIRECTOR_WORLD_NOTHING;
		return true;
	}
	c = &W->clients[at->client];
	at->seen.syn_ack = true;
	at->seen.rst = false;
	if (c->number != k->number || at->client != k->client ||
	    (c->state != DIRECTOR_WORLD_ASKS && !is_alive(c))) {
		at->seen.last = W->now;
		at->seen.rst = at->closed = true;
		k->state = DIRECTOR_WORLD_NOTHING;
		return true;
	}
	if (c->state == DIRECTOR_WORLD_ASKS)
		c->state = DIRECTOR_WORLD_MADE;
	at->seen.established = true;
	if (!at->first_byte || at->seen.spoken)
		k->state = DIRECTOR_WORLD_WHOLE;
	return true;
}

bool
director_world_refusal(unsigned server, unsigned port)
{
	struct director_world_server_conn *k = &W->servers[server][port];
	struct director_world_node *h = holder();
	struct director_world_slot *at;

	if (k->state != DIRECTOR_WORLD_REFUSES)
		return false;
	k->state = DIRECTOR_WORLD_NOTHING;
	if (h == NULL)
		return true;
	at = entry_of(&h->kernel, h->kernel.of_server[server][port]);
	if (at != NULL)
		pass_reset(at, true);
	return true;
}

/* Where the client's packet goes; NULL: it has been reset, or it was lost. */
static struct director_world_slot *
send_data(unsigned client)
{
	struct director_world_node *h = holder();
	struct director_world_slot *at =
	    entry_of(&h->kernel, h->kernel.of_client[client]);

	if (at == NULL) {
		reset_client(client);
		return NULL;
	}
	if (is_at(end_of(at), client))
		return at;
	if (!W->clients[client].excused)
		W->wrong = "a server does not know of a living connection";
	pass_reset(at, false);
	return NULL;
}

bool
director_world_speak(unsigned client)
{
	struct director_world_slot *at;

	if (W->clients[client].state != DIRECTOR_WORLD_MADE || holder() == NULL)
		return false;
	at = send_data(client);
	if (at == NULL)
		return true;
	at->seen.spoken = at->seen.established = true;
	at->seen.rst = false;
	end_of(at)->state = DIRECTOR_WORLD_WHOLE;
	W->clients[client].state = DIRECTOR_WORLD_SPOKE;
	return true;
}

/* The server says something, and the client has nothing to say but ACK. */
bool
director_world_talk(unsigned client)
{
	struct director_world_node *h = holder();
	struct director_world_slot *at;

	if (W->clients[client].state != DIRECTOR_WORLD_SPOKE || h == NULL)
		return false;
	at = send_data(client);
	if (at == NULL)
		return true;
	if (entry_of(&h->kernel, h->kernel.of_server[at->server][at->port]) !=
	    at)
		W->wrong = "a server's answer finds nobody";
	if (at->first_byte && !at->seen.spoken)
		W->wrong = "a living client's bare ACK is withheld";
	return true;
}

bool
director_world_close(unsigned client)
{
	struct director_world_slot *at;

	if (W->clients[client].state != DIRECTOR_WORLD_SPOKE ||
	    holder() == NULL)
		return false;
	at = send_data(client);
	if (at == NULL)
		return true;
	at->seen.fin_client = at->seen.fin_server = at->seen.fins_acked = true;
	at->seen.spoken = at->seen.established = at->closed = true;
	at->seen.server_first = client == 1;
	end_of(at)->state = DIRECTOR_WORLD_NOTHING;
	W->clients[client].state = DIRECTOR_WORLD_DONE;
	return true;
}

bool
director_world_reset(unsigned server, unsigned port)
{
	struct director_world_server_conn *k = &W->servers[server][port];
	struct director_world_node *h = holder();
	struct director_world_slot *at;

	if (k->state != DIRECTOR_WORLD_WHOLE)
		return false;
	k->state = DIRECTOR_WORLD_NOTHING;
	if (W->clients[k->client].number == k->number)
		W->clients[k->client].excused = true;
	if (h == NULL)
		return true;
	at = entry_of(&h->kernel, h->kernel.of_server[server][port]);
	if (at != NULL)
		pass_reset(at, true);
	return true;
}

bool
director_world_closed(unsigned node, unsigned slot)
{
	struct director_world_node *n = &W->nodes[node];
	const struct director_node_event ev = { .type = DIRECTOR_NODE_CLOSED,
		.slot = slot };

	if (n->dead || !n->kernel.slots[slot].closed)
		return false;
	n->kernel.slots[slot].closed = false;
	director_world_step(node, &ev);
	return true;
}

/* The two ends of what a node resets. */
void
director_world_reset_ends(const struct director_world_node *n, uint32_t slot,
    bool client, bool server)
{
	const struct director_world_slot *at = &n->kernel.slots[slot];
	const unsigned who = director_world_client_of(
	    tuple_index_get(&n->d.index, slot, CONN_TUPLE_CLIENT));

	if (client)
		reset_client(who);
	if (server && is_at(end_of(at), who))
		end_of(at)->state = DIRECTOR_WORLD_NOTHING;
}

/* What a node tells of its own clients at the moment at which it goes. */
void
director_world_excuse(const struct director_world_node *n, bool peer_knows)
{
	for (unsigned c = 0; c < DIRECTOR_WORLD_CLIENTS; c++) {
		const uint8_t entry = n->kernel.of_client[c];

		if (!W->clients[c].promised &&
		    (entry == 0 || !peer_knows ||
		        !replica_is_protected(
		            &n->d.replica, 0, n->d.slots[entry - 1].seq)))
			W->clients[c].excused = true;
	}
}

/* The same, while it lives on: the peer has claimed, and says so. */
void
director_world_promise(const struct director_world_node *n)
{
	for (unsigned c = 0; c < DIRECTOR_WORLD_CLIENTS; c++) {
		const uint8_t entry = n->kernel.of_client[c];

		W->clients[c].promised = entry != 0 &&
		    is_alive(&W->clients[c]) &&
		    replica_is_protected(
		        &n->d.replica, 0, n->d.slots[entry - 1].seq);
	}
}

void
director_world_no_promises(void)
{
	for (unsigned c = 0; c < DIRECTOR_WORLD_CLIENTS; c++)
		W->clients[c].promised = false;
}
