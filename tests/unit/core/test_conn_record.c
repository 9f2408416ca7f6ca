#include "core/conn_record.h"

#include "core/addr.h"
#include "core/buf.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>

static struct conn_record_end
end(const char *text)
{
	union addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return conn_record_end_of(&a);
}

static void
ends_go_from_addresses_and_back(void **state)
{
	static const char *const texts[] = { "10.0.0.1:80", "[fd00::1]:65535" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const struct conn_record_end e = end(texts[i]);
		const union addr a = conn_record_end_addr(&e);
		char text[ADDR_TEXT_MAX];

		assert_string_equal(addr_format(&a, text), texts[i]);
	}
}

static void
a_mapped_address_is_ipv4(void **state)
{
	union addr a = { .in6 = { .sin6_family = AF_INET6,
		             .sin6_port = htons(80) } };
	const struct conn_record_end plain = end("10.0.0.1:80");
	struct conn_record_end mapped;

	(void)state;
	a.in6.sin6_addr.s6_addr[10] = a.in6.sin6_addr.s6_addr[11] = 0xff;
	a.in6.sin6_addr.s6_addr[12] = 10;
	a.in6.sin6_addr.s6_addr[15] = 1;
	mapped = conn_record_end_of(&a);
	assert_memory_equal(&mapped, &plain, sizeof(struct conn_record_end));
}

static void
a_record_is_taken_whole_or_refused(void **state)
{
	const struct conn_record rows[] = {
		{ .change = CONN_RECORD_OPENED,
		    .id = 7,
		    .client = end("10.0.0.50:40000"),
		    .local = end("10.0.0.100:80") },
		{ .change = CONN_RECORD_OPENED,
		    .id = UINT64_MAX,
		    .client = end("[fd00::50]:40000"),
		    .local = end("[fd00::100]:80"),
		    .source = end("[fd00::100]:41000"),
		    .server = end("[fd00::21]:80") },
		{ .change = CONN_RECORD_OPENED,
		    .client = end("[fd00::50]:1"),
		    .local = end("[fd00::100]:80"),
		    .source = end("10.0.0.100:41000"),
		    .server = end("10.0.0.21:80") },
		{ .change = CONN_RECORD_CLOSED,
		    .client = end("10.0.0.50:40000"),
		    .local = end("10.0.0.100:80") },
		{ .change = CONN_RECORD_LEFT,
		    .client = end("10.0.0.50:40000"),
		    .local = end("10.0.0.100:80") },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t room[CONN_RECORD_BYTES_MAX];
		struct buf b = buf_writer(room, sizeof(room));
		struct buf r;
		struct conn_record c;

		conn_record_encode(&b, &rows[i]);
		assert_false(b.bad);
		for (size_t len = 0; len < b.pos; len++) {
			r = buf_reader(room, len);
			assert_int_equal(conn_record_decode(&r, &c), -EBADMSG);
		}
		r = buf_reader(room, b.pos);
		assert_int_equal(conn_record_decode(&r, &c), 0);
		assert_true(buf_is_done(&r));
		assert_int_equal(c.change, rows[i].change);
		assert_true(c.id == rows[i].id);
		assert_memory_equal(
		    &c.client, &rows[i].client, sizeof(struct conn_record_end));
		assert_memory_equal(
		    &c.local, &rows[i].local, sizeof(struct conn_record_end));
		assert_memory_equal(
		    &c.source, &rows[i].source, sizeof(struct conn_record_end));
		assert_memory_equal(
		    &c.server, &rows[i].server, sizeof(struct conn_record_end));
	}
}

static void
absurd_records_are_refused(void **state)
{
	const struct conn_record good = { .change = CONN_RECORD_OPENED,
		.client = end("10.0.0.50:40000"),
		.local = end("10.0.0.100:80") };
	const struct row {
		const char *name;
		size_t at;
		uint8_t value;
	} rows[] = {
		{ "no length", 0, 0 },
		{ "a length that leaves something out", 0, 23 },
		{ "a length of more than there is", 0, 25 },
		{ "no change", 1, 0 },
		{ "three ends", 2, 3 },
		{ "four ends of which two are there", 2, 4 },
		{ "an unknown family", 11, 5 },
		{ "another family at the other end", 18, 6 },
		{ "no port", 17, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t room[CONN_RECORD_BYTES_MAX] = { 0 };
		struct buf b = buf_writer(room, sizeof(room));
		struct conn_record c;

		test_row(rows[i].name);
		conn_record_encode(&b, &good);
		room[16] = 0; /* the port's other byte */
		room[17] = 80;
		room[rows[i].at] = rows[i].value;
		b = buf_reader(room, b.pos);
		assert_int_equal(conn_record_decode(&b, &c), -EBADMSG);
	}
}

/* Two nodes are of two versions while one after the other is upgraded. */
static void
what_a_later_version_says_more_is_skipped(void **state)
{
	const struct conn_record first = { .change = CONN_RECORD_OPENED,
		.id = 7,
		.client = end("10.0.0.50:40000"),
		.local = end("10.0.0.100:80") };
	uint8_t room[3 * CONN_RECORD_BYTES_MAX];
	struct buf b = buf_writer(room, sizeof(room));
	struct conn_record c;

	(void)state;
	conn_record_encode(&b, &first);
	room[0] += 3;
	for (unsigned i = 0; i < 3; i++)
		buf_put_u8(&b, 0xee);
	/* A change that nobody knows yet, and nothing that is known in it. */
	buf_put_u8(&b, 2);
	buf_put_u8(&b, CONN_RECORD_LEFT + 1);
	buf_put_u8(&b, 0xee);
	conn_record_encode(&b, &first);
	b = buf_reader(room, b.pos);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(conn_record_decode(&b, &c), 0);
		assert_int_equal(c.change,
		    i == 1 ? CONN_RECORD_UNKNOWN : CONN_RECORD_OPENED);
		assert_true(c.id == (i == 1 ? 0 : 7));
	}
	assert_true(buf_is_done(&b));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_go_from_addresses_and_back),
		cmocka_unit_test(a_mapped_address_is_ipv4),
		cmocka_unit_test(a_record_is_taken_whole_or_refused),
		cmocka_unit_test(absurd_records_are_refused),
		cmocka_unit_test(what_a_later_version_says_more_is_skipped),
	};

	TEST_MAIN(tests);
}
