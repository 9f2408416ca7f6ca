#include "director/stream_codec.h"

#include "core/addr.h"
#include "core/buf.h"

#include <assert.h>
#include <string.h>

#define MAGIC 0x68617044u /* "hapD" */

#define GREETING_HASH_BYTES 32

struct greeting {
	uint16_t len;
	uint8_t version;
	uint64_t sender;
	uint64_t keys[SECRET_KEYS_MAX];
};

/* An address is no secret, and the same in both files. */
static uint64_t
node_id(const union addr *a)
{
	uint8_t hash[sizeof(uint64_t)];
	size_t len;
	const uint8_t *bytes = addr_bytes(a, &len);
	uint64_t id;

	secret_hash(bytes, len, hash, sizeof(hash));
	memcpy(&id, hash, sizeof(id));
	return id;
}

static uint64_t
key_id(const struct secret_key *key)
{
	struct secret_key derived;
	uint64_t id;

	secret_derive(key, "hapair director key id", NULL, 0, &derived);
	memcpy(&id, derived.bytes, sizeof(id));
	secret_wipe(&derived, sizeof(derived));
	return id != 0 ? id : 1;
}

struct stream_codec_keys
stream_codec_keys_init(const struct secret_keys *keys, const union addr *self,
    const union addr *other)
{
	struct stream_codec_keys k = {
		.self = node_id(self), .other = node_id(other), .n = keys->n
	};

	for (unsigned i = 0; i < keys->n; i++)
		k.all[i] = (struct stream_codec_key){ key_id(&keys->all[i]),
			keys->all[i] };
	return k;
}

void
stream_codec_keys_fini(struct stream_codec_keys *k)
{
	secret_wipe(k, sizeof(*k));
}

static const struct stream_codec_key *
find_key(const struct stream_codec_keys *k, uint64_t id)
{
	for (unsigned i = 0; i < k->n; i++)
		if (k->all[i].id == id)
			return &k->all[i];
	return NULL;
}

bool
stream_codec_keys_have(const struct stream_codec_keys *k, uint64_t id)
{
	return find_key(k, id) != NULL;
}

struct stream_codec
stream_codec_init(const struct stream_codec_keys *keys, bool dials)
{
	struct stream_codec c = { .keys = keys, .dials = dials };
	struct buf b = buf_writer(c.greeting, sizeof(c.greeting));
	uint8_t nonce[STREAM_CODEC_NONCE_BYTES];

	secret_random(nonce, sizeof(nonce));
	buf_put_u32(&b, MAGIC);
	buf_put_u8(&b, STREAM_CODEC_VERSION);
	buf_put_u8(&b, STREAM_CODEC_VERSION_LEAST);
	buf_put_u16(&b, STREAM_CODEC_GREETING_BYTES);
	buf_put_u64(&b, keys->self);
	for (unsigned i = 0; i < SECRET_KEYS_MAX; i++)
		buf_put_u64(&b, i < keys->n ? keys->all[i].id : 0);
	buf_put_bytes(&b, nonce, sizeof(nonce));
	assert(!b.bad && b.pos == sizeof(c.greeting));
	return c;
}

void
stream_codec_fini(struct stream_codec *c)
{
	secret_wipe(c, sizeof(*c));
}

/* All of it, with what a later version has put at its end. */
static enum stream_codec_result
read_greeting(struct buf *b, struct greeting *ret)
{
	const size_t start = b->pos;
	const uint32_t magic = buf_get_u32(b);
	uint8_t least;

	ret->version = buf_get_u8(b);
	least = buf_get_u8(b);
	ret->len = buf_get_u16(b);
	if (b->bad)
		return STREAM_CODEC_MORE;
	if (magic != MAGIC)
		return STREAM_CODEC_MALFORMED;
	if (ret->version < STREAM_CODEC_VERSION_LEAST ||
	    least > STREAM_CODEC_VERSION)
		return STREAM_CODEC_NO_VERSION;
	if (ret->len < STREAM_CODEC_GREETING_BYTES ||
	    ret->len > STREAM_CODEC_GREETING_MAX)
		return STREAM_CODEC_MALFORMED;
	if (b->len - start < ret->len)
		return STREAM_CODEC_MORE;
	ret->sender = buf_get_u64(b);
	for (unsigned i = 0; i < SECRET_KEYS_MAX; i++)
		ret->keys[i] = buf_get_u64(b);
	b->pos = start + ret->len;
	return STREAM_CODEC_GREETED;
}

