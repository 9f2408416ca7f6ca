#include "core/addr.h"
#include "failover/heartbeat/packet_auth.h"
#include "tests/lib/test.h"

#include <string.h>

static const struct secret_keys keys = { .n = 2,
	.all = { { { 1, 2, 3 } }, { { 4, 5, 6 } } } };

static struct packet_auth
between(const char *self, const char *other)
{
	union addr a, b;

	assert_int_equal(secret_init(), 0);
	assert_int_equal(addr_parse_ip(self, &a), 0);
	assert_int_equal(addr_parse_ip(other, &b), 0);
	return packet_auth_init(&keys, &a, &b);
}

static void
what_one_node_closes_only_the_other_opens(void **state)
{
	const struct packet_auth a = between("10.0.0.1", "10.0.0.2");
	const struct packet_auth b = between("10.0.0.2", "10.0.0.1");
	uint8_t bytes[64] = "hello";
	size_t len = packet_auth_close(&a.keys[0], bytes, 5);

	(void)state;
	assert_int_equal(len, 5 + SECRET_MAC_BYTES);
	assert_true(packet_auth_is_good(&b.keys[0], bytes, len));
	assert_false(packet_auth_is_good(&b.keys[1], bytes, len));
	assert_false(
	    packet_auth_is_good(&a.keys[0], bytes, len)); /* reflected */
	for (size_t i = 0; i < len; i++) {
		bytes[i] ^= 1;
		assert_false(packet_auth_is_good(&b.keys[0], bytes, len));
		bytes[i] ^= 1;
	}
	assert_false(packet_auth_is_good(&b.keys[0], bytes, len - 1));
	assert_false(packet_auth_is_good(&b.keys[0], bytes, 3));
}

static void
both_nodes_call_things_alike(void **state)
{
	const struct packet_auth a = between("fd00::1", "fd00::2");
	const struct packet_auth b = between("fd00::2", "fd00::1");
	char text[SECRET_ID_TEXT];

	(void)state;
	assert_true(a.self == b.other && a.other == b.self);
	assert_true(a.self != a.other);
	assert_true(a.keys[0].id != a.keys[1].id);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(a.keys[i].id == packet_auth_key_id(&keys.all[i]));
		assert_ptr_equal(
		    packet_auth_find(&b, a.keys[i].id), &b.keys[i]);
	}
	assert_null(packet_auth_find(&a, a.keys[0].id + 1));
	assert_int_equal(strlen(secret_id_text(a.keys[0].id, text)), 8);
	assert_int_equal(
	    packet_auth_name_id("main"), packet_auth_name_id("main"));
	assert_true(packet_auth_name_id("main") != packet_auth_name_id("mail"));
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
