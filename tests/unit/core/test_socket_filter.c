#include "core/socket_filter.h"

#include "core/addr.h"
#include "core/fd.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * The programs run in the kernel, on a pair of unix sockets: there a filter
 * sees the bytes that were sent. What reads the network header, which they
 * lack, is tested with a real listener (test_listener.c).
 */

#define FRAME_MAX 128

struct frame {
	uint8_t bytes[FRAME_MAX];
	size_t len;
};

static struct frame
v4_frame(const char *to, uint8_t protocol, uint8_t options, uint8_t flags)
{
	struct frame f = { .len = 14 + 20 + options + 20U };
	uint8_t *ip = f.bytes + 14;
	union addr a;
	size_t len;

	assert_int_equal(addr_parse_ip(to, &a), 0);
	ip[0] = (uint8_t)(0x40 | (20 + options) / 4);
	ip[6] = 0x40; /* don't fragment */
	ip[9] = protocol;
	memcpy(ip + 16, addr_bytes(&a, &len), 4);
	ip[20 + options + 13] = flags;
	return f;
}

static struct frame
v6_frame(const char *to, uint8_t next, uint8_t flags)
{
	struct frame f = { .len = 14 + 40 + 20 };
	uint8_t *ip = f.bytes + 14;
	union addr a;
	size_t len;

	assert_int_equal(addr_parse_ip(to, &a), 0);
	ip[0] = 0x60;
	ip[6] = next;
	memcpy(ip + 24, addr_bytes(&a, &len), 16);
	ip[40 + 13] = flags;
	return f;
}

static void
add(struct socket_filter *s, const char *text)
{
	union addr a;

	assert_int_equal(addr_parse_ip(text, &a), 0);
	socket_filter_add(s, &a);
}

/* Whether the kernel, running the program, lets the frame through whole. */
static bool
passes(struct socket_filter *s, const struct frame *f)
{
	const struct sock_fprog program = socket_filter_program(s);
	uint8_t room[FRAME_MAX];
	int ends[2];
	ssize_t n;

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends), 0);
	assert_int_equal(setsockopt(ends[1], SOL_SOCKET, SO_ATTACH_FILTER,
	                     &program, sizeof(program)),
	    0);
	/* Unix sockets tell the sender nothing of a filter's no. */
	n = send(ends[0], f->bytes, f->len, 0);
	assert_true(n == (ssize_t)f->len || errno == EPERM);
	n = recv(ends[1], room, sizeof(room), 0);
	assert_true(n == (ssize_t)f->len || (n == -1 && errno == EAGAIN));
	fd_close(&ends[0]);
	fd_close(&ends[1]);
	return n > 0;
}

