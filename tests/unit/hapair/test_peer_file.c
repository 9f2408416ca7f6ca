#include "hapair/supervisor/peer_file.h"

#include "core/buf.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>

static const struct peer_file part = { .kind = PEER_FILE_PART,
	.id = 0x0102030405060708,
	.hash = { 1, 2, 3 },
	.total = 9000,
	.at = 4000,
	.len = 5,
	.bytes = (const uint8_t *)"pair:" };

static void
what_was_put_is_got(void **state)
{
	struct buf w = BUF_WRITER(4096), r;
	struct peer_file got;

	(void)state;
	peer_file_put(&w, &part);
	assert_false(w.bad);
	r = buf_reader(w.data, w.pos);
	assert_int_equal(peer_file_get(&r, &got), 0);
	assert_int_equal(got.kind, part.kind);
	assert_int_equal(got.id, part.id);
	assert_memory_equal(got.hash, part.hash, sizeof(got.hash));
	assert_int_equal(got.total, part.total);
	assert_int_equal(got.at, part.at);
	assert_int_equal(got.len, part.len);
	assert_memory_equal(got.bytes, "pair:", 5);
	assert_false(got.wrong);
	/* Any shorter head is none. */
	for (size_t len = 0; len < w.pos - part.len; len++) {
		r = buf_reader(w.data, len);
		assert_int_equal(peer_file_get(&r, &got), -EBADMSG);
	}
}

static void
the_largest_part_fits_and_no_larger_one(void **state)
{
	static const uint8_t bytes[PEER_FILE_PART_MAX + 1];
	struct peer_file m = { .kind = PEER_FILE_PART,
		.total = 8000,
		.len = PEER_FILE_PART_MAX,
		.bytes = bytes };
	struct buf w = BUF_WRITER(4096);

	(void)state;
	peer_file_put(&w, &m);
	assert_false(w.bad);
	w = BUF_WRITER(8192);
	m.len++;
	peer_file_put(&w, &m);
	assert_true(w.bad);
}

static void
what_a_later_version_adds_to_the_head_is_skipped(void **state)
{
	struct buf w = BUF_WRITER(4096), r;
	struct peer_file got;

	(void)state;
	peer_file_put(&w, &part);
	memmove(w.data + w.data[0] + 3, w.data + w.data[0], part.len);
	memset(w.data + w.data[0], 0xee, 3);
	w.data[0] += 3;
	r = buf_reader(w.data, w.pos + 3);
	assert_int_equal(peer_file_get(&r, &got), 0);
	assert_int_equal(got.len, 5);
	assert_memory_equal(got.bytes, "pair:", 5);
	/* It ends behind what there is; or before what we know. */
	w.data[0] = 200;
	r = buf_reader(w.data, w.pos + 3);
	assert_int_equal(peer_file_get(&r, &got), -EBADMSG);
	w.data[0] = 3;
	r = buf_reader(w.data, w.pos + 3);
	assert_int_equal(peer_file_get(&r, &got), -EBADMSG);
}

static void
a_part_behind_the_end_is_none(void **state)
{
	struct peer_file m = part, got;
	struct buf w = BUF_WRITER(4096), r;

	(void)state;
	m.at = m.total + 1;
	peer_file_put(&w, &m);
	r = buf_reader(w.data, w.pos);
	assert_int_equal(peer_file_get(&r, &got), -EBADMSG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_got),
		cmocka_unit_test(the_largest_part_fits_and_no_larger_one),
		cmocka_unit_test(
		    what_a_later_version_adds_to_the_head_is_skipped),
		cmocka_unit_test(a_part_behind_the_end_is_none),
	};

	TEST_MAIN(tests);
}
