/*
 * The kernel program: on each packet that comes in by the interface, the stack
 * sees only what this leaves to it. It decides nothing that lasts: which server
 * a client gets is the process's choice, and the slots hold it.
 *
 * Headers are read and written through helpers, never through packet pointers.
 * That costs some nanoseconds and buys that offsets may vary (IP options) for a
 * loader without CAP_PERFMON, and that it does not matter where the kernel
 * keeps the bytes.
 *
 * Sums: a packet may carry a finished checksum, an unfinished one that the
 * sending interface completes (CHECKSUM_PARTIAL), or the sum that the receiving
 * one took of everything (CHECKSUM_COMPLETE). bpf_l4_csum_replace() knows the
 * three. What changes inside the segment and is made good in its checksum
 * leaves the sum of everything as it is, so it is stored plainly; addresses of
 * IPv6 are not, so they are stored with BPF_F_RECOMPUTE_CSUM.
 */

#include "director/bpf/director_bpf.h"
#include "director/bpf/director_segment.h"
#include "director/bpf/ingress.h"
#include "director/bpf/ingress_icmp.h"

#include <linux/if_packet.h>

static __always_inline const struct director_bpf_service *
service_of(const __u32 *addr, __be16 port)
{
	struct director_bpf_listen listen = { .port = port };

	__builtin_memcpy(listen.addr, addr, sizeof(listen.addr));
	return bpf_map_lookup_elem(&services, &listen);
}

/* ---- what the process hears ---- */

static __noinline bool
report_syn(struct __sk_buff *skb, const struct ingress_packet *p, __u32 slot,
    __u32 service)
{
	struct director_bpf_event *e =
	    bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	bool told = true;
	/* One less than there are: Linux 6.1 learns no minimum from "not 0". */
	__u32 last = p->l4 - ETH_HLEN + p->tcp.doff * 4 - 1;

	if (!e)
		return false;
	e->time_ns = bpf_ktime_get_coarse_ns();
	e->kind = DIRECTOR_BPF_EVENT_SYN;
	e->ifindex = skb->ifindex;
	e->slot = slot;
	e->service = service;
	e->unused = 0;
	INGRESS_OPAQUE(last);
	if (last >= sizeof(e->headers) ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, e->headers, last + 1))
		e->len = 0;
	else
		e->len = last + 1;
	bpf_ringbuf_submit(e, 0);
	INGRESS_OPAQUE(told);
	return told;
}

/* Whoever sets TOLD has the word: two processors may see the end at once. */
static __always_inline void
report_end(const struct ingress_found *c, __u32 flags)
{
	struct director_bpf_closed *e;

	if (__sync_fetch_and_or(&c->slot->flags, DIRECTOR_BPF_TOLD) &
	    DIRECTOR_BPF_TOLD)
		return;
	e = bpf_ringbuf_reserve(&closed, sizeof(*e), 0);
	if (!e) {
		__sync_fetch_and_and(
		    &c->slot->flags, ~(__u32)DIRECTOR_BPF_TOLD);
		ingress_count(DIRECTOR_BPF_COUNT_CLOSED_FULL);
		return;
	}
	e->slot = c->index;
	e->flags = flags;
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
}

/* A SYN of a client that is not known yet. */
static __always_inline int
on_new(struct __sk_buff *skb, const struct ingress_packet *p,
    const struct director_bpf_service *service)
{
	__u32 zero = 0;
	const struct director_bpf_control *c =
	    bpf_map_lookup_elem(&control, &zero);

	if ((service->flags & DIRECTOR_BPF_SERVICE_PASS) ||
	    (c && (c->flags & DIRECTOR_BPF_CONTROL_PASS)))
		return ingress_counted(
		    DIRECTOR_BPF_COUNT_SYN_PASSED, TC_ACT_OK);
	if (report_syn(skb, p, DIRECTOR_BPF_NO_SLOT, service->service))
		return ingress_counted(DIRECTOR_BPF_COUNT_SYN, TC_ACT_SHOT);
	return ingress_counted(DIRECTOR_BPF_COUNT_SYN_FULL,
	    service->flags & DIRECTOR_BPF_SERVICE_RELAYED ? TC_ACT_OK
	                                                  : TC_ACT_SHOT);
}

/* ---- a segment passes ---- */

/* The MSS option of a SYN-ACK: at most `mss`. The place is kept below 64, which
 * it never reaches, so that the verifier sees the same state in each round. */
