#pragma once

/*
 * A small director_node for tests: two services with the same two servers, and
 * a log of what it asks for, a word each.
 */

#include "core/buf.h"
#include "director/director_node.h"

#include <stdio.h>
#include <string.h>

/* Whoever needs more says so before. */
#ifndef DIRECTOR_LAB_SLOTS
#define DIRECTOR_LAB_SLOTS 4
#define DIRECTOR_LAB_BUCKETS 4
#endif
#define DIRECTOR_LAB_SERVERS 2
#define DIRECTOR_LAB_SERVICES 2
#define DIRECTOR_LAB_PORTS 4
#define DIRECTOR_LAB_SENT 64

struct director_lab {
	struct director_node d;
	struct director_node_slot slots[DIRECTOR_LAB_SLOTS];
	struct slot_list_link links[DIRECTOR_LAB_SLOTS];
	uint32_t theirs[DIRECTOR_LAB_SLOTS];
	struct tuple_index_entry entries[2 * DIRECTOR_LAB_SLOTS];
	uint32_t index_buckets[DIRECTOR_LAB_BUCKETS];
	struct slot_list wheel_buckets[8];
	struct slot_list_link wheel_links[DIRECTOR_LAB_SLOTS];
	uint32_t places[DIRECTOR_LAB_SLOTS];
	struct client_count_entry clients[32];
	struct port_pool pools[DIRECTOR_LAB_SERVERS];
	struct port_pool_port ports[DIRECTOR_LAB_SERVERS][DIRECTOR_LAB_PORTS];
	struct director_node_service services[DIRECTOR_LAB_SERVICES];
	struct server_choice_server servers[DIRECTOR_LAB_SERVERS];
	struct balance_slot balance[DIRECTOR_LAB_SERVICES]
	                           [DIRECTOR_LAB_SERVERS];
	struct pool_choice_server choices[DIRECTOR_LAB_SERVERS];
	struct kernel_conn_seen seen[DIRECTOR_LAB_SLOTS];
	struct mono now;
	char log[1024]; /* since it was read last */
	struct replica_msg sent[DIRECTOR_LAB_SENT];
	unsigned n_sent;
};

static const char *const director_lab_words[] = {
	[DIRECTOR_NODE_KEEP] = "keep",
	[DIRECTOR_NODE_WRITE] = "write",
	[DIRECTOR_NODE_ERASE] = "erase",
	[DIRECTOR_NODE_EMIT] = "emit",
	[DIRECTOR_NODE_PASS_ON] = "pass-on",
	[DIRECTOR_NODE_LET_PASS] = "let-pass",
	[DIRECTOR_NODE_GO_ON] = "go-on",
	[DIRECTOR_NODE_ANEW] = "anew",
	[DIRECTOR_NODE_TICKLE] = "tickle",
	[DIRECTOR_NODE_ASK_CLIENT] = "ask-client",
	[DIRECTOR_NODE_RESET_CLIENT] = "reset-client",
	[DIRECTOR_NODE_RESET_SERVER] = "reset-server",
	[DIRECTOR_NODE_RESET_BOTH] = "reset-both",
	[DIRECTOR_NODE_ACCUSE] = "accuse",
	[DIRECTOR_NODE_ENDED] = "ended",
	[DIRECTOR_NODE_REJECT] = "reject",
	[DIRECTOR_NODE_VALVE] = "valve",
	[DIRECTOR_NODE_TICKLE_ALL] = "tickle-all",
	[DIRECTOR_NODE_RELEASED] = "released",
	[DIRECTOR_NODE_HANG_UP] = "hang-up",
};

static const char *const director_lab_messages[] = {
	[REPLICA_MSG_HELLO] = "HELLO",
	[REPLICA_MSG_WANT] = "WANT",
	[REPLICA_MSG_BEGIN] = "BEGIN",
	[REPLICA_MSG_ADD] = "ADD",
	[REPLICA_MSG_DEL] = "DEL",
	[REPLICA_MSG_FINISH] = "FINISH",
	[REPLICA_MSG_ACK] = "ACK",
	[REPLICA_MSG_REFUSE] = "REFUSE",
};

static void
director_lab_put(void *arg, const struct director_node_effect *e)
{
	struct director_lab *l = arg;
	const bool sends = e->type == DIRECTOR_NODE_SEND;
	const size_t n = strlen(l->log);
	char slot[16] = "";

	if (e->slot != DIRECTOR_NODE_NONE)
		(void)snprintf(slot, sizeof(slot), ":%u", (unsigned)e->slot);
	(void)snprintf(l->log + n, sizeof(l->log) - n, "%s%s%s",
	    n > 0 ? " " : "",
	    sends ? director_lab_messages[e->msg.type]
	          : director_lab_words[e->type],
	    slot);
	if (sends && l->n_sent < DIRECTOR_LAB_SENT)
		l->sent[l->n_sent++] = e->msg;
}