static bool
offers(const struct greeting *g, uint64_t id)
{
	for (unsigned i = 0; i < SECRET_KEYS_MAX; i++)
		if (g->keys[i] == id)
			return true;
	return false;
}

/* The first of the dialler's that the other has, too. NULL: none. */
static const struct stream_codec_key *
agree(const struct stream_codec *c, const struct greeting *g)
{
	const struct stream_codec_key *key = NULL;

	for (unsigned i = 0; i < SECRET_KEYS_MAX && key == NULL; i++) {
		if (!c->dials)
			key = find_key(c->keys, g->keys[i]);
		else if (i < c->keys->n && offers(g, c->keys->all[i].id))
			key = &c->keys->all[i];
	}
	return key;
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
	secret_derive(
	    key, "hapair director", context, sizeof(context), ret_key);
}

static enum stream_codec_result
get_greeting(struct stream_codec *c, struct buf *b)
{
	uint8_t ours[GREETING_HASH_BYTES], theirs[GREETING_HASH_BYTES];
	const struct stream_codec_key *key;
	struct buf in = *b;
	struct greeting g;
	enum stream_codec_result r = read_greeting(&in, &g);

	if (r != STREAM_CODEC_GREETED)
		return r;
	if (g.sender == c->keys->self)
		return STREAM_CODEC_REFLECTED;
	if (g.sender != c->keys->other)
		return STREAM_CODEC_FOREIGN;
	key = agree(c, &g);
	if (key == NULL)
		return STREAM_CODEC_NO_KEY;
	secret_hash(c->greeting, sizeof(c->greeting), ours, sizeof(ours));
	secret_hash(b->data + b->pos, g.len, theirs, sizeof(theirs));
	direction(&key->key, ours, theirs, &c->send);
	direction(&key->key, theirs, ours, &c->receive);
	c->key = key->id;
	c->version =
	    g.version < STREAM_CODEC_VERSION ? g.version : STREAM_CODEC_VERSION;
	c->keys = NULL;
	c->greeted = true;
	b->pos = in.pos;
	return STREAM_CODEC_GREETED;
}

void
stream_codec_put(
    struct stream_codec *c, struct buf *b, const void *body, size_t len)
{
	uint8_t *const head = b->data + b->pos;

	assert(c->greeted && (len == 0) == (c->sent == 0));
	if (len > STREAM_CODEC_BODY_MAX ||
	    b->len - b->pos <
	        STREAM_CODEC_HEAD_BYTES + len + SECRET_TAG_BYTES) {
		b->bad = true;
		return;
	}
	buf_put_u16(b, (uint16_t)len);
	secret_seal_numbered(&c->send, c->sent++, head, STREAM_CODEC_HEAD_BYTES,
	    body, len, b->data + b->pos);
	b->pos += len + SECRET_TAG_BYTES;
}

enum stream_codec_result
stream_codec_get(
    struct stream_codec *c, struct buf *b, struct stream_codec_frame *ret_frame)
{
	struct buf in = *b;
	uint8_t *const head = in.data + in.pos;
	struct stream_codec_frame f;

	if (!c->greeted)
		return get_greeting(c, b);
	f.len = buf_get_u16(&in);
	if (in.bad)
		return STREAM_CODEC_MORE;
	/* The first must be the proof: strangers fill no memory. */
	if (f.len > STREAM_CODEC_BODY_MAX || (f.len == 0) == c->proven)
		return STREAM_CODEC_MALFORMED;
	if (in.len - in.pos < f.len + SECRET_TAG_BYTES)
		return STREAM_CODEC_MORE;
	f.body = in.data + in.pos;
	if (secret_unseal_numbered(&c->receive, c->received, head,
	        STREAM_CODEC_HEAD_BYTES, f.body, f.len + SECRET_TAG_BYTES,
	        in.data + in.pos) < 0)
		return STREAM_CODEC_FORGED;
	c->received++;
	b->pos = in.pos + f.len + SECRET_TAG_BYTES;
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
		    "it is of another pair, or its file has other addresses for the nodes",
		[STREAM_CODEC_NO_KEY] = "it has none of this node's keys",
		[STREAM_CODEC_REFLECTED] = "it sent our own greeting back",
		[STREAM_CODEC_FORGED] = "what it sent was changed on its way",
	};

	return texts[r];
}
