#include "core/addr.h"
#include "core/buf.h"
#include "failover/heartbeat/packet_auth.h"
#include "failover/peerlink/peer_codec.h"
#include "tests/lib/test.h"

#include <string.h>

/* Both ends of a connection, and what each has said. */
struct end {
	struct packet_auth auth;
	struct peer_codec codec;
	struct buf said;
	uint8_t room[4 * PEER_CODEC_FRAME_MAX];
};

struct pair {
	struct end a, b;
};

static void
greet(struct end *e, unsigned key, const struct hello_boot *boot)
{
	e->codec = peer_codec_init(&e->auth, &e->auth.keys[key], boot);
	e->said = buf_writer(e->room, sizeof(e->room));
	buf_put_bytes(
	    &e->said, e->codec.stream.greeting, PEER_CODEC_GREETING_BYTES);
}

static void
end_init(struct end *e, uint8_t key_byte, const char *self, const char *other)
{
	const struct secret_keys keys = { .n = 1, .all = { { { key_byte } } } };
	const struct hello_boot boot = { { 1, key_byte } };
	union addr x, y;

	assert_int_equal(secret_init(), 0);
	assert_int_equal(addr_parse_ip(self, &x), 0);
	assert_int_equal(addr_parse_ip(other, &y), 0);
	e->auth = packet_auth_init(&keys, &x, &y);
	greet(e, 0, &boot);
}

static void
pair_init(struct pair *p)
{
	end_init(&p->a, 1, "10.0.0.1", "10.0.0.2");
	end_init(&p->b, 1, "10.0.0.2", "10.0.0.1");
}

/* What `from` has said, for the other to read. */
static struct buf
heard(const struct end *from)
{
	return buf_reader(from->room, from->said.pos);
}

/* Both greet and prove; the buffers are where their next frames begin. */
static void
connect_pair(struct pair *p, struct buf *from_a, struct buf *from_b)
{
	struct stream_codec_frame f;
	struct buf in;

	pair_init(p);
	in = heard(&p->a);
	assert_int_equal(stream_codec_get(&p->b.codec.stream, &in, &f),
	    STREAM_CODEC_GREETED);
	in = heard(&p->b);
	assert_int_equal(stream_codec_get(&p->a.codec.stream, &in, &f),
	    STREAM_CODEC_GREETED);
	stream_codec_put(
	    &p->a.codec.stream, &p->a.said, STREAM_CODEC_PROOF, NULL, 0);
	stream_codec_put(
	    &p->b.codec.stream, &p->b.said, STREAM_CODEC_PROOF, NULL, 0);
	*from_a = heard(&p->a);
	from_a->pos = PEER_CODEC_GREETING_BYTES;
	*from_b = heard(&p->b);
	from_b->pos = PEER_CODEC_GREETING_BYTES;
	assert_int_equal(stream_codec_get(&p->b.codec.stream, from_a, &f),
	    STREAM_CODEC_PROVEN);
	assert_int_equal(stream_codec_get(&p->a.codec.stream, from_b, &f),
	    STREAM_CODEC_PROVEN);
}

static void
both_are_proven_and_frames_pass(void **state)
{
	static uint8_t large[PEER_CODEC_BODY_MAX];
	struct buf from_a, from_b;
	struct stream_codec_frame f;
	struct pair p;

	(void)state;
	memset(large, 7, sizeof(large));
	connect_pair(&p, &from_a, &from_b);
	assert_memory_equal(p.a.codec.other.bytes, "\1\1", 2);
	assert_int_equal(p.a.codec.stream.version, PEER_CODEC_VERSION);
	stream_codec_put(&p.a.codec.stream, &p.a.said, 9, "hello", 5);
	stream_codec_put(&p.a.codec.stream, &p.a.said, 3, large, sizeof(large));
	stream_codec_put(&p.a.codec.stream, &p.a.said, 1, NULL, 0);
	assert_false(p.a.said.bad);
	from_a.len = p.a.said.pos;
	assert_int_equal(stream_codec_get(&p.b.codec.stream, &from_a, &f),
	    STREAM_CODEC_FRAME);
	assert_int_equal(f.type, 9);
	assert_int_equal(f.len, 5);
	assert_memory_equal(f.body, "hello", 5);
	assert_int_equal(stream_codec_get(&p.b.codec.stream, &from_a, &f),
	    STREAM_CODEC_FRAME);
	assert_int_equal(f.len, sizeof(large));
	assert_memory_equal(f.body, large, sizeof(large));
	assert_int_equal(stream_codec_get(&p.b.codec.stream, &from_a, &f),
	    STREAM_CODEC_FRAME);
	assert_int_equal(f.len, 0);
	assert_int_equal(stream_codec_get(&p.b.codec.stream, &from_a, &f),
	    STREAM_CODEC_MORE);
}

