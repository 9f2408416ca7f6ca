#include "failover/vip/arp_nd_frame.h"

#include "failover/checksum.h"

#include "tests/lib/test.h"

static const uint8_t mac[ARP_ND_FRAME_MAC_BYTES] = { 2, 0, 0, 0, 0, 9 };
static const uint8_t v4[4] = { 10, 0, 0, 100 };
static const uint8_t v6[16] = { 0xfd, [15] = 0x64 };

/* As on the wire: RFC 826, sender and target both the address announced. */
static const uint8_t request[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0,
	0, 0, 9, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 9, 10, 0, 0, 100,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 10, 0, 0, 100 };

static void
a_request_announces_the_address(void **state)
{
	const struct arp_nd_frame f = arp_nd_frame_announce(mac, v4, 4, false);

	(void)state;
	assert_int_equal(f.len, sizeof(request));
	assert_memory_equal(f.bytes, request, sizeof(request));
}

static void
a_reply_differs_in_the_operation_alone(void **state)
{
	struct arp_nd_frame f = arp_nd_frame_announce(mac, v4, 4, true);

	(void)state;
	assert_int_equal(f.len, sizeof(request));
	assert_int_equal(f.bytes[21], 2);
	f.bytes[21] = 1;
	assert_memory_equal(f.bytes, request, sizeof(request));
}

static uint32_t
words(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	return sum;
}

static void
an_advertisement_overrides_and_adds_up(void **state)
{
	const struct arp_nd_frame f = arp_nd_frame_announce(mac, v6, 16, false);
	uint32_t sum;

	(void)state;
	assert_int_equal(f.len, 86);
	assert_int_equal(f.bytes[12] << 8 | f.bytes[13], 0x86dd);
	assert_int_equal(f.bytes[14 + 7], 255); /* hop limit */
	assert_memory_equal(f.bytes + 14 + 8, v6, 16);
	assert_int_equal(f.bytes[54], 136);
	assert_int_equal(f.bytes[58], 0x20); /* O=1, S=0, R=0 */
	assert_memory_equal(f.bytes + 62, v6, 16);
	assert_int_equal(f.bytes[78], 2);
	assert_memory_equal(f.bytes + 80, mac, 6);
	/* RFC 1071: with the checksum in it, the sum is all ones. */
	sum = words(f.bytes + 22, 32) + 58 + 32 + words(f.bytes + 54, 32);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	assert_int_equal(sum, 0xffff);
}

/* RFC 5227 section 2.1.1: no sender address, no target hardware. */
static const uint8_t probe[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0,
	0, 9, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 10, 0, 0, 100 };

static void
a_probe_tells_no_address_of_ours(void **state)
{
	const struct arp_nd_frame f = arp_nd_frame_ask(mac, NULL, v4, 4);

	(void)state;
	assert_int_equal(f.len, sizeof(probe));
	assert_memory_equal(f.bytes, probe, sizeof(probe));
}

static void
a_solicitation_goes_to_the_node_that_is_meant(void **state)
{
	static const uint8_t head[] = { 0x33, 0x33, 0xff, 0xab, 0xcd, 0xef, 2,
		0, 0, 0, 0, 9, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 24, 58, 255 };
	static const uint8_t group[16] = { 0xff, 2, [11] = 1, 0xff, 0xab, 0xcd,
		0xef };
	static const uint8_t unspecified[16];
	static const uint8_t asked[16] = { 0xfd, [13] = 0xab, 0xcd, 0xef };
	struct arp_nd_frame f = arp_nd_frame_ask(mac, NULL, asked, 16);
	uint8_t left[2];
	uint32_t sum;

	(void)state;
	assert_int_equal(f.len, 14 + 40 + 24);
	assert_memory_equal(f.bytes, head, sizeof(head));
	assert_memory_equal(f.bytes + 22, unspecified, 16);
	assert_memory_equal(f.bytes + 38, group, 16);
	assert_int_equal(f.bytes[54], 135);
	assert_memory_equal(f.bytes + 62, asked, 16);
	/* RFC 1071: over a message that holds its own checksum it is 0. */
	sum = checksum_add(58 + 24, unspecified, 16);
	sum = checksum_add(sum, group, 16);
	checksum_put(left, checksum_add(sum, f.bytes + 54, 24));
	assert_int_equal(left[0] << 8 | left[1], 0);
}

/* Else a host that looks for duplicates of its own address finds one. */
static void
a_solicitation_may_say_who_asks(void **state)
{
	static const uint8_t group[16] = { 0xff, 2, [11] = 1, 0xff, [15] = 2 };
	static const uint8_t asked[16] = { 0xfd, [15] = 2 };
	const struct arp_nd_frame f = arp_nd_frame_ask(mac, v6, asked, 16);
	uint32_t sum;

	(void)state;
	assert_int_equal(f.len, 14 + 40 + 32);
	assert_memory_equal(f.bytes + 22, v6, 16);
	assert_memory_equal(f.bytes + 38, group, 16);
	assert_memory_equal(f.bytes + 62, asked, 16);
	assert_int_equal(f.bytes[78], 1); /* RFC 4861 4.6.1: the source's */
	assert_int_equal(f.bytes[79], 1);
	assert_memory_equal(f.bytes + 80, mac, 6);
	sum = words(f.bytes + 22, 32) + 58 + 32 + words(f.bytes + 54, 32);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	assert_int_equal(sum, 0xffff);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_probe_tells_no_address_of_ours),
		cmocka_unit_test(a_solicitation_goes_to_the_node_that_is_meant),
		cmocka_unit_test(a_solicitation_may_say_who_asks),
		cmocka_unit_test(a_request_announces_the_address),
		cmocka_unit_test(a_reply_differs_in_the_operation_alone),
		cmocka_unit_test(an_advertisement_overrides_and_adds_up),
	};

	TEST_MAIN(tests);
}
