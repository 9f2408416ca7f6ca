#include "core/addr.h"
#include "core/buf.h"
#include "director/replica_codec.h"
#include "tests/lib/test.h"

#include <string.h>

/* Both ends of a connection, and what each has said. */
struct end {
	struct replica_codec_keys keys;
	struct replica_codec codec;
	struct buf said;
	uint8_t room[3 * REPLICA_CODEC_FRAME_MAX];
};

struct pair {
	struct end a, b; /* a dials */
};

/* Where the magic, versions, length, sender and keys of a greeting are. */
enum {
	AT_VERSION = 4,
	AT_LEAST = 5,
	AT_LENGTH = 6,
	AT_SENDER = 8,
	AT_KEY = 16
};

static struct secret_keys
keys_of(uint8_t first, uint8_t second)
{
	struct secret_keys k = { .n = second == 0 ? 1 : 2 };

	k.all[0].bytes[0] = first;
	k.all[1].bytes[0] = second;
	return k;
}

static void
end_init(struct end *e, const struct secret_keys *keys, const char *self,
    const char *other, bool dials)
{
	union addr x, y;

	assert_int_equal(secret_init(), 0);
	assert_int_equal(addr_parse_ip(self, &x), 0);
	assert_int_equal(addr_parse_ip(other, &y), 0);
	e->keys = replica_codec_keys_init(keys, &x, &y);
	e->codec = replica_codec_init(&e->keys, dials);
	e->said = buf_writer(e->room, sizeof(e->room));
	buf_put_bytes(&e->said, e->codec.stream.greeting,
	    sizeof(e->codec.stream.greeting));
}

static void
pair_init(struct pair *p, struct secret_keys of_a, struct secret_keys of_b)
{
	end_init(&p->a, &of_a, "10.0.0.1", "10.0.0.2", true);
	end_init(&p->b, &of_b, "10.0.0.2", "10.0.0.1", false);
}

static struct buf
heard(const struct end *from, size_t at)
{
	struct buf b = buf_reader(from->room, from->said.pos);

	b.pos = at;
	return b;
}

static enum stream_codec_result
greeting_of(const struct end *from, struct end *to)
{
	struct stream_codec_frame f;
	struct buf in = heard(from, 0);

	return stream_codec_get(&to->codec.stream, &in, &f);
}

/* Without a body it is the proof. */
static void
say(struct end *e, const void *body, size_t len)
{
	stream_codec_put(&e->codec.stream, &e->said,
	    len == 0 ? STREAM_CODEC_PROOF : REPLICA_CODEC_MSGS, body, len);
}

/* Both greet and prove. */
static void
connect_pair(struct pair *p)
{
	struct stream_codec_frame f;
	struct buf in;

	assert_int_equal(greeting_of(&p->a, &p->b), STREAM_CODEC_GREETED);
	assert_int_equal(greeting_of(&p->b, &p->a), STREAM_CODEC_GREETED);
	say(&p->a, NULL, 0);
	say(&p->b, NULL, 0);
	in = heard(&p->a, REPLICA_CODEC_GREETING_BYTES);
	assert_int_equal(
	    stream_codec_get(&p->b.codec.stream, &in, &f), STREAM_CODEC_PROVEN);
	assert_int_equal(in.pos, p->a.said.pos);
	in = heard(&p->b, REPLICA_CODEC_GREETING_BYTES);
	assert_int_equal(
	    stream_codec_get(&p->a.codec.stream, &in, &f), STREAM_CODEC_PROVEN);
}

