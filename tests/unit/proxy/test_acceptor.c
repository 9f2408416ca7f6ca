#include "proxy/data/acceptor.h"

#include "config/config.h"
#include "core/addr.h"
#include "core/fd.h"
#include "proxy/data/conn_report.h"
#include "proxy/data/pipes.h"
#include "proxy/data/session.h"
#include "proxy/data/session_end.h"
#include "proxy/pool/pool.h"
#include "tests/lib/session_crowd.h"
#include "tests/lib/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* The group's address, and one that is always here. */
#define VIP "127.0.0.2"
#define OWN "127.0.0.3"
#define CLIENTS 450

/* A worker's half that accepts. Its clients say nothing, and so stay. */
struct door {
	struct session_thread_shared shared;
	struct session_thread thread;
	struct config_service service;
	struct config_address address;
	struct config_group group;
	struct pool pool;
	struct pipes pipes;
	struct conn_report conn_report;
	struct acceptor_set set;
	struct sockaddr_in at;
	int fd; /* borrowed: the acceptor's */
	int clients[CLIENTS];
	unsigned n_clients;
};

static struct door *
door_new(const char *listen_at, unsigned most)
{
	struct door *d = calloc(1, sizeof(*d));
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	const struct linger reset = { .l_onoff = 1 };
	socklen_t len = sizeof(d->at);

	assert_non_null(d);
	STAILQ_INIT(&d->shared.threads);
	conn_limit_init(&d->shared.limit, 0);
	conn_limit_init(&d->pool.limit, most);
	d->service.connect = CONFIG_CONNECT_AT_FIRST_BYTE;
	d->service.timeouts.first_byte_ms = 60000;
	d->pool.config = &d->service;
	atomic_store(&d->pool.open, true);
	d->address.addr.in.sin_family = AF_INET;
	d->address.addr.in.sin_addr.s_addr = inet_addr(VIP);
	d->group.addresses = &d->address;
	d->group.n_addresses = 1;
	d->thread.conn_report = &d->conn_report;
	d->thread.tools.pipes = &d->pipes;
	pipes_init(&d->pipes, 0);
	assert_int_equal(session_thread_init(&d->thread, &d->shared, 1, 1), 0);
	assert_int_equal(acceptor_init(&d->set, &d->thread), 0);
	d->at.sin_family = AF_INET;
	d->at.sin_addr.s_addr = inet_addr(listen_at);
	assert_int_not_equal(fd, -1);
	/* As listener.c does: a plain close of what was accepted resets. */
	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&d->at, sizeof(d->at)), 0);
	assert_int_equal(listen(fd, 1000), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&d->at, &len), 0);
	d->fd = fd;
	assert_int_equal(acceptor_add(&d->set, &d->pool, &fd), 0);
	return d;
}