static __always_inline bool
clamp(struct __sk_buff *skb, const struct ingress_packet *p, __u16 mss)
{
	__u32 first = p->l4 + sizeof(struct tcphdr);
	__u32 len = p->tcp.doff * 4 - sizeof(struct tcphdr), at = 0;
	__u16 had, has = bpf_htons(mss);
	__u8 option[2];

	for (int i = 0; i < 40 && at < len; i++) {
		__u32 step = 1;

		if (!ingress_load(skb, first + at, option, 1) || option[0] == 0)
			return true;
		if (option[0] != 1) {
			if (len - at < 2 ||
			    !ingress_load(skb, first + at, option, 2) ||
			    option[1] < 2 || option[1] > len - at)
				return true;
			if (option[0] == 2 && option[1] == 4)
				break;
			step = option[1];
		}
		at = (at + step) & 63;
	}
	if (at + 4 > len || !ingress_load(skb, first + at + 2, &had, 2) ||
	    bpf_ntohs(had) <= mss)
		return true;
	if (bpf_skb_store_bytes(skb, first + at + 2, &has, 2, 0))
		return false;
	/* At an odd place its bytes belong to two words of the sum. */
	if (at & 1) {
		had = __builtin_bswap16(had);
		has = __builtin_bswap16(has);
	}
	return bpf_l4_csum_replace(skb, p->l4 + offsetof(struct tcphdr, check),
	           had, has, 2) == 0;
}

static __always_inline bool
write_v4(struct __sk_buff *skb, struct ingress_packet *p,
    const struct director_bpf_leg *leg)
{
	p->v4.check = ingress_fold((__u64)(__u16)~p->v4.check + leg->addr_diff +
	    (__u16)~bpf_htons(0x0100));
	p->v4.ttl--;
	p->v4.saddr = leg->to.saddr[3];
	p->v4.daddr = leg->to.daddr[3];
	return bpf_skb_store_bytes(skb, ETH_HLEN + offsetof(struct iphdr, ttl),
	           &p->v4.ttl, sizeof(p->v4) - offsetof(struct iphdr, ttl),
	           0) == 0;
}

static __always_inline bool
write_v6(struct __sk_buff *skb, struct ingress_packet *p,
    const struct director_bpf_leg *leg)
{
	p->v6.hop_limit--;
	__builtin_memcpy(&p->v6.saddr, leg->to.saddr, sizeof(leg->to.saddr));
	__builtin_memcpy(&p->v6.daddr, leg->to.daddr, sizeof(leg->to.daddr));
	return bpf_skb_store_bytes(skb,
	           ETH_HLEN + offsetof(struct ipv6hdr, hop_limit),
	           &p->v6.hop_limit,
	           sizeof(p->v6) - offsetof(struct ipv6hdr, hop_limit),
	           BPF_F_RECOMPUTE_CSUM) == 0;
}

static __noinline int
pass_on(struct __sk_buff *skb, struct ingress_packet *p,
    const struct director_bpf_leg *leg)
{
	__u32 check = p->l4 + offsetof(struct tcphdr, check);

	if (p->tcp.syn && leg->mss && !clamp(skb, p, leg->mss))
		return ingress_counted(DIRECTOR_BPF_COUNT_FAILED, TC_ACT_SHOT);
	if (bpf_l4_csum_replace(
	        skb, check, 0, leg->addr_diff, BPF_F_PSEUDO_HDR) ||
	    bpf_l4_csum_replace(skb, check, 0, leg->port_diff, 0) ||
	    bpf_skb_store_bytes(skb, p->l4, &leg->to.sport,
	        sizeof(leg->to.sport) + sizeof(leg->to.dport), 0) ||
	    !(p->is_v6 ? write_v6(skb, p, leg) : write_v4(skb, p, leg)))
		return ingress_counted(DIRECTOR_BPF_COUNT_FAILED, TC_ACT_SHOT);
	return bpf_redirect_neigh(leg->ifindex, NULL, 0, 0);
}

/* What the verdict changes in the slot. */
static __always_inline void
note(const struct ingress_found *c, const __u32 from, __u32 flags, __u32 ack,
    const struct director_segment_verdict *v)
{
	struct director_bpf_slot *slot = c->slot;
	__u32 after = (flags & ~v->clear) | v->set;

	slot->last_ns = bpf_ktime_get_coarse_ns();
	if (v->set & ~flags & DIRECTOR_BPF_SYN_ACK)
		slot->leg[DIRECTOR_BPF_FROM_SERVER].answered =
		    DIRECTOR_BPF_MOMENT(slot->last_ns);
	if (v->numbered) {
		bool first = (flags & (DIRECTOR_BPF_SEEN_CLIENT << from)) == 0;

		if (first ||
		    director_segment_is_after(v->seq_end, slot->seq_end[from]))
			slot->seq_end[from] = v->seq_end;
		if (first || director_segment_is_after(ack, slot->ack[from]))
			slot->ack[from] = ack;
	}
	if (v->fin)
		slot->fin_end[from] = v->seq_end;
	if (flags & v->clear)
		__sync_fetch_and_and(&slot->flags, ~v->clear);
	if (v->set & ~flags)
		__sync_fetch_and_or(&slot->flags, v->set);
	if (director_segment_is_end(after) && !(after & DIRECTOR_BPF_TOLD))
		report_end(c, after);
}

