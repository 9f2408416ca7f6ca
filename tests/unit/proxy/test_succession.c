/*
 * One relay after the other in one process, with workers that run: what a
 * supervisor would tell them, the test does.
 */
#include "proxy/transfer/succession.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "core/mono.h"
#include "core/msg.h"
#include "core/secret.h"
#include "proxy/data/listener.h"
#include "proxy/pool/pool.h"
#include "proxy/services.h"
#include "proxy/transfer/transfer_message.h"
#include "proxy/transfer/transfer_wire.h"
#include "tests/lib/from_yaml.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define WORKERS 2
#define CLIENTS_MAX 200
#define CONNECTIONS_MAX 10000

struct relay {
	struct ev_loop *loop;
	struct config *config;
	struct services services;
	struct succession succession;
	int supervisor; /* the other end of its channel */
	bool ended, ready, taken;
	unsigned left;
};

struct lab {
	int listeners[WORKERS], server, checked;
	uint16_t server_port, checked_port, dead_port;
	union addr at;
	struct relay *relay; /* the present one */
	int clients[CLIENTS_MAX], peers[CLIENTS_MAX];
	unsigned n_clients;
};

static void
on_change(void *arg, struct pool *pool)
{
	(void)arg;
	(void)pool;
}

static void
on_dropped(void *arg, unsigned group)
{
	(void)arg;
	(void)group;
}

static void
quit(void *arg, int status)
{
	struct relay *r = arg;

	(void)status;
	r->ended = true;
}

static const struct services_calls calls = { .on_change = on_change,
	.on_dropped = on_dropped };

/* What it says to its supervisor. */
static void
hear(struct relay *r)
{
	struct channel_packet p;

	while (channel_recv(r->supervisor, &p) == 1) {
		struct buf b = buf_reader(p.body, p.len);
		struct msg_given m;

		assert_int_equal(p.fd, -1);
		r->taken = r->taken || p.type == MSG_TAKEN;
		if (p.type == MSG_GIVEN) {
			assert_int_equal(msg_get_given(&b, &m), 0);
			r->left = m.left;
		}
	}
}

static void
run(struct relay *r)
{
	(void)ev_run(r->loop, EVRUN_NOWAIT);
	hear(r);
}

static struct relay *
relay_new(const struct lab *l, const char *servers, uint16_t workers)
{
	struct relay *r = calloc(1, sizeof(*r));
	const struct msg_start start = { .node = MSG_NO_NODE,
		.workers = workers,
		.max_connections = CONNECTIONS_MAX,
		.pipes = 8 };
	char yaml[1024];
	int channel[2];

	assert_non_null(r);
	(void)snprintf(yaml, sizeof(yaml),
	    "services:\n  name: s\n  listen: 127.0.0.1:1\n  balance: source\n"
	    "  check: {interval: 60s, timeout: 10s}\n"
	    "  servers: [%s]\n",
	    servers);
	r->loop = ev_loop_new(0);
	r->config = from_yaml(yaml);
	r->left = UINT32_MAX;
	assert_int_equal(
	    services_init(&r->services, r->loop, r->config, &start), 0);
	for (uint16_t i = 0; i < WORKERS; i++) {
		const struct msg_listener m = { .worker = i % workers };
		int fd = dup(l->listeners[i]);

		assert_int_equal(
		    services_add_listener(&r->services, &m, &fd), 0);
	}
	assert_int_equal(channel_pair(channel), 0);
	r->supervisor = channel[0];
	r->succession = (struct succession){ .services = &r->services,
		.supervisor = channel[1],
		.quit = quit,
		.arg = r };
	return r;
}

static void
relay_free(struct relay *r)
{
	services_fini(&r->services);
	succession_fini(&r->succession);
	fd_close(&r->succession.supervisor);
	fd_close(&r->supervisor);
	ev_loop_destroy(r->loop);
	config_free(r->config);
	free(r);
}

static void
start(struct relay *r)
{
	assert_int_equal(services_start(&r->services, &calls, r), 0);
	r->ready = succession_begin(&r->succession);
}

static void
take(struct relay *r, enum msg_type type, int fd)
{
	struct channel_packet p = { .type = (uint16_t)type, .fd = fd };

	assert_int_equal(succession_take(&r->succession, &p), 0);
	assert_int_equal(p.fd, -1);
}

