#include "tests/model/director_world_node.h"
#include "tests/model/broken_director.h"

#include <string.h>

#define W (&director_world)
#define MS INT64_C(1000000)
#define TICK_NS (TIMER_WHEEL_TICK_MS * MS)

static const uint8_t vip[CONN_TUPLE_IP] = {
	[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 100
};

static void
set_ip(uint8_t ip[static CONN_TUPLE_IP], uint8_t net, unsigned host)
{
	memcpy(ip, vip, CONN_TUPLE_IP);
	ip[13] = net;
	ip[15] = (uint8_t)host;
}

struct conn_tuple
director_world_client_tuple(unsigned client)
{
	struct conn_tuple t = { .sport = (uint16_t)(1000 + client),
		.dport = (uint16_t)(80 + client) };

	set_ip(t.src, 1, 1 + client);
	memcpy(t.dst, vip, sizeof(t.dst));
	return t;
}

unsigned
director_world_client_of(const struct conn_tuple *t)
{
	return t->src[15] - 1U;
}

static unsigned
server_of(const struct conn_tuple *t)
{
	return t->src[15] - 1U;
}

static unsigned
port_of(const struct conn_tuple *t)
{
	return t->dport - (unsigned)PORT_POOL_FIRST;
}

static struct director_world_node *
other(const struct director_world_node *n)
{
	return n == &W->nodes[0] ? &W->nodes[1] : &W->nodes[0];
}

static void
write_entries(
    struct director_world_kernel *k, const struct director_node_effect *e)
{
	const unsigned client = director_world_client_of(&e->client);
	const unsigned server = server_of(&e->server);
	const unsigned port = port_of(&e->server);

	k->slots[e->slot] = (struct director_world_slot){
		.first_byte = e->first_byte ||
		    (broken_director_is(BROKEN_DIRECTOR_BARE) && client == 1),
		.inherited = e->inherited,
		.kept = !e->inherited && k->slots[e->slot].kept,
		.syn_sent =
		    e->inherited && broken_director_is(BROKEN_DIRECTOR_REFUSAL),
		.client = (uint8_t)client,
		.server = (uint8_t)server,
		.port = (uint8_t)port,
	};
	k->of_client[client] = (uint8_t)(e->slot + 1);
	k->of_server[server][port] = (uint8_t)(e->slot + 1);
}

/* By key, as a hash does it. */
static void
erase_entries(
    struct director_world_kernel *k, const struct director_node_effect *e)
{
	k->of_client[director_world_client_of(&e->client)] = 0;
	k->of_server[server_of(&e->server)][port_of(&e->server)] = 0;
}

static void
send_to(struct director_world_node *to, const struct replica_msg *m)
{
	if (!W->linked)
		return;
	if (to->in.n == DIRECTOR_WORLD_QUEUE) {
		W->wrong = "the model's queue is too short";
		return;
	}
	to->in.all[to->in.n++] = *m;
}

/* The peer, which is there and level, knows of what the server hears. */
static void
check_commit(const struct director_world_node *n, uint32_t slot)
{
	const struct replica *r = &n->d.replica;

	if (!replica_is_mine(r, 0))
		W->wrong = "a node speaks for an address that it let go";
	if (r->groups[0].state == REPLICA_LIVE &&
	    n->d.slots[slot].seq > r->acked)
		W->wrong = "a server hears of what the peer does not know";
}

static void
emit(struct director_world_node *n, uint32_t slot, uint32_t number)
{
	struct director_world_slot *at = &n->kernel.slots[slot];

	check_commit(n, slot);
	director_world_arrive(
	    at->server, at->port, at->client, (uint8_t)number);
}

static void
emit_kept(struct director_world_node *n, uint32_t slot)
{
	if (!n->kernel.slots[slot].kept)
		W->wrong = "a SYN is to go out that nobody has kept";
	n->kernel.slots[slot].syn_sent = true;
	emit(n, slot, n->d.slots[slot].isn);
}

static void
put(void *arg, const struct director_node_effect *e)
{
	struct director_world_node *n = arg;
	/* Of what is about the node: any. */
	struct director_world_slot *at =
	    &n->kernel.slots[e->slot % DIRECTOR_WORLD_SLOTS];

	switch (e->type) {
	case DIRECTOR_NODE_WRITE:
		write_entries(&n->kernel, e);
		break;
	case DIRECTOR_NODE_ERASE:
		erase_entries(&n->kernel, e);
		break;
	case DIRECTOR_NODE_EMIT:
		emit_kept(n, e->slot);
		break;
	case DIRECTOR_NODE_PASS_ON:
		emit(n, e->slot, n->d.ev->isn);
		break;
	case DIRECTOR_NODE_ANEW:
		at->seen = (struct kernel_conn_seen){ 0 };
		at->closed = false;
		break;
	case DIRECTOR_NODE_LET_PASS:
		if (broken_director_is(BROKEN_DIRECTOR_PASS))
			break;
		at->inherited = true;
		at->seen.refused = at->syn_sent = at->first_byte = false;
		break;
	case DIRECTOR_NODE_RESET_CLIENT:
	case DIRECTOR_NODE_RESET_SERVER:
	case DIRECTOR_NODE_RESET_BOTH:
		director_world_reset_ends(n, e->slot,
		    e->type != DIRECTOR_NODE_RESET_SERVER,
		    e->type != DIRECTOR_NODE_RESET_CLIENT);
		break;
	case DIRECTOR_NODE_SEND:
		send_to(other(n), &e->msg);
		break;
	case DIRECTOR_NODE_HANG_UP:
		if (e->why != DIRECTOR_NODE_PEER_IS_DEAD)
			W->wrong = "a node hangs up on one that is as it is";
		break;
	case DIRECTOR_NODE_KEEP: /* the slot's isn says which */
		at->kept = true;
		break;
	case DIRECTOR_NODE_GO_ON:
	case DIRECTOR_NODE_TICKLE:
	case DIRECTOR_NODE_ASK_CLIENT:
	case DIRECTOR_NODE_ACCUSE:
	case DIRECTOR_NODE_ENDED:
	case DIRECTOR_NODE_REJECT:
	case DIRECTOR_NODE_VALVE:
	case DIRECTOR_NODE_TICKLE_ALL:
	case DIRECTOR_NODE_RELEASED:
		break;
	}
}

static void
look(void *arg, uint32_t slot, struct kernel_conn_seen *ret_seen)
{
	const struct director_world_node *n = arg;

	*ret_seen = n->kernel.slots[slot].seen;
}

static const struct director_node_calls calls = { .put = put, .look = look };

static const struct director_node_listen listens[DIRECTOR_WORLD_CLIENTS] = {
	{ .ip = { [10] = 0xff, [11] = 0xff, [12] = 10, [15] = 100 },
	    .port = 80,
	    .service = 0 },
	{ .ip = { [10] = 0xff, [11] = 0xff, [12] = 10, [15] = 100 },
	    .port = 81,
	    .service = 1 },
};

static void
set_services(struct director_world_node *n)
{
	for (unsigned s = 0; s < DIRECTOR_WORLD_SERVERS; s++) {
		n->servers[s] = (struct server_choice_server){ .usable = true,
			.weight = 1,
			.up_since = mono_never(),
			.port = 90,
			.pool = (uint16_t)s };
		set_ip(n->servers[s].ip, 2, 1 + s);
	}
	for (unsigned c = 0; c < DIRECTOR_WORLD_CLIENTS; c++) {
		struct director_node_service *v = &n->services[c];

		*v = (struct director_node_service){
			.rules = { .connect_ms = 300,
			    .queue_ms = 1000,
			    /* Nobody is so long silent that it ends. */
			    .first_byte_ms = c == 1 ? 1000000000 : 0,
			    .commit_ms = 100,
			    .retries = 3 },
			.choice = { .balance = CONFIG_BALANCE_LEASTCONN,
			    .servers = n->servers,
			    .slots = n->balance[c],
			    .choices = n->choices,
			    .n = DIRECTOR_WORLD_SERVERS },
		};
		memcpy(v->source_v4, vip, sizeof(vip));
	}
}

/* A new process, that knows of nothing. */
void
director_world_begin_process(unsigned node)
{
	struct director_world_node *n = &W->nodes[node];
	struct director_node *d = &n->d;

	memset(n, 0, sizeof(*n));
	set_services(n);
	for (unsigned s = 0; s < DIRECTOR_WORLD_SERVERS; s++) {
		const bool same = broken_director_is(BROKEN_DIRECTOR_PARITY);

		n->pools[s] = (struct port_pool){ .ports = n->ports[s],
			.n = DIRECTOR_WORLD_PORTS,
			.parity = same ? 0 : (uint16_t)node };
		port_pool_init(&n->pools[s], 0);
	}
	d->setup = (struct director_node_setup){ .self = (uint8_t)node,
		.paired = true,
		.n_slots = DIRECTOR_WORLD_SLOTS,
		.n_groups = 1,
		.n_services = DIRECTOR_WORLD_CLIENTS,
		.n_listens = DIRECTOR_WORLD_CLIENTS,
		.valve = { .young_most = 1000 } };
	d->calls = &calls;
	d->arg = n;
	d->services = n->services;
	d->listens = listens;
	d->pools = n->pools;
	d->slots = n->slots;
	d->links = n->links;
	d->theirs = n->theirs;
	d->index = (struct tuple_index){ .entries = n->entries,
		.buckets = n->index_buckets,
		.n_buckets = ARRAY_LEN(n->index_buckets) };
	d->wheel = (struct timer_wheel){ .buckets = n->wheel_buckets,
		.links = n->wheel_links,
		.places = n->places,
		.n_buckets = DIRECTOR_WORLD_BUCKETS };
	d->clients = (struct client_count){ .entries = n->clients,
		.size = ARRAY_LEN(n->clients) };
	director_node_init(d, W->now);
	n->is_fresh = n->is_empty = true;
}

void
director_world_step(unsigned node, const struct director_node_event *ev)
{
	director_node_step(&W->nodes[node].d, ev, W->now);
}

static void
step_type(unsigned node, enum director_node_event_type type)
{
	const struct director_node_event ev = { .type = type };

	director_world_step(node, &ev);
}

void
director_world_begin(
    const uint8_t calls_of[static DIRECTOR_WORLD_CLIENTS], bool alone)
{
	memset(W, 0, sizeof(*W));
	memcpy(W->calls, calls_of, sizeof(W->calls));
	W->alone = alone;
	W->now = (struct mono){ .ns = 1000 * TICK_NS };
	W->holder = -1;
	director_world_begin_process(0);
	director_world_begin_process(1);
	(void)director_world_claim(0);
	(void)director_world_connect(0);
}

bool
director_world_message(unsigned node)
{
	struct director_world_node *n = &W->nodes[node];
	const struct replica_msg m = n->in.all[0];
	const struct director_node_event ev = { .type = DIRECTOR_NODE_HEARD,
		.msg = &m };

	if (n->dead || n->in.n == 0)
		return false;
	n->in.n--;
	memmove(&n->in.all[0], &n->in.all[1], n->in.n * sizeof(n->in.all[0]));
	if (m.type == REPLICA_MSG_ADD && replica_believes(&n->d.replica, 0))
		n->is_empty = false;
	director_world_step(node, &ev);
	step_type(node, DIRECTOR_NODE_READ_ALL);
	return true;
}

bool
director_world_dump(unsigned node)
{
	if (W->nodes[node].dead || !director_node_is_dumping(&W->nodes[node].d))
		return false;
	step_type(node, DIRECTOR_NODE_CAN_SEND);
	return true;
}

/* To the next thing that is due, on either. */
bool
director_world_tick(unsigned zero)
{
	struct mono next = mono_never();

	(void)zero;
	for (unsigned i = 0; i < DIRECTOR_WORLD_NODES; i++)
		for (unsigned s = 0; s < DIRECTOR_WORLD_SLOTS; s++)
			if (!W->nodes[i].dead)
				next = mono_min(
				    next, W->nodes[i].d.slots[s].conn.deadline);
	if (mono_is_never(next) || !mono_before(W->now, next))
		next = W->now;
	W->now.ns = (next.ns / TICK_NS + 1) * TICK_NS;
	for (unsigned i = 0; i < DIRECTOR_WORLD_NODES; i++)
		if (!W->nodes[i].dead)
			step_type(i, DIRECTOR_NODE_TICK);
	return true;
}

/* What `n` has said of its clients holds where this is true. */
static bool
peer_lives(const struct director_world_node *n)
{
	return !other(n)->dead && !other(n)->is_fresh;
}

bool
director_world_die(unsigned node)
{
	struct director_world_node *n = &W->nodes[node];

	if (n->dead)
		return false;
	/* It is the last, or the one that has them. */
	if (W->holder == (int)node || other(n)->dead || other(n)->is_empty)
		director_world_excuse(n, peer_lives(n));
	n->dead = W->died[node] = true;
	n->unaware = false;
	W->owns[node] = 0;
	if (W->linked)
		other(n)->unaware = true;
	director_world_part();
	/* Whoever may have it still has to announce it. */
	if (W->holder == (int)node)
		W->holder = -1;
	return true;
}

bool
director_world_start(unsigned node)
{
	if (!W->nodes[node].dead)
		return false;
	director_world_begin_process(node);
	return true;
}

static void
claim(unsigned node, bool peer_dead)
{
	const struct director_node_event ev = { .type = DIRECTOR_NODE_CLAIM,
		.term = ++W->term,
		.peer_dead = peer_dead };

	W->owns[node] = W->term;
	W->nodes[node].is_empty = false;
	director_world_step(node, &ev);
}

/*
 * Failover: the other is dead, or has let go; or it had claimed, and is dead,
 * and who is told so claims anew.
 */
bool
director_world_claim(unsigned node)
{
	struct director_world_node *n = &W->nodes[node];
	const bool again = W->holder == (int)node && W->owns[1 - node] == 0 &&
	    n->d.replica.groups[0].state == REPLICA_DISPUTED;

	if (n->dead || (W->holder >= 0 && !again))
		return false;
	/* Who has just begun listens first; the other one knows more. */
	if (n->is_empty && !other(n)->dead && !other(n)->is_empty)
		return false;
	n->judged = other(n)->dead;
	if (n->judged)
		n->unaware = false;
	W->holder = (int)node;
	claim(node, n->judged);
	return true;
}

/* A handover: the other still has it, and will be told. */
bool
director_world_claim_early(unsigned node)
{
	struct director_world_node *n = &W->nodes[node];

	if (n->dead || n->is_empty || W->holder != (int)(1 - node) ||
	    W->owns[node] > 0)
		return false;
	director_world_promise(other(n));
	claim(node, false);
	return true;
}

static bool
is_earlier(unsigned node)
{
	return W->owns[node] > 0 && W->owns[1 - node] > W->owns[node];
}

/* Its ARP is heard before the other has let go. */
bool
director_world_announce(unsigned node)
{
	if (W->holder != (int)(1 - node) || !is_earlier(1 - node))
		return false;
	director_world_excuse(&W->nodes[1 - node], true);
	director_world_no_promises();
	W->holder = (int)node;
	return true;
}

static void
release(unsigned node)
{
	step_type(node, DIRECTOR_NODE_RELEASE);
	W->owns[node] = 0;
	if (W->holder != (int)node)
		return;
	director_world_no_promises();
	W->holder = W->owns[1 - node] > 0 ? (int)(1 - node) : -1;
}

/* The other has claimed. */
bool
director_world_let_go(unsigned node)
{
	if (W->nodes[node].dead || !is_earlier(node))
		return false;
	if (W->holder == (int)node)
		director_world_excuse(
		    &W->nodes[node], peer_lives(&W->nodes[node]));
	release(node);
	return true;
}

/* Nobody has, yet. */
bool
director_world_release(unsigned node)
{
	struct director_world_node *n = &W->nodes[node];

	if (W->holder != (int)node || W->owns[1 - node] > 0)
		return false;
	director_world_excuse(n, peer_lives(n));
	release(node);
	return true;
}

bool
director_world_cut(unsigned zero)
{
	(void)zero;
	if (!W->linked)
		return false;
	director_world_part();
	W->nodes[0].unaware = W->nodes[1].unaware = true;
	return true;
}

bool
director_world_learn(unsigned node)
{
	struct director_world_node *n = &W->nodes[node];

	if (n->dead || !n->unaware)
		return false;
	n->unaware = false;
	n->judged = other(n)->dead;
	step_type(node,
	    n->judged ? DIRECTOR_NODE_PEER_DEAD : DIRECTOR_NODE_LINK_DOWN);
	return true;
}

bool
director_world_connect(unsigned zero)
{
	struct director_world_node *a = &W->nodes[0], *b = &W->nodes[1];

	(void)zero;
	if (W->linked || W->alone || a->dead || b->dead || a->unaware ||
	    b->unaware)
		return false;
	W->linked = true;
	a->judged = b->judged = a->is_fresh = b->is_fresh = false;
	step_type(0, DIRECTOR_NODE_LINK_UP);
	step_type(1, DIRECTOR_NODE_LINK_UP);
	return true;
}

const char *
director_world_judge(void)
{
	for (unsigned i = 0; i < DIRECTOR_WORLD_NODES; i++) {
		const struct director_world_node *n = &W->nodes[i];

		if (!n->dead && n->judged && other(n)->dead &&
		    n->d.committing.n > 0)
			return "a node waits for a peer that is dead";
	}
	return W->wrong;
}

/* What both have of a client, each in a slot of its own. */
static bool
is_same(unsigned client)
{
	const struct director_world_kernel *a = &W->nodes[0].kernel;
	const struct director_world_kernel *b = &W->nodes[1].kernel;
	const uint8_t of_a = a->of_client[client], of_b = b->of_client[client];

	if (of_a == 0 || of_b == 0)
		return of_a == of_b;
	return a->slots[of_a - 1].server == b->slots[of_b - 1].server &&
	    a->slots[of_a - 1].port == b->slots[of_b - 1].port;
}

static unsigned
used(unsigned node)
{
	return DIRECTOR_WORLD_SLOTS - W->nodes[node].d.free.n;
}

const char *
director_world_judge_quiet(void)
{
	for (unsigned c = 0; c < DIRECTOR_WORLD_CLIENTS; c++)
		if (W->clients[c].state == DIRECTOR_WORLD_ASKS ||
		    W->clients[c].state == DIRECTOR_WORLD_MADE)
			return "a client hangs";
	if (W->nodes[0].dead || W->nodes[1].dead || !W->linked)
		return NULL;
	if (W->nodes[W->holder].d.replica.groups[0].state != REPLICA_LIVE)
		return "the peer is there, and nothing is protected";
	for (unsigned c = 0; c < DIRECTOR_WORLD_CLIENTS; c++)
		if (!is_same(c))
			return "the peer has not what the owner has";
	return used(0) == used(1) ? NULL : "a slot is left over";
}
