#include "proxy/transfer/session_record.h"

#include "core/buf.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ROOM (SESSION_RECORD_BYTES_MAX + 64)

static struct session_record
full(void)
{
	struct session_record r = {
		.phase = SESSION_RECORD_MOVING,
		.flags = SESSION_RECORD_KEPT | SESSION_RECORD_TOLD,
		.id = UINT64_MAX - 1,
		.service = "impala",
		.server = "hadoop466",
		.source_port = 40000,
		.error = 110,
		.attempts = 2,
		.queued_ms = 1234,
		.place = 1ULL << 40,
		.accepted_ns = 3600ULL * 1000000000,
		.connected_ns = 3599ULL * 1000000000,
		.active_ns = 1,
		.queue_left_ns = 2,
		.timer_left_ns = UINT64_MAX,
		.parting_delivered = 77,
		.ends = { { .flags = 63, .mark = 2, .answered_ns = 9 },
		    { .flags = SESSION_RECORD_WRITABLE, .mark = 1 } },
		.flows = { { .bytes = 1ULL << 50,
		               .held = (const uint8_t *)"left over",
		               .held_len = 9,
		               .full_reads = 2 },
		    { .flags =
		            SESSION_RECORD_END_READ | SESSION_RECORD_END_PASSED,
		        .bytes = 5 } },
		.n_tried = 2,
		.tried = { "one", "two" },
	};

	assert_int_equal(addr_parse("10.0.0.1:40000", &r.client), 0);
	assert_int_equal(addr_parse("[fd00::100]:21050", &r.local), 0);
	assert_int_equal(addr_parse("[fe80::1]:21050", &r.to), 0);
	r.to.in6.sin6_scope_id = 7;
	return r;
}

static size_t
encode(const struct session_record *r, uint8_t bytes[static ROOM])
{
	struct buf b = buf_writer(bytes, ROOM);

	session_record_encode(&b, r);
	assert_false(b.bad);
	assert_true(b.pos <= session_record_room(r));
	return b.pos;
}

static int
decode(const uint8_t *bytes, size_t len, struct session_record *ret)
{
	struct buf b = buf_reader(bytes, len);

	return session_record_decode(&b, ret);
}

/* Field by field: the encoding of what was read is the same once more. */
static void
what_is_written_is_read(void **state)
{
	const struct session_record r = full();
	uint8_t once[ROOM], twice[ROOM];
	size_t len = encode(&r, once);
	struct session_record read;

	(void)state;
	assert_int_equal(decode(once, len, &read), 0);
	assert_int_equal(read.id, r.id);
	assert_int_equal(read.timer_left_ns, r.timer_left_ns);
	assert_int_equal(read.flows[0].bytes, r.flows[0].bytes);
	assert_int_equal(read.flows[0].held_len, 9);
	assert_memory_equal(read.flows[0].held, "left over", 9);
	assert_int_equal(read.ends[0].flags, 63);
	assert_int_equal(read.ends[1].mark, 1);
	assert_true(addr_is_same(&read.client, &r.client));
	assert_true(addr_is_same(&read.local, &r.local));
	assert_int_equal(read.to.in6.sin6_scope_id, 7);
	assert_text(read.tried[1], "two");
	assert_int_equal(encode(&read, twice), len);
	assert_memory_equal(once, twice, len);
}

/* The largest of all: the room that is promised is enough. */
static void
the_longest_names_have_room(void **state)
{
	struct session_record r = full(), read;
	uint8_t bytes[ROOM];
	char name[SESSION_RECORD_NAME_MAX];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memcpy(r.service, name, sizeof(name));
	memcpy(r.server, name, sizeof(name));
	r.n_tried = SESSION_RECORD_TRIED_MAX;
	for (unsigned i = 0; i < r.n_tried; i++)
		memcpy(r.tried[i], name, sizeof(name));
	assert_true(encode(&r, bytes) <= SESSION_RECORD_BYTES_MAX);
	assert_int_equal(decode(bytes, encode(&r, bytes), &read), 0);
	assert_text(read.tried[10], name);
}

static void
cut_anywhere_it_is_refused(void **state)
{
	const struct session_record r = full();
	struct session_record read;
	uint8_t bytes[ROOM];
	size_t len = encode(&r, bytes);

	(void)state;
	for (size_t n = 0; n < len; n++)
		assert_int_equal(decode(bytes, n, &read), -EBADMSG);
}

/* Appends a field to an encoded record. */
static size_t
append(uint8_t *bytes, size_t len, uint8_t tag, const char *text)
{
	struct buf b = buf_writer(bytes, ROOM), head = b;

	b.pos = len;
	buf_put_u8(&b, tag);
	buf_put_u32(&b, (uint32_t)strlen(text));
	buf_put_bytes(&b, text, strlen(text));
	buf_put_u32(&head, (uint32_t)(b.pos - 4));
	return b.pos;
}

