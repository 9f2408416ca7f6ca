#include "tests/ingress/director_reference.h"

#include "director/bpf/director_segment.h"
#include "tests/ingress/packet_bytes.h"

#include <string.h>

/* One packet under way. Offsets are from the Ethernet header. */
struct run {
	struct director_reference *r;
	struct director_reference_packet *packet;
	struct director_reference_result *result;
	bool is_v6;
	uint32_t l4;
	uint32_t end;
};

/* Where things are in IPv4's and IPv6's header. */
enum at {
	IP = 14,
	V4_TTL = IP + 8,
	V4_CHECK = IP + 10,
	V4_SADDR = IP + 12,
	V6_HOPS = IP + 7,
	V6_SADDR = IP + 8,
	V6_L4 = IP + 40,
};

enum protocol {
	ICMP = 1,
	TCP = 6,
	FRAGMENT = 44,
	ICMP6 = 58,
};

/* ---- sums: of the bytes as they were and as they are ---- */

/* The checksum changes by as much as what it covers, the other way. A wrong one
 * stays wrong by as much as it was. */
static void
mend(uint8_t *check, uint32_t before, uint32_t after)
{
	uint32_t value =
	    packet_bytes_get16(check) + before % 65535 + 65535 - after % 65535;

	packet_bytes_put16(check, value % 65535);
}

static uint32_t
addrs_len(bool is_v6)
{
	return is_v6 ? 32 : 8;
}

static uint8_t *
addrs_of(uint8_t *header, bool is_v6)
{
	return header + (is_v6 ? V6_SADDR : V4_SADDR) - IP;
}

/* ---- tables ---- */
static enum director_reference_verdict
counted(struct run *run, enum director_bpf_counter what,
    enum director_reference_verdict verdict)
{
	run->r->counters[what]++;
	return verdict;
}

static void
read_addr(uint32_t addr[4], const uint8_t *bytes, bool is_v6)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (is_v6) {
		memcpy(addr, bytes, 16);
		return;
	}
	memcpy(addr, mapped, sizeof(mapped));
	memcpy((uint8_t *)addr + sizeof(mapped), bytes, 4);
}

static void
write_addr(uint8_t *bytes, const uint32_t addr[4], bool is_v6)
{
	if (is_v6)
		memcpy(bytes, addr, 16);
	else
		memcpy(bytes, (const uint8_t *)addr + 12, 4);
}

/* Of an IP header and the ports behind it. */
static struct director_bpf_key
read_key(uint8_t *header, const uint8_t *ports, bool is_v6)
{
	struct director_bpf_key key = { 0 };
	const uint8_t *addrs = addrs_of(header, is_v6);

	read_addr(key.saddr, addrs, is_v6);
	read_addr(key.daddr, addrs + addrs_len(is_v6) / 2, is_v6);
	memcpy(&key.sport, ports, 2);
	memcpy(&key.dport, ports + 2, 2);
	return key;
}

static void
write_key(uint8_t *header, uint8_t *ports, bool is_v6,
    const struct director_bpf_key *key)
{
	uint8_t *addrs = addrs_of(header, is_v6);

	write_addr(addrs, key->saddr, is_v6);
	write_addr(addrs + addrs_len(is_v6) / 2, key->daddr, is_v6);
	if (ports) {
		memcpy(ports, &key->sport, 2);
		memcpy(ports + 2, &key->dport, 2);
	}
}

static struct director_bpf_key
turned(const struct director_bpf_key *key)
{
	struct director_bpf_key back = {
		.sport = key->dport,
		.dport = key->sport,
	};

	memcpy(back.saddr, key->daddr, sizeof(back.saddr));
	memcpy(back.daddr, key->saddr, sizeof(back.daddr));
	return back;
}

static struct director_bpf_slot *
find(struct run *run, const struct director_bpf_key *key, uint32_t *ret_index,
    uint32_t *ret_from)
{
	const struct director_reference *r = run->r;

	for (uint32_t i = 0; i < r->n_entries; i++) {
		uint32_t index = (uint32_t)(r->entries[i].word >> 1);
		uint32_t from = r->entries[i].word & 1;
		struct director_bpf_key back = turned(key);

		if (memcmp(&r->entries[i].key, key, sizeof(*key)) != 0)
			continue;
		if (index >= r->n_slots)
			return NULL;
		if (memcmp(&r->slots[index].leg[!from].to, &back,
		        sizeof(back)) != 0) {
			(void)counted(run, DIRECTOR_BPF_COUNT_STALE, 0);
			return NULL;
		}
		*ret_index = index;
		*ret_from = from;
		return &r->slots[index];
	}
	return NULL;
}

