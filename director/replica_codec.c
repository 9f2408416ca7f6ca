#include "director/replica_codec.h"

#include "core/addr.h"
#include "core/buf.h"

#define MAGIC 0x68617044u /* "hapD" */

/* An address is no secret, and the same in both files. */
static uint64_t
node_id(const union addr *a)
{
	size_t len;
	const uint8_t *bytes = addr_bytes(a, &len);

	return secret_public_id(bytes, len);
}

struct replica_codec_keys
replica_codec_keys_init(const struct secret_keys *keys, const union addr *self,
    const union addr *other)
{
	struct replica_codec_keys k = {
		.self = node_id(self), .other = node_id(other), .n = keys->n
	};

	for (unsigned i = 0; i < keys->n; i++)
		k.all[i] = (struct replica_codec_key){
			secret_key_id(&keys->all[i], "hapair director key id"),
			keys->all[i]
		};
	return k;
}

void
replica_codec_keys_fini(struct replica_codec_keys *k)
{
	secret_wipe(k, sizeof(*k));
}

static const struct replica_codec_key *
find_key(const struct replica_codec_keys *k, uint64_t id)
{
	for (unsigned i = 0; i < k->n; i++)
		if (k->all[i].id == id)
			return &k->all[i];
	return NULL;
}

bool
replica_codec_keys_have(const struct replica_codec_keys *k, uint64_t id)
{
	return find_key(k, id) != NULL;
}

static bool
offers(const uint64_t ids[static SECRET_KEYS_MAX], uint64_t id)
{
	for (unsigned i = 0; i < SECRET_KEYS_MAX; i++)
		if (ids[i] == id)
			return true;
	return false;
}

/* The first of the dialler's that the other has, too. NULL: none. */
static const struct replica_codec_key *
agree(const struct replica_codec *c, const uint64_t ids[static SECRET_KEYS_MAX])
{
	const struct replica_codec_key *key = NULL;

	for (unsigned i = 0; i < SECRET_KEYS_MAX && key == NULL; i++) {
		if (!c->dials)
			key = find_key(c->keys, ids[i]);
		else if (i < c->keys->n && offers(ids, c->keys->all[i].id))
			key = &c->keys->all[i];
	}
	return key;
}

static enum stream_codec_result
meet(struct stream_codec *s, struct buf *words)
{
	struct replica_codec *c = CONTAINER_OF(s, struct replica_codec, stream);
	const uint64_t sender = buf_get_u64(words);
	const struct replica_codec_key *key;
	uint64_t ids[SECRET_KEYS_MAX];

	for (unsigned i = 0; i < SECRET_KEYS_MAX; i++)
		ids[i] = buf_get_u64(words);
	if (sender == c->keys->self)
		return STREAM_CODEC_REFLECTED;
	if (sender != c->keys->other)
		return STREAM_CODEC_FOREIGN;
	key = agree(c, ids);
	if (key == NULL)
		return STREAM_CODEC_NO_KEY;
	s->send = s->receive = key->key;
	c->key = key->id;
	c->keys = NULL;
	return STREAM_CODEC_GREETED;
}

struct replica_codec
replica_codec_init(const struct replica_codec_keys *keys, bool dials)
{
	static const struct stream_codec_protocol protocol = { .magic = MAGIC,
		.version = REPLICA_CODEC_VERSION,
		.version_least = REPLICA_CODEC_VERSION_LEAST,
		.greeting_bytes = REPLICA_CODEC_GREETING_BYTES,
		.body_max = REPLICA_CODEC_BODY_MAX,
		.label = "hapair director",
		.seals = true,
		.meet = meet };
	struct replica_codec c = { .keys = keys, .dials = dials };
	struct buf words = stream_codec_init(&c.stream, &protocol);

	buf_put_u64(&words, keys->self);
	for (unsigned i = 0; i < SECRET_KEYS_MAX; i++)
		buf_put_u64(&words, i < keys->n ? keys->all[i].id : 0);
	return c;
}
