#include "proxy/transfer/service_record.h"

#include "core/buf.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>

/* Every field at its most: the room that is promised is enough. */
static struct service_record
full(void)
{
	struct service_record r;

	memset(&r, 0xff, sizeof(r));
	memset(r.service, 's', sizeof(r.service) - 1);
	memset(r.server, 'x', sizeof(r.server) - 1);
	memset(r.detail, 'd', sizeof(r.detail) - 1);
	r.service[sizeof(r.service) - 1] = '\0';
	r.server[sizeof(r.server) - 1] = '\0';
	r.detail[sizeof(r.detail) - 1] = '\0';
	r.state = SERVICE_RECORD_DRAIN;
	r.role = SERVICE_RECORD_STANDBY;
	r.address = (union addr){ 0 };
	assert_int_equal(addr_parse("[fd00::1]:21050", &r.address), 0);
	return r;
}

static size_t
encode(const struct service_record *r,
    uint8_t bytes[static SERVICE_RECORD_BYTES_MAX])
{
	struct buf b = buf_writer(bytes, SERVICE_RECORD_BYTES_MAX);

	service_record_encode(&b, r);
	assert_false(b.bad);
	return b.pos;
}

static void
what_is_written_is_read(void **state)
{
	const struct service_record r = full();
	uint8_t once[SERVICE_RECORD_BYTES_MAX], twice[SERVICE_RECORD_BYTES_MAX];
	size_t len = encode(&r, once);
	struct buf b = buf_reader(once, len);
	struct service_record read;

	(void)state;
	assert_int_equal(service_record_decode(&b, &read), 0);
	assert_true(buf_is_done(&b));
	assert_text(read.detail, r.detail);
	assert_true(addr_is_same(&read.address, &r.address));
	assert_int_equal(read.endings[31], UINT64_MAX);
	assert_int_equal(read.streak, UINT32_MAX);
	assert_int_equal(read.load, UINT32_MAX);
	assert_int_equal(encode(&read, twice), len);
	assert_memory_equal(once, twice, len);
}

static void
cut_or_spoilt_it_is_refused(void **state)
{
	struct service_record r = full(), read;
	uint8_t bytes[SERVICE_RECORD_BYTES_MAX];
	size_t len = encode(&r, bytes);
	struct buf b;

	(void)state;
	for (size_t n = 0; n < len; n++) {
		b = buf_reader(bytes, n);
		assert_int_equal(service_record_decode(&b, &read), -EBADMSG);
	}
	r.state = SERVICE_RECORD_DRAIN + 1;
	b = buf_reader(bytes, encode(&r, bytes));
	assert_int_equal(service_record_decode(&b, &read), -EBADMSG);
	r = full();
	r.service[0] = '\0';
	b = buf_reader(bytes, encode(&r, bytes));
	assert_int_equal(service_record_decode(&b, &read), -EBADMSG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(cut_or_spoilt_it_is_refused),
	};

	TEST_MAIN(tests);
}