static const struct director_bpf_service *
service_of(struct run *run, const uint32_t addr[4], uint16_t port)
{
	const struct director_reference *r = run->r;

	for (uint32_t i = 0; i < r->n_listens; i++)
		if (memcmp(r->listens[i].listen.addr, addr, 16) == 0 &&
		    r->listens[i].listen.port == port)
			return &r->listens[i].service;
	return NULL;
}

/* ---- what is reported ---- */

/* A record has a header of eight bytes, in words of eight. */
static bool
takes(uint32_t *free_bytes, uint32_t size)
{
	uint32_t need = (size + 8 + 7) / 8 * 8;

	if (*free_bytes < need)
		return false;
	*free_bytes -= need;
	return true;
}

static bool
report(struct run *run, enum director_bpf_event_kind kind, uint32_t slot,
    uint32_t service)
{
	struct director_bpf_event *e = &run->result->event;

	if (!takes(&run->r->events_free, sizeof(*e)))
		return false;
	e->kind = kind;
	e->ifindex = run->r->ifindex;
	e->slot = slot;
	e->service = service;
	if (kind == DIRECTOR_BPF_EVENT_SYN) {
		const uint8_t *bytes = run->packet->bytes;

		e->len = run->l4 - IP + (bytes[run->l4 + 12] >> 4) * 4;
		memcpy(e->headers, bytes + IP, e->len);
	}
	return true;
}

static enum director_reference_verdict
refused(struct run *run, enum director_bpf_event_kind kind, uint32_t index)
{
	struct director_bpf_slot *slot = &run->r->slots[index];
	bool told;

	if ((slot->flags & DIRECTOR_BPF_REFUSED) != 0)
		return DIRECTOR_REFERENCE_DROP;
	told = report(run, kind, index, 0);
	if (told)
		slot->flags |= DIRECTOR_BPF_REFUSED;
	return counted(run,
	    told ? DIRECTOR_BPF_COUNT_REFUSED : DIRECTOR_BPF_COUNT_REFUSED_FULL,
	    DIRECTOR_REFERENCE_DROP);
}

static void
report_end(struct run *run, uint32_t index, struct director_bpf_slot *slot)
{
	if (!takes(&run->r->closed_free, sizeof(run->result->closed))) {
		(void)counted(run, DIRECTOR_BPF_COUNT_CLOSED_FULL, 0);
		return;
	}
	run->result->has_closed = true;
	run->result->closed.slot = index;
	run->result->closed.flags = slot->flags;
	slot->flags |= DIRECTOR_BPF_TOLD;
}

static enum director_reference_verdict
on_new(struct run *run, const struct director_bpf_service *service)
{
	bool relayed = (service->flags & DIRECTOR_BPF_SERVICE_RELAYED) != 0;

	if ((service->flags & DIRECTOR_BPF_SERVICE_PASS) != 0 ||
	    (run->r->control.flags & DIRECTOR_BPF_CONTROL_PASS) != 0)
		return counted(run, DIRECTOR_BPF_COUNT_SYN_PASSED,
		    DIRECTOR_REFERENCE_STACK);
	if (report(run, DIRECTOR_BPF_EVENT_SYN, DIRECTOR_BPF_NO_SLOT,
	        service->service))
		return counted(
		    run, DIRECTOR_BPF_COUNT_SYN, DIRECTOR_REFERENCE_DROP);
	return counted(run, DIRECTOR_BPF_COUNT_SYN_FULL,
	    relayed ? DIRECTOR_REFERENCE_STACK : DIRECTOR_REFERENCE_DROP);
}

/* ---- a segment ---- */
static bool
is_at_loopback(const struct run *run)
{
	return run->r->control.loopback == run->r->ifindex;
}

static bool
is_own(const struct run *run)
{
	return is_at_loopback(run) && run->r->control.mark == run->packet->mark;
}

/* The header as a router leaves it, its checksum too; new addresses. */
static void
rewrite_ip(struct run *run, const struct director_bpf_key *to, uint8_t *ports)
{
	uint8_t *bytes = run->packet->bytes;
	uint32_t header = run->l4 - IP;
	uint32_t before = packet_bytes_sum(bytes + IP, header) -
	    packet_bytes_get16(bytes + V4_CHECK);

	write_key(bytes + IP, ports, run->is_v6, to);
	bytes[run->is_v6 ? V6_HOPS : V4_TTL]--;
	if (!run->is_v6)
		mend(bytes + V4_CHECK, before,
		    packet_bytes_sum(bytes + IP, header) -
		        packet_bytes_get16(bytes + V4_CHECK));
}

