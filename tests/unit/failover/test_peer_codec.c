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
end_init(struct end *e, uint8_t key_byte, const char *self, const char *other)
{
	const struct secret_key key = { { key_byte } };
	const struct hello_boot boot = { { 1, key_byte } };
	union addr x, y;

	assert_int_equal(secret_init(), 0);
	assert_int_equal(addr_parse_ip(self, &x), 0);
	assert_int_equal(addr_parse_ip(other, &y), 0);
	e->auth = packet_auth_init(&key, &x, &y);
	e->codec = peer_codec_init(&e->auth, &boot);
	e->said = buf_writer(e->room, sizeof(e->room));
	peer_codec_greet(&e->codec, e->room);
	e->said.pos = PEER_CODEC_GREETING_BYTES;
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
	struct peer_codec_frame f;
	struct buf in;

	pair_init(p);
	in = heard(&p->a);
	assert_int_equal(
	    peer_codec_get(&p->b.codec, &in, &f), PEER_CODEC_GREETED);
	in = heard(&p->b);
	assert_int_equal(
	    peer_codec_get(&p->a.codec, &in, &f), PEER_CODEC_GREETED);
	peer_codec_put(&p->a.codec, &p->a.said, PEER_CODEC_PROOF, NULL, 0);
	peer_codec_put(&p->b.codec, &p->b.said, PEER_CODEC_PROOF, NULL, 0);
	*from_a = heard(&p->a);
	from_a->pos = PEER_CODEC_GREETING_BYTES;
	*from_b = heard(&p->b);
	from_b->pos = PEER_CODEC_GREETING_BYTES;
	assert_int_equal(
	    peer_codec_get(&p->b.codec, from_a, &f), PEER_CODEC_PROVEN);
	assert_int_equal(
	    peer_codec_get(&p->a.codec, from_b, &f), PEER_CODEC_PROVEN);
}

static void
both_are_proven_and_frames_pass(void **state)
{
	static uint8_t large[PEER_CODEC_BODY_MAX];
	struct buf from_a, from_b;
	struct peer_codec_frame f;
	struct pair p;

	(void)state;
	memset(large, 7, sizeof(large));
	connect_pair(&p, &from_a, &from_b);
	assert_true(hello_boot_is_same(&p.a.codec.other, &p.b.codec.self));
	peer_codec_put(&p.a.codec, &p.a.said, 9, "hello", 5);
	peer_codec_put(&p.a.codec, &p.a.said, 3, large, sizeof(large));
	peer_codec_put(&p.a.codec, &p.a.said, 1, NULL, 0);
	assert_false(p.a.said.bad);
	from_a.len = p.a.said.pos;
	assert_int_equal(
	    peer_codec_get(&p.b.codec, &from_a, &f), PEER_CODEC_FRAME);
	assert_int_equal(f.type, 9);
	assert_int_equal(f.len, 5);
	assert_memory_equal(f.body, "hello", 5);
	assert_int_equal(
	    peer_codec_get(&p.b.codec, &from_a, &f), PEER_CODEC_FRAME);
	assert_int_equal(f.len, sizeof(large));
	assert_memory_equal(f.body, large, sizeof(large));
	assert_int_equal(
	    peer_codec_get(&p.b.codec, &from_a, &f), PEER_CODEC_FRAME);
	assert_int_equal(f.len, 0);
	assert_int_equal(
	    peer_codec_get(&p.b.codec, &from_a, &f), PEER_CODEC_MORE);
}

static void
half_of_anything_waits_for_the_rest(void **state)
{
	struct buf from_a, from_b;
	struct peer_codec_frame f;
	struct pair p;
	size_t start;

	(void)state;
	pair_init(&p);
	for (size_t len = 0; len < PEER_CODEC_GREETING_BYTES; len++) {
		struct buf in = buf_reader(p.a.room, len);

		assert_int_equal(
		    peer_codec_get(&p.b.codec, &in, &f), PEER_CODEC_MORE);
	}
	connect_pair(&p, &from_a, &from_b);
	start = from_a.pos;
	peer_codec_put(&p.a.codec, &p.a.said, 9, "hello", 5);
	for (size_t len = start; len < p.a.said.pos; len++) {
		from_a.len = len;
		assert_int_equal(
		    peer_codec_get(&p.b.codec, &from_a, &f), PEER_CODEC_MORE);
		assert_int_equal(from_a.pos, start);
	}
}

static void
another_key_or_pair_is_foreign(void **state)
{
	struct end a, other_key, other_node;
	struct peer_codec_frame f;
	struct buf in;

	(void)state;
	end_init(&a, 1, "10.0.0.1", "10.0.0.2");
	end_init(&other_key, 2, "10.0.0.2", "10.0.0.1");
	end_init(&other_node, 1, "10.0.0.3", "10.0.0.1");
	in = heard(&other_key);
	assert_int_equal(peer_codec_get(&a.codec, &in, &f), PEER_CODEC_FOREIGN);
	in = heard(&other_node);
	assert_int_equal(peer_codec_get(&a.codec, &in, &f), PEER_CODEC_FOREIGN);
}

static void
our_own_words_are_reflected(void **state)
{
	struct peer_codec_frame f;
	struct pair p;
	struct buf in;

	(void)state;
	pair_init(&p);
	in = heard(&p.a);
	assert_int_equal(
	    peer_codec_get(&p.a.codec, &in, &f), PEER_CODEC_REFLECTED);
}

