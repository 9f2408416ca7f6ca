#pragma once

/*
 * One relay after the other in one process, with workers that run: what a
 * supervisor would tell them, the test does.
 */

#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "core/mono.h"
#include "core/msg.h"
#include "core/secret.h"
#include "proxy/data/listener.h"
#include "proxy/pool/pool.h"
#include "proxy/services.h"
#include "proxy/transfer/succession.h"
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
	int failover;   /* nobody, but where a test says so */
	int supervisor; /* the other end of its channel */
	bool ended, ready, taken;
	unsigned left;
	unsigned dropped; /* a bit for each group */
};

struct lab {
	int listeners[WORKERS], server, checked;
	uint16_t server_port, checked_port, dead_port;
	union addr at;
	struct relay *relay; /* the present one */
	int clients[CLIENTS_MAX], peers[CLIENTS_MAX];
	unsigned n_clients;
};

static inline void
on_change(void *arg, struct pool *pool)
{
	(void)arg;
	(void)pool;
}

static inline void on_dropped(void *arg, unsigned group);

static inline void
quit(void *arg, int status)
{
	struct relay *r = arg;

	(void)status;
	r->ended = true;
}

static const struct services_calls calls = { .on_change = on_change,
	.on_dropped = on_dropped };

/* As relay.c: where the next one may have some, it is asked. */
static inline void
tell_dropped(void *arg, unsigned group)
{
	struct relay *r = arg;

	r->dropped |= 1U << group;
}

/* What it says to its supervisor. */
static inline void
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

static inline void
run(struct relay *r)
{
	(void)ev_run(r->loop, EVRUN_NOWAIT);
	hear(r);
}

static inline void
on_dropped(void *arg, unsigned group)
{
	struct relay *r = arg;

	succession_drop(&r->succession, group);
}

static inline struct relay *
relay_new(const struct lab *l, const char *servers, uint16_t workers)
{
	struct relay *r = calloc(1, sizeof(*r));
	const struct msg_start start = { .version = MSG_VERSION,
		.node = MSG_NO_NODE,
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
	r->failover = -1;
	r->succession = (struct succession){ .services = &r->services,
		.supervisor = channel[1],
		.failover = &r->failover,
		.quit = quit,
		.dropped = tell_dropped,
		.arg = r };
	return r;
}

static inline void
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

static inline void
start(struct relay *r)
{
	assert_int_equal(services_start(&r->services, &calls, r), 0);
	r->ready = succession_begin(&r->succession);
}

static inline void
take(struct relay *r, enum msg_type type, int fd)
{
	struct channel_packet p = { .type = (uint16_t)type, .fd = fd };

	assert_int_equal(succession_take(&r->succession, &p), 0);
	assert_int_equal(p.fd, -1);
}

static inline struct lab *
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

static inline void
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

static inline void
wait_open(struct lab *l)
{
	while (!services_is_open(&l->relay->services)) {
		run(l->relay);
		(void)poll(NULL, 0, 1);
	}
}

/* Says one number, which the other end shall hear whole. */
static inline void
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

static inline void
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

static inline void
all_speak(struct lab *l, uint64_t round)
{
	for (unsigned i = 0; i < l->n_clients; i++) {
		say(l->clients[i], l->peers[i], round << 32 | i);
		say(l->peers[i], l->clients[i], round << 48 | i);
	}
}

/* The next relay, ready to take over; both have their channel. */
static inline struct relay *
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

/* Both run until the next one has all that it is given. */
static inline void
hand_on(struct relay *old, struct relay *next, int channel)
{
	take(old, MSG_SUCCESSOR, channel);
	while (!next->taken || old->left == UINT32_MAX) {
		run(old);
		run(next);
		(void)poll(NULL, 0, 1);
	}
}

static inline void
succeed(struct lab *l, const char *servers, uint16_t workers)
{
	int channel;
	struct relay *old = l->relay,
	             *next = begin(l, servers, workers, &channel);

	hand_on(old, next, channel);
	assert_int_equal(old->left, 0);
	assert_true(old->ended);
	l->relay = next;
	relay_free(old);
}

static inline struct counters_service_sum
sum(struct lab *l)
{
	return services_sum_service(&l->relay->services, 0);
}

/* One that is well, and one that is not. */
static inline void
servers_of(const struct lab *l, const char *name, char ret_text[static 256])
{
	(void)snprintf(ret_text, 256,
	    "{name: %s, address: '127.0.0.1:%u', check: {port: %u}}, "
	    "{name: dead, address: '127.0.0.1:%u'}",
	    name, l->server_port, l->checked_port, l->dead_port);
}
