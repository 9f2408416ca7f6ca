#pragma once

/*
 * Two relays in one process, each with one worker that the test turns, and the
 * clients and servers of their sessions; and streams between these whose every
 * byte is known.
 */

#include "core/channel.h"
#include "core/fd.h"
#include "core/mono.h"
#include "proxy/data/session.h"
#include "proxy/data/worker.h"
#include "proxy/pool/client_limit.h"
#include "proxy/pool/pool.h"
#include "proxy/transfer/transfer_giver.h"
#include "proxy/transfer/transfer_taker.h"
#include "tests/lib/from_yaml.h"
#include "tests/lib/test.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define LAB_SESSIONS 40

/* What one process has of a relay with one worker, which the test turns. */
struct half {
	struct config *config;
	struct worker_shared shared;
	struct worker worker;
	struct pool pool;
};

/* Two relays with the same file, and what is at both ends of their clients. */
struct lab {
	struct half halves[2];
	unsigned now; /* the half that has the sessions */
	int listener, servers;
	struct sockaddr_in to;
	int clients[LAB_SESSIONS], peers[LAB_SESSIONS];
};

static inline int
listen_at(struct sockaddr_in *ret_at)
{
	const struct linger l = { .l_onoff = 1 };
	const int on = 1;
	socklen_t len = sizeof(*ret_at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	*ret_at = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)), 0);
	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)ret_at, len), 0);
	assert_int_equal(listen(fd, 1000), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)ret_at, &len), 0);
	return fd;
}

static inline void
on_accused(struct ev_loop *loop, ev_async *a, int revents)
{
	(void)a;
}

static inline void
half_init(struct half *h, const char *yaml, int listener, unsigned pipes)
{
	struct worker_shared *sh = &h->shared;
	int fd = dup(listener);

	h->config = from_yaml(yaml);
	assert_int_equal(pool_init(&h->pool, &h->config->services[0], 0, 0), 0);
	for (size_t i = 0; i < h->pool.n_servers; i++)
		pool_set_state(
		    &h->pool, &h->pool.servers[i], SERVER_UP, mono_now());
	atomic_store(&h->pool.open, true);
	sh->config = h->config;
	sh->sessions.main = ev_default_loop(0);
	ev_async_init(&sh->sessions.accused, on_accused);
	STAILQ_INIT(&sh->sessions.threads);
	conn_limit_init(&sh->sessions.limit, 1000);
	sh->pools = &h->pool;
	sh->n_pools = 1;
	sh->n_servers = (unsigned)h->pool.n_servers;
	sh->workers = &h->worker;
	sh->n_workers = 1;
	sh->pipes = pipes;
	assert_int_equal(worker_init(&h->worker, sh, 0), 0);
	assert_int_equal(worker_add_listener(&h->worker, &h->pool, &fd), 0);
}

static inline void
turn(struct half *h)
{
	worker_wake(&h->worker); /* it shall not sleep */
	worker_turn(&h->worker);
}

/* `keys` are those of the service; its servers are all the same one. */
static inline struct lab *
lab_new(const char *keys, unsigned pipes)
{
	struct lab *l = calloc(1, sizeof(*l));
	struct sockaddr_in at;
	char yaml[1024];

	assert_non_null(l);
	l->listener = listen_at(&l->to);
	l->servers = listen_at(&at);
	(void)snprintf(yaml, sizeof(yaml),
	    "services:\n  name: s\n  listen: 127.0.0.1:1\n"
	    "  servers: [{name: one, address: '127.0.0.1:%u'}]\n%s",
	    ntohs(at.sin_port), keys);
	for (unsigned i = 0; i < 2; i++)
		half_init(&l->halves[i], yaml, l->listener, pipes);
	for (unsigned i = 0; i < LAB_SESSIONS; i++)
		l->clients[i] = l->peers[i] = -1;
	/* One of them accepts at a time. */
	atomic_store(&l->halves[1].worker.hold, true);
	turn(&l->halves[1]);
	return l;
}

static inline void
lab_free(struct lab *l)
{
	for (unsigned i = 0; i < LAB_SESSIONS; i++) {
		fd_close(&l->clients[i]);
		fd_close(&l->peers[i]);
	}
	for (unsigned i = 0; i < 2; i++) {
		worker_fini(&l->halves[i].worker);
		pool_fini(&l->halves[i].pool);
		config_free(l->halves[i].config);
	}
	fd_close(&l->listener);
	fd_close(&l->servers);
	free(l);
}

static inline void
turns(struct lab *l, unsigned n)
{
	while (n-- > 0) {
		turn(&l->halves[0]);
		turn(&l->halves[1]);
	}
}