static unsigned
count_waiting(const struct door *d)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	assert_int_equal(
	    getsockopt(d->fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
	return info.tcpi_unacked;
}

/* So many more clients are in the backlog, in this order. */
static void
come(struct door *d, const char *address, unsigned n)
{
	d->at.sin_addr.s_addr = inet_addr(address);
	for (unsigned i = 0; i < n; i++) {
		unsigned before = count_waiting(d), tries = 10000;
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		assert_in_range(d->n_clients, 0, CLIENTS - 1);
		d->clients[d->n_clients++] = fd;
		assert_int_equal(
		    connect(fd, (struct sockaddr *)&d->at, sizeof(d->at)), 0);
		while (count_waiting(d) == before && tries-- > 0)
			(void)poll(NULL, 0, 1);
		assert_int_equal(count_waiting(d), before + 1);
	}
}

/* Clients [from, to). */
static void
assert_reset(const struct door *d, unsigned from, unsigned to)
{
	char c;

	for (unsigned i = from; i < to; i++) {
		struct pollfd ended = { .fd = d->clients[i], .events = POLLIN };

		assert_int_equal(poll(&ended, 1, 10000), 1);
		assert_int_equal(recv(d->clients[i], &c, 1, 0), -1);
		assert_int_equal(errno, ECONNRESET);
	}
}

static void
assert_kept(const struct door *d, unsigned from, unsigned to)
{
	char c;

	for (unsigned i = from; i < to; i++) {
		assert_int_equal(recv(d->clients[i], &c, 1, MSG_DONTWAIT), -1);
		assert_int_equal(errno, EAGAIN);
	}
}

/* As the worker's turns, until nobody is told of anything. */
static void
turn(struct door *d)
{
	struct epoll_event ev;

	acceptor_look(&d->set);
	while (epoll_wait(d->thread.epoll, &ev, 1, 0) == 1) {
		struct session_thread_source *source;

		if ((ev.data.u64 & SESSION_THREAD_OTHER) == 0)
			continue;
		source =
		    (void *)(uintptr_t)(ev.data.u64 - SESSION_THREAD_OTHER);
		if (source == &d->thread.on_woken)
			session_thread_begin_to_look(&d->thread);
		else
			source->on_ready(source);
	}
}

static void
door_free(struct door *d)
{
	session_crowd_end(&d->thread);
	for (unsigned i = 0; i < d->n_clients; i++)
		fd_close(&d->clients[i]);
	acceptor_fini(&d->set);
	session_thread_fini(&d->thread);
	free(d);
}

static void
reset_all(struct door *d, unsigned turns)
{
	acceptor_reset_order(&d->set, &d->group, 1);
	for (unsigned i = 1; i < turns; i++)
		assert_false(acceptor_reset_turn(&d->set));
	assert_true(acceptor_reset_turn(&d->set));
}

/* A service that is full, with a long backlog. */
static void
r21_a_few_hundred_a_turn(void **state)
{
	struct door *d = door_new(VIP, 1);

	(void)state;
	come(d, VIP, 450);
	acceptor_reset_order(&d->set, &d->group, 1);
	assert_false(acceptor_reset_turn(&d->set));
	assert_reset(d, 0, 200);
	assert_kept(d, 200, 450);
	assert_false(acceptor_reset_turn(&d->set));
	assert_true(acceptor_reset_turn(&d->set));
	assert_reset(d, 200, 450);
	assert_int_equal(d->thread.n_sessions, 0);
	door_free(d);
}

/* The service has a place for each. */
static void
r21_who_came_elsewhere_is_let_in(void **state)
{
	struct door *d = door_new("0.0.0.0", 0);

	(void)state;
	come(d, VIP, 110);
	come(d, OWN, 110);
	come(d, VIP, 1);
	reset_all(d, 2);
	assert_reset(d, 0, 110);
	assert_kept(d, 110, 220);
	assert_reset(d, 220, 221);
	assert_int_equal(d->thread.n_sessions, 110);
	door_free(d);
}

/*
 * The service is full: whoever waited for the address that left is reset as he
 * comes out, and who comes to it after its return is served.
 */
static void
r21_the_late_ones_of_a_full_service(void **state)
{
	struct door *d = door_new("0.0.0.0", 10);

	(void)state;
	come(d, OWN, 10);
	turn(d);
	assert_int_equal(d->thread.n_sessions, 10);
	come(d, OWN, 1);
	come(d, VIP, 20);
	reset_all(d, 1);
	assert_kept(d, 11, 31); /* there is no place to look at one */
	come(d, VIP, 3);
	session_crowd_end(&d->thread); /* the ten */
	turn(d);
	assert_reset(d, 11, 31);
	assert_kept(d, 31, 34);
	assert_int_equal(d->thread.n_sessions, 4);
	door_free(d);
}

/* Clients of an address of no group, and those that come between two turns. */
static void
r21_who_is_not_meant_stays(void **state)
{
	struct door *d = door_new(OWN, 0);

	(void)state;
	come(d, OWN, 5);
	reset_all(d, 1);
	turn(d);
	assert_kept(d, 0, 5);
	assert_int_equal(d->thread.n_sessions, 5);
	door_free(d);

	d = door_new(VIP, 0);
	come(d, VIP, 300);
	acceptor_reset_order(&d->set, &d->group, 1);
	assert_false(acceptor_reset_turn(&d->set));
	come(d, VIP, 5);
	assert_true(acceptor_reset_turn(&d->set));
	turn(d);
	assert_reset(d, 0, 300);
	assert_kept(d, 300, 305);
	assert_int_equal(d->thread.n_sessions, 5);
	door_free(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(r21_a_few_hundred_a_turn),
		cmocka_unit_test(r21_who_came_elsewhere_is_let_in),
		cmocka_unit_test(r21_the_late_ones_of_a_full_service),
		cmocka_unit_test(r21_who_is_not_meant_stays),
	};

	TEST_MAIN(tests);
}