static void
half_of_anything_waits_for_the_rest(void **state)
{
	struct buf from_a, from_b;
	struct stream_codec_frame f;
	struct pair p;
	size_t start;

	(void)state;
	pair_init(&p);
	for (size_t len = 0; len < PEER_CODEC_GREETING_BYTES; len++) {
		struct buf in = buf_reader(p.a.room, len);

		assert_int_equal(stream_codec_get(&p.b.codec.stream, &in, &f),
		    STREAM_CODEC_MORE);
	}
	connect_pair(&p, &from_a, &from_b);
	start = from_a.pos;
	stream_codec_put(&p.a.codec.stream, &p.a.said, 9, "hello", 5);
	for (size_t len = start; len < p.a.said.pos; len++) {
		from_a.len = len;
		assert_int_equal(
		    stream_codec_get(&p.b.codec.stream, &from_a, &f),
		    STREAM_CODEC_MORE);
		assert_int_equal(from_a.pos, start);
	}
}

static void
another_key_or_pair_is_foreign(void **state)
{
	struct end a, other_key, other_node;
	struct stream_codec_frame f;
	struct buf in;

	(void)state;
	end_init(&a, 1, "10.0.0.1", "10.0.0.2");
	end_init(&other_key, 2, "10.0.0.2", "10.0.0.1");
	end_init(&other_node, 1, "10.0.0.3", "10.0.0.1");
	in = heard(&other_key);
	assert_int_equal(
	    stream_codec_get(&a.codec.stream, &in, &f), STREAM_CODEC_FOREIGN);
	in = heard(&other_node);
	assert_int_equal(
	    stream_codec_get(&a.codec.stream, &in, &f), STREAM_CODEC_FOREIGN);
}

static void
our_own_words_are_reflected(void **state)
{
	struct stream_codec_frame f;
	struct pair p;
	struct buf in;

	(void)state;
	pair_init(&p);
	in = heard(&p.a);
	assert_int_equal(stream_codec_get(&p.a.codec.stream, &in, &f),
	    STREAM_CODEC_REFLECTED);
}

static void
noise_is_malformed(void **state)
{
	static const size_t places[] = { 0, 1, 3 };
	struct stream_codec_frame f;
	struct pair p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		struct buf in;

		pair_init(&p);
		p.a.room[places[i]] ^= 1;
		in = heard(&p.a);
		assert_int_equal(stream_codec_get(&p.b.codec.stream, &in, &f),
		    STREAM_CODEC_MALFORMED);
	}
}

static void
versions_out_of_reach_are_not_spoken(void **state)
{
	static const uint8_t versions[][2] = {
		{ PEER_CODEC_VERSION + 2, PEER_CODEC_VERSION + 1 },
		{ PEER_CODEC_VERSION_LEAST - 1, PEER_CODEC_VERSION_LEAST - 1 },
	};
	struct stream_codec_frame f;
	struct pair p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		struct buf in;

		pair_init(&p);
		memcpy(p.a.room + 4, versions[i], 2);
		in = heard(&p.a);
		assert_int_equal(stream_codec_get(&p.b.codec.stream, &in, &f),
		    STREAM_CODEC_NO_VERSION);
	}
}

/* B hears this greeting of A's, and A knows that it has said it. */
static void
exchange(struct pair *p, const uint8_t *greeting, size_t len)
{
	struct buf in = buf_reader(greeting, len);
	struct stream_codec_frame f;

	for (size_t n = 0; n < len; n++) {
		struct buf part = buf_reader(greeting, n);

		assert_int_equal(
		    stream_codec_get(&p->b.codec.stream, &part, &f),
		    STREAM_CODEC_MORE);
	}
	assert_int_equal(stream_codec_get(&p->b.codec.stream, &in, &f),
	    STREAM_CODEC_GREETED);
	assert_int_equal(in.pos, len);
	in = heard(&p->b);
	assert_int_equal(stream_codec_get(&p->a.codec.stream, &in, &f),
	    STREAM_CODEC_GREETED);
	stream_codec_put(
	    &p->b.codec.stream, &p->b.said, STREAM_CODEC_PROOF, NULL, 0);
}