static void
both_are_proven_and_frames_pass(void **state)
{
	static uint8_t large[REPLICA_CODEC_BODY_MAX];
	struct stream_codec_frame f;
	struct pair p;
	struct buf in;
	size_t at;

	(void)state;
	memset(large, 7, sizeof(large));
	pair_init(&p, keys_of(1, 0), keys_of(1, 0));
	connect_pair(&p);
	assert_int_equal(p.a.codec.stream.version, REPLICA_CODEC_VERSION);
	at = p.a.said.pos;
	say(&p.a, "hello", 5);
	say(&p.a, large, sizeof(large));
	assert_false(p.a.said.bad);
	/* Nobody reads it on its way. */
	assert_null(memmem(p.a.room, p.a.said.pos, "hello", 5));
	in = heard(&p.a, at);
	assert_int_equal(
	    stream_codec_get(&p.b.codec.stream, &in, &f), STREAM_CODEC_FRAME);
	assert_int_equal(f.len, 5);
	assert_memory_equal(f.body, "hello", 5);
	assert_int_equal(
	    stream_codec_get(&p.b.codec.stream, &in, &f), STREAM_CODEC_FRAME);
	assert_int_equal(f.len, sizeof(large));
	assert_memory_equal(f.body, large, sizeof(large));
	assert_int_equal(
	    stream_codec_get(&p.b.codec.stream, &in, &f), STREAM_CODEC_MORE);
}

static void
half_of_anything_waits_for_the_rest(void **state)
{
	struct stream_codec_frame f;
	struct pair p;
	size_t at;

	(void)state;
	pair_init(&p, keys_of(1, 0), keys_of(1, 0));
	for (size_t n = 0; n < REPLICA_CODEC_GREETING_BYTES; n++) {
		struct buf in = buf_reader(p.a.room, n);

		assert_int_equal(stream_codec_get(&p.b.codec.stream, &in, &f),
		    STREAM_CODEC_MORE);
		assert_int_equal(in.pos, 0);
	}
	connect_pair(&p);
	at = p.a.said.pos;
	say(&p.a, "hello", 5);
	for (size_t n = at; n < p.a.said.pos; n++) {
		struct buf in = buf_reader(p.a.room, n);

		in.pos = at;
		assert_int_equal(stream_codec_get(&p.b.codec.stream, &in, &f),
		    STREAM_CODEC_MORE);
		assert_int_equal(in.pos, at);
	}
}

static void
a_body_too_long_or_without_room_is_refused(void **state)
{
	static uint8_t large[REPLICA_CODEC_BODY_MAX + 1];
	struct buf small = BUF_WRITER(20);
	struct pair p;

	(void)state;
	pair_init(&p, keys_of(1, 0), keys_of(1, 0));
	connect_pair(&p);
	say(&p.a, large, sizeof(large));
	assert_true(p.a.said.bad);
	stream_codec_put(
	    &p.a.codec.stream, &small, REPLICA_CODEC_MSGS, "hello", 5);
	assert_true(small.bad);
}

/* Which key is taken, by what the two files have. */
static const struct {
	const char *name;
	uint8_t dialler[2], other[2];
	uint8_t taken; /* 0: none */
} key_rows[] = {
	{ "the same", { 1, 0 }, { 1, 0 }, 1 },
	{ "others", { 1, 0 }, { 2, 0 }, 0 },
	{ "a new one, there first", { 1, 0 }, { 2, 1 }, 1 },
	{ "a new one, here first", { 2, 1 }, { 1, 0 }, 1 },
	{ "both have both", { 2, 1 }, { 1, 2 }, 2 },
	{ "the old one is gone there", { 2, 1 }, { 2, 0 }, 2 },
	{ "the old one is gone here", { 2, 0 }, { 1, 2 }, 2 },
	{ "two against two others", { 1, 2 }, { 3, 4 }, 0 },
};

