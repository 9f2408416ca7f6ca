#pragma once

/*
 * The steps of a test of one director: a node of director_lab.h, what it hears,
 * and what it asked for since it was looked at last.
 */

#include "tests/lib/director_lab.h"
#include "tests/lib/test.h"

static struct director_lab lab;

/* What it has asked for since the last time. */
static inline const char *
director_steps_told(void)
{
	static char text[sizeof(lab.log)];

	memcpy(text, lab.log, sizeof(text));
	lab.log[0] = '\0';
	return text;
}

static inline void
director_steps_step(enum director_node_event_type type)
{
	director_lab_step(&lab, &(struct director_node_event){ .type = type });
}

static inline void
director_steps_step_slot(enum director_node_event_type type, uint32_t slot)
{
	director_lab_step(&lab,
	    &(struct director_node_event){ .type = type,
	        .slot = slot,
	        .reason = END_REASON_SERVER_REFUSED });
}

static inline void
director_steps_wait_ms(int64_t ms)
{
	lab.now = mono_add_ms(lab.now, ms);
	director_steps_step(DIRECTOR_NODE_TICK);
}

static inline struct conn_tuple
director_steps_client_tuple(unsigned client, unsigned service)
{
	return (struct conn_tuple){ .src = DIRECTOR_LAB_IP(1, (uint8_t)client),
		.dst = DIRECTOR_LAB_IP(0, 100),
		.sport = (uint16_t)(1000 + client),
		.dport = (uint16_t)(80 + service) };
}

static inline void
director_steps_syn(unsigned client, unsigned service)
{
	director_lab_step(&lab,
	    &(struct director_node_event){ .type = DIRECTOR_NODE_SYN,
	        .slot = DIRECTOR_NODE_NONE,
	        .listen = service,
	        .tuple = director_steps_client_tuple(client, service),
	        .isn = 7 });
}

static inline void
director_steps_claim(uint64_t term, bool peer_dead)
{
	director_lab_step(&lab,
	    &(struct director_node_event){ .type = DIRECTOR_NODE_CLAIM,
	        .term = term,
	        .peer_dead = peer_dead });
}

static inline void
director_steps_hear(const struct replica_msg *m)
{
	director_lab_hear(&lab, m);
}

static inline void
director_steps_hear_ack(uint64_t seq)
{
	const struct replica_msg ack = { .type = REPLICA_MSG_ACK, .seq = seq };

	director_steps_hear(&ack);
}

/* Node 0 owns the address at term 1, and nobody is there. */
static inline void
director_steps_begin_alone(void)
{
	director_lab_init(&lab, 0);
	director_steps_claim(1, false);
	(void)director_steps_told();
}

/* And with node 1 there, level with it. */
static inline void
director_steps_begin_with_peer(void)
{
	const struct replica_msg hello = director_lab_hello(1);

	director_steps_begin_alone();
	director_steps_step(DIRECTOR_NODE_LINK_UP);
	director_steps_hear(&hello);
	director_steps_step(DIRECTOR_NODE_CAN_SEND);
	assert_text(director_steps_told(), "HELLO BEGIN FINISH");
	director_steps_hear_ack(2);
	assert_int_equal(lab.d.replica.groups[0].state, REPLICA_LIVE);
}

/* Node 1, which has heard that node 0 owns the address at term 1. */
static inline void
director_steps_begin_as_backup(void)
{
	const struct replica_msg hello = director_lab_hello(0);
	const struct replica_msg begin = { .type = REPLICA_MSG_BEGIN,
		.term = 1 };

	director_lab_init(&lab, 1);
	director_steps_step(DIRECTOR_NODE_LINK_UP);
	director_steps_hear(&hello);
	director_steps_hear(&begin);
	(void)director_steps_told();
}

static inline struct replica_msg
director_steps_add_of(
    uint32_t slot, unsigned client, unsigned server, uint16_t port)
{
	static uint64_t seq;

	return (struct replica_msg){ .type = REPLICA_MSG_ADD,
		.seq = ++seq,
		.slot = slot,
		.isn = 7,
		.client = director_steps_client_tuple(client, 0),
		.server = { .src = DIRECTOR_LAB_IP(2, (uint8_t)(1 + server)),
		    .dst = DIRECTOR_LAB_IP(0, 100),
		    .sport = 90,
		    .dport = port } };
}
