#include "failover/peerlink/peer_codec.h"

#include "core/buf.h"
#include "failover/heartbeat/packet_auth.h"

#define MAGIC 0x68617057u /* "hapW" */

#define GREETING_HASH_BYTES 32

struct greeting {
	uint8_t version, least;
	uint16_t len;
	uint64_t key, sender;
	struct hello_boot boot;
};

struct peer_codec
peer_codec_init(const struct packet_auth *auth,
    const struct packet_auth_key *key, const struct hello_boot *boot)
{
	struct peer_codec c = {
		.auth = auth, .signs = key->id, .base = key->send
	};
	struct buf b = buf_writer(c.greeting, sizeof(c.greeting));
	uint8_t nonce[PEER_CODEC_NONCE_BYTES];

	secret_random(nonce, sizeof(nonce));
	buf_put_u32(&b, MAGIC);
	buf_put_u8(&b, PEER_CODEC_VERSION);
	buf_put_u8(&b, PEER_CODEC_VERSION_LEAST);
	buf_put_u16(&b, PEER_CODEC_GREETING_BYTES);
	buf_put_u64(&b, key->id);
	buf_put_u64(&b, auth->self);
	buf_put_bytes(&b, boot->bytes, HELLO_BOOT_BYTES);
	buf_put_bytes(&b, nonce, sizeof(nonce));
	return c;
}

void
peer_codec_fini(struct peer_codec *c)
{
	secret_wipe(c, sizeof(*c));
}

/* Both ends' greetings, the sender's first. */
static void
direction(const struct secret_key *key,
    const uint8_t from[static GREETING_HASH_BYTES],
    const uint8_t to[static GREETING_HASH_BYTES], struct secret_key *ret_key)
{
	uint8_t context[2 * GREETING_HASH_BYTES];
	struct buf b = buf_writer(context, sizeof(context));

	buf_put_bytes(&b, from, GREETING_HASH_BYTES);
	buf_put_bytes(&b, to, GREETING_HASH_BYTES);
	secret_derive(key, "hapair wire", context, sizeof(context), ret_key);
}

/* All of it, with what a later version has put at its end. */
static enum peer_codec_result
read_greeting(struct buf *b, struct greeting *ret)
{
	const size_t start = b->pos;
	const uint32_t magic = buf_get_u32(b);

	ret->version = buf_get_u8(b);
	ret->least = buf_get_u8(b);
	ret->len = buf_get_u16(b);
	if (b->bad)
		return PEER_CODEC_MORE;
	if (magic != MAGIC)
		return PEER_CODEC_MALFORMED;
	if (ret->version < PEER_CODEC_VERSION_LEAST ||
	    ret->least > PEER_CODEC_VERSION)
		return PEER_CODEC_UNSPOKEN;
	if (ret->len < PEER_CODEC_GREETING_BYTES ||
	    ret->len > PEER_CODEC_GREETING_MAX)
		return PEER_CODEC_MALFORMED;
	if (b->len - start < ret->len)
		return PEER_CODEC_MORE;
	ret->key = buf_get_u64(b);
	ret->sender = buf_get_u64(b);
	buf_get_bytes(b, ret->boot.bytes, sizeof(ret->boot.bytes));
	b->pos = start + ret->len;
	return PEER_CODEC_GREETED;
}

static enum peer_codec_result
get_greeting(struct peer_codec *c, struct buf *b)
{
	uint8_t ours[GREETING_HASH_BYTES], theirs[GREETING_HASH_BYTES];
	const struct packet_auth_key *key;
	struct buf in = *b;
	struct greeting g;
	enum peer_codec_result r = read_greeting(&in, &g);

	if (r != PEER_CODEC_GREETED)
		return r;
	key = packet_auth_find(c->auth, g.key);
	if (key != NULL && g.sender == c->auth->self)
		return PEER_CODEC_REFLECTED;
	if (key == NULL || g.sender != c->auth->other)
		return PEER_CODEC_FOREIGN;
	secret_hash(c->greeting, sizeof(c->greeting), ours, sizeof(ours));
	secret_hash(b->data + b->pos, g.len, theirs, sizeof(theirs));
	direction(&c->base, ours, theirs, &c->send);
	direction(&key->receive, theirs, ours, &c->receive);
	secret_wipe(&c->base, sizeof(c->base));
	c->other = g.boot;
	c->hears = g.key;
	c->version =
	    g.version < PEER_CODEC_VERSION ? g.version : PEER_CODEC_VERSION;
	c->greeted = true;
	b->pos = in.pos;
	return PEER_CODEC_GREETED;
}