/* Of addresses and the layer above: what TCP's and ICMPv6's checksum covers. */
static uint32_t
covered(struct run *run, bool with_addrs, uint32_t check)
{
	uint8_t *bytes = run->packet->bytes;
	uint32_t sum = packet_bytes_sum(bytes + run->l4, run->end - run->l4);

	if (with_addrs)
		sum += packet_bytes_sum(
		    addrs_of(bytes + IP, run->is_v6), addrs_len(run->is_v6));
	return sum - packet_bytes_get16(bytes + check);
}

static enum director_reference_verdict
pass_on(struct run *run, const struct director_bpf_leg *leg)
{
	uint8_t *tcp = run->packet->bytes + run->l4;
	uint32_t before = covered(run, true, run->l4 + 16);

	if ((tcp[13] & DIRECTOR_SEGMENT_SYN) != 0 && leg->mss != 0)
		packet_bytes_clamp(tcp, leg->mss);
	rewrite_ip(run, &leg->to, tcp);
	mend(tcp + 16, before, covered(run, true, run->l4 + 16));
	run->result->ifindex = leg->ifindex;
	return DIRECTOR_REFERENCE_REDIRECT;
}

static void
note(struct run *run, struct director_bpf_slot *slot, uint32_t index,
    const struct director_segment *s, const struct director_segment_verdict *v)
{
	uint32_t seen =
	    s->from == 0 ? DIRECTOR_BPF_SEEN_CLIENT : DIRECTOR_BPF_SEEN_SERVER;
	bool first = (slot->flags & seen) == 0;

	run->result->touched = index;
	run->result->is_answered =
	    (v->set & ~slot->flags & DIRECTOR_BPF_SYN_ACK) != 0;
	if (v->numbered) {
		if (first || (int32_t)(v->seq_end - slot->seq_end[s->from]) > 0)
			slot->seq_end[s->from] = v->seq_end;
		if (first || (int32_t)(s->ack - slot->ack[s->from]) > 0)
			slot->ack[s->from] = s->ack;
	}
	if (v->fin)
		slot->fin_end[s->from] = v->seq_end;
	slot->flags &= ~v->clear;
	slot->flags |= v->set;
	if (director_segment_is_end(slot->flags) &&
	    (slot->flags & DIRECTOR_BPF_TOLD) == 0)
		report_end(run, index, slot);
}

static enum director_reference_verdict
on_known(struct run *run, struct director_bpf_slot *slot, uint32_t index,
    uint32_t from)
{
	const uint8_t *bytes = run->packet->bytes, *tcp = bytes + run->l4;
	struct director_segment s = {
		.from = from,
		.seq = packet_bytes_get32(tcp + 4),
		.ack = packet_bytes_get32(tcp + 8),
		.payload = run->end - run->l4 - (tcp[12] >> 4) * 4U,
		.bits = tcp[13],
	};
	struct director_segment_past past = {
		.flags = slot->flags,
		.client_isn = slot->client_isn,
		.own_fin_end = slot->fin_end[from],
		.other_fin_end = slot->fin_end[!from],
	};
	struct director_segment_verdict v;
	bool told;

	if (bytes[run->is_v6 ? V6_HOPS : V4_TTL] < 2)
		return counted(
		    run, DIRECTOR_BPF_COUNT_EXPIRED, DIRECTOR_REFERENCE_DROP);
	if (is_own(run))
		return pass_on(run, &slot->leg[from]);
	director_segment_judge(&s, &past, &v);
	switch (v.action) {
	case DIRECTOR_SEGMENT_REPORT_SYN:
		told = report(run, DIRECTOR_BPF_EVENT_SYN, index, 0);
		return counted(run,
		    told ? DIRECTOR_BPF_COUNT_SYN : DIRECTOR_BPF_COUNT_SYN_FULL,
		    DIRECTOR_REFERENCE_DROP);
	case DIRECTOR_SEGMENT_REPORT_REFUSED:
		return refused(run, DIRECTOR_BPF_EVENT_REFUSED, index);
	case DIRECTOR_SEGMENT_HOLD:
		note(run, slot, index, &s, &v);
		return counted(
		    run, DIRECTOR_BPF_COUNT_HELD, DIRECTOR_REFERENCE_DROP);
	case DIRECTOR_SEGMENT_PASS:
		break;
	}
	note(run, slot, index, &s, &v);
	slot->bytes[from] += s.payload;
	slot->packets[from]++;
	return pass_on(run, &slot->leg[from]);
}

