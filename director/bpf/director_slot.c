#include "director/bpf/director_slot.h"

#include <stddef.h>
#include <string.h>

/* Both compilers must see the same. */
_Static_assert(sizeof(struct director_bpf_key) == 36, "no holes");
_Static_assert(sizeof(struct director_bpf_leg) == 52, "no holes");
_Static_assert(sizeof(struct director_bpf_slot) == 192, "three cache lines");
_Static_assert(sizeof(struct director_bpf_event) == 152, "no holes");

static struct director_bpf_key
turned(const struct director_bpf_key *key)
{
	struct director_bpf_key k = { .sport = key->dport,
		.dport = key->sport };

	memcpy(k.saddr, key->daddr, sizeof(k.saddr));
	memcpy(k.daddr, key->saddr, sizeof(k.daddr));
	return k;
}

/* The Internet checksum's sum of the new words less the old ones. Words are
 * taken as they lie in memory: the sum of swapped words is the swapped sum. */
static __u32
difference(const void *to, const void *from, size_t size)
{
	__u32 sum = 0;

	for (size_t at = 0; at < size; at += sizeof(__u16)) {
		__u16 add, less;

		memcpy(&add, (const char *)to + at, sizeof(add));
		memcpy(&less, (const char *)from + at, sizeof(less));
		sum += (__u32)add + (__u16)~less;
	}
	return sum;
}

static void
fill_leg(struct director_bpf_leg *leg, const struct director_bpf_key *in,
    const struct director_bpf_key *out, __u32 ifindex)
{
	leg->to = *out;
	leg->ifindex = ifindex;
	leg->addr_diff = difference(
	    out->saddr, in->saddr, sizeof(out->saddr) + sizeof(out->daddr));
	leg->port_diff = difference(
	    &out->sport, &in->sport, sizeof(out->sport) + sizeof(out->dport));
	leg->mss = 0;
}

void
director_slot_fill(
    struct director_bpf_slot *slot, const struct director_slot_route *route)
{
	const struct director_bpf_key to_client = turned(&route->client);
	const struct director_bpf_key from_server = turned(&route->server);

	memset(slot, 0, offsetof(struct director_bpf_slot, opened_ns));
	slot->flags = route->flags;
	slot->client_isn = route->client_isn;
	fill_leg(&slot->leg[DIRECTOR_BPF_FROM_CLIENT], &route->client,
	    &route->server, route->server_ifindex);
	fill_leg(&slot->leg[DIRECTOR_BPF_FROM_SERVER], &from_server, &to_client,
	    route->client_ifindex);
	slot->leg[DIRECTOR_BPF_FROM_SERVER].mss = route->mss;
}

struct director_bpf_key
director_slot_key(
    const struct director_slot_route *route, enum director_bpf_from from)
{
	return from == DIRECTOR_BPF_FROM_CLIENT ? route->client
	                                        : turned(&route->server);
}

void
director_slot_route(
    const struct director_bpf_slot *slot, struct director_slot_route *ret_route)
{
	const struct director_bpf_leg *leg = slot->leg;

	*ret_route = (struct director_slot_route){
		.client = turned(&leg[DIRECTOR_BPF_FROM_SERVER].to),
		.server = leg[DIRECTOR_BPF_FROM_CLIENT].to,
		.client_ifindex = leg[DIRECTOR_BPF_FROM_SERVER].ifindex,
		.server_ifindex = leg[DIRECTOR_BPF_FROM_CLIENT].ifindex,
		.mss = leg[DIRECTOR_BPF_FROM_SERVER].mss,
		.client_isn = slot->client_isn,
		.flags = slot->flags,
	};
}
