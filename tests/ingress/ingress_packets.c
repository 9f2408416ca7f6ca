#include "tests/ingress/ingress_packets.h"

#include "director/bpf/director_segment.h"
#include "director/bpf/director_slot.h"
#include "tests/ingress/packet_bytes.h"

#include <arpa/inet.h>
#include <string.h>

enum {
	IP = 14,
	/* Connections, and such whose slots are another's by now. */
	GONE = 12,
	LIVING = INGRESS_PACKETS_CONNS - GONE,
};

/* ---- chance ---- */

/* splitmix64 */
static uint64_t
draw(struct ingress_packets *g)
{
	uint64_t z = g->random += 0x9e3779b97f4a7c15U;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return z ^ (z >> 31);
}

uint32_t
ingress_packets_below(struct ingress_packets *g, uint32_t n)
{
	return (uint32_t)((draw(g) >> 32) * n >> 32);
}

static bool
percent(struct ingress_packets *g, uint32_t n)
{
	return ingress_packets_below(g, 100) < n;
}

static void
scribble(struct ingress_packets *g, uint8_t *bytes, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)draw(g);
}

/* ---- tables ---- */

static void
set_addr(uint32_t addr[4], bool is_v6, uint32_t net, uint32_t host)
{
	if (is_v6) {
		addr[0] = htonl(0xfd000000U | net);
		addr[1] = htonl(net * 2654435761U);
		addr[2] = htonl(host * 40503U);
		addr[3] = htonl(host);
		return;
	}
	addr[0] = 0;
	addr[1] = 0;
	addr[2] = htonl(0xffff);
	addr[3] = htonl(10U << 24 | net << 16 | host);
}

/* Net 0 has the services, 1 clients, 2 servers. Every other source address is
 * one of its own, as with two arms. */
static struct director_slot_route
route_of(struct ingress_packets *g, uint32_t i)
{
	struct director_slot_route route = {
		.client = { .sport = htons((uint16_t)(30000 + i)),
		    .dport = htons(21050) },
		.server = { .sport = htons((uint16_t)(10240 + i)),
		    .dport = htons((uint16_t)(21050 + i % 3)) },
		.client_ifindex = 2 + i % 2,
		.server_ifindex = 5 + i % 3,
		.mss = (const uint16_t[]){ 0, 536, 1220, 1400 }[i / 2 % 4],
		.client_isn = (uint32_t)draw(g),
	};
	bool is_v6 = i % 2 == 1;

	set_addr(route.client.saddr, is_v6, 1, 1 + i / 4);
	set_addr(route.client.daddr, is_v6, 0, 100);
	set_addr(route.server.saddr, is_v6, i % 4 < 2 ? 0 : 2, 100);
	set_addr(route.server.daddr, is_v6, 2, 1 + i % 5);
	return route;
}

/* The slots of the last connections have been given to others meanwhile. */
static uint32_t
slot_of(uint32_t i)
{
	return i < LIVING ? i : i - GONE;
}

/* An entry that was left from a connection which differed in one word only. */
static void
make_stale(struct director_bpf_key *key, uint32_t which)
{
	bool is_v6 = key->saddr[0] != 0;
	uint32_t word = is_v6 ? which % 10 : 3 + which % 2 * 4;

	if (!is_v6 && which % 4 > 1)
		word = 8 + which % 2;
	if (word < 4)
		key->saddr[word] ^= htonl(0x100);
	else if (word < 8)
		key->daddr[word - 4] ^= htonl(0x100);
	else if (word == 8)
		key->sport ^= htons(0x100);
	else
		key->dport ^= htons(0x100);
}

static void
listen_at(struct ingress_packets *g, uint32_t i, bool is_v6, uint16_t port,
    uint32_t flags)
{
	struct director_reference_listen *l = &g->listens[i];

	*l = (struct director_reference_listen){
		.listen.port = htons(port),
		.service = { .service = 70 + i, .flags = flags },
	};
	set_addr(l->listen.addr, is_v6, 0, 100);
}

