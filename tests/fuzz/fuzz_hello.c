/*
 * Any bytes as a hello: refused, or read; what is written of that reads the
 * same and is no longer, for what nobody knows was left out, but by what an
 * earlier version did not say. What was read goes through the peer, with
 * numbers from the same bytes.
 */

#include "core/base.h"
#include "core/buf.h"
#include "failover/election/hello.h"
#include "failover/election/peer.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct peer_config config = { .keys = { 7 }, .self = 1 };
	struct peer peer = peer_init(&config, 0);
	struct buf b = buf_reader(data, size);
	uint8_t again[HELLO_BYTES_MAX];
	enum peer_verdict verdict;
	struct hello h, back;

	if (hello_decode(&b, &h) < 0)
		return 0;
	b = buf_writer(again, sizeof(again));
	hello_encode(&b, &h);
	assert(!b.bad &&
	    b.pos <= size + HELLO_HEAD_BYTES - HELLO_HEAD_BYTES_LEAST);
	b = buf_reader(again, b.pos);
	assert(hello_decode(&b, &back) == 0);
	assert(memcmp(&h, &back, sizeof(h)) == 0);
	for (int i = 0; i < 2; i++) {
		verdict = peer_receive(&peer, &h, h.nonce, mono_never());
		assert(i == 0 ||
		    (verdict != PEER_ACCEPTED && verdict != PEER_NEW_BOOT));
	}
	return 0;
}
