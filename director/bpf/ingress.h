#pragma once

/*
 * What the parts of the kernel program share: its maps, a packet as far as it
 * was read, and the connection that it belongs to. For the kernel alone.
 */

#include "director/bpf/director_bpf.h"

#include <stdbool.h>
#include <stddef.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* Tells the compiler nothing, so that it does not make one of two comparisons,
 * or of two places that are known an offset that is not: the verifier would not
 * follow, or not without CAP_PERFMON. */
#define INGRESS_OPAQUE(x) asm volatile("" : "+r"(x))

/* The process says how large they are before it loads them. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2);
	__type(key, struct director_bpf_key);
	__type(value, __u64);
} conns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct director_bpf_slot);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct director_bpf_listen);
	__type(value, struct director_bpf_service);
} services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct director_bpf_control);
} control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} closed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DIRECTOR_BPF_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

/* A packet, as far as it was read. Offsets are from the Ethernet header. */
struct ingress_packet {
	struct director_bpf_key key;
	bool is_v6;
	/* The process has sent it. */
	bool is_own;
	/* The segment, or the ICMP message, and where its bytes end: a frame
	 * may be padded behind that. */
	__u32 l4;
	__u32 end;
	union {
		struct iphdr v4;
		struct ipv6hdr v6;
	};
	struct tcphdr tcp;
};

/* A connection, found by a packet's key. */
struct ingress_found {
	struct director_bpf_slot *slot;
	__u32 index;
	__u32 from;
};

static __always_inline void
ingress_count(__u32 what)
{
	__u64 *counter = bpf_map_lookup_elem(&counters, &what);

	if (counter)
		(*counter)++;
}

static __always_inline int
ingress_counted(__u32 what, int verdict)
{
	ingress_count(what);
	return verdict;
}

static __always_inline bool
ingress_load(struct __sk_buff *skb, __u32 at, void *to, __u32 size)
{
	return bpf_skb_load_bytes(skb, at, to, size) == 0;
}

static __always_inline void
ingress_set_mapped(__u32 *addr, __be32 v4)
{
	addr[0] = 0;
	addr[1] = 0;
	addr[2] = bpf_htonl(0xffff);
	addr[3] = v4;
}

/* A sum of 16-bit words becomes a checksum. */
static __always_inline __u16
ingress_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

static __always_inline bool
ingress_is_answered_by(
    const struct director_bpf_key *k, const struct director_bpf_key *to)
{
	return k->saddr[3] == to->daddr[3] && k->daddr[3] == to->saddr[3] &&
	    k->sport == to->dport && k->dport == to->sport &&
	    k->saddr[2] == to->daddr[2] && k->daddr[2] == to->saddr[2] &&
	    k->saddr[1] == to->daddr[1] && k->daddr[1] == to->saddr[1] &&
	    k->saddr[0] == to->daddr[0] && k->daddr[0] == to->saddr[0];
}

static __always_inline bool
ingress_find(const struct director_bpf_key *key, struct ingress_found *ret)
{
	const volatile __u64 *entry = bpf_map_lookup_elem(&conns, key);
	const struct director_bpf_key *back;
	__u64 word;

	if (!entry)
		return false;
	word = *entry;
	ret->index = DIRECTOR_BPF_ENTRY_SLOT(word);
	ret->from = DIRECTOR_BPF_ENTRY_FROM(word);
	ret->slot = bpf_map_lookup_elem(&slots, &ret->index);
	if (!ret->slot)
		return false;
	if (ret->from == DIRECTOR_BPF_FROM_CLIENT) {
		back = &ret->slot->leg[DIRECTOR_BPF_FROM_SERVER].to;
		INGRESS_OPAQUE(back);
		if (ingress_is_answered_by(key, back))
			return true;
	} else {
		back = &ret->slot->leg[DIRECTOR_BPF_FROM_CLIENT].to;
		INGRESS_OPAQUE(back);
		if (ingress_is_answered_by(key, back))
			return true;
	}
	ingress_count(DIRECTOR_BPF_COUNT_STALE);
	return false;
}

/* Once `e` is given back nobody may look at it, not even whether it is NULL. */
static __noinline bool
ingress_report(struct __sk_buff *skb, __u32 kind, __u32 slot)
{
	struct director_bpf_event *e =
	    bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	bool told = true;

	if (!e)
		return false;
	e->time_ns = bpf_ktime_get_coarse_ns();
	e->kind = kind;
	e->ifindex = skb->ifindex;
	e->slot = slot;
	e->service = 0;
	e->len = 0;
	e->unused = 0;
	bpf_ringbuf_submit(e, 0);
	INGRESS_OPAQUE(told);
	return told;
}

/* One report for each SYN that went out. */
static __always_inline int
ingress_refuse(struct __sk_buff *skb, const struct ingress_found *c, __u32 kind)
{
	if (__sync_fetch_and_or(&c->slot->flags, DIRECTOR_BPF_REFUSED) &
	    DIRECTOR_BPF_REFUSED)
		return TC_ACT_SHOT;
	if (ingress_report(skb, kind, c->index))
		return ingress_counted(DIRECTOR_BPF_COUNT_REFUSED, TC_ACT_SHOT);
	__sync_fetch_and_and(&c->slot->flags, ~(__u32)DIRECTOR_BPF_REFUSED);
	return ingress_counted(DIRECTOR_BPF_COUNT_REFUSED_FULL, TC_ACT_SHOT);
}