void
ingress_packets_start(
    struct ingress_packets *g, uint64_t seed, struct director_reference *r)
{
	*g = (struct ingress_packets){ .random = seed };
	for (uint32_t i = 0; i < LIVING; i++) {
		struct director_slot_route route = route_of(g, i);

		director_slot_fill(&g->slots[i], &route);
		for (uint32_t from = 0; from < 2; from++)
			g->entries[2 * i + from] =
			    (struct director_reference_entry){
				    director_slot_key(&route, from),
				    DIRECTOR_BPF_ENTRY(i, from),
			    };
	}
	for (uint32_t i = 2 * LIVING; i < INGRESS_PACKETS_ENTRIES - 1; i++) {
		g->entries[i] = g->entries[i - 2 * GONE];
		make_stale(&g->entries[i].key, i / 4 * 2 + i % 2);
	}
	g->entries[INGRESS_PACKETS_ENTRIES - 1] = g->entries[0];
	g->entries[INGRESS_PACKETS_ENTRIES - 1].key.sport = htons(40000);
	g->entries[INGRESS_PACKETS_ENTRIES - 1].word =
	    DIRECTOR_BPF_ENTRY(INGRESS_PACKETS_CONNS, 0);
	for (uint32_t i = 0; i < 2; i++) {
		listen_at(g, 4 * i, i, 0, 0);
		listen_at(g, 4 * i + 1, i, 21050, 0);
		listen_at(g, 4 * i + 2, i, 21000, DIRECTOR_BPF_SERVICE_RELAYED);
		listen_at(g, 4 * i + 3, i, 25000, DIRECTOR_BPF_SERVICE_PASS);
	}
	r->entries = g->entries;
	r->n_entries = INGRESS_PACKETS_ENTRIES;
	r->listens = g->listens;
	r->n_listens = INGRESS_PACKETS_LISTENS;
	r->slots = g->slots;
	r->n_slots = INGRESS_PACKETS_CONNS;
}

/* ---- lives ---- */

/* Flags that hold of some connection, in the order of its life. */
static const uint32_t lives[] = {
	0,
	DIRECTOR_BPF_SYN_SENT,
	DIRECTOR_BPF_SYN_SENT | DIRECTOR_BPF_REFUSED,
	DIRECTOR_BPF_SYN_SENT | DIRECTOR_BPF_FIRST_BYTE,
	DIRECTOR_BPF_INHERITED,
	DIRECTOR_BPF_INHERITED | DIRECTOR_BPF_FIRST_BYTE,
	DIRECTOR_BPF_SYN_SENT | DIRECTOR_BPF_SYN_ACK | DIRECTOR_BPF_SEEN_SERVER,
	DIRECTOR_BPF_SYN_SENT | DIRECTOR_BPF_SYN_ACK |
	    DIRECTOR_BPF_SEEN_SERVER | DIRECTOR_BPF_FIRST_BYTE,
	DIRECTOR_BPF_SYN_SENT | DIRECTOR_BPF_SYN_ACK |
	    DIRECTOR_BPF_ESTABLISHED | DIRECTOR_BPF_SEEN_SERVER |
	    DIRECTOR_BPF_SEEN_CLIENT | DIRECTOR_BPF_CLIENT_DATA,
};

void
ingress_packets_age(struct ingress_packets *g, uint32_t slot)
{
	struct director_bpf_slot *s = &g->slots[slot];

	s->flags = lives[ingress_packets_below(g, ARRAY_LEN(lives))];
	if (percent(g, 50))
		s->flags |= DIRECTOR_BPF_FIN_CLIENT;
	if (percent(g, 50))
		s->flags |= DIRECTOR_BPF_FIN_SERVER;
	if (percent(g, 20))
		s->flags |= DIRECTOR_BPF_FIN_ACKED_CLIENT;
	if (percent(g, 20))
		s->flags |= DIRECTOR_BPF_FIN_ACKED_SERVER;
	if (percent(g, 20))
		s->flags |= DIRECTOR_BPF_RST_CLIENT
		    << ingress_packets_below(g, 2);
	if (percent(g, 20))
		s->flags |= DIRECTOR_BPF_TOLD;
	if (percent(g, 5))
		s->flags ^= 1U << ingress_packets_below(g, 20);
	s->client_isn = (uint32_t)draw(g);
	for (uint32_t from = 0; from < 2; from++) {
		s->seq_end[from] = (uint32_t)draw(g);
		s->ack[from] = (uint32_t)draw(g);
		s->fin_end[from] =
		    s->seq_end[from] + ingress_packets_below(g, 3);
	}
	if (percent(g, 50))
		s->seq_end[0] = s->client_isn + 1;
}