static void
what_a_later_greeting_adds_is_skipped(void **state)
{
	uint8_t later[PEER_CODEC_GREETING_BYTES + 9];
	struct stream_codec_frame f;
	struct pair p;
	struct buf in;

	(void)state;
	pair_init(&p);
	memset(later, 0xee, sizeof(later));
	memcpy(later, p.a.room, PEER_CODEC_GREETING_BYTES);
	later[4]++;
	later[7] = sizeof(later);
	exchange(&p, later, sizeof(later));
	assert_int_equal(p.b.codec.stream.version, PEER_CODEC_VERSION);
	later[6] = 0x80; /* too long */
	pair_init(&p);
	in = buf_reader(later, sizeof(later));
	assert_int_equal(stream_codec_get(&p.b.codec.stream, &in, &f),
	    STREAM_CODEC_MALFORMED);
}

/* Of its version, say, so that an older one is spoken. */
static void
a_greeting_that_was_changed_proves_nobody(void **state)
{
	struct stream_codec_frame f;
	struct pair p;
	struct buf in;

	(void)state;
	pair_init(&p);
	p.a.room[4]++;
	exchange(&p, p.a.room, PEER_CODEC_GREETING_BYTES);
	in = heard(&p.b);
	in.pos = PEER_CODEC_GREETING_BYTES;
	assert_int_equal(
	    stream_codec_get(&p.a.codec.stream, &in, &f), STREAM_CODEC_FORGED);
}

static void
each_signs_with_a_key_that_the_other_has(void **state)
{
	static const struct secret_keys keys = { .n = 2,
		.all = { { { 9 } }, { { 1 } } } };
	const struct hello_boot boot = { { 7 } };
	struct stream_codec_frame f;
	struct buf in;
	union addr x, y;
	struct pair p;

	(void)state;
	/* A has a new key before the old one, B the old one alone. */
	pair_init(&p);
	assert_int_equal(addr_parse_ip("10.0.0.1", &x), 0);
	assert_int_equal(addr_parse_ip("10.0.0.2", &y), 0);
	p.a.auth = packet_auth_init(&keys, &x, &y);
	greet(&p.a, 0, &boot);
	in = heard(&p.a);
	assert_int_equal(
	    stream_codec_get(&p.b.codec.stream, &in, &f), STREAM_CODEC_FOREIGN);
	greet(&p.a, 1, &boot);
	exchange(&p, p.a.room, PEER_CODEC_GREETING_BYTES);
	assert_true(p.a.codec.hears == p.b.codec.signs);
	assert_true(p.b.codec.hears == p.a.auth.keys[1].id);
	in = heard(&p.b);
	in.pos = PEER_CODEC_GREETING_BYTES;
	assert_int_equal(
	    stream_codec_get(&p.a.codec.stream, &in, &f), STREAM_CODEC_PROVEN);
}

