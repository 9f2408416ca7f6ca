#include "core/stream/stream_codec.h"

#include "core/buf.h"

#include <assert.h>

#define GREETING_HEAD_BYTES 8
#define GREETING_HASH_BYTES 32

_Static_assert(SECRET_TAG_BYTES == SECRET_MAC_BYTES, "a tag is either");

struct buf
stream_codec_init(
    struct stream_codec *c, const struct stream_codec_protocol *protocol)
{
	struct buf b = buf_writer(c->greeting, protocol->greeting_bytes);

	assert(protocol->greeting_bytes <= sizeof(c->greeting));
	*c = (struct stream_codec){ .protocol = protocol };
	secret_random(c->greeting, protocol->greeting_bytes);
	buf_put_u32(&b, protocol->magic);
	buf_put_u8(&b, protocol->version);
	buf_put_u8(&b, protocol->version_least);
	buf_put_u16(&b, protocol->greeting_bytes);
	return b;
}

void
stream_codec_fini(struct stream_codec *c)
{
	secret_wipe(c, sizeof(*c));
}

/* All of it, with what a later version has put at its end. */
static enum stream_codec_result
find_greeting(const struct stream_codec_protocol *p, const struct buf *b,
    struct buf *ret_greeting, uint8_t *ret_version)
{
	struct buf in = buf_reader(b->data + b->pos, b->len - b->pos);
	const uint32_t magic = buf_get_u32(&in);
	const uint8_t version = buf_get_u8(&in);
	const uint8_t least = buf_get_u8(&in);
	const uint16_t len = buf_get_u16(&in);

	if (in.bad)
		return STREAM_CODEC_MORE;
	if (magic != p->magic)
		return STREAM_CODEC_MALFORMED;
	if (version < p->version_least || least > p->version)
		return STREAM_CODEC_NO_VERSION;
	if (len < p->greeting_bytes || len > STREAM_CODEC_GREETING_MAX)
		return STREAM_CODEC_MALFORMED;
	if (in.len < len)
		return STREAM_CODEC_MORE;
	in.len = len;
	*ret_greeting = in;
	*ret_version = version;
	return STREAM_CODEC_GREETED;
}

/* Both ends' greetings, the sender's first, make another key of `key`. */
static void
direct(struct secret_key *key, const char *label,
    const uint8_t from[static GREETING_HASH_BYTES],
    const uint8_t to[static GREETING_HASH_BYTES])
{
	struct secret_key base = *key;
	uint8_t context[2 * GREETING_HASH_BYTES];
	struct buf b = buf_writer(context, sizeof(context));

	buf_put_bytes(&b, from, GREETING_HASH_BYTES);
	buf_put_bytes(&b, to, GREETING_HASH_BYTES);
	secret_derive(&base, label, context, sizeof(context), key);
	secret_wipe(&base, sizeof(base));
}

static enum stream_codec_result
get_greeting(struct stream_codec *c, struct buf *b)
{
	const struct stream_codec_protocol *p = c->protocol;
	uint8_t ours[GREETING_HASH_BYTES], theirs[GREETING_HASH_BYTES];
	enum stream_codec_result r;
	uint8_t version = 0;
	struct buf in;

	r = find_greeting(p, b, &in, &version);
	if (r == STREAM_CODEC_GREETED)
		r = p->meet(c, &in);
	if (r != STREAM_CODEC_GREETED)
		return r;
	secret_hash(c->greeting, p->greeting_bytes, ours, sizeof(ours));
	secret_hash(in.data, in.len, theirs, sizeof(theirs));
	direct(&c->send, p->label, ours, theirs);
	direct(&c->receive, p->label, theirs, ours);
	c->version = version < p->version ? version : p->version;
	c->greeted = true;
	b->pos += in.len;
	return STREAM_CODEC_GREETED;
}

