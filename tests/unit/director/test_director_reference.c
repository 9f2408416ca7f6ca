#include "tests/ingress/director_reference.h"

#include "director/bpf/director_slot.h"
#include "tests/ingress/ingress_packets.h"
#include "tests/ingress/packet_bytes.h"
#include "tests/lib/test.h"

#include <arpa/inet.h>
#include <string.h>

/* 10.1.0.7:40000 at the service 10.0.0.100:21050, by 10.0.0.100:10240 to
 * 10.2.0.1:21051. */
enum {
	IP = 14,
	TCP = IP + 20,
	ISN = 1000,
};

struct fixture {
	struct director_reference r;
	struct director_reference_entry entries[2];
	struct director_reference_listen listens[2];
	struct director_bpf_slot slot;
	struct director_reference_packet packet;
	struct director_reference_result result;
};

static void
put_v4(uint32_t addr[4], uint32_t host)
{
	addr[2] = htonl(0xffff);
	addr[3] = htonl(host);
}

static int
begin(void **state)
{
	static struct fixture f;
	struct director_slot_route route = {
		.client = { .sport = htons(40000), .dport = htons(21050) },
		.server = { .sport = htons(10240), .dport = htons(21051) },
		.server_ifindex = 3,
		.client_isn = ISN,
		.flags = DIRECTOR_BPF_SYN_SENT | DIRECTOR_BPF_SYN_ACK |
		    DIRECTOR_BPF_FIRST_BYTE,
	};

	put_v4(route.client.saddr, 0x0a010007);
	put_v4(route.client.daddr, 0x0a000064);
	put_v4(route.server.saddr, 0x0a000064);
	put_v4(route.server.daddr, 0x0a020001);
	f = (struct fixture){ 0 };
	director_slot_fill(&f.slot, &route);
	for (unsigned i = 0; i < 2; i++) {
		f.entries[i].key = director_slot_key(&route, i);
		f.entries[i].word = DIRECTOR_BPF_ENTRY(0, i);
		put_v4(f.listens[i].listen.addr, 0x0a000064);
	}
	f.listens[1].listen.port = htons(21050);
	f.listens[1].service.service = 5;
	f.r = (struct director_reference){
		.entries = f.entries,
		.n_entries = 2,
		.slots = &f.slot,
		.n_slots = 1,
		.listens = f.listens,
		.n_listens = 2,
		.ifindex = 9,
		.events_free = 4096,
		.closed_free = 4096,
	};
	*state = &f;
	return 0;
}

/* Ethernet and IPv4, whose upper layer is `len` bytes. */
static void
put_ip(struct fixture *f, uint8_t protocol, uint32_t saddr, uint32_t len)
{
	uint8_t *ip = f->packet.bytes + IP;

	memset(f->packet.bytes, 0, sizeof(f->packet.bytes));
	packet_bytes_put16(f->packet.bytes + 12, 0x0800);
	ip[0] = 0x45;
	packet_bytes_put16(ip + 2, 20 + len);
	ip[8] = 64;
	ip[9] = protocol;
	packet_bytes_put32(ip + 12, saddr);
	packet_bytes_put32(ip + 16, 0x0a000064);
	packet_bytes_put16(
	    ip + 10, packet_bytes_checksum(packet_bytes_sum(ip, 20)));
	f->packet.len = TCP + len;
}

static void
put_segment(struct fixture *f, uint16_t port, uint8_t bits, uint32_t payload)
{
	uint8_t *tcp = f->packet.bytes + TCP;

	put_ip(f, 6, 0x0a010007, 20 + payload);
	packet_bytes_put16(tcp, port);
	packet_bytes_put16(tcp + 2, 21050);
	packet_bytes_put32(tcp + 4, ISN + 1);
	tcp[12] = 0x50;
	tcp[13] = bits;
	packet_bytes_put16(tcp + 16,
	    packet_bytes_checksum(packet_bytes_sum(tcp, 20 + payload) + 6 + 20 +
	        payload + packet_bytes_sum(f->packet.bytes + IP + 12, 8)));
	assert_true(ingress_packets_is_sound(&f->packet));
}

static void
run(struct fixture *f)
{
	director_reference_run(&f->r, &f->packet, &f->result);
}

static void
a_strangers_syn_is_reported_and_goes_no_further(void **state)
{
	struct fixture *f = *state;

	put_segment(f, 40001, 0x02, 3);
	run(f);
	assert_int_equal(f->result.verdict, DIRECTOR_REFERENCE_DROP);
	assert_int_equal(f->result.event.kind, DIRECTOR_BPF_EVENT_SYN);
	assert_int_equal(f->result.event.slot, DIRECTOR_BPF_NO_SLOT);
	assert_int_equal(f->result.event.service, 5);
	assert_int_equal(f->result.event.ifindex, 9);
	assert_int_equal(f->result.event.len, 40);
	assert_memory_equal(f->result.event.headers, f->packet.bytes + IP, 40);
	assert_int_equal(f->r.counters[DIRECTOR_BPF_COUNT_SYN], 1);
}

static void
a_segment_goes_on_to_the_server_in_other_words(void **state)
{
	struct fixture *f = *state;
	const uint8_t *ip = f->packet.bytes + IP;

	put_segment(f, 40000, 0x10, 7);
	run(f);
	assert_int_equal(f->result.verdict, DIRECTOR_REFERENCE_REDIRECT);
	assert_int_equal(f->result.ifindex, 3);
	assert_true(ingress_packets_is_sound(&f->packet));
	assert_int_equal(ip[8], 63);
	assert_int_equal(packet_bytes_get32(ip + 12), 0x0a000064);
	assert_int_equal(packet_bytes_get32(ip + 16), 0x0a020001);
	assert_int_equal(packet_bytes_get16(ip + 20), 10240);
	assert_int_equal(packet_bytes_get16(ip + 22), 21051);
	assert_int_equal(f->slot.bytes[DIRECTOR_BPF_FROM_CLIENT], 7);
	assert_int_equal(f->slot.packets[DIRECTOR_BPF_FROM_CLIENT], 1);
	assert_int_equal(f->slot.seq_end[DIRECTOR_BPF_FROM_CLIENT], ISN + 8);
}