static void
every_changed_bit_is_noticed(void **state)
{
	struct buf from_a, from_b;
	struct stream_codec_frame f;
	struct pair p;
	size_t start;

	(void)state;
	connect_pair(&p, &from_a, &from_b);
	start = from_a.pos;
	stream_codec_put(&p.a.codec.stream, &p.a.said, 9, "hello", 5);
	from_a.len = p.a.said.pos;
	for (size_t bit = 8 * start; bit < 8 * from_a.len; bit++) {
		p.a.room[bit / 8] ^= (uint8_t)(1u << bit % 8);
		from_a.pos = start;
		assert_int_not_equal(
		    stream_codec_get(&p.b.codec.stream, &from_a, &f),
		    STREAM_CODEC_FRAME);
		p.a.room[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	from_a.pos = start;
	assert_int_equal(stream_codec_get(&p.b.codec.stream, &from_a, &f),
	    STREAM_CODEC_FRAME);
}

static void
a_frame_is_good_once_and_at_its_place(void **state)
{
	struct buf from_a, from_b;
	struct stream_codec_frame f;
	struct pair p;
	size_t first, second;

	(void)state;
	connect_pair(&p, &from_a, &from_b);
	first = from_a.pos;
	stream_codec_put(&p.a.codec.stream, &p.a.said, 9, "one", 3);
	second = p.a.said.pos;
	stream_codec_put(&p.a.codec.stream, &p.a.said, 9, "two", 3);
	from_a.len = p.a.said.pos;
	from_a.pos = second; /* the first one is dropped */
	assert_int_equal(stream_codec_get(&p.b.codec.stream, &from_a, &f),
	    STREAM_CODEC_FORGED);
	from_a.pos = first;
	assert_int_equal(stream_codec_get(&p.b.codec.stream, &from_a, &f),
	    STREAM_CODEC_FRAME);
	from_a.pos = first; /* repeated */
	assert_int_equal(stream_codec_get(&p.b.codec.stream, &from_a, &f),
	    STREAM_CODEC_FORGED);
	from_a.pos = first; /* sent back */
	assert_int_equal(stream_codec_get(&p.a.codec.stream, &from_a, &f),
	    STREAM_CODEC_FORGED);
}

static void
a_recording_proves_nothing(void **state)
{
	struct buf from_a, from_b;
	struct stream_codec_frame f;
	struct pair p;
	struct end fresh;

	(void)state;
	connect_pair(&p, &from_a, &from_b);
	end_init(&fresh, 1, "10.0.0.2", "10.0.0.1");
	from_a.pos = 0;
	assert_int_equal(stream_codec_get(&fresh.codec.stream, &from_a, &f),
	    STREAM_CODEC_GREETED);
	assert_int_equal(stream_codec_get(&fresh.codec.stream, &from_a, &f),
	    STREAM_CODEC_FORGED);
	assert_false(fresh.codec.stream.proven);
}

static void
the_proof_comes_first_and_once(void **state)
{
	struct buf from_a, from_b;
	struct stream_codec_frame f;
	struct pair p;
	struct buf in;

	(void)state;
	pair_init(&p);
	in = heard(&p.b);
	assert_int_equal(
	    stream_codec_get(&p.a.codec.stream, &in, &f), STREAM_CODEC_GREETED);
	in = heard(&p.a);
	assert_int_equal(
	    stream_codec_get(&p.b.codec.stream, &in, &f), STREAM_CODEC_GREETED);
	stream_codec_put(&p.a.codec.stream, &p.a.said, 9, "hello", 5);
	in.len = p.a.said.pos;
	assert_int_equal(stream_codec_get(&p.b.codec.stream, &in, &f),
	    STREAM_CODEC_MALFORMED);
	connect_pair(&p, &from_a, &from_b);
	stream_codec_put(
	    &p.a.codec.stream, &p.a.said, STREAM_CODEC_PROOF, NULL, 0);
	from_a.len = p.a.said.pos;
	assert_int_equal(stream_codec_get(&p.b.codec.stream, &from_a, &f),
	    STREAM_CODEC_MALFORMED);
}

static void
too_long_a_frame_is_refused_by_its_head(void **state)
{
	static const uint8_t head[] = { 0x10, 0x01, 9, 0 }; /* 4097 */
	struct buf from_a, from_b;
	struct stream_codec_frame f;
	struct pair p;
	struct buf in = buf_reader(head, sizeof(head));
	static uint8_t body[PEER_CODEC_BODY_MAX + 1];

	(void)state;
	connect_pair(&p, &from_a, &from_b);
	assert_int_equal(stream_codec_get(&p.b.codec.stream, &in, &f),
	    STREAM_CODEC_MALFORMED);
	stream_codec_put(&p.a.codec.stream, &p.a.said, 9, body, sizeof(body));
	assert_true(p.a.said.bad);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_are_proven_and_frames_pass),
		cmocka_unit_test(half_of_anything_waits_for_the_rest),
		cmocka_unit_test(another_key_or_pair_is_foreign),
		cmocka_unit_test(our_own_words_are_reflected),
		cmocka_unit_test(noise_is_malformed),
		cmocka_unit_test(versions_out_of_reach_are_not_spoken),
		cmocka_unit_test(what_a_later_greeting_adds_is_skipped),
		cmocka_unit_test(a_greeting_that_was_changed_proves_nobody),
		cmocka_unit_test(each_signs_with_a_key_that_the_other_has),
		cmocka_unit_test(every_changed_bit_is_noticed),
		cmocka_unit_test(a_frame_is_good_once_and_at_its_place),
		cmocka_unit_test(a_recording_proves_nothing),
		cmocka_unit_test(the_proof_comes_first_and_once),
		cmocka_unit_test(too_long_a_frame_is_refused_by_its_head),
	};

	TEST_MAIN(tests);
}