static void
of_keys_that_both_have_the_diallers_first_is_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(key_rows); i++) {
		const uint8_t *a = key_rows[i].dialler, *b = key_rows[i].other;
		const struct secret_keys taken = keys_of(key_rows[i].taken, 0);
		struct replica_codec_keys ids;
		struct pair p;

		test_row(key_rows[i].name);
		pair_init(&p, keys_of(a[0], a[1]), keys_of(b[0], b[1]));
		if (key_rows[i].taken == 0) {
			assert_int_equal(
			    greeting_of(&p.a, &p.b), STREAM_CODEC_NO_KEY);
			assert_int_equal(
			    greeting_of(&p.b, &p.a), STREAM_CODEC_NO_KEY);
			continue;
		}
		connect_pair(&p);
		ids = replica_codec_keys_init(&taken,
		    &(union addr){ .in = { .sin_family = AF_INET } },
		    &(union addr){ .in = { .sin_family = AF_INET } });
		assert_int_equal(p.a.codec.key, ids.all[0].id);
		assert_int_equal(p.b.codec.key, ids.all[0].id);
		assert_true(replica_codec_keys_have(&p.a.keys, p.a.codec.key));
	}
}

/* One byte of a greeting is another, and what its reader says. */
static const struct {
	const char *name;
	size_t at;
	uint8_t becomes;
	enum stream_codec_result result;
} greeting_rows[] = {
	{ "another protocol", 0, 'x', STREAM_CODEC_MALFORMED },
	{ "an earlier version", AT_VERSION, 0, STREAM_CODEC_NO_VERSION },
	{ "a later one that speaks ours", AT_VERSION, 9, STREAM_CODEC_GREETED },
	{ "a later one that does not", AT_LEAST, 9, STREAM_CODEC_NO_VERSION },
	{ "shorter than ours", AT_LENGTH + 1, 63, STREAM_CODEC_MALFORMED },
	{ "longer, and not here", AT_LENGTH + 1, 65, STREAM_CODEC_MORE },
	{ "absurdly long", AT_LENGTH, 0xff, STREAM_CODEC_MALFORMED },
	{ "another node", AT_SENDER, 0, STREAM_CODEC_FOREIGN },
	{ "another key", AT_KEY, 0, STREAM_CODEC_NO_KEY },
};

static void
a_greeting_is_ours_or_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(greeting_rows); i++) {
		struct pair p;
		uint8_t *at;

		test_row(greeting_rows[i].name);
		pair_init(&p, keys_of(1, 0), keys_of(1, 0));
		at = &p.a.room[greeting_rows[i].at];
		/* Ids are by chance: another one for sure. */
		*at = greeting_rows[i].becomes != 0
		    ? greeting_rows[i].becomes
		    : (uint8_t)(greeting_rows[i].at >= AT_SENDER ? *at ^ 1 : 0);
		assert_int_equal(
		    greeting_of(&p.a, &p.b), greeting_rows[i].result);
	}
}

static void
a_later_greeting_is_longer_and_counts_whole(void **state)
{
	struct stream_codec_frame f;
	struct pair p;
	struct buf in;

	(void)state;
	pair_init(&p, keys_of(1, 0), keys_of(1, 0));
	p.a.room[AT_VERSION] = 9;
	p.a.room[AT_LENGTH + 1] = REPLICA_CODEC_GREETING_BYTES + 3;
	buf_put_bytes(&p.a.said, "new", 3);
	in = heard(&p.a, 0);
	assert_int_equal(
	    stream_codec_get(&p.b.codec.stream, &in, &f), STREAM_CODEC_GREETED);
	assert_int_equal(in.pos, REPLICA_CODEC_GREETING_BYTES + 3);
	assert_int_equal(p.b.codec.stream.version, REPLICA_CODEC_VERSION);
}

static void
our_own_words_are_known(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, keys_of(1, 0), keys_of(1, 0));
	assert_int_equal(greeting_of(&p.a, &p.a), STREAM_CODEC_REFLECTED);
}