static struct lab *
lab_new(void)
{
	struct lab *l = calloc(1, sizeof(*l));
	union addr a;
	socklen_t len = sizeof(a);
	int dead;

	assert_non_null(l);
	assert_int_equal(addr_parse("127.0.0.1:1", &a), 0);
	addr_set_port(&a, 0);
	l->server = listener_open(&a, 0);
	assert_true(l->server >= 0);
	assert_int_equal(getsockname(l->server, &a.sa, &len), 0);
	l->server_port = addr_port(&a);
	/* Checks go elsewhere, where nobody needs to answer. */
	addr_set_port(&a, 0);
	l->checked = listener_open(&a, 0);
	assert_true(l->checked >= 0);
	assert_int_equal(getsockname(l->checked, &a.sa, &len), 0);
	l->checked_port = addr_port(&a);
	/* Bound, and nobody listens. */
	dead = socket(AF_INET, SOCK_STREAM, 0);
	addr_set_port(&a, 0);
	assert_int_equal(bind(dead, &a.sa, len), 0);
	assert_int_equal(getsockname(dead, &a.sa, &len), 0);
	l->dead_port = addr_port(&a);
	addr_set_port(&a, 0);
	for (unsigned i = 0; i < WORKERS; i++) {
		l->listeners[i] = listener_open(&a, 0);
		assert_true(l->listeners[i] >= 0);
		assert_int_equal(getsockname(l->listeners[i], &a.sa, &len), 0);
	}
	l->at = a;
	return l;
}