static enum director_reference_verdict
on_tcp(struct run *run)
{
	uint8_t *bytes = run->packet->bytes, *tcp = bytes + run->l4;
	const struct director_bpf_service *service;
	struct director_bpf_slot *slot;
	struct director_bpf_key key;
	uint32_t index, from;

	if (run->end > run->packet->len || run->l4 + 20 > run->end ||
	    tcp[12] >> 4 < 5 || run->l4 + (tcp[12] >> 4) * 4U > run->end)
		return counted(run, DIRECTOR_BPF_COUNT_MALFORMED,
		    DIRECTOR_REFERENCE_STACK);
	key = read_key(bytes + IP, tcp, run->is_v6);
	slot = find(run, &key, &index, &from);
	if (slot)
		return on_known(run, slot, index, from);
	if (is_own(run))
		return counted(
		    run, DIRECTOR_BPF_COUNT_OWN_STRAY, DIRECTOR_REFERENCE_DROP);
	service = service_of(run, key.daddr, key.dport);
	if (!service)
		return DIRECTOR_REFERENCE_STACK;
	/* SYN alone of FIN, SYN, RST and ACK. */
	if ((tcp[13] & 0x17) == 0x02)
		return on_new(run, service);
	return counted(run, DIRECTOR_BPF_COUNT_STRAY, DIRECTOR_REFERENCE_STACK);
}

static enum director_reference_verdict
on_fragment(struct run *run)
{
	uint8_t *addrs = addrs_of(run->packet->bytes + IP, run->is_v6);
	uint32_t daddr[4];

	read_addr(daddr, addrs + addrs_len(run->is_v6) / 2, run->is_v6);
	if (!service_of(run, daddr, 0))
		return DIRECTOR_REFERENCE_STACK;
	return counted(
	    run, DIRECTOR_BPF_COUNT_FRAGMENT, DIRECTOR_REFERENCE_DROP);
}

/* ---- an ICMP error ---- */

/* Where the quoted segment begins; 0: nothing that we know is quoted. */
static uint32_t
quoted_segment(struct run *run, uint32_t quoted)
{
	const uint8_t *ip = run->packet->bytes + quoted;
	uint32_t l4;

	if (quoted + (run->is_v6 ? 40 : 20) > run->end)
		return 0;
	if (run->is_v6) {
		if (ip[0] >> 4 != 6 || ip[6] != TCP)
			return 0;
		l4 = quoted + 40;
	} else {
		if (ip[0] >> 4 != 4 || (ip[0] & 15) < 5 || ip[9] != TCP ||
		    (packet_bytes_get16(ip + 6) & 0x1fff) != 0)
			return 0;
		l4 = quoted + (ip[0] & 15) * 4U;
	}
	return l4 + 8 > run->end ? 0 : l4;
}

static void
rewrite_error(struct run *run, uint32_t quoted, uint32_t segment,
    const struct director_bpf_leg *leg)
{
	uint8_t *bytes = run->packet->bytes, *ip = bytes + quoted;
	uint8_t *addrs = addrs_of(ip, run->is_v6), *tcp = bytes + segment;
	struct director_bpf_key back = turned(&leg->to);
	uint32_t whole = covered(run, run->is_v6, run->l4 + 2);
	uint32_t header = packet_bytes_sum(ip, segment - quoted) -
	    packet_bytes_get16(ip + 10);
	uint32_t ends = packet_bytes_sum(addrs, addrs_len(run->is_v6)) +
	    packet_bytes_sum(tcp, 4);

	write_key(ip, tcp, run->is_v6, &back);
	if (segment + 18 <= run->end)
		mend(tcp + 16, ends,
		    packet_bytes_sum(addrs, addrs_len(run->is_v6)) +
		        packet_bytes_sum(tcp, 4));
	if (!run->is_v6)
		mend(ip + 10, header,
		    packet_bytes_sum(ip, segment - quoted) -
		        packet_bytes_get16(ip + 10));
	rewrite_ip(run, &leg->to, NULL);
	mend(bytes + run->l4 + 2, whole, covered(run, run->is_v6, run->l4 + 2));
}

static bool
is_error(struct run *run, bool *ret_unreachable)
{
	uint8_t type = run->packet->bytes[run->l4];
	uint8_t code = run->packet->bytes[run->l4 + 1];

	*ret_unreachable = run->is_v6 ? type == 1 : type == 3 && code != 4;
	return run->is_v6 ? type >= 1 && type <= 4
	                  : type == 3 || type == 11 || type == 12;
}

