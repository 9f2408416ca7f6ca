#include "core/addr.h"
#include "failover/handover/ip_packet.h"
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

/*
 * A SYN of Linux from 10.0.0.50:40000 to 10.0.0.100:80; two bytes of padding.
 */
static const uint8_t v4[] = { 0x45, 0, 0, 44, 0x12, 0x34, 0x40, 0, 64, 6, 0x14,
	0x03, 10, 0, 0, 50, 10, 0, 0, 100, 0x9c, 0x40, 0, 80, 1, 2, 3, 4, 0, 0,
	0, 0, 0x60, 0x02, 0xfa, 0xf0, 0, 0, 0, 0, 2, 4, 5, 0xb4, 0, 0 };

static void
ipv6_syn(uint8_t ip[static 60])
{
	memset(ip, 0, 60);
	ip[0] = 0x60;
	ip[5] = 20;
	ip[6] = 6;
	ip[7] = 64;
	ip[8] = ip[24] = 0xfd;
	ip[23] = 50;
	ip[39] = 100;
	ip[52] = 0x50;
	ip[53] = 0x02;
}

static void
only_the_first_packet_of_a_client_is_a_syn(void **state)
{
	static const struct {
		uint8_t flags;
		bool syn;
	} rows[] = { { 0x02, true }, { 0xc2, true }, { 0x12, false },
		{ 0x10, false }, { 0x04, false }, { 0x11, false } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t a[sizeof(v4)], b[60];

		memcpy(a, v4, sizeof(a));
		ipv6_syn(b);
		a[33] = b[53] = rows[i].flags;
		assert_int_equal(ip_packet_is_syn(a, sizeof(a)), rows[i].syn);
		assert_int_equal(ip_packet_is_syn(b, sizeof(b)), rows[i].syn);
	}
}

/* A header that is longer than what came: its flags are not there to see. */
static void
flags_beyond_the_end_are_not_looked_at(void **state)
{
	uint8_t a[IP_PACKET_BYTES_MIN];

	(void)state;
	memcpy(a, v4, sizeof(a));
	a[0] = 0x4f; /* 60 bytes of IP header */
	assert_false(ip_packet_is_syn(a, sizeof(a)));
}

static void
where_it_goes_is_read_from_either_header(void **state)
{
	uint8_t b[60];
	char text[ADDR_TEXT_MAX];
	union addr to;

	(void)state;
	to = ip_packet_dest(v4);
	addr_format_ip(&to, text);
	assert_text(text, "10.0.0.100");
	ipv6_syn(b);
	to = ip_packet_dest(b);
	addr_format_ip(&to, text);
	assert_text(text, "fd00::64");
}

static void
padding_is_not_the_packets(void **state)
{
	uint8_t a[sizeof(v4)], b[60];

	(void)state;
	memcpy(a, v4, sizeof(a));
	ipv6_syn(b);
	assert_int_equal(ip_packet_len(a, sizeof(a)), 44);
	assert_int_equal(ip_packet_len(b, sizeof(b)), 60);
	assert_int_equal(ip_packet_len(a, 43), 0);
	a[2] = 0xff;
	assert_int_equal(ip_packet_len(a, sizeof(a)), 0);
}

/* The pseudo-header's sum stands in the field, as the kernel leaves it. */
static void
a_checksum_left_to_hardware_is_finished(void **state)
{
	uint8_t a[sizeof(v4)], odd[sizeof(v4)];

	(void)state;
	memcpy(a, v4, sizeof(a));
	/* 0a00+0032+0a00+0064+6+24 */
	a[36] = 0x14;
	a[37] = 0xb4;
	assert_true(ip_packet_finish_checksum(a, 44, 20, 16));
	/* As tshark 4.0 calculates it for this very packet. */
	assert_int_equal(a[36] << 8 | a[37], 0xe809);
	/* An odd last byte counts as one with a zero after it. */
	memcpy(a, v4, sizeof(a));
	a[43] = 0;
	assert_true(ip_packet_finish_checksum(a, 44, 20, 16));
	memcpy(odd, v4, sizeof(odd));
	assert_true(ip_packet_finish_checksum(odd, 43, 20, 16));
	assert_memory_equal(a + 36, odd + 36, 2);
}

static void
a_checksum_outside_of_the_packet_is_refused(void **state)
{
	static const struct {
		size_t start, at;
	} rows[] = { { 45, 0 }, { 20, 23 }, { 44, 0 }, { 20, SIZE_MAX },
		{ SIZE_MAX, 16 } };
	uint8_t a[sizeof(v4)];

	(void)state;
	memcpy(a, v4, sizeof(a));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_false(ip_packet_finish_checksum(
		    a, 44, rows[i].start, rows[i].at));
	assert_memory_equal(a, v4, sizeof(a));
	assert_false(ip_packet_finish_checksum(a, 0, 20, 16));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_first_packet_of_a_client_is_a_syn),
		cmocka_unit_test(flags_beyond_the_end_are_not_looked_at),
		cmocka_unit_test(where_it_goes_is_read_from_either_header),
		cmocka_unit_test(padding_is_not_the_packets),
		cmocka_unit_test(a_checksum_left_to_hardware_is_finished),
		cmocka_unit_test(a_checksum_outside_of_the_packet_is_refused),
	};

	TEST_MAIN(tests);
}
