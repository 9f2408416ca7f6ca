#include "director/director_packet.h"

#include "tests/ingress/packet_bytes.h"
#include "tests/lib/test.h"

#include <string.h>

#define MAPPED(a, b, c, d)                                                     \
	{                                                                      \
		[10] = 0xff, [11] = 0xff, [12] = (a), [13] = (b), [14] = (c),  \
		[15] = (d)                                                     \
	}

/* A SYN from 10.0.0.1:40000 to 10.0.0.100:80, with options. */
static const uint8_t syn[] = {
	/* clang-format off */
	0x45, 0, 0, 64, 0x12, 0x34, 0x40, 0, 61, 6, 0xde, 0xad,
	10, 0, 0, 1, 10, 0, 0, 100,
	0x9c, 0x40, 0, 80, 1, 2, 3, 4, 0, 0, 0, 0, 0xb0, 2, 0xff, 0xff,
	0xbe, 0xef, 0, 0,
	2, 4, 5, 0xb4,             /* MSS 1460 */
	30, 12, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, /* MPTCP */
	34, 2, 1, 1,               /* Fast Open: asks for a cookie */
	3, 3, 7, 0,                /* window scale */
	/* clang-format on */
};

static const struct conn_tuple v4 = { .src = MAPPED(10, 0, 0, 1),
	.dst = MAPPED(10, 0, 0, 100),
	.sport = 40000,
	.dport = 80 };

static const struct conn_tuple v6 = { .src = { 0xfd, [15] = 1 },
	.dst = { 0xfd, [15] = 2 },
	.sport = 7,
	.dport = 9 };

/* Every sum that is to be 0xffff is. */
static void
assert_sound(const struct director_packet *p)
{
	const uint32_t header = p->is_v6 ? 40 : (p->bytes[0] & 15) * 4U;
	const uint32_t segment = p->len - header;
	const uint32_t addrs = p->is_v6 ? packet_bytes_sum(p->bytes + 8, 32)
	                                : packet_bytes_sum(p->bytes + 12, 8);

	assert_int_equal(packet_bytes_checksum(addrs + 6 + segment +
	                     packet_bytes_sum(p->bytes + header, segment)),
	    0);
	if (!p->is_v6)
		assert_int_equal(
		    packet_bytes_checksum(packet_bytes_sum(p->bytes, header)),
		    0);
}

static void
a_syn_is_read(void **state)
{
	struct conn_tuple t;
	uint32_t isn;

	(void)state;
	assert_true(director_packet_read_syn(syn, sizeof(syn), &t, &isn));
	assert_memory_equal(&t, &v4, sizeof(t));
	assert_int_equal(isn, 0x01020304);
}

static void
what_is_not_whole_is_none(void **state)
{
	uint8_t bytes[sizeof(syn)];
	struct conn_tuple t;
	uint32_t isn;

	(void)state;
	for (uint32_t len = 0; len < sizeof(syn); len++)
		assert_false(director_packet_read_syn(syn, len, &t, &isn));
	memcpy(bytes, syn, sizeof(syn));
	bytes[0] = 0x41; /* a header of 4 bytes */
	assert_false(director_packet_read_syn(bytes, sizeof(bytes), &t, &isn));
	memcpy(bytes, syn, sizeof(syn));
	bytes[9] = 17;
	assert_false(director_packet_read_syn(bytes, sizeof(bytes), &t, &isn));
}

static void
a_syn_goes_on_without_what_two_would_agree_on(void **state)
{
	struct director_packet p;
	uint8_t nothing[16];

	(void)state;
	director_packet_make_syn(syn, sizeof(syn), 0, &p);
	assert_sound(&p);
	assert_int_equal(p.len, sizeof(syn));
	memset(nothing, 1, sizeof(nothing));
	assert_memory_equal(p.bytes + 44, nothing, 14);
	assert_memory_equal(p.bytes + 40, syn + 40, 4);
	assert_memory_equal(p.bytes + 60, syn + 60, 4);
	assert_memory_equal(p.bytes, syn, 10);
}

static void
the_mss_is_bounded(void **state)
{
	struct director_packet p;

	(void)state;
	director_packet_make_syn(syn, sizeof(syn), 1200, &p);
	assert_int_equal(packet_bytes_get16(p.bytes + 42), 1200);
	assert_sound(&p);
	director_packet_make_syn(syn, sizeof(syn), 9000, &p);
	assert_int_equal(packet_bytes_get16(p.bytes + 42), 1460);
}

/* Options that lie about their length are left as they are. */
static void
odd_options_are_survived(void **state)
{
	uint8_t bytes[sizeof(syn)];
	struct director_packet p;

	(void)state;
	for (unsigned at = 40; at < sizeof(syn); at++)
		for (unsigned value = 0; value < 256; value++) {
			memcpy(bytes, syn, sizeof(syn));
			bytes[at] = (uint8_t)value;
			director_packet_make_syn(bytes, sizeof(bytes), 100, &p);
			assert_sound(&p);
		}
}

static void
segments_are_sound(void **state)
{
	const struct director_packet_segment s[] = {
		{ .tuple = v4, .flags = DIRECTOR_PACKET_RST, .seq = 77 },
		{ .tuple = v6,
		    .flags = DIRECTOR_PACKET_RST | DIRECTOR_PACKET_ACK,
		    .seq = 77,
		    .ack = 78 },
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(s); i++) {
		const uint8_t *tcp;
		struct director_packet p;

		director_packet_make_segment(&s[i], &p);
		assert_sound(&p);
		tcp = p.bytes + (p.is_v6 ? 40 : 20);
		assert_int_equal(p.is_v6, i == 1);
		assert_int_equal(packet_bytes_get16(tcp), s[i].tuple.sport);
		assert_int_equal(packet_bytes_get16(tcp + 2), s[i].tuple.dport);
		assert_int_equal(packet_bytes_get32(tcp + 4), 77);
		assert_int_equal(packet_bytes_get32(tcp + 8), s[i].ack);
		assert_int_equal(tcp[13], s[i].flags);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_syn_is_read),
		cmocka_unit_test(what_is_not_whole_is_none),
		cmocka_unit_test(a_syn_goes_on_without_what_two_would_agree_on),
		cmocka_unit_test(the_mss_is_bounded),
		cmocka_unit_test(odd_options_are_survived),
		cmocka_unit_test(segments_are_sound),
	};

	TEST_MAIN(tests);
}
