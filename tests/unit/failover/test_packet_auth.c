#include "core/addr.h"
#include "failover/heartbeat/packet_auth.h"
#include "tests/lib/test.h"

#include <string.h>

static const struct secret_key key = { { 1, 2, 3 } };

static struct packet_auth
between(const char *self, const char *other)
{
	union addr a, b;

	assert_int_equal(secret_init(), 0);
	assert_int_equal(addr_parse_ip(self, &a), 0);
	assert_int_equal(addr_parse_ip(other, &b), 0);
	return packet_auth_init(&key, &a, &b);
}

static void
what_one_node_closes_only_the_other_opens(void **state)
{
	const struct packet_auth a = between("10.0.0.1", "10.0.0.2");
	const struct packet_auth b = between("10.0.0.2", "10.0.0.1");
	uint8_t bytes[64] = "hello";
	size_t len = packet_auth_close(&a, bytes, 5);

	(void)state;
	assert_int_equal(len, 5 + SECRET_MAC_BYTES);
	assert_true(packet_auth_is_good(&b, bytes, len));
	assert_false(packet_auth_is_good(&a, bytes, len)); /* reflected */
	for (size_t i = 0; i < len; i++) {
		bytes[i] ^= 1;
		assert_false(packet_auth_is_good(&b, bytes, len));
		bytes[i] ^= 1;
	}
	assert_false(packet_auth_is_good(&b, bytes, len - 1));
	assert_false(packet_auth_is_good(&b, bytes, 3));
}

static void
both_nodes_call_things_alike(void **state)
{
	const struct packet_auth a = between("fd00::1", "fd00::2");
	const struct packet_auth b = between("fd00::2", "fd00::1");

	(void)state;
	assert_true(a.cluster == b.cluster && a.key_id == b.key_id);
	assert_true(a.self == b.other && a.other == b.self);
	assert_true(a.self != a.other);
	assert_int_equal(packet_auth_name_id(&key, "main"),
	    packet_auth_name_id(&key, "main"));
	assert_true(packet_auth_name_id(&key, "main") !=
	    packet_auth_name_id(&key, "mail"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_one_node_closes_only_the_other_opens),
		cmocka_unit_test(both_nodes_call_things_alike),
	};

	TEST_MAIN(tests);
}