static void
what_a_later_version_adds_is_skipped(void **state)
{
	const struct session_record r = full();
	struct session_record read;
	uint8_t bytes[ROOM];
	size_t len = append(bytes, encode(&r, bytes), 200, "later");

	(void)state;
	assert_int_equal(decode(bytes, len, &read), 0);
	assert_text(read.server, "hadoop466");
}

/* The next one in the buffer is read all the same. */
static void
what_needs_a_later_version_is_stepped_over(void **state)
{
	const struct session_record r = full();
	struct session_record read;
	uint8_t bytes[2 * ROOM];
	size_t len = encode(&r, bytes);
	struct buf b;

	(void)state;
	(void)encode(&r, bytes + len);
	bytes[4] = SESSION_RECORD_NEEDS + 1;
	b = buf_reader(bytes, 2 * len);
	assert_int_equal(session_record_decode(&b, &read), -EPROTONOSUPPORT);
	assert_int_equal(session_record_decode(&b, &read), 0);
	assert_true(buf_is_done(&b));
}

static void
spoil_phase(struct session_record *r)
{
	r->phase = 6;
}

static void
spoil_service(struct session_record *r)
{
	r->service[0] = '\0';
}

static void
spoil_client(struct session_record *r)
{
	r->client.sa.sa_family = AF_UNSPEC;
}

static void
spoil_server(struct session_record *r)
{
	r->server[0] = '\0';
}

static void
spoil_early_server(struct session_record *r)
{
	r->phase = SESSION_RECORD_QUEUED;
}

static void
spoil_mark(struct session_record *r)
{
	r->ends[1].mark = 3;
}

static void
spoil_urgent(struct session_record *r)
{
	r->flows[0].flags = SESSION_RECORD_URGENT;
}

static void
spoil_end(struct session_record *r)
{
	r->flows[1].flags = SESSION_RECORD_END_PASSED;
}

static void
spoil_held_behind_end(struct session_record *r)
{
	r->flows[0].flags = SESSION_RECORD_END_READ | SESSION_RECORD_END_PASSED;
}

static void
spoil_tried(struct session_record *r)
{
	r->phase = SESSION_RECORD_CONNECTING;
	r->n_tried = 0;
}

static void
spoil_attempts(struct session_record *r)
{
	r->phase = SESSION_RECORD_CONNECTING;
	r->attempts = 0;
}

static void
what_cannot_be_is_refused(void **state)
{
	static const struct {
		const char *name;
		void (*spoil)(struct session_record *r);
	} rows[] = {
		{ "a phase that is none", spoil_phase },
		{ "no service", spoil_service },
		{ "no client", spoil_client },
		{ "moving without a server", spoil_server },
		{ "queued with a server", spoil_early_server },
		{ "a mark that is none", spoil_mark },
		{ "several bytes held as an urgent one", spoil_urgent },
		{ "an end passed that was not read", spoil_end },
		{ "an end passed while bytes wait", spoil_held_behind_end },
		{ "connecting to one that it has not tried", spoil_tried },
		{ "connecting for the zeroth time", spoil_attempts },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct session_record r = full(), read;
		uint8_t bytes[ROOM];

		test_row(rows[i].name);
		rows[i].spoil(&r);
		assert_int_equal(
		    decode(bytes, encode(&r, bytes), &read), -EBADMSG);
	}
}

static void
fields_of_a_wrong_length_are_refused(void **state)
{
	static const struct {
		const char *name;
		uint8_t tag;
		const char *text;
	} rows[] = {
		{ "a phase of two bytes", 1, "12" },
		{ "an id of nine bytes", 3, "123456789" },
		{ "an address of five bytes", 6, "12345" },
		{ "a name of 64 bytes", 4,
		    "123456789012345678901234567890123456789012345678901234567"
		    "8901234" },
		{ "an empty field", 5, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct session_record r = full();
		struct session_record read;
		uint8_t bytes[ROOM];
		size_t len =
		    append(bytes, encode(&r, bytes), rows[i].tag, rows[i].text);

		test_row(rows[i].name);
		assert_int_equal(decode(bytes, len, &read), -EBADMSG);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(the_longest_names_have_room),
		cmocka_unit_test(cut_anywhere_it_is_refused),
		cmocka_unit_test(what_a_later_version_adds_is_skipped),
		cmocka_unit_test(what_needs_a_later_version_is_stepped_over),
		cmocka_unit_test(what_cannot_be_is_refused),
		cmocka_unit_test(fields_of_a_wrong_length_are_refused),
	};

	TEST_MAIN(tests);
}
