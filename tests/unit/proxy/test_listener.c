#include "proxy/data/listener.h"

#include "core/fd.h"
#include "core/socket_filter.h"
#include "proxy/data/dial.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static union addr
parsed(const char *text)
{
	union addr a;

	assert_int_equal(addr_parse_ip(text, &a), 0);
	return a;
}

/* The address a listener got. */
static union addr
where(int fd)
{
	union addr a = { 0 };
	socklen_t len = sizeof(a);

	assert_int_equal(getsockname(fd, &a.sa, &len), 0);
	return a;
}

static void
an_address_that_is_not_here_is_bound_all_the_same(void **state)
{
	const char *const elsewhere[] = { "203.0.113.9", "2001:db8::9" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++) {
		union addr a = parsed(elsewhere[i]);
		int fd = listener_open(&a, 0);

		test_row(elsewhere[i]);
		assert_true(fd >= 0);
		fd_close(&fd);
	}
}

static void
several_share_one_address(void **state)
{
	union addr a = parsed("127.0.0.1");
	int first = listener_open(&a, 0), second;

	(void)state;
	a = where(first);
	second = listener_open(&a, 0);
	assert_true(second >= 0);
	fd_close(&first);
	fd_close(&second);
}

static bool
answers(const union addr *to)
{
	struct pollfd p = { .events = POLLOUT };
	bool connected;

	p.fd = dial_start(to, NULL);
	assert_true(p.fd >= 0);
	connected = poll(&p, 1, 100) == 1 && dial_result(p.fd) == 0;
	fd_close(&p.fd);
	return connected;
}

/* Some other program may listen on that port of v4; hardly every time. */
static void
all_of_v6_leaves_v4_alone(void **state)
{
	bool answered = true;

	(void)state;
	for (int tries = 0; answered && tries < 5; tries++) {
		union addr v6 = parsed("::"), v4 = parsed("127.0.0.1");
		int listener = listener_open(&v6, 0);

		v6 = where(listener);
		addr_set_port(&v4, addr_port(&v6));
		answered = answers(&v4);
		fd_close(&listener);
	}
	assert_false(answered);
}

/* Neither yes nor no: a refused client would not ask again. */
static void
a_muted_listener_does_not_answer(void **state)
{
	union addr a = parsed("127.0.0.1");
	int listener = listener_open(&a, 0), client;
	struct pollfd p = { .events = POLLOUT };

	(void)state;
	a = where(listener);
	assert_int_equal(listener_mute(listener), 0);
	client = dial_start(&a, NULL);
	assert_true(client >= 0);
	p.fd = client;
	assert_int_equal(poll(&p, 1, 200), 0);
	fd_close(&client);
	fd_close(&listener);
}

/* One that listens everywhere still serves the addresses that stay. */
static void
one_address_is_muted_and_heard_again(void **state)
{
	const struct {
		const char *any, *here, *muted;
	} rows[] = {
		{ "0.0.0.0", "127.0.0.1", "127.0.0.2" },
		{ "::", "::1", "::1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		union addr any = parsed(rows[i].any);
		union addr here = parsed(rows[i].here);
		union addr muted = parsed(rows[i].muted);
		int listener = listener_open(&any, 0);
		struct socket_filter s;

		test_row(rows[i].any);
		any = where(listener);
		addr_set_port(&here, addr_port(&any));
		addr_set_port(&muted, addr_port(&any));
		assert_true(answers(&muted));
		socket_filter_begin(&s, SOCKET_FILTER_MUTE, any.sa.sa_family);
		socket_filter_add(&s, &muted);
		assert_int_equal(socket_filter_end(&s), 0);
		assert_int_equal(listener_mute_some(listener, &s), 0);
		assert_false(answers(&muted));
		if (!addr_is_same_ip(&here, &muted))
			assert_true(answers(&here));
		assert_int_equal(listener_unmute(listener), 0);
		assert_true(answers(&muted));
		assert_int_equal(listener_unmute(listener), 0);
		fd_close(&listener);
	}
}

/* If we die, the other side sees a broken connection, not a clean end. */
static void
a_socket_that_is_just_closed_resets(void **state)
{
	union addr a = parsed("127.0.0.1");
	int listener = listener_open(&a, 0), client, server;
	char byte;

	(void)state;
	a = where(listener);
	client = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(client, &a.sa, addr_len(&a)), 0);
	server = accept(listener, NULL, NULL);
	fd_close(&server);
	assert_int_equal(recv(client, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	fd_close(&client);

	client = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(client, &a.sa, addr_len(&a)), 0);
	server = accept(listener, NULL, NULL);
	dial_end_in_order(server);
	fd_close(&server);
	assert_int_equal(recv(client, &byte, 1, 0), 0);
	fd_close(&client);
	fd_close(&listener);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    an_address_that_is_not_here_is_bound_all_the_same),
		cmocka_unit_test(several_share_one_address),
		cmocka_unit_test(all_of_v6_leaves_v4_alone),
		cmocka_unit_test(a_muted_listener_does_not_answer),
		cmocka_unit_test(one_address_is_muted_and_heard_again),
		cmocka_unit_test(a_socket_that_is_just_closed_resets),
	};

	TEST_MAIN(tests);
}