/* A number near to one that matters. */
static uint32_t
number(struct ingress_packets *g, const struct director_bpf_slot *s)
{
	const uint32_t known[] = {
		s->client_isn,
		s->client_isn + 1,
		s->seq_end[0],
		s->seq_end[1],
		s->ack[0],
		s->ack[1],
		s->fin_end[0],
		s->fin_end[1],
	};

	if (percent(g, 5))
		return (uint32_t)draw(g);
	return known[ingress_packets_below(g, ARRAY_LEN(known))] +
	    (percent(g, 60) ? 0 : ingress_packets_below(g, 5) - 2);
}

/* ---- packets ---- */

/* Makes room for an IP header, with options now and then, and returns where the
 * next layer begins. */
static uint32_t
put_ip(struct ingress_packets *g, uint8_t *bytes, uint32_t at,
    const struct director_bpf_key *key, uint8_t protocol)
{
	bool is_v6 = key->saddr[0] != 0;
	uint8_t *ip = bytes + at;
	uint32_t len;

	if (is_v6) {
		memcpy(ip, (const uint8_t[]){ 0x60, 0, 0, 0 }, 4);
		ip[6] = protocol;
		ip[7] = 64;
		memcpy(ip + 8, key->saddr, 16);
		memcpy(ip + 24, key->daddr, 16);
		return at + 40;
	}
	len = percent(g, 15) ? 20 + 4 * ingress_packets_below(g, 11) : 20;
	scribble(g, ip, len);
	ip[0] = (uint8_t)(0x40 | len / 4);
	packet_bytes_put16(ip + 6, percent(g, 70) ? 0x4000 : 0);
	ip[8] = 64;
	ip[9] = protocol;
	memcpy(ip + 12, &key->saddr[3], 4);
	memcpy(ip + 16, &key->daddr[3], 4);
	return at + len;
}

static void
put_options(struct ingress_packets *g, uint8_t *options, uint32_t len)
{
	uint32_t at = ingress_packets_below(g, 4);

	if (percent(g, 20)) {
		scribble(g, options, len);
		return;
	}
	memset(options, 1, len);
	if (at + 4 <= len && percent(g, 80)) {
		memcpy(options + at, (const uint8_t[]){ 2, 4 }, 2);
		packet_bytes_put16(options + at + 2,
		    percent(g, 80) ? 1460 : ingress_packets_below(g, 1500));
		at += 4;
	}
	if (at + 10 <= len) {
		memcpy(options + at, (const uint8_t[]){ 8, 10 }, 2);
		scribble(g, options + at + 2, 8);
	}
	if (percent(g, 10) && len > 0)
		options[ingress_packets_below(g, len)] = (uint8_t)draw(g);
}

/* Returns where it ends. */
static uint32_t
put_tcp(struct ingress_packets *g, uint8_t *bytes, uint32_t at,
    const struct director_bpf_key *key, const struct director_bpf_slot *s)
{
	static const uint8_t usual[] = { 0x02, 0x12, 0x10, 0x10, 0x10, 0x18,
		0x11, 0x11, 0x19, 0x04, 0x14, 0xc2, 0x52 };
	uint32_t header =
	    20 + 4 * (percent(g, 60) ? ingress_packets_below(g, 11) : 0);
	uint32_t payload = percent(g, 50) ? 0 : ingress_packets_below(g, 40);
	uint8_t *tcp = bytes + at;

	if (percent(g, 1))
		payload = ingress_packets_below(g, 1400);
	scribble(g, tcp, header + payload);
	memcpy(tcp, &key->sport, 2);
	memcpy(tcp + 2, &key->dport, 2);
	packet_bytes_put32(tcp + 4, number(g, s));
	packet_bytes_put32(tcp + 8, number(g, s));
	tcp[12] = (uint8_t)(header / 4 << 4);
	if (percent(g, 90))
		tcp[13] = usual[ingress_packets_below(g, ARRAY_LEN(usual))];
	put_options(g, tcp + 20, header - 20);
	return at + header + payload;
}

