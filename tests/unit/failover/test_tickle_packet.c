#include "failover/connsync/tickle_packet.h"

#include "core/addr.h"
#include "core/conn_record.h"
#include "tests/lib/test.h"

static struct conn_record_end
end(const char *text)
{
	union addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return conn_record_end_of(&a);
}

/* Checksums as tshark 4.0 calculates them for these very packets. */
static const uint8_t v4[] = { 0x45, 0, 0, 40, 0, 0, 0x40, 0, 255, 6, 0x67, 0x3a,
	10, 0, 0, 100, 10, 0, 0, 50, 0, 80, 0x9c, 0x40, 0, 0, 0, 0, 0, 0, 0, 0,
	0x50, 0x10, 0x20, 0xd1, 0xdd, 0xdd, 0, 0 };

static void
an_ipv4_ack_is_these_bytes(void **state)
{
	const struct conn_record_end from = end("10.0.0.100:80");
	const struct conn_record_end to = end("10.0.0.50:40000");
	const struct tickle_packet s = tickle_packet_ack(&from, &to);

	(void)state;
	assert_int_equal(s.len, sizeof(v4));
	assert_memory_equal(s.bytes, v4, sizeof(v4));
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
an_ipv6_ack_adds_up(void **state)
{
	const struct conn_record_end from = end("[fd77::100]:80");
	const struct conn_record_end to = end("[fd77::32]:40000");
	const struct tickle_packet s = tickle_packet_ack(&from, &to);
	uint32_t sum;

	(void)state;
	assert_int_equal(s.len, 60);
	assert_int_equal(s.bytes[0], 0x60);
	assert_int_equal(s.bytes[5], 20); /* payload length */
	assert_int_equal(s.bytes[6], 6);  /* TCP */
	assert_int_equal(s.bytes[7], 255);
	assert_memory_equal(s.bytes + 8, from.ip, 16);
	assert_memory_equal(s.bytes + 24, to.ip, 16);
	assert_int_equal(s.bytes[40] << 8 | s.bytes[41], 80);
	assert_int_equal(s.bytes[42] << 8 | s.bytes[43], 40000);
	assert_int_equal(words(s.bytes + 44, 8), 0); /* both numbers */
	assert_int_equal(s.bytes[52], 0x50);         /* no options */
	assert_int_equal(s.bytes[53], 0x10);         /* ACK alone */
	/* RFC 8200 section 8.1: the pseudo-header and all of TCP make -0. */
	sum = words(s.bytes + 8, 32) + 6 + 20 + words(s.bytes + 40, 20);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	assert_int_equal(sum, 0xffff);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ipv4_ack_is_these_bytes),
		cmocka_unit_test(an_ipv6_ack_adds_up),
	};

	TEST_MAIN(tests);
}
