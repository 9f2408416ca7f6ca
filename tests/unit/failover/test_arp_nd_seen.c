#include "failover/vip/arp_nd_seen.h"
#include "tests/lib/test.h"

#include <string.h>

static const uint8_t mac[ARP_ND_FRAME_MAC_BYTES] = { 2, 0, 0, 0, 0, 9 };
static const uint8_t unsaid[ARP_ND_FRAME_MAC_BYTES];
static const uint8_t v4[4] = { 10, 0, 0, 100 };
static const uint8_t v6[16] = { 0xfd, [13] = 0xab, 0xcd, 0xef };

static void
an_announcement_and_an_answer_show_their_sender(void **state)
{
	const struct arp_nd_frame frames[] = { arp_nd_frame_announce(
		                                   mac, v4, 4, false),
		arp_nd_frame_announce(mac, v4, 4, true) };
	struct arp_nd_seen s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
		assert_true(
		    arp_nd_seen_read_arp(frames[i].bytes, frames[i].len, &s));
		assert_int_equal(s.addr.sa.sa_family, AF_INET);
		assert_memory_equal(&s.addr.in.sin_addr, v4, 4);
		assert_memory_equal(s.mac, mac, sizeof(mac));
	}
}

static void
what_shows_nothing_is_not_read(void **state)
{
	struct arp_nd_frame f = arp_nd_frame_announce(mac, v4, 4, true);
	const struct arp_nd_frame probe = arp_nd_frame_ask(mac, NULL, v4, 4);
	struct arp_nd_seen s;

	(void)state;
	assert_false(arp_nd_seen_read_arp(probe.bytes, probe.len, &s));
	for (size_t len = 0; len < 32; len++)
		assert_false(arp_nd_seen_read_arp(f.bytes, len, &s));
	f.bytes[21] = 3; /* RARP */
	assert_false(arp_nd_seen_read_arp(f.bytes, f.len, &s));
	f = arp_nd_frame_announce(mac, v4, 4, true);
	f.bytes[13] = 0; /* IPv4, no ARP */
	assert_false(arp_nd_seen_read_arp(f.bytes, f.len, &s));
}

static void
an_advertisement_shows_its_target(void **state)
{
	const struct arp_nd_frame f = arp_nd_frame_announce(mac, v6, 16, false);
	const uint8_t *message = f.bytes + 54;
	const size_t len = f.len - 54;
	struct arp_nd_seen s;

	(void)state;
	assert_true(arp_nd_seen_read_advert(message, len, &s));
	assert_int_equal(s.addr.sa.sa_family, AF_INET6);
	assert_memory_equal(&s.addr.in6.sin6_addr, v6, 16);
	assert_memory_equal(s.mac, mac, sizeof(mac));
	/* Without the option it does not say whose it is. */
	assert_true(arp_nd_seen_read_advert(message, 24, &s));
	assert_memory_equal(s.mac, unsaid, sizeof(unsaid));
	for (size_t cut = 0; cut < len; cut++)
		if (cut != 24)
			assert_false(arp_nd_seen_read_advert(message, cut, &s));
}

static void
an_option_without_a_length_is_no_option(void **state)
{
	struct arp_nd_frame f = arp_nd_frame_announce(mac, v6, 16, false);
	struct arp_nd_seen s;

	(void)state;
	f.bytes[54 + 25] = 0;
	assert_false(arp_nd_seen_read_advert(f.bytes + 54, f.len - 54, &s));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    an_announcement_and_an_answer_show_their_sender),
		cmocka_unit_test(what_shows_nothing_is_not_read),
		cmocka_unit_test(an_advertisement_shows_its_target),
		cmocka_unit_test(an_option_without_a_length_is_no_option),
	};

	TEST_MAIN(tests);
}