static void
director_lab_look(void *arg, uint32_t slot, struct kernel_conn_seen *ret_seen)
{
	const struct director_lab *l = arg;

	*ret_seen = l->seen[slot];
}

static const struct director_node_calls director_lab_calls = {
	.put = director_lab_put, .look = director_lab_look
};

#define DIRECTOR_LAB_IP(net, host)                                             \
	{                                                                      \
		[10] = 0xff, [11] = 0xff, [12] = 10, [14] = (net),             \
		[15] = (host)                                                  \
	}

static const struct director_node_listen
    director_lab_listens[DIRECTOR_LAB_SERVICES] = {
	    { .ip = DIRECTOR_LAB_IP(0, 100), .port = 80, .service = 0 },
	    { .ip = DIRECTOR_LAB_IP(0, 100), .port = 81, .service = 1 },
    };

static void
director_lab_set_services(struct director_lab *l)
{
	static const uint8_t vip[] = DIRECTOR_LAB_IP(0, 100);

	for (unsigned s = 0; s < DIRECTOR_LAB_SERVERS; s++) {
		l->servers[s] = (struct server_choice_server){ .usable = true,
			.weight = 1,
			.up_since = mono_never(),
			.ip = DIRECTOR_LAB_IP(2, 1),
			.port = 90,
			.pool = (uint16_t)s };
		l->servers[s].ip[15] = (uint8_t)(1 + s);
		l->pools[s] = (struct port_pool){ .ports = l->ports[s],
			.n = DIRECTOR_LAB_PORTS,
			.parity = l->d.setup.self };
		port_pool_init(&l->pools[s], 0);
	}
	for (unsigned i = 0; i < DIRECTOR_LAB_SERVICES; i++) {
		l->services[i] = (struct director_node_service){
			.rules = { .connect_ms = 3000,
			    .queue_ms = 30000,
			    .commit_ms = 200,
			    .retries = 3,
			    .first_byte_ms = i == 1 ? 10000 : 0 },
			.choice = { .balance = CONFIG_BALANCE_LEASTCONN,
			    .servers = l->servers,
			    .slots = l->balance[i],
			    .choices = l->choices,
			    .n = DIRECTOR_LAB_SERVERS },
		};
		memcpy(l->services[i].source_v4, vip, sizeof(vip));
	}
}

static void
director_lab_init(struct director_lab *l, uint8_t self)
{
	struct director_node *d = &l->d;

	memset(l, 0, sizeof(*l));
	d->setup = (struct director_node_setup){ .self = self,
		.paired = true,
		.n_slots = DIRECTOR_LAB_SLOTS,
		.n_groups = 1,
		.n_services = DIRECTOR_LAB_SERVICES,
		.n_listens = DIRECTOR_LAB_SERVICES,
		.valve = { .young_most = 100, .rest_ms = 1000 } };
	director_lab_set_services(l);
	d->calls = &director_lab_calls;
	d->arg = l;
	d->services = l->services;
	d->listens = director_lab_listens;
	d->pools = l->pools;
	d->slots = l->slots;
	d->links = l->links;
	d->theirs = l->theirs;
	d->index = (struct tuple_index){ .entries = l->entries,
		.buckets = l->index_buckets,
		.n_buckets = ARRAY_LEN(l->index_buckets) };
	d->wheel = (struct timer_wheel){ .buckets = l->wheel_buckets,
		.links = l->wheel_links,
		.places = l->places,
		.n_buckets = ARRAY_LEN(l->wheel_buckets) };
	d->clients = (struct client_count){ .entries = l->clients,
		.size = ARRAY_LEN(l->clients) };
	l->now = (struct mono){ .ns = INT64_C(1000000000000) };
	director_node_init(d, l->now);
}

static void
director_lab_step(struct director_lab *l, const struct director_node_event *ev)
{
	director_node_step(&l->d, ev, l->now);
}

static inline void
director_lab_hear(struct director_lab *l, const struct replica_msg *m)
{
	director_lab_step(l,
	    &(struct director_node_event){
	        .type = DIRECTOR_NODE_HEARD, .msg = m });
}

static inline struct replica_msg
director_lab_hello(uint8_t node)
{
	return (struct replica_msg){ .type = REPLICA_MSG_HELLO,
		.version = REPLICA_MSG_VERSION,
		.node = node,
		.slots = DIRECTOR_LAB_SLOTS };
}