/* Otherwise a silent client would be taken for one that speaks. */
static void
what_a_short_frame_is_padded_with_is_no_payload(void **state)
{
	struct fixture *f = *state;

	put_segment(f, 40000, 0x10, 0);
	f->packet.len = 60;
	run(f);
	assert_int_equal(f->result.verdict, DIRECTOR_REFERENCE_DROP);
	assert_int_equal(f->r.counters[DIRECTOR_BPF_COUNT_HELD], 1);
	assert_int_equal(f->slot.seq_end[DIRECTOR_BPF_FROM_CLIENT], ISN + 1);
}

static void
a_fragment_is_dropped_where_a_service_is(void **state)
{
	struct fixture *f = *state;

	put_segment(f, 40000, 0x10, 0);
	f->packet.bytes[IP + 6] = 0x20;
	run(f);
	assert_int_equal(f->result.verdict, DIRECTOR_REFERENCE_DROP);
	f->packet.bytes[IP + 19]++;
	run(f);
	assert_int_equal(f->result.verdict, DIRECTOR_REFERENCE_STACK);
	assert_int_equal(f->r.counters[DIRECTOR_BPF_COUNT_FRAGMENT], 1);
}

static void
what_is_another_hosts_is_left_alone(void **state)
{
	struct fixture *f = *state;

	put_segment(f, 40000, 0x10, 7);
	f->packet.bytes[5] = 1;
	run(f);
	assert_int_equal(f->result.verdict, DIRECTOR_REFERENCE_STACK);
	assert_int_equal(f->result.touched, DIRECTOR_BPF_NO_SLOT);
}

/* A router behind us says that our packet to the server was too large: the
 * client hears it, about the packet that it has sent. */
static void
too_big_is_told_to_who_has_sent_it(void **state)
{
	struct fixture *f = *state;
	uint8_t *ip = f->packet.bytes + IP, *icmp = ip + 20, *quoted = icmp + 8;

	put_ip(f, 1, 0x0a0200fe, 8 + 28);
	memcpy(icmp, (const uint8_t[]){ 3, 4, 0, 0, 0, 0, 0x05, 0x00 }, 8);
	memcpy(quoted,
	    (const uint8_t[]){ 0x45, 0, 5, 0xdc, 0, 0, 0x40, 0, 63, 6 }, 10);
	packet_bytes_put32(quoted + 12, 0x0a000064);
	packet_bytes_put32(quoted + 16, 0x0a020001);
	packet_bytes_put16(
	    quoted + 10, packet_bytes_checksum(packet_bytes_sum(quoted, 20)));
	packet_bytes_put16(quoted + 20, 10240);
	packet_bytes_put16(quoted + 22, 21051);
	packet_bytes_put32(quoted + 24, ISN + 1);
	packet_bytes_put16(
	    icmp + 2, packet_bytes_checksum(packet_bytes_sum(icmp, 8 + 28)));
	run(f);
	assert_int_equal(f->result.verdict, DIRECTOR_REFERENCE_REDIRECT);
	assert_true(ingress_packets_is_sound(&f->packet));
	assert_int_equal(packet_bytes_get32(ip + 12), 0x0a000064);
	assert_int_equal(packet_bytes_get32(ip + 16), 0x0a010007);
	assert_int_equal(packet_bytes_get16(icmp + 6), 1280);
	assert_int_equal(
	    packet_bytes_checksum(packet_bytes_sum(quoted, 20)), 0);
	assert_int_equal(packet_bytes_get32(quoted + 12), 0x0a010007);
	assert_int_equal(packet_bytes_get32(quoted + 16), 0x0a000064);
	assert_int_equal(packet_bytes_get16(quoted + 20), 40000);
	assert_int_equal(packet_bytes_get16(quoted + 22), 21050);
}

/* A seed is a test that can be run again. */
static void
the_same_seed_gives_the_same_packets(void **state)
{
	static struct ingress_packets one, two;
	static struct director_reference r;
	static struct director_reference_packet a, b;

	(void)state;
	ingress_packets_start(&one, 7, &r);
	ingress_packets_start(&two, 7, &r);
	for (unsigned i = 0; i < 100; i++) {
		ingress_packets_next(&one, &a);
		ingress_packets_next(&two, &b);
		assert_int_equal(a.len, b.len);
		assert_memory_equal(a.bytes, b.bytes, a.len);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    a_strangers_syn_is_reported_and_goes_no_further, begin),
		cmocka_unit_test_setup(
		    a_segment_goes_on_to_the_server_in_other_words, begin),
		cmocka_unit_test_setup(
		    what_a_short_frame_is_padded_with_is_no_payload, begin),
		cmocka_unit_test_setup(
		    a_fragment_is_dropped_where_a_service_is, begin),
		cmocka_unit_test_setup(
		    what_is_another_hosts_is_left_alone, begin),
		cmocka_unit_test_setup(
		    too_big_is_told_to_who_has_sent_it, begin),
		cmocka_unit_test(the_same_seed_gives_the_same_packets),
	};

	TEST_MAIN(tests);
}
