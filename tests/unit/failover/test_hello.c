#include "core/buf.h"
#include "failover/election/hello.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct hello
example(void)
{
	struct hello h = { .type = HELLO_CHALLENGE,
		.key = 1,
		.keys = { 3, 0x0102030405060708 },
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
		.pause_epoch = 3,
		.pause_ms = 60000,
		.pause_own = true,
		.program = "0.2.0",
		.n_groups = 2 };

	h.groups[0] = (struct hello_group){ .id = 11,
		.state = ELECTION_MASTER,
		.held = true,
		.hands_over = true,
		.priority = 150,
		.term = 12,
		.macs = { { 2, 0, 0, 0, 0, 9 }, { 2, 0, 0, 0, 0, 8 } } };
	h.groups[1] = (struct hello_group){
		.id = 12,
		.state = ELECTION_FAULT,
		.faults = 2,
		.lacks = 0x80000001,
		.addresses = 0x12345678,
		.priority = 1,
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
	assert_int_equal(bytes[HELLO_SENDER_AT + 7], said.sender);
	assert_int_equal(decode(bytes, len, &heard), 0);
	assert_int_equal(encode(&heard, again), len);
	assert_memory_equal(bytes, again, len);
	assert_int_equal(heard.type, HELLO_CHALLENGE);
	assert_true(heard.resigning);
	assert_true(heard.groups[0].held);
	assert_true(heard.groups[0].hands_over);
	assert_int_equal(heard.groups[0].macs[0][5], 9);
	assert_int_equal(heard.groups[0].macs[1][5], 8);
	assert_int_equal(heard.groups[0].term, 12);
	assert_int_equal(hello_find(&heard, 12)->state, ELECTION_FAULT);
	assert_int_equal(heard.groups[1].faults, 2);
	assert_int_equal(heard.groups[1].lacks, 0x80000001);
	assert_int_equal(heard.groups[1].addresses, 0x12345678);
	assert_int_equal(hello_count_lacks(heard.groups[1].lacks), 2);
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
	{ "no type", 6, 0 },
	{ "unknown type", 6, 3 },
	{ "17 groups", 7, 17 },
	{ "a head that is too short", 9, HELLO_HEAD_BYTES - 1 },
	{ "a head that is too long", 9, HELLO_HEAD_BYTES + 1 },
	{ "groups that are too short", 10, HELLO_GROUP_BYTES - 1 },
	{ "groups that are too long", 10, HELLO_GROUP_BYTES + 1 },
	{ "a third key", 11, 2 },
	{ "interval", 100, 0xff },
	{ "misses", 102, 0 },
	{ "state", HELLO_HEAD_BYTES + 4, 4 },
	{ "a fault that hands over", HELLO_HEAD_BYTES + HELLO_GROUP_BYTES + 5,
	    2 },
	{ "a fault that is deaf", HELLO_HEAD_BYTES + HELLO_GROUP_BYTES + 5, 4 },
	{ "priority 0", HELLO_HEAD_BYTES + 6, 0 },
	{ "priority 255", HELLO_HEAD_BYTES + 6, 255 },
	{ "a fault that has served", HELLO_HEAD_BYTES + HELLO_GROUP_BYTES + 17,
	    1 },
	{ "served for ever", HELLO_HEAD_BYTES + 16, 255 },
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

static void
what_is_signed_with_no_key_is_refused(void **state)
{
	struct hello said = example(), heard;
	uint8_t bytes[HELLO_BYTES_MAX];

	(void)state;
	said.keys[1] = 0;
	assert_int_equal(decode(bytes, encode(&said, bytes), &heard), -EBADMSG);
}

/*
 * What a next version may write: more in the head and in each group, and flags
 * that nobody knows yet. Returns its length.
 */
static size_t
write_next(const struct hello *said, uint8_t ret[static 2 * HELLO_BYTES_MAX])
{
	uint8_t bytes[HELLO_BYTES_MAX];
	const size_t head = HELLO_HEAD_BYTES, group = HELLO_GROUP_BYTES;
	size_t len = 0;

	(void)encode(said, bytes);
	bytes[4] = HELLO_VERSION + 1;
	bytes[9] += 5;
	bytes[10] += 3;
	bytes[103] |= 0x80;
	memset(ret, 0xee, 2 * HELLO_BYTES_MAX);
	memcpy(ret, bytes, head);
	len = head + 5;
	for (unsigned i = 0; i < said->n_groups; i++) {
		memcpy(ret + len, bytes + head + i * group, group);
		ret[len + 5] |= 0x80;
		len += group + 3;
	}
	return len;
}

static void
what_a_later_version_adds_is_skipped(void **state)
{
	const struct hello said = example();
	uint8_t bytes[HELLO_BYTES_MAX], next[2 * HELLO_BYTES_MAX],
	    again[HELLO_BYTES_MAX];
	const size_t len = encode(&said, bytes),
	             longer = write_next(&said, next);
	struct hello heard;

	(void)state;
	assert_int_equal(decode(next, longer, &heard), 0);
	assert_int_equal(encode(&heard, again), len);
	assert_memory_equal(again, bytes, len);
	for (size_t n = 0; n < longer; n++)
		assert_int_equal(decode(next, n, &heard), -EBADMSG);
}

/* As before 0.2.0: its head ends where ours says which version we are. */
static void
a_head_without_a_program_is_read(void **state)
{
	struct hello said = example(), heard;
	uint8_t bytes[HELLO_BYTES_MAX], again[HELLO_BYTES_MAX];
	const size_t left = HELLO_HEAD_BYTES_LEAST;
	const size_t len =
	    encode(&said, bytes) - (HELLO_HEAD_BYTES - HELLO_HEAD_BYTES_LEAST);

	(void)state;
	memmove(bytes + left, bytes + HELLO_HEAD_BYTES, len - left);
	bytes[9] = HELLO_HEAD_BYTES_LEAST;
	assert_int_equal(decode(bytes, len, &heard), 0);
	assert_string_equal(heard.program, "");
	memset(said.program, 0, sizeof(said.program));
	(void)encode(&said, bytes);
	assert_int_equal(encode(&heard, again), len + HELLO_PROGRAM_BYTES);
	assert_memory_equal(again, bytes, len + HELLO_PROGRAM_BYTES);
	/* A part of it is none. */
	bytes[9] = HELLO_HEAD_BYTES_LEAST + 7;
	assert_int_equal(decode(bytes, len, &heard), -EBADMSG);
}

/* It is for people, and no reason not to hear who signs it. */
static void
a_program_that_nobody_can_print_is_none(void **state)
{
	static const char *const odd[] = { "0.2.0 ", "\0330m", "0\x80",
		"0.2.0\n" };
	struct hello said = example(), heard;
	uint8_t bytes[HELLO_BYTES_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		(void)snprintf(
		    said.program, sizeof(said.program), "%s", odd[i]);
		assert_int_equal(
		    decode(bytes, encode(&said, bytes), &heard), 0);
		assert_string_equal(heard.program, "");
	}
	memset(said.program, 'v', sizeof(said.program)); /* without an end */
	assert_int_equal(decode(bytes, encode(&said, bytes), &heard), 0);
	assert_int_equal(strlen(heard.program), HELLO_PROGRAM_BYTES - 1);
}

static void
versions_out_of_reach_are_told_from_noise(void **state)
{
	const struct hello said = example();
	uint8_t bytes[HELLO_BYTES_MAX];
	const size_t len = encode(&said, bytes);
	struct hello heard;

	(void)state;
	bytes[4] = HELLO_VERSION + 9;
	bytes[5] = HELLO_VERSION + 1; /* it means something else by our bytes */
	assert_int_equal(decode(bytes, len, &heard), -EPROTO);
	bytes[4] = bytes[5] = HELLO_VERSION_LEAST - 1;
	assert_int_equal(decode(bytes, len, &heard), -EPROTO);
	bytes[0] ^= 1;
	assert_int_equal(decode(bytes, len, &heard), -EBADMSG);
}

static void
what_goes_on_is_no_news(void **state)
{
	const struct hello before = example();
	struct hello now = before;

	(void)state;
	now.seq++;
	now.nonce++;
	now.echo_seq++;
	now.pause_ms -= 20;
	now.groups[0].served_ms = 20;
	assert_true(hello_says_same(&now, &before));
	now.pause_ms = before.pause_ms + 1;
	assert_false(hello_says_same(&now, &before));
}

static void
each_word_is_news(void **state)
{
	const struct hello before = example();
	struct hello now[16];
	unsigned n = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(now); i++)
		now[i] = before;
	now[n++].resigning = false;
	now[n++].interval_ms++;
	now[n++].misses++;
	now[n++].pause_epoch++;
	now[n++].pause_own = false;
	now[n++].keys[0]++;
	now[n++].config_hash[1]++;
	now[n++].program[2]++;
	now[n++].n_groups--;
	now[n++].groups[0].state = ELECTION_BACKUP;
	now[n++].groups[0].held = false;
	now[n++].groups[0].term++;
	now[n++].groups[1].faults++;
	now[n++].groups[1].lacks++;
	now[n++].groups[1].addresses++;
	now[n++].groups[1].macs[3][5]++;
	assert_int_equal(n, ARRAY_LEN(now));
	for (size_t i = 0; i < n; i++)
		assert_false(hello_says_same(&now[i], &before));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_said_is_what_is_heard),
		cmocka_unit_test(every_other_length_is_refused),
		cmocka_unit_test(what_no_peer_of_ours_says_is_refused),
		cmocka_unit_test(what_is_signed_with_no_key_is_refused),
		cmocka_unit_test(what_a_later_version_adds_is_skipped),
		cmocka_unit_test(a_head_without_a_program_is_read),
		cmocka_unit_test(a_program_that_nobody_can_print_is_none),
		cmocka_unit_test(versions_out_of_reach_are_told_from_noise),
		cmocka_unit_test(what_goes_on_is_no_news),
		cmocka_unit_test(each_word_is_news),
	};

	TEST_MAIN(tests);
}