/* What is done to a frame on its way: to the greeting before it, or to it. */
static const struct {
	const char *name;
	bool of_greeting;
	size_t at;
	enum stream_codec_result result;
} change_rows[] = {
	{ "the nonce", true, 40, STREAM_CODEC_FORGED },
	{ "the version", true, AT_VERSION, STREAM_CODEC_FORGED },
	{ "the second key", true, AT_KEY + 8, STREAM_CODEC_FORGED },
	{ "the proof's tag", false, 4, STREAM_CODEC_FORGED },
	{ "the proof's length", false, 1, STREAM_CODEC_MALFORMED },
	{ "the proof's type", false, 2, STREAM_CODEC_MALFORMED },
	{ "what nobody reads", false, 3, STREAM_CODEC_FORGED },
};

static void
what_was_changed_on_its_way_proves_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(change_rows); i++) {
		struct stream_codec_frame f;
		struct pair p;
		struct buf in;
		size_t at = change_rows[i].at;

		test_row(change_rows[i].name);
		pair_init(&p, keys_of(1, 0), keys_of(1, 0));
		if (change_rows[i].of_greeting)
			p.a.room[at] ^= 2;
		assert_int_equal(greeting_of(&p.a, &p.b), STREAM_CODEC_GREETED);
		assert_int_equal(greeting_of(&p.b, &p.a), STREAM_CODEC_GREETED);
		say(&p.a, NULL, 0);
		if (!change_rows[i].of_greeting)
			p.a.room[REPLICA_CODEC_GREETING_BYTES + at] ^= 2;
		in = heard(&p.a, REPLICA_CODEC_GREETING_BYTES);
		assert_int_equal(stream_codec_get(&p.b.codec.stream, &in, &f),
		    change_rows[i].result);
		assert_false(p.b.codec.stream.proven);
	}
}

static void
a_frame_is_good_at_one_place_only(void **state)
{
	struct stream_codec_frame f;
	struct pair p;
	struct buf in;
	size_t first, second;

	(void)state;
	pair_init(&p, keys_of(1, 0), keys_of(1, 0));
	connect_pair(&p);
	first = p.a.said.pos;
	say(&p.a, "one", 3);
	second = p.a.said.pos;
	say(&p.a, "two", 3);
	in = heard(&p.a, second);
	assert_int_equal(
	    stream_codec_get(&p.b.codec.stream, &in, &f), STREAM_CODEC_FORGED);
	/* That of the other direction, too. */
	in = heard(&p.a, first);
	assert_int_equal(
	    stream_codec_get(&p.a.codec.stream, &in, &f), STREAM_CODEC_FORGED);
}

static void
a_second_proof_and_an_early_frame_are_malformed(void **state)
{
	struct stream_codec_frame f;
	struct pair p;
	struct buf in;

	(void)state;
	pair_init(&p, keys_of(1, 0), keys_of(1, 0));
	connect_pair(&p);
	in = heard(&p.a, REPLICA_CODEC_GREETING_BYTES);
	assert_int_equal(stream_codec_get(&p.b.codec.stream, &in, &f),
	    STREAM_CODEC_MALFORMED);
	pair_init(&p, keys_of(1, 0), keys_of(1, 0));
	assert_int_equal(greeting_of(&p.a, &p.b), STREAM_CODEC_GREETED);
	in = buf_reader("\0\5\1\0", 4);
	assert_int_equal(stream_codec_get(&p.b.codec.stream, &in, &f),
	    STREAM_CODEC_MALFORMED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_are_proven_and_frames_pass),
		cmocka_unit_test(half_of_anything_waits_for_the_rest),
		cmocka_unit_test(a_body_too_long_or_without_room_is_refused),
		cmocka_unit_test(
		    of_keys_that_both_have_the_diallers_first_is_taken),
		cmocka_unit_test(a_greeting_is_ours_or_refused),
		cmocka_unit_test(a_later_greeting_is_longer_and_counts_whole),
		cmocka_unit_test(our_own_words_are_known),
		cmocka_unit_test(what_was_changed_on_its_way_proves_nothing),
		cmocka_unit_test(a_frame_is_good_at_one_place_only),
		cmocka_unit_test(
		    a_second_proof_and_an_early_frame_are_malformed),
	};

	TEST_MAIN(tests);
}
