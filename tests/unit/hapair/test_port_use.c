#include "hapair/cli/port_use.h"

#include "core/fd.h"
#include "proxy/data/listener.h"
#include "tests/lib/test.h"

#include <poll.h>
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

#define ALONE 0u  /* as most programs do */
#define SHARES 1u /* by SO_REUSEPORT */
#define SIX 2u    /* by IPv6 only */

struct row {
	const char *theirs, *ours;
	enum port_use_answer answer;
	unsigned how; /* they listen */
};

/* As another program would; returns the port. */
static uint16_t
listen_as(const struct row *row, int *ret_fd)
{
	const int shares = (row->how & SHARES) != 0;
	const int v6_only = (row->how & SIX) != 0;
	union addr a = address_of(row->theirs, 0);
	socklen_t len = sizeof(a);
	int fd = socket(a.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return 0; /* a host without IPv6 */
	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &shares, sizeof(shares)),
	    0);
	if (a.sa.sa_family == AF_INET6)
		assert_int_equal(setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &v6_only,
		                     sizeof(v6_only)),
		    0);
	if (bind(fd, &a.sa, addr_len(&a)) == -1) {
		fd_close(&fd);
		return 0;
	}
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, &a.sa, &len), 0);
	*ret_fd = fd;
	return addr_port(&a);
}

static const struct row rows[] = {
	{ "127.0.0.1", "127.0.0.1", PORT_USE_TAKEN, SHARES },
	{ "127.0.0.1", "0.0.0.0", PORT_USE_TAKEN, SHARES },
	{ "0.0.0.0", "0.0.0.0", PORT_USE_TAKEN, SHARES },
	{ "127.0.0.1", "127.0.0.2", PORT_USE_FREE, SHARES },
	{ "::1", "::1", PORT_USE_TAKEN, SHARES },
	{ "::1", "::", PORT_USE_TAKEN, SHARES },
	{ "::1", "127.0.0.1", PORT_USE_FREE, SHARES },
	{ "::", "0.0.0.0", PORT_USE_TAKEN, SHARES }, /* of both families */
	{ "::", "0.0.0.0", PORT_USE_FREE, SHARES | SIX },
	{ "::", "127.0.0.1", PORT_USE_FREE, SHARES | SIX },
	/* The kernel prefers who names the address. */
	{ "0.0.0.0", "127.0.0.1", PORT_USE_BESIDE, SHARES },
	{ "::", "127.0.0.1", PORT_USE_BESIDE, SHARES },
	{ "::", "::1", PORT_USE_BESIDE, SHARES },
	{ "::", "::1", PORT_USE_BESIDE, SHARES | SIX },
	/* Nor is there a way in beside who does not share. */
	{ "0.0.0.0", "127.0.0.1", PORT_USE_TAKEN, ALONE },
	{ "::", "127.0.0.1", PORT_USE_TAKEN, ALONE },
	{ "::", "127.0.0.1", PORT_USE_FREE, SIX },
};

/* Of our listener, opened where `beside` was said, by the kernel's choice. */
static void
assert_preferred(const union addr *a)
{
	CLEANUP(fd_close) int ours = listener_open(a, 0), client = -1, got = -1;

	assert_int_not_equal(ours, -1);
	for (unsigned i = 0; i < 20; i++) {
		struct pollfd waiting = { .fd = ours, .events = POLLIN };

		client = socket(a->sa.sa_family, SOCK_STREAM, 0);
		assert_int_equal(connect(client, &a->sa, addr_len(a)), 0);
		assert_int_equal(poll(&waiting, 1, 10000), 1);
		got = accept(ours, NULL, NULL);
		assert_int_not_equal(got, -1);
		fd_close(&got);
		fd_close(&client);
	}
}

/* R16: whoever has it is named, also where the kernel would let both in. */
static void
r16_who_has_the_port_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(fd_close) int fd = -1;
		const uint16_t port = listen_as(&rows[i], &fd);
		const union addr theirs = address_of(rows[i].theirs, port);
		const union addr ours = address_of(rows[i].ours, port);
		struct listen_table t = { 0 };
		struct port_use u;
		int e;

		test_row(rows[i].ours);
		if (port == 0)
			continue;
		assert_int_equal(listen_table_read(&t), 0);
		assert_int_equal(
		    port_use_look(&t, &ours, &u, &e), rows[i].answer);
		assert_int_equal(port_use_await(&ours, &u), rows[i].answer);
		if (rows[i].answer != PORT_USE_FREE) {
			assert_int_equal(u.pid, getpid());
			assert_true(addr_is_same(&u.listens, &theirs));
		}
		if (rows[i].answer == PORT_USE_BESIDE)
			assert_preferred(&ours);
		if ((rows[i].how & SHARES) != 0)
			assert_int_equal(
			    port_use_look_for_others(&t, &ours, &u),
			    rows[i].answer);
		listen_table_free(&t);
	}
}

/* Each with the process that has it, and in one look. */
static void
many_sockets_are_found_at_once(void **state)
{
	static const struct row row = { "127.0.0.1", NULL, PORT_USE_FREE,
		ALONE };
	int fds[200];
	uint16_t ports[200];
	struct listen_table t = { 0 };
	unsigned found = 0;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(fds); i++)
		ports[i] = listen_as(&row, &fds[i]);
	assert_int_equal(listen_table_read(&t), 0);
	for (unsigned i = 0; i < ARRAY_LEN(fds); i++)
		for (size_t k = 0; k < t.n; k++)
			if (addr_port(&t.entries[k].at) == ports[i] &&
			    t.entries[k].pid == getpid()) {
				assert_text(t.entries[k].name, "test_port_use");
				found++;
			}
	assert_int_equal(found, ARRAY_LEN(fds));
	listen_table_free(&t);
	for (unsigned i = 0; i < ARRAY_LEN(fds); i++)
		fd_close(&fds[i]);
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
	assert_text(port_use_text_beside(&known, buf),
	    "haproxy, process 12, listens on 0.0.0.0:80; the clients of this address are ours while hapair runs");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(r16_who_has_the_port_is_found),
		cmocka_unit_test(many_sockets_are_found_at_once),
		cmocka_unit_test(what_is_said_of_it),
	};

	TEST_MAIN(tests);
}
