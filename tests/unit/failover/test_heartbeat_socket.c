#include "failover/heartbeat/heartbeat_socket.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct heartbeat_socket
open_link(const char *self, const char *other)
{
	union addr a, b;
	struct heartbeat_socket l;
	int r;

	assert_int_equal(addr_parse_ip(self, &a), 0);
	assert_int_equal(addr_parse_ip(other, &b), 0);
	r = heartbeat_socket_open(&a, &b, test_port(SOCK_DGRAM), &l);
	if (r == -EPERM)
		skip(); /* priority 7 is root's */
	assert_int_equal(r, 0);
	return l;
}

static int
receive(struct heartbeat_socket *l, char *room, size_t len)
{
	int n = -EAGAIN;

	/* Loopback is quick, and yet not at once. */
	for (int i = 0; i < 100 && n == -EAGAIN; i++, usleep(1000))
		n = heartbeat_socket_receive(l, room, len);
	return n;
}

/* From a port of its own, as who knocks does. */
static void
send_from(const char *from, const char *to, const char *text)
{
	union addr a, b;
	int fd;

	assert_int_equal(addr_parse_ip(from, &a), 0);
	assert_int_equal(addr_parse_ip(to, &b), 0);
	addr_set_port(&b, test_port(SOCK_DGRAM));
	fd = socket(a.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, &a.sa, addr_len(&a)), 0);
	assert_int_equal(sendto(fd, text, strlen(text), 0, &b.sa, addr_len(&b)),
	    (int)strlen(text));
	assert_int_equal(close(fd), 0);
}

static void
only_the_peer_is_heard(void **state)
{
	struct heartbeat_socket a = open_link("127.0.0.2", "127.0.0.3");
	struct heartbeat_socket b = open_link("127.0.0.3", "127.0.0.2");
	struct heartbeat_socket c = open_link("127.0.0.4", "127.0.0.3");
	char room[8];

	(void)state;
	assert_int_equal(
	    heartbeat_socket_receive(&b, room, sizeof(room)), -EAGAIN);
	assert_int_equal(heartbeat_socket_send(&a, "hello", 5), 0);
	assert_int_equal(receive(&b, room, sizeof(room)), 5);
	assert_memory_equal(room, "hello", 5);
	/* The kernel has dropped the first two when the third is there. */
	assert_int_equal(heartbeat_socket_send(&c, "hello", 5), 0);
	send_from("127.0.0.4", "127.0.0.3", "hello");
	send_from("127.0.0.2", "127.0.0.3", "hello");
	assert_int_equal(receive(&b, room, sizeof(room)), -EXDEV);
	assert_int_equal(
	    heartbeat_socket_receive(&b, room, sizeof(room)), -EAGAIN);
	heartbeat_socket_close(&a);
	heartbeat_socket_close(&b);
	heartbeat_socket_close(&c);
}

/* Loopback has one address of IPv6: we are our own peer, and a stranger's. */
static void
nor_is_anybody_else_by_ipv6(void **state)
{
	struct heartbeat_socket a = open_link("::1", "2001:db8::78");
	char room[8];

	(void)state;
	send_from("::1", "::1", "hello");
	send_from("::1", "::1", "");
	assert_int_equal(receive(&a, room, sizeof(room)), -EAGAIN);
	heartbeat_socket_close(&a);
	a = open_link("::1", "::1");
	send_from("::1", "::1", "hello");
	assert_int_equal(receive(&a, room, sizeof(room)), -EXDEV);
	heartbeat_socket_close(&a);
}

/* Anybody can send these: else one of them a turn would be all we read. */
static void
a_knock_is_not_the_end_of_what_waits(void **state)
{
	struct heartbeat_socket a = open_link("127.0.0.2", "127.0.0.3");
	struct heartbeat_socket b = open_link("127.0.0.3", "127.0.0.2");
	char room[8];

	(void)state;
	assert_int_equal(heartbeat_socket_send(&a, "", 0), 0);
	assert_int_equal(heartbeat_socket_send(&a, "hello", 5), 0);
	assert_int_equal(receive(&b, room, sizeof(room)), 0);
	assert_int_equal(receive(&b, room, sizeof(room)), 5);
	assert_int_equal(
	    heartbeat_socket_receive(&b, room, sizeof(room)), -EAGAIN);
	heartbeat_socket_close(&a);
	heartbeat_socket_close(&b);
}

static void
a_peer_that_is_not_there_is_no_error(void **state)
{
	struct heartbeat_socket a = open_link("127.0.0.2", "127.0.0.3");
	char room[8];

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(heartbeat_socket_send(&a, "hello", 5), 0);
		assert_int_equal(
		    heartbeat_socket_receive(&a, room, sizeof(room)), -EAGAIN);
	}
	heartbeat_socket_close(&a);
}

static void
an_address_may_come_later_than_its_socket(void **state)
{
	struct heartbeat_socket a = open_link("192.0.2.77", "192.0.2.78");
	struct heartbeat_socket b = open_link("2001:db8::77", "2001:db8::78");

	(void)state;
	heartbeat_socket_close(&a);
	heartbeat_socket_close(&b);
	heartbeat_socket_close(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_peer_is_heard),
		cmocka_unit_test(nor_is_anybody_else_by_ipv6),
		cmocka_unit_test(a_knock_is_not_the_end_of_what_waits),
		cmocka_unit_test(a_peer_that_is_not_there_is_no_error),
		cmocka_unit_test(an_address_may_come_later_than_its_socket),
	};

	TEST_MAIN(tests);
}