static __always_inline int
on_known(struct __sk_buff *skb, struct ingress_packet *p,
    const struct ingress_found *c, const __u32 from)
{
	struct director_bpf_slot *slot = c->slot;
	const struct director_bpf_leg *leg = &slot->leg[from];
	struct director_segment_past past = {
		.flags = slot->flags,
		.client_isn = slot->client_isn,
		.own_fin_end = slot->fin_end[from],
		.other_fin_end = slot->fin_end[from ^ 1],
	};
	struct director_segment s = {
		.from = from,
		.seq = bpf_ntohl(p->tcp.seq),
		.ack = bpf_ntohl(p->tcp.ack_seq),
		.payload = p->end - p->l4 - p->tcp.doff * 4,
		.bits = ((const __u8 *)&p->tcp)[13],
	};
	struct director_segment_verdict v;

	if ((p->is_v6 ? p->v6.hop_limit : p->v4.ttl) < 2)
		return ingress_counted(DIRECTOR_BPF_COUNT_EXPIRED, TC_ACT_SHOT);
	if (p->is_own)
		return pass_on(skb, p, leg);
	director_segment_judge(&s, &past, &v);
	if (v.action == DIRECTOR_SEGMENT_REPORT_SYN)
		return ingress_counted(report_syn(skb, p, c->index, 0)
		        ? DIRECTOR_BPF_COUNT_SYN
		        : DIRECTOR_BPF_COUNT_SYN_FULL,
		    TC_ACT_SHOT);
	if (v.action == DIRECTOR_SEGMENT_REPORT_REFUSED)
		return ingress_refuse(skb, c, DIRECTOR_BPF_EVENT_REFUSED);
	note(c, from, past.flags, s.ack, &v);
	if (v.action == DIRECTOR_SEGMENT_HOLD)
		return ingress_counted(DIRECTOR_BPF_COUNT_HELD, TC_ACT_SHOT);
	slot->bytes[from] += s.payload;
	slot->packets[from]++;
	return pass_on(skb, p, leg);
}

static __always_inline int
on_segment(struct __sk_buff *skb, struct ingress_packet *p)
{
	const struct director_bpf_service *service;
	struct ingress_found c;

	if (p->end > skb->len || p->end < p->l4 + sizeof(p->tcp) ||
	    !ingress_load(skb, p->l4, &p->tcp, sizeof(p->tcp)) ||
	    p->tcp.doff < 5 || p->end < p->l4 + p->tcp.doff * 4)
		return ingress_counted(DIRECTOR_BPF_COUNT_MALFORMED, TC_ACT_OK);
	p->key.sport = p->tcp.source;
	p->key.dport = p->tcp.dest;
	if (ingress_find(&p->key, &c))
		return c.from == DIRECTOR_BPF_FROM_CLIENT
		    ? on_known(skb, p, &c, DIRECTOR_BPF_FROM_CLIENT)
		    : on_known(skb, p, &c, DIRECTOR_BPF_FROM_SERVER);
	if (p->is_own)
		return ingress_counted(
		    DIRECTOR_BPF_COUNT_OWN_STRAY, TC_ACT_SHOT);
	service = service_of(p->key.daddr, p->key.dport);
	if (!service)
		return TC_ACT_OK;
	if (!director_segment_is_syn(((const __u8 *)&p->tcp)[13]))
		return ingress_counted(DIRECTOR_BPF_COUNT_STRAY, TC_ACT_OK);
	return on_new(skb, p, service);
}

/* The stack would put the parts together, and reset a connection that it does
 * not know. Senders avoid fragments of TCP, by finding the path's MTU. */
static __always_inline int
on_fragment(const struct ingress_packet *p)
{
	if (!service_of(p->key.daddr, 0))
		return TC_ACT_OK;
	return ingress_counted(DIRECTOR_BPF_COUNT_FRAGMENT, TC_ACT_SHOT);
}

/* ---- the way in ---- */

