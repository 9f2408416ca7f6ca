/*
 * What a stranger, and what a peer gone mad, may send over the stream between
 * two directors. The first byte chooses: any bytes instead of a greeting, or
 * behind one of the peer's, which must prove nothing; or a proven peer's
 * frames, cut into pieces by that byte, of which each message is read.
 */

#include "core/addr.h"
#include "core/base.h"
#include "core/buf.h"
#include "director/replica_codec.h"
#include "director/replica_msg.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct replica_codec_keys
keys_of(bool other)
{
	const struct secret_keys keys = { .n = 2,
		.all = { { { 1 } }, { { 2 } } } };
	const union addr a = { .in = { .sin_family = AF_INET } };
	const union addr b = { .in = { .sin_family = AF_INET,
		                   .sin_addr.s_addr = 1 } };

	return replica_codec_keys_init(&keys, other ? &b : &a, other ? &a : &b);
}

/* With the peer's greeting in front, or without. */
static void
fuzz_stranger(const uint8_t *data, size_t size, bool greets)
{
	const struct replica_codec_keys own = keys_of(false);
	const struct replica_codec_keys keys = keys_of(true);
	const struct replica_codec peer = replica_codec_init(&keys, true);
	struct replica_codec c = replica_codec_init(&own, false);
	uint8_t room[INPUT_MAX + REPLICA_CODEC_GREETING_BYTES];
	struct buf w = buf_writer(room, sizeof(room)), in;
	enum stream_codec_result r;
	struct stream_codec_frame f;

	if (greets)
		buf_put_bytes(
		    &w, peer.stream.greeting, REPLICA_CODEC_GREETING_BYTES);
	buf_put_bytes(&w, data, size);
	in = buf_reader(room, w.pos);
	do
		r = stream_codec_get(&c.stream, &in, &f);
	while (r == STREAM_CODEC_GREETED);
	assert(r != STREAM_CODEC_PROVEN && r != STREAM_CODEC_FRAME);
	assert(in.pos <= in.len);
}

static void
read_messages(const struct stream_codec_frame *f)
{
	struct buf b = buf_reader(f->body, f->len);
	struct replica_msg m;

	while (b.pos < b.len && replica_msg_decode(&b, &m) == 1)
		continue;
	assert(b.pos <= b.len);
}

static void
greet(struct stream_codec *to, const struct stream_codec *from)
{
	struct buf b = buf_reader(from->greeting, sizeof(from->greeting));
	struct stream_codec_frame f;

	assert(stream_codec_get(to, &b, &f) == STREAM_CODEC_GREETED);
}

/* Whatever is sealed comes out as it was, in whatever pieces it arrives. */
static void
fuzz_peer(const uint8_t *data, size_t size, size_t piece)
{
	const struct replica_codec_keys own = keys_of(false);
	const struct replica_codec_keys keys = keys_of(true);
	struct replica_codec peer = replica_codec_init(&keys, true);
	struct replica_codec c = replica_codec_init(&own, false);
	uint8_t room[INPUT_MAX + 3 * REPLICA_CODEC_FRAME_MAX];
	struct buf w = buf_writer(room, sizeof(room)), in;
	const size_t half = size / 2;
	struct stream_codec_frame f;
	size_t frames = 0, bytes = 0;

	greet(&c.stream, &peer.stream);
	greet(&peer.stream, &c.stream);
	stream_codec_put(&peer.stream, &w, STREAM_CODEC_PROOF, NULL, 0);
	if (half > 0)
		stream_codec_put(
		    &peer.stream, &w, REPLICA_CODEC_MSGS, data, half);
	if (size > half)
		stream_codec_put(&peer.stream, &w, REPLICA_CODEC_MSGS,
		    data + half, size - half);
	assert(!w.bad);
	in = buf_reader(room, 0);
	while (in.len < w.pos) {
		enum stream_codec_result r;

		in.len = in.len + piece < w.pos ? in.len + piece : w.pos;
		while ((r = stream_codec_get(&c.stream, &in, &f)) !=
		    STREAM_CODEC_MORE) {
			assert(r == STREAM_CODEC_FRAME ||
			    (r == STREAM_CODEC_PROVEN && frames == 0));
			frames++;
			if (r == STREAM_CODEC_PROVEN)
				continue;
			assert(memcmp(f.body, data + bytes, f.len) == 0);
			bytes += f.len;
			read_messages(&f);
		}
	}
	assert(bytes == size && c.stream.proven);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > INPUT_MAX || secret_init() < 0)
		return 0;
	if (data[0] < 32)
		fuzz_stranger(data + 1, size - 1, data[0] % 2 == 0);
	else
		fuzz_peer(data + 1, size - 1, data[0] - 31u);
	return 0;
}
