#pragma once

/*
 * The world of the director's model: two nodes, each a director_node with the
 * maps and the program of its kernel; a stream between them; two clients, each
 * of a service of its own (of the second one the client speaks first); two
 * servers, which both services share. A packet, an event or a message arrives
 * in one action, and between any two of them anything else may happen.
 *
 * A value: copied whole, and put back at the same place.
 */

#include "director/director_node.h"

#define DIRECTOR_WORLD_NODES 2
#define DIRECTOR_WORLD_CLIENTS 2
#define DIRECTOR_WORLD_SERVERS 2
#define DIRECTOR_WORLD_SLOTS 4
#define DIRECTOR_WORLD_PORTS 3 /* of a pool; of both parities twice that */
#define DIRECTOR_WORLD_QUEUE 24
#define DIRECTOR_WORLD_BUCKETS 4

enum director_world_client_state {
	DIRECTOR_WORLD_AWAY, /* has not begun */
	DIRECTOR_WORLD_ASKS, /* repeats its SYN */
	DIRECTOR_WORLD_MADE, /* has seen the SYN-ACK */
	DIRECTOR_WORLD_SPOKE,
	DIRECTOR_WORLD_DONE, /* closed in order */
	DIRECTOR_WORLD_RESET,
};

struct director_world_client {
	enum director_world_client_state state;
	uint8_t number; /* of its SYN; 0: none yet */
	bool excused;   /* the node said that it was not protected, and died */
	bool promised;  /* it said that it was, and the other has claimed */
};

enum director_world_end {
	DIRECTOR_WORLD_NOTHING,
	DIRECTOR_WORLD_HALF,    /* SYN-RECV */
	DIRECTOR_WORLD_WHOLE,   /* accept() has it */
	DIRECTOR_WORLD_REFUSES, /* its RST is on the way */
};

struct director_world_server_conn {
	enum director_world_end state;
	uint8_t client, number;
};

/* What the program of a node knows of a slot. */
struct director_world_slot {
	struct kernel_conn_seen seen;
	bool syn_sent, first_byte, inherited;
	bool kept;   /* its SYN, by the process */
	bool closed; /* told in the ring, not read yet */
	uint8_t client, server, port;
};

struct director_world_kernel {
	/* The entries: a slot + 1, or 0. */
	uint8_t of_client[DIRECTOR_WORLD_CLIENTS];
	uint8_t of_server[DIRECTOR_WORLD_SERVERS][2 * DIRECTOR_WORLD_PORTS];
	struct director_world_slot slots[DIRECTOR_WORLD_SLOTS];
};

struct director_world_queue {
	struct replica_msg all[DIRECTOR_WORLD_QUEUE];
	unsigned n;
};

struct director_world_node {
	struct director_node d;
	struct director_node_slot slots[DIRECTOR_WORLD_SLOTS];
	struct slot_list_link links[DIRECTOR_WORLD_SLOTS];
	uint32_t theirs[DIRECTOR_WORLD_SLOTS];
	struct tuple_index_entry entries[2 * DIRECTOR_WORLD_SLOTS];
	uint32_t index_buckets[2];
	struct slot_list wheel_buckets[DIRECTOR_WORLD_BUCKETS];
	struct slot_list_link wheel_links[DIRECTOR_WORLD_SLOTS];
	uint32_t places[DIRECTOR_WORLD_SLOTS];
	struct client_count_entry clients[16];
	struct port_pool pools[DIRECTOR_WORLD_SERVERS];
	struct port_pool_port ports[DIRECTOR_WORLD_SERVERS]
	                           [DIRECTOR_WORLD_PORTS];
	struct director_node_service services[DIRECTOR_WORLD_CLIENTS];
	struct server_choice_server servers[DIRECTOR_WORLD_SERVERS];
	struct balance_slot balance[DIRECTOR_WORLD_CLIENTS]
	                           [DIRECTOR_WORLD_SERVERS];
	struct pool_choice_server choices[DIRECTOR_WORLD_SERVERS];
	struct director_world_kernel kernel;
	struct director_world_queue in; /* on the way to it */
	bool dead;
	bool unaware;  /* its stream has ended, and it does not know */
	bool judged;   /* failover has told it that the peer is dead */
	bool is_fresh; /* started since the stream was there */
	bool is_empty; /* it has been told of nothing since it was started */
};

/* What chance does to the next SYN at a server. */
enum director_world_fate {
	DIRECTOR_WORLD_ACCEPTED,
	DIRECTOR_WORLD_REFUSED,
	DIRECTOR_WORLD_LOST,
};

struct director_world {
	struct director_world_node nodes[DIRECTOR_WORLD_NODES];
	struct director_world_client clients[DIRECTOR_WORLD_CLIENTS];
	struct director_world_server_conn servers[DIRECTOR_WORLD_SERVERS]
	                                         [2 * DIRECTOR_WORLD_PORTS];
	struct mono now;
	int holder; /* where packets go to: 0, 1; -1: nobody has the address */
	uint8_t owns[DIRECTOR_WORLD_NODES]; /* the term at which it was told */
	bool linked;
	bool alone; /* there never is a stream */
	uint8_t term;
	enum director_world_fate fate;
	bool died[DIRECTOR_WORLD_NODES];       /* ever */
	uint8_t calls[DIRECTOR_WORLD_CLIENTS]; /* how often each connects */
	const char *wrong; /* what an action has broken; NULL */
};

extern struct director_world director_world;

/*
 * Both run, node 0 owns the address, and the stream is there unless they shall
 * be alone; of how many connections each client makes.
 */
void director_world_begin(
    const uint8_t calls[static DIRECTOR_WORLD_CLIENTS], bool alone);

/* Each does one thing; false: it can't happen now. Zero is not looked at. */
bool director_world_syn(unsigned client);
bool director_world_syn_ack(unsigned server, unsigned port);
bool director_world_refusal(unsigned server, unsigned port);
bool director_world_speak(unsigned client);
bool director_world_talk(unsigned client);
bool director_world_close(unsigned client);
bool director_world_reset(unsigned server, unsigned port);
bool director_world_closed(unsigned node, unsigned slot);
bool director_world_message(unsigned node);
bool director_world_dump(unsigned node);
bool director_world_tick(unsigned zero);
bool director_world_die(unsigned node);
bool director_world_start(unsigned node);
bool director_world_restart(unsigned node);
bool director_world_claim(unsigned node);
bool director_world_claim_early(unsigned node);
bool director_world_announce(unsigned node);
bool director_world_let_go(unsigned node);
bool director_world_release(unsigned node);
bool director_world_cut(unsigned zero);
bool director_world_learn(unsigned node);
bool director_world_connect(unsigned zero);

/* NULL, or what is wrong in any state; in one in which nothing is on the way.
 */
const char *director_world_judge(void);
const char *director_world_judge_quiet(void);

/* Two states with the same go on in the same way. */
struct director_world_print {
	uint64_t a, b;
};
struct director_world_print director_world_print(void);