/* Ports and number, then as much more as the reporter cares to quote. */
static uint32_t
put_icmp(struct ingress_packets *g, uint8_t *bytes, uint32_t at,
    const struct director_bpf_key *key, const struct director_bpf_slot *s)
{
	static const uint8_t v4_types[] = { 3, 3, 3, 11, 12, 5, 8 };
	static const uint8_t v6_types[] = { 1, 1, 2, 2, 3, 4, 128 };
	uint32_t which = ingress_packets_below(g, ARRAY_LEN(v4_types));
	uint32_t quoted = at + 8, segment, end;

	scribble(g, bytes + at, 8);
	bytes[at] = key->saddr[0] != 0 ? v6_types[which] : v4_types[which];
	bytes[at + 1] = (uint8_t)ingress_packets_below(g, 6);
	segment = put_ip(g, bytes, quoted, key, percent(g, 97) ? 6 : 17);
	end = put_tcp(g, bytes, segment, key, s);
	if (percent(g, 3))
		bytes[quoted + 6] |= (uint8_t)ingress_packets_below(g, 64);
	if (percent(g, 40))
		return segment + 8 + ingress_packets_below(g, 14);
	return percent(g, 5) ? quoted + ingress_packets_below(g, end - quoted)
	                     : end;
}

static bool
is_v6_packet(const struct director_reference_packet *p)
{
	return p->bytes[12] == 0x86;
}

static uint32_t
l4_of(const struct director_reference_packet *p)
{
	return IP + (is_v6_packet(p) ? 40 : (p->bytes[IP] & 15) * 4U);
}

/* The sum that the upper checksum covers: 0xffff, folded, when that is right.
 */
static uint32_t
upper_sum(const struct director_reference_packet *p)
{
	const uint8_t *ip = p->bytes + IP;
	uint32_t l4 = l4_of(p), len = p->len - l4;
	uint32_t sum = packet_bytes_sum(p->bytes + l4, len);

	if (is_v6_packet(p))
		return sum + packet_bytes_sum(ip + 8, 32) + len + ip[6];
	return ip[9] == 1 ? sum : sum + packet_bytes_sum(ip + 12, 8) + len + 6;
}

static void
finish(struct director_reference_packet *p)
{
	uint8_t *ip = p->bytes + IP;
	uint32_t l4 = l4_of(p), check = l4;
	bool is_tcp = ip[is_v6_packet(p) ? 6 : 9] == 6;

	if (is_v6_packet(p)) {
		packet_bytes_put16(ip + 4, p->len - l4);
	} else {
		packet_bytes_put16(ip + 2, p->len - IP);
		packet_bytes_put16(ip + 10, 0);
		packet_bytes_put16(ip + 10,
		    packet_bytes_checksum(packet_bytes_sum(ip, l4 - IP)));
	}
	check += is_tcp ? 16 : 2;
	packet_bytes_put16(p->bytes + check, 0);
	packet_bytes_put16(
	    p->bytes + check, packet_bytes_checksum(upper_sum(p)));
}

bool
ingress_packets_is_sound(const struct director_reference_packet *packet)
{
	struct director_reference_packet p = *packet;
	const uint8_t *ip = p.bytes + IP;
	uint32_t l4, end;

	if (p.len < IP + 40)
		return false;
	l4 = l4_of(&p);
	end = is_v6_packet(&p) ? l4 + packet_bytes_get16(ip + 4)
	                       : IP + packet_bytes_get16(ip + 2);
	if (end > p.len || l4 > end)
		return false;
	p.len = end;
	return (is_v6_packet(&p) ||
	           packet_bytes_checksum(packet_bytes_sum(ip, l4 - IP)) == 0) &&
	    packet_bytes_checksum(upper_sum(&p)) == 0;
}

/* ---- damage ---- */

static void
damage_length(struct ingress_packets *g, struct director_reference_packet *p)
{
	uint8_t *length = p->bytes + IP + (is_v6_packet(p) ? 4 : 2);

	switch (ingress_packets_below(g, 4)) {
	case 0:
		packet_bytes_put16(length,
		    packet_bytes_get16(length) + ingress_packets_below(g, 41) -
		        20);
		break;
	case 1:
		p->len = IP + ingress_packets_below(g, p->len - IP + 1);
		break;
	case 2:
		packet_bytes_put16(length, 0);
		p->gso_size = ingress_packets_below(g, 3);
		break;
	default:
		packet_bytes_put16(length, (uint32_t)draw(g));
		break;
	}
}

