/*
 * The next version of hapair, as far as its peer can tell: this one, but what
 * it says to the peer is of a version that nobody knows yet, with more in it.
 * With HAPAIR_NEXT=far nobody who does not know that version can read its
 * heartbeats.
 *
 * Linked with --wrap for each of the functions below (Makefile).
 */

#include "core/accord.h"
#include "core/buf.h"
#include "core/conn_record.h"
#include "failover/election/hello.h"
#include "failover/peerlink/peer_codec.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_MORE 5
#define GROUP_MORE 3

/* Places in a hello and in a greeting; see hello.h and stream_codec.h. */
#define VERSION_AT 4
#define LEAST_AT 5
#define N_GROUPS_AT 7
#define HEAD_BYTES_AT 9
#define GROUP_BYTES_AT 10
#define FLAGS_AT 103
#define GROUP_FLAGS_AT 5

void __real_hello_encode(struct buf *b, const struct hello *h);
void __wrap_hello_encode(struct buf *b, const struct hello *h);
struct peer_codec __real_peer_codec_init(const struct packet_auth *auth,
    const struct packet_auth_key *key, const struct hello_boot *boot);
struct peer_codec __wrap_peer_codec_init(const struct packet_auth *auth,
    const struct packet_auth_key *key, const struct hello_boot *boot);
void __real_conn_record_encode(struct buf *b, const struct conn_record *c);
void __wrap_conn_record_encode(struct buf *b, const struct conn_record *c);
void __real_accord_put(struct buf *b, const struct accord *a);
void __wrap_accord_put(struct buf *b, const struct accord *a);

/* Some bytes at this place, of a meaning to come. */
static void
insert(struct buf *b, size_t at, size_t len)
{
	if (b->len - b->pos < len) {
		b->bad = true;
		return;
	}
	memmove(b->data + at + len, b->data + at, b->pos - at);
	memset(b->data + at, 0xee, len);
	b->pos += len;
}

void
__wrap_hello_encode(struct buf *b, const struct hello *h)
{
	const char *how = getenv("HAPAIR_NEXT");
	uint8_t *bytes = b->data;
	size_t at = HELLO_HEAD_BYTES;

	__real_hello_encode(b, h);
	bytes[VERSION_AT]++;
	if (how != NULL && strcmp(how, "far") == 0)
		bytes[LEAST_AT] = bytes[VERSION_AT];
	bytes[HEAD_BYTES_AT] += HEAD_MORE;
	bytes[GROUP_BYTES_AT] += GROUP_MORE;
	bytes[FLAGS_AT] |= 0x80;
	insert(b, at, HEAD_MORE);
	at += HEAD_MORE;
	for (unsigned i = 0; i < h->n_groups; i++) {
		bytes[at + GROUP_FLAGS_AT] |= 0x80;
		at += HELLO_GROUP_BYTES;
		insert(b, at, GROUP_MORE);
		at += GROUP_MORE;
	}
}

struct peer_codec
__wrap_peer_codec_init(const struct packet_auth *auth,
    const struct packet_auth_key *key, const struct hello_boot *boot)
{
	struct peer_codec c = __real_peer_codec_init(auth, key, boot);

	c.stream.greeting[VERSION_AT]++;
	return c;
}

void
__wrap_accord_put(struct buf *b, const struct accord *a)
{
	const size_t start = b->pos;

	__real_accord_put(b, a);
	insert(b, b->pos, 2);
	if (!b->bad)
		b->data[start] += 2;
}

/* Where there is no room for more, there is none. */
void
__wrap_conn_record_encode(struct buf *b, const struct conn_record *c)
{
	const size_t start = b->pos;

	__real_conn_record_encode(b, c);
	if (b->bad || b->len - b->pos < 2)
		return;
	insert(b, b->pos, 2);
	b->data[start] += 2;
}
