#pragma once

/*
 * Packets for the kernel program, at random, and the tables that they meet: a
 * few connections and services, so that most packets belong to something. A
 * seed says which. Most are as TCP and ICMP send them, with numbers near to
 * those that the slot holds; some are damaged afterwards, in one of the ways
 * that wires, senders and strangers have.
 */

#include "tests/ingress/director_reference.h"

enum ingress_packets_bound {
	INGRESS_PACKETS_CONNS = 32,
	/* The last one leads to a slot that there is not. */
	INGRESS_PACKETS_ENTRIES = 2 * INGRESS_PACKETS_CONNS,
	INGRESS_PACKETS_LISTENS = 8,
};

struct ingress_packets {
	uint64_t random;
	struct director_reference_entry entries[INGRESS_PACKETS_ENTRIES];
	struct director_reference_listen listens[INGRESS_PACKETS_LISTENS];
	struct director_bpf_slot slots[INGRESS_PACKETS_CONNS];
};

/* Fills the tables, and lets the reference know them. */
void ingress_packets_start(
    struct ingress_packets *g, uint64_t seed, struct director_reference *r);

/* Gives a slot a life that it might have had so far. */
void ingress_packets_age(struct ingress_packets *g, uint32_t slot);

/* The next one. */
void ingress_packets_next(
    struct ingress_packets *g, struct director_reference_packet *packet);

/* A number below n. */
uint32_t ingress_packets_below(struct ingress_packets *g, uint32_t n);

/* True when every checksum of a whole packet of IP and TCP, or ICMP, is right.
 */
bool ingress_packets_is_sound(const struct director_reference_packet *packet);
