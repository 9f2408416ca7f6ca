#include "hapair/supervisor/key_keeper.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/msg.h"
#include "hapair/supervisor/child.h"
#include "tests/lib/scratch.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

struct key_file {
	char path[SCRATCH_PATH_MAX];
	struct secret_key key;
};

static struct key_file
make_file(void)
{
	struct key_file f;

	(void)scratch_path("pair.key", f.path);
	secret_random(&f.key, sizeof(f.key));
	assert_int_equal(secret_save(f.path, &f.key), 0);
	return f;
}

static struct channel_packet
make_packet(const struct secret_keys *keys)
{
	struct channel_packet p = { .type = MSG_KEYS, .fd = -1 };
	struct buf b = buf_writer(p.body, sizeof(p.body));

	msg_put_keys(&b, keys);
	p.len = b.pos;
	return p;
}

static bool
is_zero(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

/* What a failover that begins is told: no socket, for nobody has asked. */
static void
expect_handed_over(const struct key_keeper *k, const struct secret_keys *keys)
{
	const struct channel_packet wanted = make_packet(keys);
	struct channel_packet p;
	int ends[2];

	assert_int_equal(channel_pair(ends), 0);
	key_keeper_hand_over(
	    k, &(struct child){ .name = "failover", .channel = ends[0] });
	assert_int_equal(channel_recv(ends[1], &p), 1);
	assert_int_equal(p.type, MSG_KEYS);
	assert_int_equal(p.fd, -1);
	assert_int_equal(p.len, wanted.len);
	assert_memory_equal(p.body, wanted.body, p.len);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void
each_failover_gets_what_was_read_at_first(void **state)
{
	const struct key_file f = make_file();
	const struct secret_keys keys = { .n = 1, .all = { f.key } };
	struct key_keeper k = { .keys = NULL };

	(void)state;
	assert_int_equal(key_keeper_open(&k, f.path), 0);
	expect_handed_over(&k, &keys);
	/* Others can read it, then it is gone: nobody looks. */
	assert_int_equal(chmod(f.path, 0444), 0);
	expect_handed_over(&k, &keys);
	assert_int_equal(unlink(f.path), 0);
	expect_handed_over(&k, &keys);
	key_keeper_close(&k);
}

static void
what_failover_took_is_kept(void **state)
{
	const struct key_file f = make_file();
	const struct secret_keys keys = { .n = 2,
		.all = { { { 1, 2 } }, f.key } };
	struct channel_packet p = make_packet(&keys);
	struct key_keeper k = { .keys = NULL };

	(void)state;
	assert_int_equal(key_keeper_open(&k, f.path), 0);
	assert_int_equal(key_keeper_take(&k, &p), 0);
	assert_true(is_zero(p.body, sizeof(p.body)));
	expect_handed_over(&k, &keys);
	key_keeper_close(&k);
	assert_int_equal(unlink(f.path), 0);
}

static void
a_malformed_message_changes_nothing(void **state)
{
	const struct key_file f = make_file();
	const struct secret_keys keys = { .n = 1, .all = { f.key } };
	const struct secret_keys other = { .n = 2,
		.all = { { { 1 } }, { { 2 } } } };
	struct key_keeper k = { .keys = NULL };

	(void)state;
	assert_int_equal(key_keeper_open(&k, f.path), 0);
	for (size_t cut = 1; cut < 65; cut++) {
		struct channel_packet p = make_packet(&other);

		p.len -= cut;
		assert_int_equal(key_keeper_take(&k, &p), -EBADMSG);
		assert_true(is_zero(p.body, sizeof(p.body)));
	}
	expect_handed_over(&k, &keys);
	key_keeper_close(&k);
	assert_int_equal(unlink(f.path), 0);
}

static void
a_bad_file_is_refused(void **state)
{
	const struct key_file f = make_file();
	struct key_keeper k = { .keys = NULL };

	(void)state;
	assert_int_equal(chmod(f.path, 0444), 0);
	assert_int_equal(key_keeper_open(&k, f.path), -EPERM);
	assert_null(k.keys);
	assert_null(k.vault.bytes);
	assert_int_equal(unlink(f.path), 0);
	assert_int_equal(key_keeper_open(&k, f.path), -ENOENT);
	assert_null(k.keys);
	key_keeper_close(&k);
}

static void
without_a_pair_there_is_nothing(void **state)
{
	const struct secret_keys keys = { .n = 1, .all = { { { 1 } } } };
	struct channel_packet p = make_packet(&keys);
	struct key_keeper k = { .keys = NULL };
	int ends[2];

	(void)state;
	assert_int_equal(channel_pair(ends), 0);
	key_keeper_hand_over(
	    &k, &(struct child){ .name = "failover", .channel = ends[0] });
	assert_int_equal(channel_recv(ends[1], &p), -EAGAIN);
	p = make_packet(&keys);
	assert_int_equal(key_keeper_take(&k, &p), -EBADMSG);
	key_keeper_close(&k);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_failover_gets_what_was_read_at_first),
		cmocka_unit_test(what_failover_took_is_kept),
		cmocka_unit_test(a_malformed_message_changes_nothing),
		cmocka_unit_test(a_bad_file_is_refused),
		cmocka_unit_test(without_a_pair_there_is_nothing),
	};

	TEST_MAIN_WITH(tests, scratch_make, scratch_remove);
}