static void
lab_free(struct lab *l)
{
	for (unsigned i = 0; i < l->n_clients; i++) {
		fd_close(&l->clients[i]);
		fd_close(&l->peers[i]);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		fd_close(&l->listeners[i]);
	relay_free(l->relay);
	fd_close(&l->server);
	fd_close(&l->checked);
	free(l);
}

static void
wait_open(struct lab *l)
{
	while (!services_is_open(&l->relay->services)) {
		run(l->relay);
		(void)poll(NULL, 0, 1);
	}
}

/* Says one number, which the other end shall hear whole. */
static void
say(int from, int to, uint64_t number)
{
	struct pollfd heard = { .fd = to, .events = POLLIN };
	uint64_t got = 0;

	assert_int_equal(
	    send(from, &number, sizeof(number), 0), sizeof(number));
	assert_int_equal(poll(&heard, 1, 10000), 1);
	assert_int_equal(recv(to, &got, sizeof(got), 0), sizeof(got));
	assert_int_equal(got, number);
}

static void
come(struct lab *l)
{
	const unsigned i = l->n_clients++;
	struct pollfd there = { .fd = l->server, .events = POLLIN };
	uint64_t number = i;

	assert_in_range(i, 0, CLIENTS_MAX - 1);
	l->clients[i] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(
	    connect(l->clients[i], &l->at.sa, addr_len(&l->at)), 0);
	assert_int_equal(
	    send(l->clients[i], &number, sizeof(number), 0), sizeof(number));
	assert_int_equal(poll(&there, 1, 10000), 1);
	l->peers[i] = accept(l->server, NULL, NULL);
	assert_int_not_equal(l->peers[i], -1);
	assert_int_equal(
	    recv(l->peers[i], &number, sizeof(number), 0), sizeof(number));
	assert_int_equal(number, i);
}

static void
all_speak(struct lab *l, uint64_t round)
{
	for (unsigned i = 0; i < l->n_clients; i++) {
		say(l->clients[i], l->peers[i], round << 32 | i);
		say(l->peers[i], l->clients[i], round << 48 | i);
	}
}

/* The next relay, ready to take over; both have their channel. */
static struct relay *
begin(struct lab *l, const char *servers, uint16_t workers, int *ret_other)
{
	struct relay *r = relay_new(l, servers, workers);
	int channel[2];

	assert_int_equal(channel_pair(channel), 0);
	take(r, MSG_PREDECESSOR, channel[0]);
	start(r);
	assert_true(r->ready);
	*ret_other = channel[1];
	return r;
}

static void
succeed(struct lab *l, const char *servers, uint16_t workers)
{
	int channel;
	struct relay *old = l->relay,
	             *next = begin(l, servers, workers, &channel);

	take(old, MSG_SUCCESSOR, channel);
	while (!next->taken || old->left == UINT32_MAX) {
		run(old);
		run(next);
		(void)poll(NULL, 0, 1);
	}
	assert_int_equal(old->left, 0);
	assert_true(old->ended);
	l->relay = next;
	relay_free(old);
}

static struct counters_service_sum
sum(struct lab *l)
{
	return services_sum_service(&l->relay->services, 0);
}

/* One that is well, and one that is not. */
static void
servers_of(const struct lab *l, const char *name, char ret_text[static 256])
{
	(void)snprintf(ret_text, 256,
	    "{name: %s, address: '127.0.0.1:%u', check: {port: %u}}, "
	    "{name: dead, address: '127.0.0.1:%u'}",
	    name, l->server_port, l->checked_port, l->dead_port);
}

/* -- */

static void
ten_relays_one_after_the_other(void **state)
{
	struct lab *l = lab_new();
	struct pool *pool;
	char servers[256];

	(void)state;
	servers_of(l, "one", servers);
	l->relay = relay_new(l, servers, WORKERS);
	start(l->relay);
	wait_open(l);
	for (unsigned i = 0; i < 30; i++)
		come(l);
	for (unsigned round = 1; round <= 10; round++) {
		all_speak(l, round);
		succeed(l, servers, WORKERS);
		/* Nobody is asked first. */
		pool = services_pool(&l->relay->services, 0);
		assert_true(services_is_open(&l->relay->services));
		assert_int_equal(
		    pool_server_state(&pool->servers[0]), SERVER_UP);
		assert_int_equal(
		    pool_server_state(&pool->servers[1]), SERVER_DOWN);
		assert_int_equal(
		    services_count_connections(&l->relay->services),
		    l->n_clients);
		come(l);
		assert_int_equal(sum(l).sum.active, l->n_clients);
		assert_int_equal(sum(l).sum.total, l->n_clients);
	}
	all_speak(l, 11);
	/* 8 bytes at first, and as many each round that one was there. */
	assert_int_equal(sum(l).sum.bytes_in,
	    8 * (l->n_clients + 10 * 30 + 45 + l->n_clients));
	assert_int_equal(sum(l).endings[END_REASON_NORMAL], 0);
	lab_free(l);
}

/* Sessions are spread over as many as there are. */
static void
the_number_of_workers_may_change(void **state)
{
	static const uint16_t workers[] = { 1, 4, 3, 2 };
	struct lab *l = lab_new();
	char servers[256];

	(void)state;
	servers_of(l, "one", servers);
	l->relay = relay_new(l, servers, WORKERS);
	start(l->relay);
	wait_open(l);
	for (unsigned i = 0; i < 20; i++)
		come(l);
	for (unsigned i = 0; i < ARRAY_LEN(workers); i++) {
		succeed(l, servers, workers[i]);
		all_speak(l, i);
		come(l);
	}
	lab_free(l);
}

/* It dies before it is told to take over, or right after: nothing has been. */
static void
one_that_dies_costs_nothing(void **state)
{
	struct lab *l = lab_new();
	char servers[256];

	(void)state;
	servers_of(l, "one", servers);
	l->relay = relay_new(l, servers, WORKERS);
	start(l->relay);
	wait_open(l);
	for (unsigned i = 0; i < 20; i++)
		come(l);
	for (unsigned turns = 0; turns < 3; turns++) {
		int channel;
		struct relay *next = begin(l, servers, WORKERS, &channel);

		take(l->relay, MSG_SUCCESSOR, channel);
		for (unsigned i = 0; i < turns; i++) {
			run(l->relay);
			(void)poll(NULL, 0, 2);
		}
		/* Its main thread has not turned: no session was asked for. */
		relay_free(next);
		while (l->relay->succession.successor != NULL) {
			run(l->relay);
			(void)poll(NULL, 0, 1);
		}
		all_speak(l, turns);
		come(l);
	}
	assert_false(l->relay->ended);
	succeed(l, servers, WORKERS);
	all_speak(l, 9);
	lab_free(l);
}

/* The one before it dies: it serves, as any relay that begins. */
static void
one_whose_predecessor_dies_begins_alone(void **state)
{
	struct lab *l = lab_new();
	char servers[256];
	int channel;

	(void)state;
	servers_of(l, "one", servers);
	l->relay = begin(l, servers, WORKERS, &channel);
	run(l->relay);
	fd_close(&channel);
	wait_open(l);
	while (!l->relay->taken)
		run(l->relay);
	come(l);
	all_speak(l, 1);
	lab_free(l);
}

/* A server that is gone from the file keeps its connections, in the old one. */
static void
what_the_file_has_no_more_ends_in_order(void **state)
{
	struct lab *l = lab_new();
	struct relay *old, *next;
	char servers[256], others[256];
	int channel;

	(void)state;
	servers_of(l, "one", servers);
	servers_of(l, "two", others);
	l->relay = relay_new(l, servers, WORKERS);
	start(l->relay);
	wait_open(l);
	for (unsigned i = 0; i < 5; i++)
		come(l);
	old = l->relay;
	next = begin(l, others, WORKERS, &channel);
	take(old, MSG_SUCCESSOR, channel);
	while (!next->taken || old->left == UINT32_MAX) {
		run(old);
		run(next);
	}
	assert_int_equal(old->left, 5);
	assert_false(old->ended);
	all_speak(l, 1);
	l->relay = next;
	wait_open(l);
	come(l);
	assert_int_equal(sum(l).sum.total, 6);
	for (unsigned i = 0; i < 5; i++) {
		fd_close(&l->clients[i]);
		fd_close(&l->peers[i]);
	}
	while (!old->ended) {
		run(old);
		run(next);
		(void)poll(NULL, 0, 1);
	}
	run(next);
	assert_int_equal(old->left, 0);
	/* What was counted there meanwhile is known here. */
	assert_int_equal(sum(l).endings[END_REASON_NORMAL] +
	        sum(l).endings[END_REASON_CLIENT_DATA] +
	        sum(l).endings[END_REASON_SERVER_DATA],
	    5);
	relay_free(old);
	lab_free(l);
}

/* Its table of descriptors does not grow while connections stand still. */
static void
descriptors_have_room_before_any_comes(void **state)
{
	struct lab *l = lab_new();
	FILE *f = fopen("/proc/self/status", "re");
	struct rlimit limit;
	char servers[256], line[256];
	unsigned long room = 0;
	int channel;

	(void)state;
	assert_non_null(f);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	servers_of(l, "one", servers);
	l->relay = begin(l, servers, WORKERS, &channel);
	while (room == 0 && fgets(line, sizeof(line), f) != NULL)
		(void)sscanf(line, "FDSize: %lu", &room);
	(void)fclose(f);
	assert_true(room >= 2 * CONNECTIONS_MAX || room >= limit.rlim_cur);
	fd_close(&channel);
	lab_free(l);
}

/* -- one whose words are the test's --------------------------------------
 */

static void
tell(int channel, enum transfer_message_type type, uint32_t number)
{
	const struct transfer_message m = { .type = (uint8_t)type,
		.number = number };
	struct buf b = BUF_WRITER(TRANSFER_MESSAGE_BYTES_MAX);

	transfer_message_encode(&b, &m);
	assert_int_equal(
	    transfer_wire_send(channel, b.data, b.pos, NULL, 0), 0);
}

/* The next of its words, and the descriptor with it. */
static enum transfer_message_type
hear_of(struct relay *r, int channel, int *ret_fd)
{
	static uint8_t room[TRANSFER_WIRE_BODY_MAX];
	struct transfer_wire_packet p = { .body = room, .room = sizeof(room) };
	struct transfer_message m;
	struct buf b;
	int e;

	while ((e = transfer_wire_recv(channel, &p)) == -EAGAIN) {
		run(r);
		(void)poll(NULL, 0, 1);
	}
	assert_int_equal(e, 1);
	*ret_fd = p.n_fds == 1 ? fd_take(&p.fds[0]) : -1;
	transfer_wire_close(&p);
	b = buf_reader(p.body, p.len);
	assert_int_equal(transfer_message_decode(&b, &m), 0);
	return (enum transfer_message_type)m.type;
}

/* It has all, and ends before it serves: who gave serves again. */
static void
one_that_dies_with_all_leaves_one_that_serves(void **state)
{
	struct lab *l = lab_new();
	char servers[256];
	int channel[2], workers[WORKERS], fd;

	(void)state;
	servers_of(l, "one", servers);
	l->relay = relay_new(l, servers, WORKERS);
	start(l->relay);
	wait_open(l);
	assert_int_equal(channel_pair(channel), 0);
	take(l->relay, MSG_SUCCESSOR, channel[0]);
	tell(channel[1], TRANSFER_MESSAGE_HELLO, WORKERS);
	for (unsigned i = 0; i < WORKERS; i++) {
		assert_int_equal(hear_of(l->relay, channel[1], &workers[i]),
		    TRANSFER_MESSAGE_WORKER);
		assert_int_not_equal(workers[i], -1);
	}
	while (hear_of(l->relay, channel[1], &fd) != TRANSFER_MESSAGE_GATHERED)
		;
	for (unsigned i = 0; i < WORKERS; i++) {
		tell(workers[i], TRANSFER_MESSAGE_GO, 0);
		assert_int_equal(
		    hear_of(l->relay, workers[i], &fd), TRANSFER_MESSAGE_END);
		fd_close(&workers[i]);
	}
	/* For longer than it looks again. */
	for (unsigned i = 0; i < 20; i++) {
		run(l->relay);
		(void)poll(NULL, 0, 2);
	}
	assert_false(l->relay->ended);
	fd_close(&channel[1]);
	while (l->relay->succession.successor != NULL) {
		assert_false(l->relay->ended);
		run(l->relay);
		(void)poll(NULL, 0, 1);
	}
	come(l);
	succeed(l, servers, WORKERS);
	all_speak(l, 1);
	lab_free(l);
}

/* It speaks no sense before it gives anything: no two are to serve. */
static void
one_that_is_told_nonsense_ends(void **state)
{
	struct lab *l = lab_new();
	char servers[256];
	int channel;

	(void)state;
	servers_of(l, "one", servers);
	l->relay = begin(l, servers, WORKERS, &channel);
	tell(channel, TRANSFER_MESSAGE_TAKEN, 0);
	while (!l->relay->ended) {
		run(l->relay);
		(void)poll(NULL, 0, 1);
	}
	assert_false(l->relay->taken);
	fd_close(&channel);
	lab_free(l);
}

/* It ends before it has said all: its workers must not wait to be asked. */
static void
one_that_goes_alone_leaves_no_worker_waiting(void **state)
{
	const struct transfer_message m = { .type = TRANSFER_MESSAGE_WORKER };
	struct buf b = BUF_WRITER(TRANSFER_MESSAGE_BYTES_MAX);
	struct lab *l = lab_new();
	struct pollfd end;
	char servers[256];
	int channel, workers[2];

	(void)state;
	servers_of(l, "one", servers);
	l->relay = begin(l, servers, WORKERS, &channel);
	assert_int_equal(channel_pair(workers), 0);
	transfer_message_encode(&b, &m);
	assert_int_equal(
	    transfer_wire_send(channel, b.data, b.pos, &workers[1], 1), 0);
	fd_close(&workers[1]);
	fd_close(&channel);
	while (!l->relay->taken) {
		run(l->relay);
		(void)poll(NULL, 0, 1);
	}
	end = (struct pollfd){ .fd = workers[0], .events = POLLIN };
	assert_int_equal(poll(&end, 1, 0), 1);
	assert_true((end.revents & POLLHUP) != 0);
	fd_close(&workers[0]);
	lab_free(l);
}

/* Nobody would accept who comes to a socket that the next one has not. */
static void
what_stays_has_no_listeners(void **state)
{
	struct lab *l = lab_new();
	struct relay *next;
	char servers[256], others[256];
	int channel, fd = -1;

	(void)state;
	servers_of(l, "one", servers);
	servers_of(l, "two", others);
	l->relay = relay_new(l, servers, WORKERS);
	start(l->relay);
	wait_open(l);
	come(l);
	next = begin(l, others, WORKERS, &channel);
	take(l->relay, MSG_SUCCESSOR, channel);
	while (!next->taken || l->relay->left == UINT32_MAX) {
		run(l->relay);
		run(next);
	}
	relay_free(next);
	for (unsigned i = 0; i < WORKERS; i++)
		fd_close(&l->listeners[i]);
	do {
		fd_close(&fd);
		fd = socket(AF_INET, SOCK_STREAM, 0);
	} while (connect(fd, &l->at.sa, addr_len(&l->at)) == 0);
	assert_int_equal(errno, ECONNREFUSED);
	fd_close(&fd);
	all_speak(l, 1);
	lab_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_relays_one_after_the_other),
		cmocka_unit_test(the_number_of_workers_may_change),
		cmocka_unit_test(one_that_dies_costs_nothing),
		cmocka_unit_test(one_whose_predecessor_dies_begins_alone),
		cmocka_unit_test(what_the_file_has_no_more_ends_in_order),
		cmocka_unit_test(descriptors_have_room_before_any_comes),
		cmocka_unit_test(one_that_dies_with_all_leaves_one_that_serves),
		cmocka_unit_test(one_that_is_told_nonsense_ends),
		cmocka_unit_test(one_that_goes_alone_leaves_no_worker_waiting),
		cmocka_unit_test(what_stays_has_no_listeners),
	};

	if (secret_init() < 0)
		return EXIT_FAILURE;
	TEST_MAIN(tests);
}
