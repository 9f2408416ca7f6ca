#include "director/director_effects.h"

#include "core/log.h"
#include "director/bpf/director_segment.h"
#include "director/bpf/director_slot.h"
#include "director/director_entries.h"
#include "director/director_failover.h"
#include "director/director_peer.h"
#include "director/director_relay.h"
#include "director/director_report.h"
#include "director/director_rings.h"
#include "director/director_role.h"
#include "director/director_routes.h"
#include "director/director_sender.h"
#include "director/director_turn.h"

#include <arpa/inet.h>
#include <string.h>

/* What the program has noted: all but who filled it and how. */
#define SEEN                                                                   \
	(DIRECTOR_BPF_REFUSED | DIRECTOR_BPF_SYN_ACK |                         \
	    DIRECTOR_BPF_ESTABLISHED | DIRECTOR_BPF_CLIENT_DATA |              \
	    DIRECTOR_BPF_SEEN_CLIENT | DIRECTOR_BPF_SEEN_SERVER |              \
	    DIRECTOR_BPF_FIN_BOTH | DIRECTOR_BPF_FIN_ACKED_BOTH |              \
	    DIRECTOR_BPF_SERVER_FIRST | DIRECTOR_BPF_RST_ANY |                 \
	    DIRECTOR_BPF_TOLD)

static void
set(struct director_role *role, uint32_t slot, uint32_t flags)
{
	(void)__atomic_fetch_or(
	    &role->slots[slot].flags, flags, __ATOMIC_SEQ_CST);
}

static void
clear(struct director_role *role, uint32_t slot, uint32_t flags)
{
	(void)__atomic_fetch_and(
	    &role->slots[slot].flags, ~flags, __ATOMIC_SEQ_CST);
}

static uint32_t
hash_of(const char *name)
{
	return (uint32_t)balance_hash(name, strlen(name));
}

uint64_t
director_effects_tag(
    const struct director_role *role, uint32_t service, uint32_t server)
{
	const struct config_service *s;
	uint64_t tag;

	if (service >= role->config->n_services)
		return 0;
	s = &role->config->services[service];
	tag = (uint64_t)hash_of(s->name) << 32;
	return server < s->n_servers ? tag | hash_of(s->servers[server].name)
	                             : tag;
}

struct director_bpf_key
director_effects_key(const struct conn_tuple *t)
{
	struct director_bpf_key k = { .sport = htons(t->sport),
		.dport = htons(t->dport) };

	memcpy(k.saddr, t->src, sizeof(k.saddr));
	memcpy(k.daddr, t->dst, sizeof(k.daddr));
	return k;
}

static struct director_entries_keys
keys_of(const struct director_node_effect *e)
{
	return (struct director_entries_keys){
		.from = { [DIRECTOR_BPF_FROM_CLIENT] =
		              director_effects_key(&e->client),
		    [DIRECTOR_BPF_FROM_SERVER] =
		        director_effects_key(&e->server) },
	};
}

static struct conn_tuple
turned(const struct conn_tuple *t)
{
	struct conn_tuple r = { .sport = t->dport, .dport = t->sport };

	memcpy(r.src, t->dst, sizeof(r.src));
	memcpy(r.dst, t->src, sizeof(r.dst));
	return r;
}

static const struct conn_tuple *
client_of(const struct director_role *role, uint32_t slot)
{
	return tuple_index_get(&role->node.index, slot, CONN_TUPLE_CLIENT);
}

/* ---- slots and entries ---- */

static void
keep(struct director_role *role, const struct director_node_effect *e)
{
	const struct director_bpf_event *event =
	    director_rings_event(role->rings);
	struct director_role_conn *c = &role->conns[e->slot];

	c->accepted = c->placed = role->node.now;
	c->counted = c->made = false;
	c->client_ifindex = event->ifindex;
	c->syn_len = (uint8_t)event->len;
	memcpy(c->syn, event->headers, event->len);
}

static void
write_slot(struct director_role *role, const struct director_node_effect *e)
{
	const struct director_node_slot *s = &role->node.slots[e->slot];
	struct director_role_conn *c = &role->conns[e->slot];
	const struct conn_tuple to_server = turned(&e->server);
	const struct director_entries_keys keys = keys_of(e);
	struct director_slot_route r = {
		.client = keys.from[DIRECTOR_BPF_FROM_CLIENT],
		.server = director_effects_key(&to_server),
		.server_ifindex =
		    director_routes_of_server(role->routes, e->server.src),
		.client_isn = s->isn,
		.flags = (e->inherited ? DIRECTOR_BPF_INHERITED : 0U) |
		    (e->first_byte ? DIRECTOR_BPF_FIRST_BYTE : 0U),
	};

	if (e->inherited) {
		c->accepted = c->placed = role->node.now;
		c->syn_len = 0;
		c->counted = c->made = true;
		c->client_ifindex =
		    director_routes_of_listen(role->routes, e->client.dst);
		/* Files of two nodes may differ. */
		if (!director_routes_add(role, e->server.src))
			log_debug("director", "a server of the peer's is here");
	}
	r.client_ifindex = c->client_ifindex;
	r.mss = director_routes_mss(role->routes, r.client_ifindex,
	    r.server_ifindex, !conn_tuple_is_v4(e->client.dst));
	director_entries_settle(role->entries, e->slot);
	director_slot_fill(&role->slots[e->slot], &r);
	role->slots[e->slot].tag =
	    director_effects_tag(role, s->service, s->server);
	/* From here on a process that comes after this one finds it. */
	__atomic_store_n(&role->slots[e->slot].opened_ns,
	    (uint64_t)c->accepted.ns, __ATOMIC_RELEASE);
	if (!e->inherited)
		director_report_placed(role, e->slot);
	c->written = true;
	c->bytes[0] = c->bytes[1] = 0;
	c->emitted = mono_never();
	c->orphan = false;
	director_entries_write(role->entries, e->slot, &keys);
	director_turn_is_busy(role);
}

