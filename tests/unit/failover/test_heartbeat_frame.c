#include "core/buf.h"
#include "core/secret.h"
#include "failover/election/hello.h"
#include "failover/heartbeat/heartbeat_frame.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <net/if.h>
#include <unistd.h>

#define LONGEST (HELLO_READ_MAX + SECRET_MAC_BYTES)

/* Of this process alone, among those that run tests at the same time. */
static uint64_t
sender(void)
{
	return UINT64_C(0x0102030400000000) + (uint64_t)getpid();
}

static int
loopback(void)
{
	return (int)if_nametoindex("lo");
}

static int
open_frames(void)
{
	const int fd = heartbeat_frame_open();

	if (fd == -EPERM)
		skip(); /* packet sockets are root's, as make test is */
	assert_true(fd >= 0);
	return fd;
}

struct frame {
	uint32_t magic;
	uint64_t sender;
	size_t len;
};

static void
say(int fd, const struct frame *f)
{
	static const uint8_t to[HEARTBEAT_FRAME_MAC_BYTES];
	uint8_t bytes[LONGEST + 1] = { 0 };
	struct buf head = buf_writer(bytes, 4);
	struct buf from = buf_writer(bytes + HELLO_SENDER_AT, 8);

	buf_put_u32(&head, f->magic);
	buf_put_u64(&from, f->sender);
	assert_int_equal(
	    heartbeat_frame_send(fd, loopback(), to, bytes, f->len), 0);
}

/* Returns the length of the next frame; 0: there is none. */
static int
receive(int fd)
{
	uint8_t bytes[LONGEST + 1];
	struct heartbeat_frame_from from;
	int n = -EAGAIN;

	/* Loopback is quick, and yet not at once. */
	for (int i = 0; i < 100 && n == -EAGAIN; i++, usleep(1000))
		n = heartbeat_frame_receive(fd, bytes, sizeof(bytes), &from);
	if (n > 0)
		assert_int_equal(from.interface, loopback());
	return n == -EAGAIN ? 0 : n;
}

/* Each is followed by one that passes, and is the first that is heard. */
static void
the_peer_s_hellos_alone_are_heard(void **state)
{
	const struct frame strangers[] = {
		{ HELLO_MAGIC + 1, sender(), 200 },
		{ HELLO_MAGIC, sender() + 1, 200 },
		{ HELLO_MAGIC, sender() ^ UINT64_C(1) << 40, 200 },
		{ HELLO_MAGIC, sender(), LONGEST + 1 },
		{ HELLO_MAGIC, sender(), HELLO_SENDER_AT + 7 },
	};
	const int interfaces[] = { 0, loopback(), 0 };
	const int fd = open_frames();

	(void)state;
	assert_int_equal(heartbeat_frame_hear(
	                     fd, interfaces, ARRAY_LEN(interfaces), sender()),
	    0);
	for (size_t i = 0; i < ARRAY_LEN(strangers); i++) {
		const int len = 300 + (int)i;
		const struct frame own = { HELLO_MAGIC, sender(), (size_t)len };

		say(fd, &strangers[i]);
		say(fd, &own);
		assert_int_equal(receive(fd), len);
	}
	say(fd, &(struct frame){ HELLO_MAGIC, sender(), LONGEST });
	assert_int_equal(receive(fd), LONGEST);
	assert_int_equal(close(fd), 0);
}

static void
other_interfaces_are_not_heard(void **state)
{
	const struct frame own = { HELLO_MAGIC, sender(), 200 };
	const int other = loopback() + 1000, here = loopback();
	const int fd = open_frames();

	(void)state;
	say(fd, &own);
	assert_int_equal(receive(fd), 0);
	assert_int_equal(heartbeat_frame_hear(fd, &other, 1, sender()), 0);
	say(fd, &own);
	assert_int_equal(receive(fd), 0);
	assert_int_equal(heartbeat_frame_hear(fd, &here, 1, sender()), 0);
	say(fd, &own);
	assert_int_equal(receive(fd), 200);
	assert_int_equal(close(fd), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_peer_s_hellos_alone_are_heard),
		cmocka_unit_test(other_interfaces_are_not_heard),
	};

	TEST_MAIN(tests);
}
