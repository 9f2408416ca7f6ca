#pragma once

/*
 * What the kernel program does, in plain C on bytes: the packet and the tables
 * go in, the packet, the verdict, events and counters come out. It shares with
 * the program what is decided about a segment (director_segment.h) and nothing
 * else: it reads bytes where the program reads structures, and takes whole sums
 * where the program adds differences.
 */

#include "core/base.h"
#include "director/bpf/director_bpf.h"

#define DIRECTOR_REFERENCE_PACKET_MAX 2048

struct director_reference_packet {
	/* From the Ethernet header on. */
	uint8_t bytes[DIRECTOR_REFERENCE_PACKET_MAX];
	uint32_t len;
	/* 0: it was never more than one segment. */
	uint32_t gso_size;
	uint32_t mark;
};

struct director_reference_entry {
	struct director_bpf_key key;
	uint64_t word;
};

struct director_reference_listen {
	struct director_bpf_listen listen;
	struct director_bpf_service service;
};

struct director_reference {
	struct director_reference_entry *entries;
	uint32_t n_entries;
	struct director_bpf_slot *slots;
	uint32_t n_slots;
	struct director_reference_listen *listens;
	uint32_t n_listens;
	struct director_bpf_control control;
	/* Of the interface that all packets come in by. */
	uint8_t mac[6];
	uint32_t ifindex;
	/* Bytes that still fit into the rings. */
	uint32_t events_free;
	uint32_t closed_free;

	uint64_t counters[DIRECTOR_BPF_COUNTERS];
};

enum director_reference_verdict {
	DIRECTOR_REFERENCE_STACK,
	DIRECTOR_REFERENCE_DROP,
	DIRECTOR_REFERENCE_REDIRECT,
};

struct director_reference_result {
	enum director_reference_verdict verdict;
	/* That a redirected packet leaves by. */
	uint32_t ifindex;
	/* Whose last_ns is now, or DIRECTOR_BPF_NO_SLOT. */
	uint32_t touched;
	/* And so is the moment of its server's answer. */
	bool is_answered;
	/* A kind of 0: none. Its time is left 0. */
	struct director_bpf_event event;
	bool has_closed;
	struct director_bpf_closed closed;
};

/* Changes the packet, the slots and the counters. */
void director_reference_run(struct director_reference *r,
    struct director_reference_packet *packet,
    struct director_reference_result *ret_result);