static void
noise_and_other_versions_are_malformed(void **state)
{
	static const size_t places[] = { 0, 3, 4, 6 };
	struct peer_codec_frame f;
	struct pair p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		struct buf in;

		pair_init(&p);
		p.a.room[places[i]] ^= 1;
		in = heard(&p.a);
		assert_int_equal(
		    peer_codec_get(&p.b.codec, &in, &f), PEER_CODEC_MALFORMED);
	}
}

static void
every_changed_bit_is_noticed(void **state)
{
	struct buf from_a, from_b;
	struct peer_codec_frame f;
	struct pair p;
	size_t start;

	(void)state;
	connect_pair(&p, &from_a, &from_b);
	start = from_a.pos;
	peer_codec_put(&p.a.codec, &p.a.said, 9, "hello", 5);
	from_a.len = p.a.said.pos;
	for (size_t bit = 8 * start; bit < 8 * from_a.len; bit++) {
		p.a.room[bit / 8] ^= (uint8_t)(1u << bit % 8);
		from_a.pos = start;
		assert_int_not_equal(
		    peer_codec_get(&p.b.codec, &from_a, &f), PEER_CODEC_FRAME);
		p.a.room[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	from_a.pos = start;
	assert_int_equal(
	    peer_codec_get(&p.b.codec, &from_a, &f), PEER_CODEC_FRAME);
}

static void
a_frame_is_good_once_and_at_its_place(void **state)
{
	struct buf from_a, from_b;
	struct peer_codec_frame f;
	struct pair p;
	size_t first, second;

	(void)state;
	connect_pair(&p, &from_a, &from_b);
	first = from_a.pos;
	peer_codec_put(&p.a.codec, &p.a.said, 9, "one", 3);
	second = p.a.said.pos;
	peer_codec_put(&p.a.codec, &p.a.said, 9, "two", 3);
	from_a.len = p.a.said.pos;
	from_a.pos = second; /* the first one is dropped */
	assert_int_equal(
	    peer_codec_get(&p.b.codec, &from_a, &f), PEER_CODEC_FORGED);
	from_a.pos = first;
	assert_int_equal(
	    peer_codec_get(&p.b.codec, &from_a, &f), PEER_CODEC_FRAME);
	from_a.pos = first; /* repeated */
	assert_int_equal(
	    peer_codec_get(&p.b.codec, &from_a, &f), PEER_CODEC_FORGED);
	from_a.pos = first; /* sent back */
	assert_int_equal(
	    peer_codec_get(&p.a.codec, &from_a, &f), PEER_CODEC_FORGED);
}

static void
a_recording_proves_nothing(void **state)
{
	struct buf from_a, from_b;
	struct peer_codec_frame f;
	struct pair p;
	struct end fresh;

	(void)state;
	connect_pair(&p, &from_a, &from_b);
	end_init(&fresh, 1, "10.0.0.2", "10.0.0.1");
	from_a.pos = 0;
	assert_int_equal(
	    peer_codec_get(&fresh.codec, &from_a, &f), PEER_CODEC_GREETED);
	assert_int_equal(
	    peer_codec_get(&fresh.codec, &from_a, &f), PEER_CODEC_FORGED);
	assert_false(fresh.codec.proven);
}

static void
the_proof_comes_first_and_once(void **state)
{
	struct buf from_a, from_b;
	struct peer_codec_frame f;
	struct pair p;
	struct buf in;

	(void)state;
	pair_init(&p);
	in = heard(&p.b);
	assert_int_equal(
	    peer_codec_get(&p.a.codec, &in, &f), PEER_CODEC_GREETED);
	in = heard(&p.a);
	assert_int_equal(
	    peer_codec_get(&p.b.codec, &in, &f), PEER_CODEC_GREETED);
	peer_codec_put(&p.a.codec, &p.a.said, 9, "hello", 5);
	in.len = p.a.said.pos;
	assert_int_equal(
	    peer_codec_get(&p.b.codec, &in, &f), PEER_CODEC_MALFORMED);
	connect_pair(&p, &from_a, &from_b);
	peer_codec_put(&p.a.codec, &p.a.said, PEER_CODEC_PROOF, NULL, 0);
	from_a.len = p.a.said.pos;
	assert_int_equal(
	    peer_codec_get(&p.b.codec, &from_a, &f), PEER_CODEC_MALFORMED);
}

static void
too_long_a_frame_is_refused_by_its_head(void **state)
{
	static const uint8_t head[] = { 0x10, 0x01, 9, 0 }; /* 4097 */
	struct buf from_a, from_b;
	struct peer_codec_frame f;
	struct pair p;
	struct buf in = buf_reader(head, sizeof(head));
	static uint8_t body[PEER_CODEC_BODY_MAX + 1];

	(void)state;
	connect_pair(&p, &from_a, &from_b);
	assert_int_equal(
	    peer_codec_get(&p.b.codec, &in, &f), PEER_CODEC_MALFORMED);
	peer_codec_put(&p.a.codec, &p.a.said, 9, body, sizeof(body));
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
		cmocka_unit_test(noise_and_other_versions_are_malformed),
		cmocka_unit_test(every_changed_bit_is_noticed),
		cmocka_unit_test(a_frame_is_good_once_and_at_its_place),
		cmocka_unit_test(a_recording_proves_nothing),
		cmocka_unit_test(the_proof_comes_first_and_once),
		cmocka_unit_test(too_long_a_frame_is_refused_by_its_head),
	};

	TEST_MAIN(tests);
}