enum what {
	STACK, /* none of our business */
	SEGMENT,
	ICMP,
	FRAGMENT, /* of a segment */
	EXTENDED,
	MALFORMED,
};

/* Where the packet's bytes end. Segmentation leaves packets that are longer
 * than the header can tell, and then it tells nothing. */
static __always_inline __u32
end_of(struct __sk_buff *skb, __u32 header, __u32 told)
{
	if (told == 0 && skb->gso_size)
		return skb->len;
	return ETH_HLEN + header + told;
}

static __always_inline enum what
read_v4(struct __sk_buff *skb, struct ingress_packet *p)
{
	if (!ingress_load(skb, ETH_HLEN, &p->v4, sizeof(p->v4)))
		return STACK;
	if (p->v4.version != 4 || p->v4.ihl < 5)
		return MALFORMED;
	p->l4 = ETH_HLEN + p->v4.ihl * 4;
	p->end = end_of(skb, 0, bpf_ntohs(p->v4.tot_len));
	ingress_set_mapped(p->key.saddr, p->v4.saddr);
	ingress_set_mapped(p->key.daddr, p->v4.daddr);
	/* More fragments, or not the first one. */
	if (p->v4.frag_off & bpf_htons(0x3fff))
		return p->v4.protocol == IPPROTO_TCP ? FRAGMENT : STACK;
	if (p->v4.protocol == IPPROTO_ICMP)
		return ICMP;
	return p->v4.protocol == IPPROTO_TCP ? SEGMENT : STACK;
}

static __always_inline enum what
read_v6(struct __sk_buff *skb, struct ingress_packet *p)
{
	__u8 next;

	if (!ingress_load(skb, ETH_HLEN, &p->v6, sizeof(p->v6)))
		return STACK;
	if (p->v6.version != 6)
		return MALFORMED;
	p->is_v6 = true;
	p->l4 = ETH_HLEN + sizeof(p->v6);
	p->end = end_of(skb, sizeof(p->v6), bpf_ntohs(p->v6.payload_len));
	__builtin_memcpy(p->key.saddr, &p->v6.saddr, sizeof(p->key.saddr));
	__builtin_memcpy(p->key.daddr, &p->v6.daddr, sizeof(p->key.daddr));
	switch (p->v6.nexthdr) {
	case IPPROTO_TCP:
		return SEGMENT;
	case IPPROTO_ICMPV6:
		return ICMP;
	case IPPROTO_FRAGMENT:
		/* Its first byte says what is in pieces. */
		if (!ingress_load(skb, p->l4, &next, sizeof(next)))
			return STACK;
		return next == IPPROTO_TCP ? FRAGMENT : STACK;
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
	case IPPROTO_AH:
		return EXTENDED;
	default:
		return STACK;
	}
}

/*
 * Not for this host: a switch that floods shows it the packets of the other
 * node, which translates them. With a VLAN tag: for another interface than this
 * one.
 */
static __always_inline enum what
read_packet(struct __sk_buff *skb, struct ingress_packet *p)
{
	if (skb->pkt_type != PACKET_HOST || skb->vlan_present)
		return STACK;
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return read_v4(skb, p);
	if (skb->protocol == bpf_htons(ETH_P_IPV6))
		return read_v6(skb, p);
	return STACK;
}

/* What comes in by the loopback interface is the process's, or the host's. */
static __always_inline bool
is_hosts(const struct __sk_buff *skb, struct ingress_packet *p)
{
	__u32 zero = 0;
	const struct director_bpf_control *c =
	    bpf_map_lookup_elem(&control, &zero);

	if (!c || skb->ifindex != c->loopback)
		return false;
	p->is_own = skb->mark == c->mark;
	return !p->is_own;
}

int director_ingress(struct __sk_buff *skb);

SEC("tc")
int
director_ingress(struct __sk_buff *skb)
{
	struct ingress_packet p = { .is_v6 = false };

	if (is_hosts(skb, &p))
		return TC_ACT_OK;
	switch (read_packet(skb, &p)) {
	case SEGMENT:
		return on_segment(skb, &p);
	case ICMP:
		return p.is_v6 ? ingress_icmp_on_v6(skb, &p)
		               : ingress_icmp_on_v4(skb, &p);
	case FRAGMENT:
		return on_fragment(&p);
	case EXTENDED:
		return ingress_counted(DIRECTOR_BPF_COUNT_EXTENDED, TC_ACT_OK);
	case MALFORMED:
		return ingress_counted(DIRECTOR_BPF_COUNT_MALFORMED, TC_ACT_OK);
	case STACK:
		break;
	}
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "ISC";
