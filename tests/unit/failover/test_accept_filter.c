#include "core/addr.h"
#include "core/fd.h"
#include "failover/peerlink/accept_filter.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

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
check(const char *at, const char *who, const char *from, bool in)
{
	int fd = open_at(at, 0);
	union addr admitted, here;
	socklen_t len = sizeof(here);

	assert_int_equal(addr_parse_ip(who, &admitted), 0);
	assert_int_equal(accept_filter_admit_only(fd, &admitted), 0);
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
	check("127.0.0.1", "127.0.0.2", "127.0.0.2", true);
	check("127.0.0.1", "127.0.0.2", "127.0.0.3", false);
	check("127.0.0.1", "127.0.0.2", "127.0.1.2", false);
}

static void
so_it_is_with_ipv6(void **state)
{
	(void)state;
	check("::1", "::1", "::1", true);
	check("::1", "::2", "::1", false);
	check("::1", "fd00::1", "::1", false);
	check("::1", "0:0:1::1", "::1", false);
	check("::1", "0:0:0:0:0:1:0:1", "::1", false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_address_gets_in_and_no_other),
		cmocka_unit_test(so_it_is_with_ipv6),
	};

	TEST_MAIN(tests);
}