static enum director_reference_verdict
on_icmp(struct run *run)
{
	uint8_t *bytes = run->packet->bytes;
	uint32_t quoted = run->l4 + 8, segment, index, from;
	struct director_segment_past past;
	struct director_bpf_slot *slot;
	struct director_bpf_key key;
	bool unreachable;

	if (run->end > run->packet->len || quoted > run->end ||
	    !is_error(run, &unreachable))
		return DIRECTOR_REFERENCE_STACK;
	segment = quoted_segment(run, quoted);
	if (segment == 0)
		return DIRECTOR_REFERENCE_STACK;
	key = read_key(bytes + quoted, bytes + segment, run->is_v6);
	key = turned(&key);
	slot = find(run, &key, &index, &from);
	if (!slot)
		return DIRECTOR_REFERENCE_STACK;
	if (bytes[run->is_v6 ? V6_HOPS : V4_TTL] < 2)
		return counted(
		    run, DIRECTOR_BPF_COUNT_EXPIRED, DIRECTOR_REFERENCE_DROP);
	past.flags = slot->flags;
	past.client_isn = slot->client_isn;
	if (unreachable &&
	    director_segment_is_refusal(
	        from, &past, packet_bytes_get32(bytes + segment + 4)))
		return refused(run, DIRECTOR_BPF_EVENT_UNREACHABLE, index);
	rewrite_error(run, quoted, segment, &slot->leg[from]);
	run->result->ifindex = slot->leg[from].ifindex;
	return counted(
	    run, DIRECTOR_BPF_COUNT_ICMP, DIRECTOR_REFERENCE_REDIRECT);
}

/* ---- the way in ---- */
static enum director_reference_verdict
on_v4(struct run *run)
{
	const uint8_t *ip = run->packet->bytes + IP;
	uint32_t total;

	if (run->packet->len < IP + 20)
		return DIRECTOR_REFERENCE_STACK;
	if (ip[0] >> 4 != 4 || (ip[0] & 15) < 5)
		return counted(run, DIRECTOR_BPF_COUNT_MALFORMED,
		    DIRECTOR_REFERENCE_STACK);
	total = packet_bytes_get16(ip + 2);
	run->l4 = IP + (ip[0] & 15) * 4U;
	run->end = total == 0 && run->packet->gso_size != 0 ? run->packet->len
	                                                    : IP + total;
	if ((packet_bytes_get16(ip + 6) & 0x3fff) != 0)
		return ip[9] == TCP ? on_fragment(run)
		                    : DIRECTOR_REFERENCE_STACK;
	if (ip[9] == TCP)
		return on_tcp(run);
	return ip[9] == ICMP ? on_icmp(run) : DIRECTOR_REFERENCE_STACK;
}

static enum director_reference_verdict
on_v6(struct run *run)
{
	const uint8_t *ip = run->packet->bytes + IP;
	uint32_t payload;

	if (run->packet->len < V6_L4)
		return DIRECTOR_REFERENCE_STACK;
	if (ip[0] >> 4 != 6)
		return counted(run, DIRECTOR_BPF_COUNT_MALFORMED,
		    DIRECTOR_REFERENCE_STACK);
	payload = packet_bytes_get16(ip + 4);
	run->is_v6 = true;
	run->l4 = V6_L4;
	run->end = payload == 0 && run->packet->gso_size != 0 ? run->packet->len
	                                                      : V6_L4 + payload;
	if (ip[6] == 0 || ip[6] == 43 || ip[6] == 51 || ip[6] == 60)
		return counted(
		    run, DIRECTOR_BPF_COUNT_EXTENDED, DIRECTOR_REFERENCE_STACK);
	switch (ip[6]) {
	case TCP:
		return on_tcp(run);
	case ICMP6:
		return on_icmp(run);
	case FRAGMENT:
		return run->packet->len > V6_L4 && ip[40] == TCP
		    ? on_fragment(run)
		    : DIRECTOR_REFERENCE_STACK;
	default:
		return DIRECTOR_REFERENCE_STACK;
	}
}

void
director_reference_run(struct director_reference *r,
    struct director_reference_packet *packet,
    struct director_reference_result *ret_result)
{
	struct run run = { .r = r, .packet = packet, .result = ret_result };
	uint32_t type = packet_bytes_get16(packet->bytes + 12);

	*ret_result = (struct director_reference_result){
		.verdict = DIRECTOR_REFERENCE_STACK,
		.touched = DIRECTOR_BPF_NO_SLOT,
	};
	if (r->control.loopback == r->ifindex && !is_own(&run))
		return;
	if (memcmp(packet->bytes, r->mac, sizeof(r->mac)) != 0)
		return;
	if (type == 0x0800)
		ret_result->verdict = on_v4(&run);
	else if (type == 0x86dd)
		ret_result->verdict = on_v6(&run);
}
