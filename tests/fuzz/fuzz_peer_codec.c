/*
 * What a stranger, and what a peer gone mad, may send over the wire. The first
 * byte chooses: any bytes before and after the greeting, which must prove
 * nothing; or a proven peer's records, refused or written again the same, and
 * taken into peer_conns of which the rounds go through whatever is left.
 */

#include "config/config.h"
#include "core/base.h"
#include "core/buf.h"
#include "core/conn_record.h"
#include "core/secret.h"
#include "failover/connsync/local_conns.h"
#include "failover/connsync/peer_conns.h"
#include "failover/heartbeat/packet_auth.h"
#include "failover/peerlink/peer_codec.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
fuzz_stranger(const uint8_t *data, size_t size)
{
	const struct secret_keys keys = { .n = 1, .all = { { { 1 } } } };
	const struct hello_boot boot = { { 2 } };
	const union addr a = { .in = { .sin_family = AF_INET } };
	const union addr b = { .in = { .sin_family = AF_INET,
		                   .sin_addr.s_addr = 1 } };
	const struct packet_auth auth = packet_auth_init(&keys, &a, &b);
	struct peer_codec c = peer_codec_init(&auth, &auth.keys[0], &boot);
	struct buf in = buf_reader(data, size);
	enum stream_codec_result r;
	struct stream_codec_frame f;

	do
		r = stream_codec_get(&c.stream, &in, &f);
	while (r == STREAM_CODEC_GREETED);
	assert(r != STREAM_CODEC_PROVEN && r != STREAM_CODEC_FRAME);
	assert(in.pos <= in.len);
}

static void
go_round(struct peer_conns *e, uint8_t turns)
{
	struct peer_conns_leg leg;

	for (unsigned g = 0; g < 2; g++) {
		peer_conns_rewind(e, g);
		for (unsigned i = 0; i < turns && peer_conns_next(e, g, &leg);
		     i++)
			peer_conns_tell(e);
	}
}

static void
fuzz_records(const uint8_t *data, size_t size)
{
	static struct config_address first = { .addr.in = {
		                                   .sin_family = AF_INET } };
	static struct config_address second = { .addr.in6 = {
		                                    .sin6_family = AF_INET6 } };
	static struct config_group groups[] = {
		{ .addresses = &first, .n_addresses = 1 },
		{ .addresses = &second, .n_addresses = 1 },
	};
	static const struct config_pair pair = { .groups = groups,
		.n_groups = 2 };
	struct peer_conns *e = peer_conns_new(&pair, 20);
	struct local_conns *l = local_conns_new(20);
	struct buf b = buf_reader(data, size);

	while (b.pos < b.len) {
		uint8_t again[CONN_RECORD_BYTES_MAX];
		struct buf w = buf_writer(again, sizeof(again));
		struct conn_record c, owed, same;

		if (conn_record_decode(&b, &c) < 0)
			break;
		if (c.change == CONN_RECORD_UNKNOWN)
			continue;
		conn_record_encode(&w, &c);
		assert(!w.bad);
		w = buf_reader(again, w.pos);
		assert(conn_record_decode(&w, &same) == 0 && buf_is_done(&w));
		assert(memcmp(&same, &c, sizeof(c)) == 0);
		(void)peer_conns_take(e, &c);
		/* Its number decides what else happens at this point. */
		if (c.id % 7 == 0)
			go_round(e, (uint8_t)(c.id >> 8));
		if (c.id % 11 == 0)
			peer_conns_begin(e);
		if (c.id % 13 == 0) {
			peer_conns_end(e);
			(void)peer_conns_sweep(e, 2);
		}
		if (local_conns_take(l, &c) < 0 || c.id % 5 == 0)
			local_conns_restart(l);
		if (c.id % 3 == 0)
			(void)local_conns_next(l, &owed);
		if (c.id % 17 == 0)
			local_conns_begin(l);
		if (c.id % 19 == 0) {
			local_conns_end(l);
			(void)local_conns_sweep(l, 2);
		}
		if (c.id % 23 == 0)
			local_conns_settle(l, 2);
	}
	go_round(e, UINT8_MAX);
	peer_conns_free(e);
	local_conns_free(l);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || secret_init() < 0)
		return 0;
	if (data[0] % 2 == 0)
		fuzz_stranger(data + 1, size - 1);
	else
		fuzz_records(data + 1, size - 1);
	return 0;
}