static void
damage(struct ingress_packets *g, struct director_reference_packet *p)
{
	static const uint16_t fragments[] = { 0x2000, 0x2001, 0x0001, 0x1fff,
		0x8000, 0xc000 };
	static const uint8_t next_headers[] = { 0, 43, 44, 44, 44, 50, 51, 60,
		135 };
	uint8_t *ip = p->bytes + IP;
	uint8_t *check =
	    p->bytes + l4_of(p) + (ip[is_v6_packet(p) ? 6 : 9] == 6 ? 16 : 2);

	switch (ingress_packets_below(g, 8)) {
	case 0:
		scribble(g, p->bytes + ingress_packets_below(g, 12), 1);
		break;
	case 1:
		damage_length(g, p);
		break;
	case 2:
		scribble(g, check, 2);
		break;
	case 3:
		memset(check, percent(g, 50) ? 0xff : 0, 2);
		break;
	case 4:
		ip[is_v6_packet(p) ? 7 : 8] =
		    (uint8_t)ingress_packets_below(g, 3);
		break;
	case 5:
		/* Extension headers, or fragments: the first, others, and what
		 * only looks like one. */
		if (is_v6_packet(p))
			ip[6] = next_headers[ingress_packets_below(
			    g, ARRAY_LEN(next_headers))];
		else
			packet_bytes_put16(ip + 6,
			    fragments[ingress_packets_below(
			        g, ARRAY_LEN(fragments))]);
		break;
	case 6:
		if (!is_v6_packet(p))
			memset(ip + 10, percent(g, 50) ? 0xff : 0, 2);
		break;
	default:
		for (uint32_t i = ingress_packets_below(g, 4); i < 4; i++)
			scribble(
			    g, p->bytes + ingress_packets_below(g, p->len), 1);
		break;
	}
}

/* As an interface does with a short frame. */
static void
pad(struct ingress_packets *g, struct director_reference_packet *p)
{
	uint32_t len = p->len < 60 ? 60 - p->len : ingress_packets_below(g, 8);

	scribble(g, p->bytes + p->len, len);
	p->len += len;
}

/* ---- which one ---- */

static struct director_bpf_key
key_of_stranger(struct ingress_packets *g)
{
	const struct director_reference_listen *l =
	    &g->listens[ingress_packets_below(g, INGRESS_PACKETS_LISTENS)];
	struct director_bpf_key key = {
		.sport =
		    htons((uint16_t)(30000 + ingress_packets_below(g, 3000))),
		.dport = l->listen.port,
	};
	bool is_v6 = l->listen.addr[0] != 0;

	if (key.dport == 0)
		key.dport = htons(12345);
	set_addr(key.saddr, is_v6, 1, ingress_packets_below(g, 200));
	set_addr(key.daddr, is_v6, 0, percent(g, 90) ? 100 : 101);
	return key;
}

void
ingress_packets_next(
    struct ingress_packets *g, struct director_reference_packet *packet)
{
	uint32_t i = ingress_packets_below(g, INGRESS_PACKETS_ENTRIES);
	struct director_bpf_key key = g->entries[i].key;
	const struct director_bpf_slot *s =
	    &g->slots[slot_of(i / 2 % INGRESS_PACKETS_CONNS)];
	uint32_t what = ingress_packets_below(g, 100), at;

	if (what >= 60 && what < 80)
		key = key_of_stranger(g);
	memset(packet->bytes, 0, IP);
	packet_bytes_put16(
	    packet->bytes + 12, key.saddr[0] != 0 ? 0x86dd : 0x0800);
	packet->gso_size = 0;
	if (what < 80) {
		at = put_ip(g, packet->bytes, IP, &key, 6);
		packet->len = put_tcp(g, packet->bytes, at, &key, s);
	} else {
		struct director_bpf_key quoted = { .sport = key.dport,
			.dport = key.sport };

		memcpy(quoted.saddr, key.daddr, sizeof(quoted.saddr));
		memcpy(quoted.daddr, key.saddr, sizeof(quoted.daddr));
		if (percent(g, 50))
			set_addr(key.saddr, key.saddr[0] != 0, 9, 9);
		at = put_ip(
		    g, packet->bytes, IP, &key, key.saddr[0] != 0 ? 58 : 1);
		packet->len = put_icmp(g, packet->bytes, at, &quoted, s);
	}
	finish(packet);
	if (percent(g, 15))
		damage(g, packet);
	if (percent(g, 15))
		pad(g, packet);
	if (percent(g, 1))
		scribble(g, packet->bytes + IP, packet->len - IP);
}
