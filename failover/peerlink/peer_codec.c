#include "failover/peerlink/peer_codec.h"

#include "core/buf.h"
#include "failover/heartbeat/packet_auth.h"

#define MAGIC 0x68617057u /* "hapW" */

static enum stream_codec_result
meet(struct stream_codec *s, struct buf *words)
{
	struct peer_codec *c = CONTAINER_OF(s, struct peer_codec, stream);
	const uint64_t id = buf_get_u64(words), sender = buf_get_u64(words);
	const struct packet_auth_key *key = packet_auth_find(c->auth, id);

	if (key != NULL && sender == c->auth->self)
		return STREAM_CODEC_REFLECTED;
	if (key == NULL || sender != c->auth->other)
		return STREAM_CODEC_FOREIGN;
	buf_get_bytes(words, c->other.bytes, sizeof(c->other.bytes));
	s->receive = key->receive;
	c->hears = id;
	return STREAM_CODEC_GREETED;
}

struct peer_codec
peer_codec_init(const struct packet_auth *auth,
    const struct packet_auth_key *key, const struct hello_boot *boot)
{
	static const struct stream_codec_protocol protocol = { .magic = MAGIC,
		.version = PEER_CODEC_VERSION,
		.version_least = PEER_CODEC_VERSION_LEAST,
		.greeting_bytes = PEER_CODEC_GREETING_BYTES,
		.body_max = PEER_CODEC_BODY_MAX,
		.label = "hapair wire",
		.meet = meet };
	struct peer_codec c = { .auth = auth, .signs = key->id };
	struct buf words = stream_codec_init(&c.stream, &protocol);

	c.stream.send = key->send;
	buf_put_u64(&words, key->id);
	buf_put_u64(&words, auth->self);
	buf_put_bytes(&words, boot->bytes, HELLO_BOOT_BYTES);
	return c;
}
