#include "core/buf.h"
#include "failover/election/hello.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>

static struct hello
example(void)
{
	struct hello h = { .type = HELLO_CHALLENGE,
		.key_id = 3,
		.cluster = 0x0102030405060708,
		.sender = 9,
		.sender_boot = { { 1, 2 } },
		.echo_boot = { { 3, 4 } },
		.nonce = 5,
		.echo_nonce = 6,
		.seq = 7,
		.echo_seq = 8,
		.interval_ms = 20,
		.misses = 3,
		.resigning = true,
		.config_hash = { 0xaa },
		.n_groups = 2 };

	h.groups[0] = (struct hello_group){ .id = 11,
		.state = ELECTION_MASTER,
		.held = true,
		.hands_over = true,
		.priority = 150,
		.term = 12,
		.mac = { 2, 0, 0, 0, 0, 9 } };
	h.groups[1] = (struct hello_group){
		.id = 12, .state = ELECTION_FAULT, .priority = 1
	};
	return h;
}

static size_t
encode(const struct hello *h, uint8_t bytes[static HELLO_BYTES_MAX])
{
	struct buf b = buf_writer(bytes, HELLO_BYTES_MAX);

	hello_encode(&b, h);
	assert_false(b.bad);
	return b.pos;
}

static int
decode(const uint8_t *bytes, size_t len, struct hello *ret)
{
	struct buf b = buf_reader(bytes, len);

	return hello_decode(&b, ret);
}

static void
what_is_said_is_what_is_heard(void **state)
{
	const struct hello said = example();
	uint8_t bytes[HELLO_BYTES_MAX], again[HELLO_BYTES_MAX];
	struct hello heard;
	size_t len = encode(&said, bytes);

	(void)state;
	assert_int_equal(len, HELLO_HEAD_BYTES + 2 * HELLO_GROUP_BYTES);
	assert_int_equal(decode(bytes, len, &heard), 0);
	assert_int_equal(encode(&heard, again), len);
	assert_memory_equal(bytes, again, len);
	assert_int_equal(heard.type, HELLO_CHALLENGE);
	assert_true(heard.resigning);
	assert_true(heard.groups[0].held);
	assert_true(heard.groups[0].hands_over);
	assert_int_equal(heard.groups[0].mac[5], 9);
	assert_int_equal(heard.groups[0].term, 12);
	assert_int_equal(hello_find(&heard, 12)->state, ELECTION_FAULT);
	assert_null(hello_find(&heard, 13));
}

static void
every_other_length_is_refused(void **state)
{
	const struct hello said = example();
	uint8_t bytes[HELLO_BYTES_MAX + 1] = { 0 };
	struct hello heard;
	size_t len = encode(&said, bytes);

	(void)state;
	for (size_t n = 0; n <= len + 1; n++)
		assert_int_equal(
		    decode(bytes, n, &heard), n == len ? 0 : -EBADMSG);
}

static const struct row {
	const char *name;
	size_t at;
	uint8_t value;
} bad_bytes[] = {
	{ "magic", 0, 'h' },
	{ "version", 4, 1 },
	{ "no type", 5, 0 },
	{ "unknown type", 5, 3 },
	{ "17 groups", 7, 17 },
	{ "interval", 88, 0xff },
	{ "misses", 90, 0 },
	{ "unknown flag", 91, 2 },
	{ "state", HELLO_HEAD_BYTES + 4, 4 },
	{ "group flag", HELLO_HEAD_BYTES + 5, 8 },
	{ "a fault that hands over", HELLO_HEAD_BYTES + HELLO_GROUP_BYTES + 5,
	    2 },
	{ "a fault that is deaf", HELLO_HEAD_BYTES + HELLO_GROUP_BYTES + 5, 4 },
	{ "priority 0", HELLO_HEAD_BYTES + 6, 0 },
	{ "priority 255", HELLO_HEAD_BYTES + 6, 255 },
	{ "reserved", HELLO_HEAD_BYTES + 7, 1 },
	{ "a fault that has served", HELLO_HEAD_BYTES + HELLO_GROUP_BYTES + 23,
	    1 },
	{ "served for ever", HELLO_HEAD_BYTES + 22, 255 },
	{ "a group twice", HELLO_HEAD_BYTES + HELLO_GROUP_BYTES + 3, 11 },
};

static void
what_no_peer_of_ours_says_is_refused(void **state)
{
	const struct hello said = example();
	uint8_t bytes[HELLO_BYTES_MAX];
	struct hello heard;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_bytes); i++) {
		size_t len = encode(&said, bytes);

		test_row(bad_bytes[i].name);
		bytes[bad_bytes[i].at] = bad_bytes[i].value;
		assert_int_equal(decode(bytes, len, &heard), -EBADMSG);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_said_is_what_is_heard),
		cmocka_unit_test(every_other_length_is_refused),
		cmocka_unit_test(what_no_peer_of_ours_says_is_refused),
	};

	TEST_MAIN(tests);
}