static void
erase_slot(struct director_role *role, const struct director_node_effect *e)
{
	struct director_role_conn *c = &role->conns[e->slot];
	const struct director_entries_keys keys = keys_of(e);

	director_report_count_bytes(role, e->slot);
	role->slots[e->slot].opened_ns = 0;
	director_entries_erase(
	    role->entries, e->slot, &keys, c->resets, role->node.now);
	c->written = false;
	c->resets = 0;
}

/* ---- packets ---- */

static void
send_syn(struct director_role *role, uint32_t slot, const uint8_t *headers,
    uint32_t len)
{
	const struct director_bpf_slot *s = &role->slots[slot];
	struct director_packet p;

	director_packet_make_syn(
	    headers, len, s->leg[DIRECTOR_BPF_FROM_SERVER].mss, &p);
	director_sender_put(role->sender, &p);
}

static void
emit(struct director_role *role, const struct director_node_effect *e)
{
	struct director_role_conn *c = &role->conns[e->slot];

	c->emitted = mono_min(c->emitted, role->node.now);
	set(role, e->slot, DIRECTOR_BPF_SYN_SENT);
	if (c->syn_len > 0)
		send_syn(role, e->slot, c->syn, c->syn_len);
}

static void
pass_on(struct director_role *role, const struct director_node_effect *e)
{
	const struct director_bpf_event *event =
	    director_rings_event(role->rings);

	if (event != NULL)
		send_syn(role, e->slot, event->headers, event->len);
}

/* Behind its SYN: a client that has no connection. */
void
director_effects_reject(
    struct director_role *role, const struct conn_tuple *client, uint32_t isn)
{
	const struct director_packet_segment s = {
		.tuple = turned(client),
		.flags = DIRECTOR_PACKET_RST | DIRECTOR_PACKET_ACK,
		.ack = isn + 1,
	};
	struct director_packet p;

	director_packet_make_segment(&s, &p);
	director_sender_reject(role->sender, &p);
}

/* In an end's name. */
static void
say(struct director_role *role, const struct conn_tuple *as, uint8_t flags,
    uint32_t seq)
{
	const struct director_packet_segment s = {
		.tuple = *as, .flags = flags, .seq = seq
	};
	struct director_packet p;

	director_packet_make_segment(&s, &p);
	director_sender_put(role->sender, &p);
}

/* In the other end's name. */
void
director_effects_tickle_client(struct director_role *role, uint32_t slot)
{
	say(role, tuple_index_get(&role->node.index, slot, CONN_TUPLE_SERVER),
	    DIRECTOR_PACKET_ACK, 0);
}

void
director_effects_tickle_server(struct director_role *role, uint32_t slot)
{
	say(role, client_of(role, slot), DIRECTOR_PACKET_ACK, 0);
}

/* ---- the node's ---- */

static void
let_pass(struct director_role *role, const struct director_node_effect *e)
{
	/* What is under way may be seen by others: first this, then that. */
	set(role, e->slot, DIRECTOR_BPF_INHERITED);
	clear(role, e->slot,
	    DIRECTOR_BPF_SYN_SENT | DIRECTOR_BPF_FIRST_BYTE |
	        DIRECTOR_BPF_REFUSED);
}

static void
go_on(struct director_role *role, const struct director_node_effect *e)
{
	clear(role, e->slot, DIRECTOR_BPF_TOLD);
}

static void
anew(struct director_role *role, const struct director_node_effect *e)
{
	clear(role, e->slot, SEEN);
}

static void
tickle(struct director_role *role, const struct director_node_effect *e)
{
	director_effects_tickle_client(role, e->slot);
	director_effects_tickle_server(role, e->slot);
}

static void
ask_client(struct director_role *role, const struct director_node_effect *e)
{
	/* Its next segment says it anew. */
	clear(role, e->slot, DIRECTOR_BPF_SEEN_CLIENT);
	director_effects_tickle_client(role, e->slot);
}

static void
reset_client(struct director_role *role, const struct director_node_effect *e)
{
	director_effects_reject(
	    role, client_of(role, e->slot), role->node.slots[e->slot].isn);
	director_report_refused(role, e->slot);
}