/* `bytes` is the frame without its MAC. */
static void
mac(const struct secret_key *key, uint64_t number, const uint8_t *bytes,
    size_t len, uint8_t ret_mac[static SECRET_MAC_BYTES])
{
	uint8_t text[8 + PEER_CODEC_HEAD_BYTES + PEER_CODEC_BODY_MAX];
	struct buf b = buf_writer(text, sizeof(text));

	buf_put_u64(&b, number);
	buf_put_bytes(&b, bytes, len);
	secret_mac(key, text, b.pos, ret_mac);
}

void
peer_codec_put(struct peer_codec *c, struct buf *b, uint8_t type,
    const void *body, size_t len)
{
	const size_t start = b->pos;
	uint8_t tag[SECRET_MAC_BYTES];

	if (len > PEER_CODEC_BODY_MAX ||
	    b->len - b->pos < PEER_CODEC_HEAD_BYTES + len + sizeof(tag)) {
		b->bad = true;
		return;
	}
	buf_put_u16(b, (uint16_t)len);
	buf_put_u8(b, type);
	buf_put_u8(b, 0);
	buf_put_bytes(b, body, len);
	mac(&c->send, c->sent++, b->data + start, b->pos - start, tag);
	buf_put_bytes(b, tag, sizeof(tag));
}

enum peer_codec_result
peer_codec_get(
    struct peer_codec *c, struct buf *b, struct peer_codec_frame *ret_frame)
{
	struct buf head = buf_reader(b->data + b->pos, b->len - b->pos);
	uint8_t tag[SECRET_MAC_BYTES];
	struct peer_codec_frame f;

	if (!c->greeted)
		return get_greeting(c, b);
	f.len = buf_get_u16(&head);
	f.type = buf_get_u8(&head);
	(void)buf_get_u8(&head);
	if (head.bad)
		return PEER_CODEC_MORE;
	/* The first must be the proof: strangers fill no memory. */
	if (f.len > PEER_CODEC_BODY_MAX ||
	    (f.type == PEER_CODEC_PROOF) == c->proven ||
	    (f.type == PEER_CODEC_PROOF && f.len != 0))
		return PEER_CODEC_MALFORMED;
	if (head.len - head.pos < f.len + sizeof(tag))
		return PEER_CODEC_MORE;
	f.body = head.data + head.pos;
	mac(&c->receive, c->received, head.data, PEER_CODEC_HEAD_BYTES + f.len,
	    tag);
	if (!secret_is_same(tag, f.body + f.len, sizeof(tag)))
		return PEER_CODEC_FORGED;
	c->received++;
	b->pos += PEER_CODEC_HEAD_BYTES + f.len + sizeof(tag);
	if (!c->proven) {
		c->proven = true;
		return PEER_CODEC_PROVEN;
	}
	*ret_frame = f;
	return PEER_CODEC_FRAME;
}

const char *
peer_codec_result_text(enum peer_codec_result r)
{
	static const char *const texts[] = {
		[PEER_CODEC_MORE] = "nothing wrong",
		[PEER_CODEC_GREETED] = "nothing wrong",
		[PEER_CODEC_PROVEN] = "nothing wrong",
		[PEER_CODEC_FRAME] = "nothing wrong",
		[PEER_CODEC_MALFORMED] = "not our protocol",
		[PEER_CODEC_UNSPOKEN] =
		    "of a version that this one does not speak",
		[PEER_CODEC_FOREIGN] = "of another pair or with another key",
		[PEER_CODEC_REFLECTED] = "our own greeting, sent back",
		[PEER_CODEC_FORGED] = "wrong signature, is the key the same",
	};

	return texts[r];
}
