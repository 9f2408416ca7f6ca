#include "hapair/cli/port_use.h"

#include "core/fd.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static union addr
address_of(const char *text, uint16_t port)
{
	union addr a;

	assert_int_equal(addr_parse_ip(text, &a), 0);
	addr_set_port(&a, port);
	return a;
}

/* As another program would that shares its port; returns the port. */
static uint16_t
listen_on(const char *text, int *ret_fd)
{
	const int on = 1;
	union addr a = address_of(text, 0);
	socklen_t len = sizeof(a);
	int fd = socket(a.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return 0; /* a host without IPv6 */
	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
	if (bind(fd, &a.sa, addr_len(&a)) == -1) {
		fd_close(&fd);
		return 0;
	}
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, &a.sa, &len), 0);
	*ret_fd = fd;
	return addr_port(&a);
}

static const struct row {
	const char *theirs, *ours;
	bool taken;
} rows[] = {
	{ "127.0.0.1", "127.0.0.1", true },
	{ "127.0.0.1", "0.0.0.0", true },
	{ "0.0.0.0", "127.0.0.1", true },
	{ "127.0.0.1", "127.0.0.2", false },
	{ "::1", "::1", true },
	{ "::1", "::", true },
	{ "::", "::1", true },
	{ "::", "127.0.0.1", true }, /* of both families */
	{ "::1", "127.0.0.1", false },
};

/* R16: whoever has it is named, also where the kernel would let both in. */
static void
r16_who_has_the_port_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(fd_close) int fd = -1;
		const uint16_t port = listen_on(rows[i].theirs, &fd);
		const union addr theirs = address_of(rows[i].theirs, port);
		const union addr ours = address_of(rows[i].ours, port);
		struct port_use u;
		int e;

		test_row(rows[i].ours);
		if (port == 0)
			continue;
		e = port_use_await(&ours, &u);
		assert_int_equal(e, rows[i].taken ? -EADDRINUSE : 0);
		assert_int_equal(port_use_is_shared(&ours, &u), rows[i].taken);
		if (!rows[i].taken)
			continue;
		assert_int_equal(u.pid, getpid());
		assert_true(addr_is_same(&u.listens, &theirs));
		u = port_use_find(&ours);
		assert_int_equal(u.pid, getpid());
	}
}

static void
what_is_said_of_it(void **state)
{
	const struct port_use known = { .pid = 12,
		.name = "haproxy",
		.listens = address_of("0.0.0.0", 80) };
	const struct port_use unknown = { .pid = 0 };
	char buf[PORT_USE_TEXT];

	(void)state;
	assert_text(port_use_text(&known, buf),
	    "already in use by haproxy, process 12, which listens on 0.0.0.0:80");
	assert_text(port_use_text(&unknown, buf),
	    "already in use by a process that cannot be found");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(r16_who_has_the_port_is_found),
		cmocka_unit_test(what_is_said_of_it),
	};

	TEST_MAIN(tests);
}
