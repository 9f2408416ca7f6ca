#include "hapair/supervisor/lent_socket.h"

#include "core/channel.h"
#include "core/fd.h"
#include "core/msg.h"
#include "hapair/supervisor/fd_keeper.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

static const struct row {
	const char *name;
	int family, type, protocol; /* family -1: a file */
	bool held, wire;
} rows[] = {
	{ "a file", -1, 0, 0, false, false },
	{ "a channel", AF_UNIX, SOCK_SEQPACKET, 0, false, false },
	{ "UDP", AF_INET, SOCK_DGRAM, 0, false, false },
	{ "netlink", AF_NETLINK, SOCK_RAW, 0, false, false },
	{ "TCP", AF_INET, SOCK_STREAM, 0, false, true },
	{ "TCP over IPv6", AF_INET6, SOCK_STREAM, 0, false, true },
	{ "frames", AF_PACKET, SOCK_RAW, 0, true, false },
	{ "frames without their heads", AF_PACKET, SOCK_DGRAM, 0, true, false },
};

/* -1 where we have no right to one, or the machine has no such family. */
static int
open_one(const struct row *r)
{
	if (r->family == -1)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	return socket(r->family, r->type | SOCK_CLOEXEC, r->protocol);
}

static void
only_what_is_held_for_it_is_taken(void **state)
{
	struct fd_keeper k = fd_keeper_none();
	struct channel_packet p = { .type = MSG_WIRE, .fd = -1 };
	int wire = -1;

	(void)state;
	assert_int_equal(fd_keeper_init(&k), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		const unsigned before = k.present.n;
		int was;

		test_row(r->name);
		p.fd = open_one(r);
		if (p.fd == -1 && (errno == EPERM || errno == EAFNOSUPPORT))
			continue;
		assert_int_equal(
		    lent_socket_hold(&k, &p), r->held ? 0 : -EBADMSG);
		assert_int_equal(k.present.n, before + r->held);
		assert_int_not_equal(p.fd, -1); /* the caller's still */
		was = p.fd;
		assert_int_equal(
		    lent_socket_take_wire(&wire, &p), r->wire ? 0 : -EBADMSG);
		if (r->wire)
			assert_int_equal(wire, was);
		assert_int_equal(p.fd, r->wire ? -1 : was);
		fd_close(&p.fd);
	}
	fd_keeper_fini(&k);
	/* It has ended. */
	p.type = MSG_WIRE_DOWN;
	assert_int_not_equal(wire, -1);
	assert_int_equal(lent_socket_take_wire(&wire, &p), 0);
	assert_int_equal(wire, -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_held_for_it_is_taken),
	};

	TEST_MAIN(tests);
}