void
stream_codec_put(struct stream_codec *c, struct buf *b, uint8_t type,
    const void *body, size_t len)
{
	const uint64_t number = c->sent;
	uint8_t *const head = b->data + b->pos;
	uint8_t *const at = head + STREAM_CODEC_HEAD_BYTES;

	assert(c->greeted);
	if (len > c->protocol->body_max ||
	    b->len - b->pos < STREAM_CODEC_FRAME_BYTES(len)) {
		b->bad = true;
		return;
	}
	c->sent++;
	buf_put_u16(b, (uint16_t)len);
	buf_put_u8(b, type);
	buf_put_u8(b, 0);
	if (c->protocol->seals) {
		secret_seal_numbered(&c->send, number, head,
		    STREAM_CODEC_HEAD_BYTES, body, len, at);
		b->pos += len;
	} else {
		buf_put_bytes(b, body, len);
		secret_mac_numbered(&c->send, number, head,
		    STREAM_CODEC_HEAD_BYTES + len, at + len);
	}
	b->pos += SECRET_TAG_BYTES;
}

/* `head` is where the frame of so long a body begins, and all of it is here. */
static bool
open_frame(const struct stream_codec *c, uint8_t *head, size_t len)
{
	uint8_t *const body = head + STREAM_CODEC_HEAD_BYTES;
	uint8_t tag[SECRET_MAC_BYTES];

	if (c->protocol->seals)
		return secret_unseal_numbered(&c->receive, c->received, head,
		           STREAM_CODEC_HEAD_BYTES, body,
		           len + SECRET_TAG_BYTES, body) == 0;
	secret_mac_numbered(
	    &c->receive, c->received, head, STREAM_CODEC_HEAD_BYTES + len, tag);
	return secret_is_same(tag, body + len, sizeof(tag));
}

enum stream_codec_result
stream_codec_get(
    struct stream_codec *c, struct buf *b, struct stream_codec_frame *ret_frame)
{
	struct buf in = buf_reader(b->data + b->pos, b->len - b->pos);
	struct stream_codec_frame f;

	if (!c->greeted)
		return get_greeting(c, b);
	f.len = buf_get_u16(&in);
	f.type = buf_get_u8(&in);
	(void)buf_get_u8(&in);
	f.body = in.data + in.pos;
	if (in.bad)
		return STREAM_CODEC_MORE;
	/* The first must be the proof: strangers fill no memory. */
	if (f.len > c->protocol->body_max ||
	    (f.type == STREAM_CODEC_PROOF) == c->proven ||
	    (f.type == STREAM_CODEC_PROOF && f.len != 0))
		return STREAM_CODEC_MALFORMED;
	if (in.len < STREAM_CODEC_FRAME_BYTES((size_t)f.len))
		return STREAM_CODEC_MORE;
	if (!open_frame(c, in.data, f.len))
		return STREAM_CODEC_FORGED;
	c->received++;
	b->pos += STREAM_CODEC_FRAME_BYTES((size_t)f.len);
	if (!c->proven) {
		c->proven = true;
		return STREAM_CODEC_PROVEN;
	}
	*ret_frame = f;
	return STREAM_CODEC_FRAME;
}

const char *
stream_codec_result_text(enum stream_codec_result r)
{
	static const char *const texts[] = {
		[STREAM_CODEC_MORE] = "nothing wrong",
		[STREAM_CODEC_GREETED] = "nothing wrong",
		[STREAM_CODEC_PROVEN] = "nothing wrong",
		[STREAM_CODEC_FRAME] = "nothing wrong",
		[STREAM_CODEC_MALFORMED] = "it does not speak our protocol",
		[STREAM_CODEC_NO_VERSION] =
		    "it speaks no version that this one does",
		[STREAM_CODEC_FOREIGN] =
		    "it is of another pair, or its file has another key or other addresses for the nodes",
		[STREAM_CODEC_NO_KEY] = "it has none of this node's keys",
		[STREAM_CODEC_REFLECTED] = "it sent our own greeting back",
		[STREAM_CODEC_FORGED] = "what it sent was changed on its way",
	};

	return texts[r];
}
