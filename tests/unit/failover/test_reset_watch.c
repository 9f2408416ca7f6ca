#include "config/config.h"
#include "core/addr.h"
#include "core/conn_record.h"
#include "core/fd.h"
#include "failover/connsync/reset_watch.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The virtual IPs; IPv6 has but one address on loopback. */
static struct config_address addresses[2];
static struct config_group group = {
	.name = "a", .addresses = addresses, .n_addresses = 2
};
static const struct config_pair pair = { .groups = &group, .n_groups = 1 };

/* A host whose kernel has none. */
static bool without_v6;

int
socket(int family, int type, int protocol)
{
	if (without_v6 && family == AF_INET6) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	return (int)syscall(SYS_socket, family, type, protocol);
}

struct heard {
	struct conn_record_end client, local;
	unsigned n;
};

static void
hear(void *arg, const struct conn_record_end *client,
    const struct conn_record_end *local)
{
	struct heard *h = arg;

	if (client->port != h->client.port || local->port != h->local.port)
		return; /* of another test */
	assert_memory_equal(client, &h->client, sizeof(*client));
	assert_memory_equal(local, &h->local, sizeof(*local));
	h->n++;
}

/* A port that nobody listens on answers with a reset. */
static struct heard
provoke(const char *from_text, const char *to_text)
{
	union addr from, to;
	socklen_t len = sizeof(from);
	struct heard h = { 0 };
	int held, fd;

	assert_int_equal(addr_parse_ip(from_text, &from), 0);
	assert_int_equal(addr_parse_ip(to_text, &to), 0);
	held = socket(to.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(held, &to.sa, addr_len(&to)), 0);
	len = sizeof(to);
	assert_int_equal(getsockname(held, &to.sa, &len), 0);
	fd = socket(from.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, &from.sa, addr_len(&from)), 0);
	len = sizeof(from);
	assert_int_equal(getsockname(fd, &from.sa, &len), 0);
	h.client = conn_record_end_of(&to);
	h.local = conn_record_end_of(&from);
	assert_int_equal(connect(fd, &to.sa, addr_len(&to)), -1);
	assert_int_equal(errno, ECONNREFUSED);
	fd_close(&fd);
	fd_close(&held);
	return h;
}

static void
on_late(struct ev_loop *loop, ev_timer *t, int revents)
{
	ev_break(loop, EVBREAK_ALL);
}

/* So often it was heard, within the moment that loopback takes. */
static unsigned
count(const char *from, const char *to)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct heard h = { 0 };
	struct reset_watch w = reset_watch_init(hear, &h);
	ev_timer late;
	const int e = reset_watch_open(&w, loop, &pair);

	if (e == -EPERM)
		skip(); /* raw sockets are root's, as make test is */
	assert_int_equal(e, 0);
	assert_int_equal(reset_watch_open(&w, loop, &pair), 0);
	h = provoke(from, to);
	ev_timer_init(&late, on_late, 0.02, 0.);
	ev_timer_start(loop, &late);
	ev_run(loop, 0);
	reset_watch_close(&w, loop);
	reset_watch_close(&w, loop);
	ev_loop_destroy(loop);
	return h.n;
}

static void
resets_to_virtual_ips_are_heard(void **state)
{
	(void)state;
	assert_int_equal(addr_parse_ip("127.0.0.8", &addresses[0].addr), 0);
	assert_int_equal(addr_parse_ip("::1", &addresses[1].addr), 0);
	assert_int_equal(count("127.0.0.8", "127.0.0.9"), 1);
	assert_int_equal(count("::1", "::1"), 1);
}

static void
resets_to_others_are_not(void **state)
{
	(void)state;
	assert_int_equal(addr_parse_ip("127.0.0.8", &addresses[0].addr), 0);
	assert_int_equal(addr_parse_ip("fd00::8", &addresses[1].addr), 0);
	assert_int_equal(count("127.0.0.7", "127.0.0.8"), 0);
	assert_int_equal(count("::1", "::1"), 0);
}

static void
a_host_without_ipv6_hears_those_of_ipv4(void **state)
{
	(void)state;
	assert_int_equal(addr_parse_ip("127.0.0.8", &addresses[0].addr), 0);
	assert_int_equal(addr_parse_ip("fd00::8", &addresses[1].addr), 0);
	without_v6 = true;
	assert_int_equal(count("127.0.0.8", "127.0.0.9"), 1);
	without_v6 = false;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resets_to_virtual_ips_are_heard),
		cmocka_unit_test(resets_to_others_are_not),
		cmocka_unit_test(a_host_without_ipv6_hears_those_of_ipv4),
	};

	TEST_MAIN(tests);
}
