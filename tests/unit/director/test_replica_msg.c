#include "director/replica_msg.h"

#include "core/buf.h"

#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>

#define V4 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff

static const struct replica_msg all[] = {
	{ .type = REPLICA_MSG_HELLO,
	    .version = REPLICA_MSG_VERSION,
	    .node = 1,
	    .slots = 131072 },
	{ .type = REPLICA_MSG_WANT, .group = 3 },
	{ .type = REPLICA_MSG_BEGIN, .group = 3, .term = UINT64_MAX, .seq = 5 },
	{ .type = REPLICA_MSG_ADD,
	    .group = 15,
	    .seq = 0x1122334455667788,
	    .slot = 65535,
	    .isn = 0xdeadbeef,
	    .client = { { V4, 10, 0, 0, 1 }, { V4, 10, 0, 0, 100 }, 40000, 80 },
	    .server = { { V4, 10, 1, 0, 1 }, { V4, 10, 0, 0, 100 }, 80,
	        10240 } },
	{ .type = REPLICA_MSG_ADD,
	    .seq = 1,
	    .client = { { 0xfd, [15] = 1 }, { 0xfd, [15] = 2 }, 1, 65535 },
	    .server = { { 0xfd, [15] = 3 }, { 0xfd, [15] = 2 }, 80, 1 } },
	{ .type = REPLICA_MSG_DEL, .group = 1, .slot = 7 },
	{ .type = REPLICA_MSG_FINISH, .group = 1, .seq = 9 },
	{ .type = REPLICA_MSG_ACK, .seq = 9 },
	{ .type = REPLICA_MSG_REFUSE, .group = 2, .term = 77, .seq = 6 },
};

static void
what_is_written_is_read(void **state)
{
	struct buf b = BUF_WRITER(ARRAY_LEN(all) * REPLICA_MSG_BYTES_MAX);
	struct buf in;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		replica_msg_encode(&b, &all[i]);
	assert_false(b.bad);
	in = buf_reader(b.data, b.pos);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct buf again = BUF_WRITER(REPLICA_MSG_BYTES_MAX);
		const uint8_t *at = in.data + in.pos;
		struct replica_msg m;

		assert_int_equal(replica_msg_decode(&in, &m), 1);
		assert_int_equal(m.type, all[i].type);
		replica_msg_encode(&again, &m);
		assert_ptr_equal(at + again.pos, in.data + in.pos);
		assert_memory_equal(again.data, at, again.pos);
	}
	assert_true(buf_is_done(&in));
}

/* A stream may end anywhere for now: nothing of a frame is consumed. */
static void
a_part_of_a_frame_is_no_mistake(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct buf b = BUF_WRITER(REPLICA_MSG_BYTES_MAX);

		replica_msg_encode(&b, &all[i]);
		for (size_t n = 0; n < b.pos; n++) {
			struct buf in = buf_reader(b.data, n);
			struct replica_msg m;

			assert_int_equal(replica_msg_decode(&in, &m), 0);
			assert_int_equal(in.pos, 0);
		}
	}
}

/* Types, and what stands behind a body, of a version to come. */
static void
what_a_later_version_says_is_skipped(void **state)
{
	static const uint8_t bytes[] = { 200, 0, 2, 1, 1, /* unknown */
		REPLICA_MSG_WANT, 0, 3, 5, 99, 99, REPLICA_MSG_WANT, 0, 1, 6 };
	struct buf in = buf_reader(bytes, sizeof(bytes));
	struct replica_msg m;

	(void)state;
	assert_int_equal(replica_msg_decode(&in, &m), 1);
	assert_int_equal(m.type, REPLICA_MSG_UNKNOWN);
	assert_int_equal(replica_msg_decode(&in, &m), 1);
	assert_int_equal(m.group, 5);
	assert_int_equal(replica_msg_decode(&in, &m), 1);
	assert_int_equal(m.group, 6);
	assert_true(buf_is_done(&in));
}

static void
a_body_that_is_too_short_or_cannot_be_is_refused(void **state)
{
	static const struct row {
		const char *name;
		uint8_t bytes[REPLICA_MSG_BYTES_MAX];
		size_t n;
	} rows[] = {
		{ "too short", { REPLICA_MSG_BEGIN, 0, 4, 1, 1, 1, 1 }, 7 },
		{ "empty", { REPLICA_MSG_ACK, 0, 0 }, 3 },
		{ "longer than any", { REPLICA_MSG_ACK, 4, 1 }, 3 },
		{ "longer than any, of a type that is unknown", { 99, 4, 1 },
		    3 },
		{ "no number", { REPLICA_MSG_FINISH, 0, 9 }, 12 },
		{ "node 2", { REPLICA_MSG_HELLO, 0, 7, 0, 1, 2 }, 10 },
		{ "version 0", { REPLICA_MSG_HELLO, 0, 7 }, 10 },
		{ "a connection without ports",
		    { REPLICA_MSG_ADD, 0, 89, 0, [11] = 1 }, 92 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf in = buf_reader(rows[i].bytes, rows[i].n);
		struct replica_msg m;

		test_row(rows[i].name);
		assert_int_equal(replica_msg_decode(&in, &m), -EBADMSG);
	}
}

static void
families_are_not_mixed(void **state)
{
	struct replica_msg add = all[3];
	struct buf b = BUF_WRITER(REPLICA_MSG_BYTES_MAX);
	struct buf in;
	struct replica_msg m;

	(void)state;
	add.server.src[0] = 0xfd;
	replica_msg_encode(&b, &add);
	in = buf_reader(b.data, b.pos);
	assert_int_equal(replica_msg_decode(&in, &m), -EBADMSG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(a_part_of_a_frame_is_no_mistake),
		cmocka_unit_test(what_a_later_version_says_is_skipped),
		cmocka_unit_test(
		    a_body_that_is_too_short_or_cannot_be_is_refused),
		cmocka_unit_test(families_are_not_mixed),
	};

	TEST_MAIN(tests);
}
