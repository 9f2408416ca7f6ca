/*
 * Connections that a director finds at its start, without their ends:
 *
 *     kernel_fill PINS SLOTS N SERVICE ADDRESS
 *
 * Makes the tables as a director with so many slots has them, and N connections
 * in them, of the service of that name and its IPv4 address. Nobody answers for
 * them: their clients and servers are in 10.88.0.0/16 and 10.89.0.0/16.
 */

#include "core/mono.h"
#include "director/bpf/director_program.h"
#include "director/bpf/director_slot.h"
#include "proxy/pool/balance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

enum {
	PLACES = 8192, /* as director.c */
	TOGETHER = 1024,
	PORTS = 19456, /* of one node, source address and server */
	FIRST_PORT = 10240,
};

static uint32_t
address_of(uint8_t net, uint32_t n)
{
	return htonl(10U << 24 | (uint32_t)net << 16 | (n & 0xffff));
}

static void
put_v4(uint32_t to[4], uint32_t v4)
{
	to[0] = to[1] = 0;
	to[2] = htonl(0xffff);
	to[3] = v4;
}

static struct director_slot_route
route_of(uint32_t i, uint32_t vip)
{
	struct director_slot_route r = {
		.client = { .sport = htons((uint16_t)(1024 + i % 60000)),
		    .dport = htons(80) },
		.server = { .sport =
		                htons((uint16_t)(FIRST_PORT + 2 * (i % PORTS))),
		    .dport = htons(80) },
		.client_ifindex = 1,
		.server_ifindex = 1,
	};

	put_v4(r.client.saddr, address_of(88, 1 + i / 60000));
	put_v4(r.client.daddr, vip);
	put_v4(r.server.saddr, vip);
	put_v4(r.server.daddr, address_of(89, 1 + i / PORTS));
	return r;
}

static int
fill(struct director_program *p, uint32_t n, const char *service, uint32_t vip)
{
	static struct director_bpf_key keys[2 * TOGETHER];
	static uint64_t entries[2 * TOGETHER];
	struct director_bpf_slot *slots = director_program_slots(p);
	const uint64_t tag =
	    (uint64_t)(uint32_t)balance_hash(service, strlen(service)) << 32;
	uint32_t k = 0;
	int e = 0;

	for (uint32_t i = 0; e == 0 && i < n; i++) {
		const struct director_slot_route r = route_of(i, vip);

		director_slot_fill(&slots[i], &r);
		slots[i].flags |= DIRECTOR_BPF_SYN_ACK |
		    DIRECTOR_BPF_ESTABLISHED | DIRECTOR_BPF_CLIENT_DATA;
		slots[i].tag = tag;
		slots[i].opened_ns = slots[i].last_ns = (uint64_t)mono_now().ns;
		for (unsigned from = 0; from < 2; from++) {
			keys[k] = director_slot_key(&r, from);
			entries[k++] = DIRECTOR_BPF_ENTRY(i, from);
		}
		if (k < 2 * TOGETHER && i + 1 < n)
			continue;
		e = director_program_put_entries(p, keys, entries, k);
		k = 0;
	}
	return e;
}

int
main(int argc, char **argv)
{
	struct director_program_options options = { .services = PLACES,
		.events_bytes = 4U << 20,
		.closed_bytes = 1U << 20 };
	struct director_program *p;
	struct in_addr vip;
	int e;

	if (argc != 6 || inet_pton(AF_INET, argv[5], &vip) != 1) {
		fprintf(stderr,
		    "usage: kernel_fill PINS SLOTS N SERVICE ADDRESS\n");
		return 2;
	}
	options.pins = argv[1];
	options.slots = (uint32_t)strtoul(argv[2], NULL, 10);
	e = director_program_load(&options, &p);
	if (e == 0)
		e = fill(p, (uint32_t)strtoul(argv[3], NULL, 10), argv[4],
		    vip.s_addr);
	if (e < 0) {
		fprintf(stderr, "kernel_fill: %s\n", strerror(-e));
		return 1;
	}
	director_program_free(p);
	return 0;
}