static void
frames_are_told_apart(void **state)
{
	const struct {
		const char *name;
		struct frame frame;
		sa_family_t family;
		bool syns, tcp;
	} rows[] = {
		{ "syn", v4_frame("10.0.0.1", 6, 0, 0x02), AF_INET, true,
		    true },
		{ "another's syn", v4_frame("10.0.0.9", 6, 0, 0x02), AF_INET,
		    false, false },
		{ "syn to the second", v4_frame("10.0.0.2", 6, 0, 0x02),
		    AF_INET, true, true },
		{ "syn, ecn asked for", v4_frame("10.0.0.2", 6, 0, 0xc2),
		    AF_INET, true, true },
		{ "syn and ack", v4_frame("10.0.0.1", 6, 0, 0x12), AF_INET,
		    false, true },
		{ "data", v4_frame("10.0.0.1", 6, 0, 0x18), AF_INET, false,
		    true },
		{ "syn behind ip options", v4_frame("10.0.0.1", 6, 8, 0x02),
		    AF_INET, true, true },
		{ "data behind ip options", v4_frame("10.0.0.1", 6, 8, 0x10),
		    AF_INET, false, true },
		{ "udp", v4_frame("10.0.0.1", 17, 0, 0x02), AF_INET, false,
		    false },
		{ "v6 syn", v6_frame("fd00::1", 6, 0x02), AF_INET6, true,
		    true },
		{ "v6 data", v6_frame("fd00::1", 6, 0x10), AF_INET6, false,
		    true },
		{ "v6, the last bit another", v6_frame("fd00::3", 6, 0x02),
		    AF_INET6, false, false },
		{ "v6, the first word another", v6_frame("fd01::1", 6, 0x02),
		    AF_INET6, false, false },
		{ "v6 syn to the second", v6_frame("fd00::2", 6, 0x02),
		    AF_INET6, true, true },
		{ "v6 udp", v6_frame("fd00::1", 17, 0x02), AF_INET6, false,
		    false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (int all = 0; all < 2; all++) {
			struct socket_filter s;

			test_row(rows[i].name);
			socket_filter_begin(&s,
			    all ? SOCKET_FILTER_TCP : SOCKET_FILTER_SYNS,
			    rows[i].family);
			add(&s, "10.0.0.1");
			add(&s, "fd00::1");
			add(&s, "10.0.0.2");
			add(&s, "fd00::2");
			assert_int_equal(socket_filter_end(&s), 0);
			assert_int_equal(passes(&s, &rows[i].frame),
			    all ? rows[i].tcp : rows[i].syns);
		}
}

static void
a_later_fragment_is_no_syn(void **state)
{
	struct frame f = v4_frame("10.0.0.1", 6, 0, 0x02);
	struct socket_filter s;

	(void)state;
	f.bytes[14 + 7] = 1; /* the offset's last bits */
	socket_filter_begin(&s, SOCKET_FILTER_SYNS, AF_INET);
	add(&s, "10.0.0.1");
	assert_int_equal(socket_filter_end(&s), 0);
	assert_false(passes(&s, &f));
}

static void
without_an_address_nothing_passes(void **state)
{
	const struct frame f = v4_frame("10.0.0.1", 6, 0, 0x02);
	struct socket_filter s;

	(void)state;
	socket_filter_begin(&s, SOCKET_FILTER_TCP, AF_INET);
	assert_int_equal(socket_filter_end(&s), 0);
	assert_false(passes(&s, &f));
}

/* The i-th of many, in subnets or without any order. */
static void
many(char text[static ADDR_TEXT_MAX], bool v6, bool wild, unsigned i)
{
	const unsigned at = wild ? i * 2654435761U : i;

	if (!v6)
		(void)snprintf(text, ADDR_TEXT_MAX, "%u.%u.%u.%u",
		    wild ? at >> 24 | 1 : 10, at >> 16 & 255, at >> 8 & 255,
		    at & 255);
	else
		(void)snprintf(text, ADDR_TEXT_MAX, "fd00::%x:%x:%x:%x:%x",
		    wild ? at >> 28 : 1, wild ? at >> 12 & 0xffff : 0,
		    wild ? at & 0xffff : 0, wild ? at >> 3 & 0xffff : 0, i);
}

static struct socket_filter
filter_of_512(bool v6, bool wild)
{
	struct socket_filter s;
	char text[ADDR_TEXT_MAX];

	socket_filter_begin(&s, SOCKET_FILTER_TCP, v6 ? AF_INET6 : AF_INET);
	for (unsigned i = 0; i < 1024; i += 2) {
		many(text, v6, wild, 1023 * i % 1024);
		add(&s, text);
		add(&s, text);
	}
	assert_int_equal(socket_filter_end(&s), 0);
	return s;
}

/* Each is told from the others, whichever side of a jump it is on. */
static void
as_many_addresses_as_there_may_be(void **state)
{
	(void)state;
	for (unsigned row = 0; row < 4; row++) {
		const bool v6 = (row & 1) != 0, wild = (row & 2) != 0;
		struct socket_filter s = filter_of_512(v6, wild);

		test_row(v6 ? "v6" : "v4");
		for (unsigned i = 0; i < 1100; i++) {
			char text[ADDR_TEXT_MAX];
			struct frame f;

			many(text, v6, wild, i);
			f = v6 ? v6_frame(text, 6, 0x10)
			       : v4_frame(text, 6, 0, 0x10);
			test_row(text);
			assert_int_equal(
			    passes(&s, &f), i < 1024 && i % 2 == 0);
		}
	}
}

static void
those_of_a_subnet_are_few_instructions(void **state)
{
	struct socket_filter s;
	char text[ADDR_TEXT_MAX];

	(void)state;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		socket_filter_begin(
		    &s, SOCKET_FILTER_MUTE, v6 ? AF_INET6 : AF_INET);
		for (unsigned i = 512; i > 0; i--) {
			(void)snprintf(text, sizeof(text),
			    v6 ? "fd00::%x" : "10.0.1.%u", v6 ? i : i % 256);
			add(&s, text);
		}
		assert_int_equal(socket_filter_end(&s), 0);
		assert_true(s.n < 32);
	}
}

static void
too_many_addresses_are_refused(void **state)
{
	struct socket_filter s;
	char text[ADDR_TEXT_MAX];

	(void)state;
	socket_filter_begin(&s, SOCKET_FILTER_MUTE, AF_INET6);
	for (unsigned i = 0; i <= SOCKET_FILTER_ADDRESSES_MAX; i++) {
		(void)snprintf(text, sizeof(text), "fd00::%x", i);
		add(&s, text);
	}
	assert_int_equal(socket_filter_end(&s), -E2BIG);
}

static int
open_at(const char *ip, uint16_t port)
{
	union addr a;
	int fd;

	assert_int_equal(addr_parse_ip(ip, &a), 0);
	addr_set_port(&a, port);
	fd = socket(a.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_not_equal(fd, -1);
	if (bind(fd, &a.sa, addr_len(&a)) == -1)
		skip(); /* a machine without IPv6 */
	return fd;
}

/* Whether a connection from `ip` is there within a moment. */
static bool
gets_in(const char *ip, const union addr *to)
{
	int fd = open_at(ip, 0), r;
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	r = connect(fd, &to->sa, addr_len(to));
	if (r == -1 && errno == EINPROGRESS)
		r = poll(&p, 1, 100) == 1 && (p.revents & POLLERR) == 0 ? 0
		                                                        : -1;
	fd_close(&fd);
	return r == 0;
}

static void
admits(const char *at, const char *who, const char *from, bool in)
{
	int fd = open_at(at, 0);
	union addr admitted, here;
	struct socket_filter s;
	socklen_t len = sizeof(here);

	assert_int_equal(addr_parse_ip(who, &admitted), 0);
	socket_filter_begin(&s, SOCKET_FILTER_FROM, admitted.sa.sa_family);
	socket_filter_add(&s, &admitted);
	assert_int_equal(fd_attach_filter(fd, &s), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, &here.sa, &len), 0);
	test_row(from);
	assert_int_equal(gets_in(from, &here), in);
	fd_close(&fd);
}

static void
one_address_gets_in_and_no_other(void **state)
{
	(void)state;
	admits("127.0.0.1", "127.0.0.2", "127.0.0.2", true);
	admits("127.0.0.1", "127.0.0.2", "127.0.0.3", false);
	admits("127.0.0.1", "127.0.0.2", "127.0.1.2", false);
}

static void
so_it_is_with_ipv6(void **state)
{
	(void)state;
	admits("::1", "::1", "::1", true);
	admits("::1", "::2", "::1", false);
	admits("::1", "fd00::1", "::1", false);
	admits("::1", "0:0:1::1", "::1", false);
	admits("::1", "0:0:0:0:0:1:0:1", "::1", false);
}

static void
arp_is_told_apart_by_who_says_it(void **state)
{
	const struct {
		const char *who;
		bool heard;
	} rows[] = {
		{ "10.0.0.1", true },
		{ "10.0.0.2", true },
		{ "10.0.0.3", false },
		{ "11.0.0.1", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct frame f = { .len = 14 + 28, .bytes = { 0xff } };
		struct socket_filter s;
		union addr a;
		size_t len;

		assert_int_equal(addr_parse_ip(rows[i].who, &a), 0);
		memcpy(f.bytes + 14 + 14, addr_bytes(&a, &len), 4);
		socket_filter_begin(&s, SOCKET_FILTER_ARP, AF_INET);
		add(&s, "10.0.0.1");
		add(&s, "fd00::1");
		add(&s, "10.0.0.2");
		assert_int_equal(socket_filter_end(&s), 0);
		test_row(rows[i].who);
		assert_int_equal(passes(&s, &f), rows[i].heard);
		/* To this host alone: whoever says it. */
		f.bytes[0] = 2;
		assert_true(passes(&s, &f));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_told_apart),
		cmocka_unit_test(a_later_fragment_is_no_syn),
		cmocka_unit_test(without_an_address_nothing_passes),
		cmocka_unit_test(as_many_addresses_as_there_may_be),
		cmocka_unit_test(those_of_a_subnet_are_few_instructions),
		cmocka_unit_test(too_many_addresses_are_refused),
		cmocka_unit_test(one_address_gets_in_and_no_other),
		cmocka_unit_test(so_it_is_with_ipv6),
		cmocka_unit_test(arp_is_told_apart_by_who_says_it),
	};

	TEST_MAIN(tests);
}
