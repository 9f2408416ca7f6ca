#include "failover/peerlink/peer_codec.h"

#include "core/buf.h"
#include "failover/heartbeat/packet_auth.h"

#define MAGIC 0x68617057u /* "hapW" */
#define VERSION_ 1

struct greeting {
	uint8_t key_id;
	uint64_t cluster, sender;
	struct hello_boot boot;
	uint8_t nonce[PEER_CODEC_NONCE_BYTES];
};

struct peer_codec
peer_codec_init(const struct packet_auth *auth, const struct hello_boot *boot)
{
	struct peer_codec c = { .auth = auth, .self = *boot };

	secret_random(c.nonce, sizeof(c.nonce));
	return c;
}

void
peer_codec_fini(struct peer_codec *c)
{
	secret_wipe(c, sizeof(*c));
}

void
peer_codec_greet(const struct peer_codec *c,
    uint8_t ret_bytes[static PEER_CODEC_GREETING_BYTES])
{
	struct buf b = buf_writer(ret_bytes, PEER_CODEC_GREETING_BYTES);

	buf_put_u32(&b, MAGIC);
	buf_put_u8(&b, VERSION_);
	buf_put_u8(&b, c->auth->key_id);
	buf_put_u16(&b, 0);
	buf_put_u64(&b, c->auth->cluster);
	buf_put_u64(&b, c->auth->self);
	buf_put_bytes(&b, c->self.bytes, sizeof(c->self.bytes));
	buf_put_bytes(&b, c->nonce, sizeof(c->nonce));
}

/* Both ends' parts, the sender's first. */
static void
direction(const struct secret_key *key, const struct hello_boot *from_boot,
    const uint8_t *from_nonce, const struct hello_boot *to_boot,
    const uint8_t *to_nonce, struct secret_key *ret_key)
{
	uint8_t context[2 * (HELLO_BOOT_BYTES + PEER_CODEC_NONCE_BYTES)];
	struct buf b = buf_writer(context, sizeof(context));

	buf_put_bytes(&b, from_boot->bytes, HELLO_BOOT_BYTES);
	buf_put_bytes(&b, from_nonce, PEER_CODEC_NONCE_BYTES);
	buf_put_bytes(&b, to_boot->bytes, HELLO_BOOT_BYTES);
	buf_put_bytes(&b, to_nonce, PEER_CODEC_NONCE_BYTES);
	secret_derive(key, "hapair wire", context, sizeof(context), ret_key);
}

static bool
read_greeting(struct buf *b, struct greeting *ret)
{
	const uint32_t magic = buf_get_u32(b);
	const uint8_t version = buf_get_u8(b);
	uint16_t zero;

	ret->key_id = buf_get_u8(b);
	zero = buf_get_u16(b);
	ret->cluster = buf_get_u64(b);
	ret->sender = buf_get_u64(b);
	buf_get_bytes(b, ret->boot.bytes, sizeof(ret->boot.bytes));
	buf_get_bytes(b, ret->nonce, sizeof(ret->nonce));
	return magic == MAGIC && version == VERSION_ && zero == 0;
}

static enum peer_codec_result
get_greeting(struct peer_codec *c, struct buf *b)
{
	struct greeting g;

	if (b->len - b->pos < PEER_CODEC_GREETING_BYTES)
		return PEER_CODEC_MORE;
	if (!read_greeting(b, &g))
		return PEER_CODEC_MALFORMED;
	if (g.cluster == c->auth->cluster && g.sender == c->auth->self)
		return PEER_CODEC_REFLECTED;
	if (g.cluster != c->auth->cluster || g.sender != c->auth->other ||
	    g.key_id != c->auth->key_id)
		return PEER_CODEC_FOREIGN;
	direction(
	    &c->auth->send, &c->self, c->nonce, &g.boot, g.nonce, &c->send);
	direction(&c->auth->receive, &g.boot, g.nonce, &c->self, c->nonce,
	    &c->receive);
	c->other = g.boot;
	c->greeted = true;
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
	uint8_t zero;

	if (!c->greeted)
		return get_greeting(c, b);
	f.len = buf_get_u16(&head);
	f.type = buf_get_u8(&head);
	zero = buf_get_u8(&head);
	if (head.bad)
		return PEER_CODEC_MORE;
	/* The first must be the proof: strangers fill no memory. */
	if (zero != 0 || f.len > PEER_CODEC_BODY_MAX ||
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
		[PEER_CODEC_MALFORMED] =
		    "not our protocol, or of another version",
		[PEER_CODEC_FOREIGN] = "of another pair or with another key",
		[PEER_CODEC_REFLECTED] = "our own greeting, sent back",
		[PEER_CODEC_FORGED] = "wrong signature, is the key the same",
	};

	return texts[r];
}