static inline int
connect_to(const struct lab *l)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(
	    connect(fd, (const struct sockaddr *)&l->to, sizeof(l->to)), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

/* A client without a server yet. */
static inline void
come(struct lab *l, unsigned i)
{
	const unsigned before = l->halves[l->now].worker.sessions.n_sessions;

	l->clients[i] = connect_to(l);
	for (unsigned k = 0;
	     k < 1000 && l->halves[l->now].worker.sessions.n_sessions == before;
	     k++)
		turns(l, 1);
	assert_int_equal(
	    l->halves[l->now].worker.sessions.n_sessions, before + 1);
}

/* The next that the relay connects to its server. */
static inline void
serve(struct lab *l, unsigned i)
{
	for (unsigned k = 0; k < 10000 && l->peers[i] == -1; k++) {
		turns(l, 1);
		l->peers[i] = accept4(l->servers, NULL, NULL, SOCK_NONBLOCK);
	}
	assert_int_not_equal(l->peers[i], -1);
	turns(l, 2);
}

/* From the half that has them to the other one. */
struct move {
	struct half *from, *to;
	struct transfer_giver *giver;
	struct transfer_taker *taker;
};

/* What is sent from here on, the giver's worker hears of after the order. */
static inline struct move
begin_move(struct lab *l)
{
	struct move m = { .from = &l->halves[l->now],
		.to = &l->halves[1 - l->now] };
	int channel[2];

	turn(m.from);
	assert_int_equal(channel_pair(channel), 0);
	m.giver = transfer_giver_new(&m.from->worker, &channel[0]);
	m.taker = transfer_taker_new(&m.to->worker, &channel[1]);
	assert_non_null(m.giver);
	assert_non_null(m.taker);
	return m;
}

/* Returns how many did not change hands. */
static inline unsigned
end_move(struct lab *l, struct move *m)
{
	while (!transfer_giver_has_ended(m->giver) ||
	    !transfer_taker_has_ended(m->taker)) {
		worker_turn(&m->from->worker);
		turn(m->to);
	}
	assert_false(m->giver->failed);
	assert_false(m->taker->failed);
	assert_int_equal(m->giver->n_given, m->taker->n_taken);
	transfer_giver_free(m->giver);
	transfer_taker_free(m->taker);
	atomic_store(&m->from->worker.hold, true);
	atomic_store(&m->to->worker.hold, false);
	turn(m->from);
	turn(m->to);
	l->now = 1 - l->now;
	return m->from->worker.sessions.n_sessions;
}

static inline unsigned
move(struct lab *l)
{
	struct move m = begin_move(l);

	return end_move(l, &m);
}

/* One direction of a connection: a stream whose every byte is known. */
struct stream {
	int from, to;
	uint64_t written, read;
	uint32_t salt;
};

static inline uint8_t
byte_at(const struct stream *s, uint64_t place)
{
	const uint64_t z = (place + s->salt) * 0x9e3779b97f4a7c15;

	return (uint8_t)(z >> 56);
}

static inline void
feed(struct stream *s, size_t most)
{
	uint8_t bytes[65536];
	ssize_t n;

	if (most > sizeof(bytes))
		most = sizeof(bytes);
	for (size_t i = 0; i < most; i++)
		bytes[i] = byte_at(s, s->written + i);
	n = send(s->from, bytes, most, MSG_DONTWAIT | MSG_NOSIGNAL);
	assert_true(n >= 0 || errno == EAGAIN);
	s->written += n > 0 ? (uint64_t)n : 0;
}

/* False at the end. */
static inline bool
drain(struct stream *s, size_t most)
{
	uint8_t bytes[65536];
	ssize_t n = recv(s->to, bytes,
	    most < sizeof(bytes) ? most : sizeof(bytes), MSG_DONTWAIT);

	assert_true(n >= 0 || errno == EAGAIN);
	for (ssize_t i = 0; i < n; i++)
		if (bytes[i] != byte_at(s, s->read + (uint64_t)i))
			fail_msg("byte %" PRIu64 " is another one",
			    s->read + (uint64_t)i);
	s->read += n > 0 ? (uint64_t)n : 0;
	return n != 0;
}

static inline void
drain_all(struct lab *l, struct stream *s)
{
	for (unsigned k = 0; k < 100000 && s->read < s->written; k++) {
		turns(l, 1);
		(void)drain(s, 65536);
	}
	assert_int_equal(s->read, s->written);
}

static inline void
expect_end(struct lab *l, struct stream *s)
{
	for (unsigned k = 0; k < 10000; k++) {
		turns(l, 1);
		if (!drain(s, 65536))
			break;
	}
	assert_int_equal(s->read, s->written);
	assert_false(drain(s, 1));
}

static inline struct stream
stream(struct lab *l, unsigned i, bool back)
{
	return (struct stream){ .from = back ? l->peers[i] : l->clients[i],
		.to = back ? l->clients[i] : l->peers[i],
		.salt = 2 * i + back };
}

static inline unsigned
count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n;
}

/* Nothing is left of any session, in either half. */
static inline void
assert_clean(struct lab *l, unsigned total)
{
	uint64_t sum = 0, served = 0;

	turns(l, 5);
	for (unsigned i = 0; i < 2; i++) {
		struct half *h = &l->halves[i];
		struct session_thread *t = &h->worker.sessions;

		assert_int_equal(t->n_sessions, 0);
		assert_int_equal(atomic_load(&h->pool.limit.inside), 0);
		assert_int_equal(
		    atomic_load(&h->shared.sessions.limit.inside), 0);
		assert_int_equal(h->pool.slots[0].load, 0);
		assert_int_equal(atomic_load(&h->pool.n_waiting), 0);
		assert_int_equal(t->services[0].sum.active, 0);
		assert_int_equal(t->servers[0].active, 0);
		sum += t->services[0].sum.total;
		served += t->servers[0].total;
		if (h->pool.clients != NULL)
			assert_int_equal(
			    client_limit_count(h->pool.clients), 0);
	}
	assert_int_equal(sum, total);
	assert_int_equal(served, total);
}

static inline uint64_t
count_bytes(const struct lab *l, bool out)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < 2; i++) {
		const struct counters *c =
		    &l->halves[i].worker.sessions.services[0].sum;

		n += out ? c->bytes_out : c->bytes_in;
	}
	return n;
}

static inline void
close_both(struct lab *l, unsigned i)
{
	fd_close(&l->clients[i]);
	fd_close(&l->peers[i]);
	turns(l, 3);
}
