/*
 * What a relay of another version may write of its sessions, services and the
 * history of both, and say: any bytes are refused or read, never beyond their
 * end, and what was read is written again in a form that reads as the same.
 */

#include "config/config.h"
#include "core/base.h"
#include "core/buf.h"
#include "proxy/transfer/service_record.h"
#include "proxy/transfer/session_record.h"
#include "proxy/transfer/transfer_message.h"
#include "proxy/web/rate_history.h"
#include "proxy/web/rate_record.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
encode(const struct session_record *r, uint8_t *room, size_t len)
{
	struct buf b = buf_writer(room, len);

	session_record_encode(&b, r);
	assert(!b.bad);
	return b.pos;
}

static void
write_again(const struct session_record *r)
{
	const size_t room = session_record_room(r);
	CLEANUP(free_str) char *once = malloc(room);
	CLEANUP(free_str) char *twice = malloc(room);
	size_t len = encode(r, (uint8_t *)once, room);
	struct buf b = buf_reader(once, len);
	struct session_record read;

	assert(session_record_decode(&b, &read) == 0 && buf_is_done(&b));
	assert(encode(&read, (uint8_t *)twice, room) == len);
	assert(memcmp(once, twice, len) == 0);
}

static void
write_service_again(const struct service_record *r)
{
	uint8_t once[SERVICE_RECORD_BYTES_MAX], twice[SERVICE_RECORD_BYTES_MAX];
	struct buf b = buf_writer(once, sizeof(once));
	struct buf c = buf_writer(twice, sizeof(twice));
	struct service_record read;

	service_record_encode(&b, r);
	assert(!b.bad);
	b = buf_reader(once, b.pos);
	assert(service_record_decode(&b, &read) == 0 && buf_is_done(&b));
	service_record_encode(&c, &read);
	assert(c.pos == b.len && memcmp(once, twice, c.pos) == 0);
}

static void
fuzz_services(const uint8_t *data, size_t size)
{
	struct buf b = buf_reader(data, size);
	struct service_record r;
	int e = 0;

	while (b.pos < b.len && (e == 0 || e == -EPROTONOSUPPORT)) {
		e = service_record_decode(&b, &r);
		assert(b.pos <= b.len);
		if (e == 0)
			write_service_again(&r);
	}
}

/* One that is taken over is written again, and again, as the same. */
static void
fuzz_history(const uint8_t *data, size_t size)
{
	struct config_server server = { .name = "s" };
	struct config_service service = {
		.name = "a", .servers = &server, .n_servers = 1
	};
	const struct config c = { .services = &service, .n_services = 1 };
	struct rate_history h, again;
	size_t len = 0, len_again = 0;
	uint8_t *once, *twice;

	assert(rate_history_init(&h, rate_history_rows(&c)) == 0);
	assert(rate_history_init(&again, rate_history_rows(&c)) == 0);
	if (rate_record_decode(&h, &c, data, size) == 0) {
		once = rate_record_encode(&h, &c, &len);
		assert(rate_record_decode(&again, &c, once, len) == 0);
		twice = rate_record_encode(&again, &c, &len_again);
		assert(len == len_again && memcmp(once, twice, len) == 0);
		free(once);
		free(twice);
	}
	rate_history_fini(&h);
	rate_history_fini(&again);
}

static void
fuzz_message(const uint8_t *data, size_t size)
{
	struct buf b = buf_reader(data, size);
	struct buf w = BUF_WRITER(TRANSFER_MESSAGE_BYTES_MAX);
	struct transfer_message m;

	if (transfer_message_decode(&b, &m) < 0)
		return;
	transfer_message_encode(&w, &m);
	assert(!w.bad);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b = buf_reader(data, size);

	fuzz_services(data, size);
	fuzz_history(data, size);
	fuzz_message(data, size);

	while (b.pos < b.len) {
		struct session_record r;
		int e = session_record_decode(&b, &r);

		assert(b.pos <= b.len);
		if (e == 0)
			write_again(&r);
		else if (e != -EPROTONOSUPPORT)
			break;
	}
	return 0;
}
