#include "core/addr.h"
#include "core/conn_record.h"
#include "core/fd.h"
#include "failover/connsync/tcp_diag.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* A listener of its own, a client of it, and what was accepted. */
struct link {
	int listener, client, accepted;
	struct conn_record_end local, remote;
};

static struct conn_record_end
end_of(int fd, int (*name)(int, struct sockaddr *, socklen_t *))
{
	union addr a = { 0 };
	socklen_t len = sizeof(a);

	assert_int_equal(name(fd, &a.sa, &len), 0);
	return conn_record_end_of(&a);
}

/* `listen` may be the same for both families: then the client's is mapped. */
static struct link
connect_to(const char *listen_text, const char *text)
{
	union addr to, at;
	socklen_t len = sizeof(at);
	struct link l = { .accepted = -1 };

	assert_int_equal(addr_parse_ip(listen_text, &at), 0);
	assert_int_equal(addr_parse_ip(text, &to), 0);
	l.listener = socket(
	    at.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(l.listener, &at.sa, addr_len(&at)), 0);
	assert_int_equal(listen(l.listener, 8), 0);
	assert_int_equal(getsockname(l.listener, &at.sa, &len), 0);
	addr_set_port(&to, addr_port(&at));
	l.client = socket(to.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(l.client, &to.sa, addr_len(&to)), 0);
	l.local = end_of(l.client, getpeername);
	l.remote = end_of(l.client, getsockname);
	return l;
}

static void
accept_it(struct link *l)
{
	for (int i = 0; i < 1000 && l->accepted == -1; i++, usleep(1000))
		l->accepted = accept(l->listener, NULL, NULL);
	assert_true(l->accepted >= 0);
}

static void
finish(struct link *l)
{
	fd_close(&l->accepted);
	fd_close(&l->client);
	fd_close(&l->listener);
}

static const char *const places[][2] = { { "127.0.0.1", "127.0.0.1" },
	{ "::1", "::1" }, { "::", "127.0.0.1" } };

/* The server's side ends first, so that TIME_WAIT is here. */
static void
what_lingers_is_removed_and_what_lives_is_not(void **state)
{
	int fd = tcp_diag_open();

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		struct link l = connect_to(places[i][0], places[i][1]);
		struct conn_record_end other = l.remote;
		enum tcp_diag_state found = TCP_DIAG_LIVE;

		test_row(places[i][0]);
		assert_int_equal(
		    tcp_diag_clear(fd, &l.local, &l.remote), TCP_DIAG_LIVE);
		accept_it(&l);
		assert_int_equal(
		    tcp_diag_clear(fd, &l.local, &l.remote), TCP_DIAG_LIVE);
		/* Not the listener that would take it. */
		other.port = 1;
		assert_int_equal(
		    tcp_diag_clear(fd, &l.local, &other), TCP_DIAG_NONE);
		fd_close(&l.accepted);
		fd_close(&l.client);
		for (int n = 0; n < 1000 && found == TCP_DIAG_LIVE;
		     n++, usleep(1000))
			found = tcp_diag_clear(fd, &l.local, &l.remote);
		if (found == TCP_DIAG_ENDED)
			skip(); /* older kernels and others than root can't */
		assert_int_equal(found, TCP_DIAG_NONE);
		finish(&l);
	}
	fd_close(&fd);
}

struct seen {
	const struct link *link;
	unsigned n;
	uint64_t cookie;
};

static void
see(void *arg, const struct conn_record_end *local,
    const struct conn_record_end *remote, uint64_t cookie)
{
	struct seen *s = arg;

	if (local->port != s->link->local.port)
		return; /* of another test */
	assert_memory_equal(local, &s->link->local, sizeof(*local));
	assert_memory_equal(remote, &s->link->remote, sizeof(*remote));
	s->n++;
	s->cookie = cookie;
}

static void
who_waits_in_a_backlog_is_found(void **state)
{
	int fd = tcp_diag_open();

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		struct link l = connect_to(places[i][0], places[i][1]);
		struct seen first = { .link = &l }, again = first;
		const sa_family_t family =
		    places[i][0][0] == ':' ? AF_INET6 : AF_INET;
		unsigned n = 0;

		test_row(places[i][0]);
		assert_int_equal(tcp_diag_count_waiting(fd, family, &n), 0);
		assert_true(n >= 1);
		assert_int_equal(
		    tcp_diag_walk_waiting(fd, family, see, &first), 0);
		assert_int_equal(first.n, 1);
		/* Also one that has ended its side already. */
		assert_int_equal(shutdown(l.client, SHUT_WR), 0);
		assert_int_equal(
		    tcp_diag_walk_waiting(fd, family, see, &again), 0);
		assert_int_equal(again.n, 1);
		assert_true(again.cookie == first.cookie);
		accept_it(&l);
		assert_int_equal(
		    tcp_diag_walk_waiting(fd, family, see, &again), 0);
		assert_int_equal(again.n, 1);
		finish(&l);
	}
	fd_close(&fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_lingers_is_removed_and_what_lives_is_not),
		cmocka_unit_test(who_waits_in_a_backlog_is_found),
	};

	TEST_MAIN(tests);
}
