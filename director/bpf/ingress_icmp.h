#pragma once

/*
 * ICMP errors about packets that were passed on: whoever reports them saw our
 * addresses, in the packet that it quotes. The end whose packet it was gets the
 * error in its own terms. It comes from the address that this end knows, not
 * from the reporter's, which might have no route or no business there. For the
 * kernel alone.
 */

#include "director/bpf/director_segment.h"
#include "director/bpf/ingress.h"

/* The header of all errors, and where they quote: behind it. */
struct ingress_icmp_header {
	__u8 type;
	__u8 code;
	__u16 check;
	__u32 rest;
};

/* The first eight bytes of TCP; more is not always quoted. */
struct ingress_icmp_ports {
	__be16 source;
	__be16 dest;
	__be32 seq;
};

/* An error, its quotation, and whose it is. Offsets are from the Ethernet
 * header. */
struct ingress_icmp_error {
	struct ingress_icmp_header header;
	struct ingress_icmp_ports ports;
	__u32 quoted;
	__u32 quoted_l4;
	struct ingress_found found;
	struct director_bpf_leg leg;
};

enum ingress_icmp_type {
	INGRESS_ICMP_V4_UNREACHABLE = 3,
	INGRESS_ICMP_V4_UNREACHABLE_TOO_BIG = 4, /* its code */
	INGRESS_ICMP_V4_TIME_EXCEEDED = 11,
	INGRESS_ICMP_V4_PARAMETER = 12,
	INGRESS_ICMP_V6_UNREACHABLE = 1,
	INGRESS_ICMP_V6_PARAMETER = 4, /* 2: too big, 3: time exceeded */
};

/* The connection: its key is that of an answer to what is quoted. From here on
 * the packet's own key is that one: there is little room on the stack. */
static __always_inline bool
ingress_icmp_find(struct __sk_buff *skb, struct ingress_packet *p,
    struct ingress_icmp_error *e)
{
	if (e->quoted_l4 + sizeof(e->ports) > p->end || p->end > skb->len ||
	    !ingress_load(skb, e->quoted_l4, &e->ports, sizeof(e->ports)))
		return false;
	p->key.sport = e->ports.dest;
	p->key.dport = e->ports.source;
	if (!ingress_find(&p->key, &e->found))
		return false;
	if (e->found.from == DIRECTOR_BPF_FROM_CLIENT)
		e->leg = e->found.slot->leg[DIRECTOR_BPF_FROM_CLIENT];
	else
		e->leg = e->found.slot->leg[DIRECTOR_BPF_FROM_SERVER];
	return true;
}

/* The server's side refuses a SYN: the process tries the next one. */
static __always_inline bool
ingress_icmp_is_refusal(const struct ingress_icmp_error *e)
{
	const struct director_segment_past past = {
		.flags = e->found.slot->flags,
		.client_isn = e->found.slot->client_isn,
	};

	return director_segment_is_refusal(
	    e->found.from, &past, bpf_ntohl(e->ports.seq));
}

static __always_inline bool
ingress_icmp_store(
    struct __sk_buff *skb, __u32 at, const void *from, __u32 size)
{
	return bpf_skb_store_bytes(skb, at, from, size, BPF_F_RECOMPUTE_CSUM) ==
	    0;
}

/*
 * The quoted ports, the quoted checksum where it is there, and the message's
 * own one. `sum` is what all else that changes adds to the message's sum.
 */
static __always_inline bool
ingress_icmp_write(struct __sk_buff *skb, const struct ingress_packet *p,
    const struct ingress_icmp_error *e, __u64 sum)
{
	const struct director_bpf_leg *leg = &e->leg;
	const __be16 ports[] = { leg->to.dport, leg->to.sport };
	__u32 at = e->quoted_l4 + offsetof(struct tcphdr, check);
	__u16 was, is, check;

	sum += leg->port_diff;
	if (at + sizeof(was) <= p->end) {
		if (!ingress_load(skb, at, &was, sizeof(was)))
			return false;
		is = ingress_fold(
		    (__u64)(__u16)~was + leg->addr_diff + leg->port_diff);
		sum += (__u64)is + (__u16)~was;
		if (!ingress_icmp_store(skb, at, &is, sizeof(is)))
			return false;
	}
	check = ingress_fold((__u16)~e->header.check + sum);
	return ingress_icmp_store(skb, e->quoted_l4, ports, sizeof(ports)) &&
	    ingress_icmp_store(skb,
	        p->l4 + offsetof(struct ingress_icmp_header, check), &check,
	        sizeof(check));
}

static __always_inline int
ingress_icmp_pass_on(const struct ingress_icmp_error *e, bool written)
{
	if (!written)
		return ingress_counted(DIRECTOR_BPF_COUNT_FAILED, TC_ACT_SHOT);
	ingress_count(DIRECTOR_BPF_COUNT_ICMP);
	return bpf_redirect_neigh(e->leg.ifindex, NULL, 0, 0);
}

/* The quoted header of IPv4, whose own checksum covers its addresses. */
static __always_inline bool
ingress_icmp_write_v4(struct __sk_buff *skb, struct ingress_packet *p,
    const struct ingress_icmp_error *e, struct iphdr *quoted)
{
	const struct director_bpf_key *to = &e->leg.to;
	__u16 was = quoted->check;
	__u32 skip = offsetof(struct iphdr, check);

	quoted->check = ingress_fold((__u64)(__u16)~was + e->leg.addr_diff);
	quoted->saddr = to->daddr[3];
	quoted->daddr = to->saddr[3];
	if (!ingress_icmp_write(skb, p, e,
	        (__u64)e->leg.addr_diff + quoted->check + (__u16)~was) ||
	    !ingress_icmp_store(
	        skb, e->quoted + skip, &quoted->check, sizeof(*quoted) - skip))
		return false;
	p->v4.check = ingress_fold((__u64)(__u16)~p->v4.check +
	    (__u16)~bpf_htons(0x0100) + to->saddr[3] + (__u32)~p->v4.saddr +
	    to->daddr[3] + (__u32)~p->v4.daddr);
	p->v4.ttl--;
	p->v4.saddr = to->saddr[3];
	p->v4.daddr = to->daddr[3];
	skip = offsetof(struct iphdr, ttl);
	return ingress_icmp_store(
	    skb, ETH_HLEN + skip, &p->v4.ttl, sizeof(p->v4) - skip);
}