/* The server has its SYN, and maybe more. */
static void
reset_server(struct director_role *role, const struct director_node_effect *e)
{
	say(role, client_of(role, e->slot), DIRECTOR_PACKET_RST,
	    role->node.slots[e->slot].isn + 1);
	role->conns[e->slot].resets |= DIRECTOR_ENTRIES_LATER;
}

/* With the entries, whose time is over then. */
static void
reset_both(struct director_role *role, const struct director_node_effect *e)
{
	role->conns[e->slot].resets |=
	    1U << DIRECTOR_BPF_FROM_CLIENT | 1U << DIRECTOR_BPF_FROM_SERVER;
}

static void
accuse(struct director_role *role, const struct director_node_effect *e)
{
	director_report_failed(role, e->slot);
	director_relay_accuse(role, e->slot);
}

static void
ended(struct director_role *role, const struct director_node_effect *e)
{
	director_report_ended(role, e->slot, e->reason);
}

static void
reject(struct director_role *role, const struct director_node_effect *e)
{
	director_effects_reject(role, &e->client, role->node.ev->isn);
	director_report_too_many(role, &e->client);
}

static void
turn_valve(struct director_role *role, const struct director_node_effect *e)
{
	director_rings_pass(role, e->open);
}

static void
tickle_all(struct director_role *role, const struct director_node_effect *e)
{
	director_turn_tickle(role, e->group);
}

static void
released(struct director_role *role, const struct director_node_effect *e)
{
	director_failover_released(role, e->group);
}

static void
send_msg(struct director_role *role, const struct director_node_effect *e)
{
	director_peer_send(role, &e->msg);
}

static void
hang_up(struct director_role *role, const struct director_node_effect *e)
{
	director_peer_hang_up(role, e->why);
}

typedef void effect_fn(
    struct director_role *role, const struct director_node_effect *e);

static effect_fn *const effects[] = {
	[DIRECTOR_NODE_KEEP] = keep,
	[DIRECTOR_NODE_WRITE] = write_slot,
	[DIRECTOR_NODE_ERASE] = erase_slot,
	[DIRECTOR_NODE_EMIT] = emit,
	[DIRECTOR_NODE_PASS_ON] = pass_on,
	[DIRECTOR_NODE_LET_PASS] = let_pass,
	[DIRECTOR_NODE_GO_ON] = go_on,
	[DIRECTOR_NODE_ANEW] = anew,
	[DIRECTOR_NODE_TICKLE] = tickle,
	[DIRECTOR_NODE_ASK_CLIENT] = ask_client,
	[DIRECTOR_NODE_RESET_CLIENT] = reset_client,
	[DIRECTOR_NODE_RESET_SERVER] = reset_server,
	[DIRECTOR_NODE_RESET_BOTH] = reset_both,
	[DIRECTOR_NODE_ACCUSE] = accuse,
	[DIRECTOR_NODE_ENDED] = ended,
	[DIRECTOR_NODE_REJECT] = reject,
	[DIRECTOR_NODE_VALVE] = turn_valve,
	[DIRECTOR_NODE_TICKLE_ALL] = tickle_all,
	[DIRECTOR_NODE_RELEASED] = released,
	[DIRECTOR_NODE_SEND] = send_msg,
	[DIRECTOR_NODE_HANG_UP] = hang_up,
};

static void
put(void *arg, const struct director_node_effect *e)
{
	effects[e->type](arg, e);
}

static void
look(void *arg, uint32_t slot, struct kernel_conn_seen *ret_seen)
{
	const struct director_role *role = arg;
	const struct director_bpf_slot *s = &role->slots[slot];
	const uint32_t flags = __atomic_load_n(&s->flags, __ATOMIC_SEQ_CST);
	/* Its SYN-ACK passed on the other node, and this is what follows. */
	const bool knows = (flags & DIRECTOR_BPF_INHERITED) != 0 &&
	    (flags & DIRECTOR_BPF_SEEN_SERVER) != 0;

	*ret_seen = (struct kernel_conn_seen){
		.refused = (flags & DIRECTOR_BPF_REFUSED) != 0,
		.syn_ack = knows || (flags & DIRECTOR_BPF_SYN_ACK) != 0,
		.established = knows || (flags & DIRECTOR_BPF_ESTABLISHED) != 0,
		.spoken = (flags & DIRECTOR_BPF_CLIENT_DATA) != 0,
		.fin_client = (flags & DIRECTOR_BPF_FIN_CLIENT) != 0,
		.fin_server = (flags & DIRECTOR_BPF_FIN_SERVER) != 0,
		.fins_acked = (flags & DIRECTOR_BPF_FIN_ACKED_BOTH) ==
		    DIRECTOR_BPF_FIN_ACKED_BOTH,
		.fin_unheard = director_segment_has_unheard_fin(flags),
		.server_first = (flags & DIRECTOR_BPF_SERVER_FIRST) != 0,
		.rst = (flags & DIRECTOR_BPF_RST_ANY) != 0,
		.answered = (flags & DIRECTOR_BPF_SEEN_CLIENT) != 0,
		.last = { .ns = (int64_t)s->last_ns },
	};
}

const struct director_node_calls director_effects_calls = {
	.put = put,
	.look = look,
};