static __noinline int
ingress_icmp_on_v4(struct __sk_buff *skb, struct ingress_packet *p)
{
	struct ingress_icmp_error e;
	struct iphdr quoted;

	e.quoted = p->l4 + sizeof(e.header);
	if (!ingress_load(skb, p->l4, &e.header, sizeof(e.header)) ||
	    (e.header.type != INGRESS_ICMP_V4_UNREACHABLE &&
	        e.header.type != INGRESS_ICMP_V4_TIME_EXCEEDED &&
	        e.header.type != INGRESS_ICMP_V4_PARAMETER) ||
	    !ingress_load(skb, e.quoted, &quoted, sizeof(quoted)) ||
	    quoted.version != 4 || quoted.ihl < 5 ||
	    quoted.protocol != IPPROTO_TCP ||
	    (quoted.frag_off & bpf_htons(0x1fff)))
		return TC_ACT_OK;
	e.quoted_l4 = e.quoted + quoted.ihl * 4;
	ingress_set_mapped(p->key.saddr, quoted.daddr);
	ingress_set_mapped(p->key.daddr, quoted.saddr);
	if (!ingress_icmp_find(skb, p, &e))
		return TC_ACT_OK;
	if (p->v4.ttl < 2)
		return ingress_counted(DIRECTOR_BPF_COUNT_EXPIRED, TC_ACT_SHOT);
	if (e.header.type == INGRESS_ICMP_V4_UNREACHABLE &&
	    e.header.code != INGRESS_ICMP_V4_UNREACHABLE_TOO_BIG &&
	    ingress_icmp_is_refusal(&e))
		return ingress_refuse(
		    skb, &e.found, DIRECTOR_BPF_EVENT_UNREACHABLE);
	return ingress_icmp_pass_on(
	    &e, ingress_icmp_write_v4(skb, p, &e, &quoted));
}

/* The message's checksum covers the outer addresses, too. */
static __always_inline bool
ingress_icmp_write_v6(struct __sk_buff *skb, struct ingress_packet *p,
    const struct ingress_icmp_error *e)
{
	const struct director_bpf_key *to = &e->leg.to;
	__u32 skip = offsetof(struct ipv6hdr, hop_limit);
	__u64 sum = e->leg.addr_diff;

	for (int i = 0; i < 4; i++)
		sum += (__u64)to->saddr[i] + (__u32)~p->v6.saddr.s6_addr32[i] +
		    to->daddr[i] + (__u32)~p->v6.daddr.s6_addr32[i];
	if (!ingress_icmp_write(skb, p, e, sum) ||
	    !ingress_icmp_store(skb,
	        e->quoted + offsetof(struct ipv6hdr, saddr), to->daddr,
	        sizeof(to->daddr)) ||
	    !ingress_icmp_store(skb,
	        e->quoted + offsetof(struct ipv6hdr, daddr), to->saddr,
	        sizeof(to->saddr)))
		return false;
	p->v6.hop_limit--;
	__builtin_memcpy(&p->v6.saddr, to->saddr, sizeof(to->saddr));
	__builtin_memcpy(&p->v6.daddr, to->daddr, sizeof(to->daddr));
	return ingress_icmp_store(
	    skb, ETH_HLEN + skip, &p->v6.hop_limit, sizeof(p->v6) - skip);
}

static __noinline int
ingress_icmp_on_v6(struct __sk_buff *skb, struct ingress_packet *p)
{
	struct ingress_icmp_error e;
	/* Of the quoted header: all before its addresses. */
	__u8 quoted[8];

	e.quoted = p->l4 + sizeof(e.header);
	e.quoted_l4 = e.quoted + sizeof(struct ipv6hdr);
	if (!ingress_load(skb, p->l4, &e.header, sizeof(e.header)) ||
	    e.header.type < INGRESS_ICMP_V6_UNREACHABLE ||
	    e.header.type > INGRESS_ICMP_V6_PARAMETER ||
	    !ingress_load(skb, e.quoted, quoted, sizeof(quoted)) ||
	    quoted[0] >> 4 != 6 ||
	    quoted[offsetof(struct ipv6hdr, nexthdr)] != IPPROTO_TCP ||
	    !ingress_load(skb, e.quoted + offsetof(struct ipv6hdr, daddr),
	        p->key.saddr, sizeof(p->key.saddr)) ||
	    !ingress_load(skb, e.quoted + offsetof(struct ipv6hdr, saddr),
	        p->key.daddr, sizeof(p->key.daddr)))
		return TC_ACT_OK;
	if (!ingress_icmp_find(skb, p, &e))
		return TC_ACT_OK;
	if (p->v6.hop_limit < 2)
		return ingress_counted(DIRECTOR_BPF_COUNT_EXPIRED, TC_ACT_SHOT);
	if (e.header.type == INGRESS_ICMP_V6_UNREACHABLE &&
	    ingress_icmp_is_refusal(&e))
		return ingress_refuse(
		    skb, &e.found, DIRECTOR_BPF_EVENT_UNREACHABLE);
	return ingress_icmp_pass_on(&e, ingress_icmp_write_v6(skb, p, &e));
}
