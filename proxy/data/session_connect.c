#include "proxy/data/session_connect.h"

#include "config/config.h"
#include "proxy/data/dial.h"
#include "proxy/data/proxy_protocol.h"
#include "proxy/data/session.h"
#include "proxy/data/session_end.h"
#include "proxy/data/session_move.h"
#include "proxy/pool/source_ports.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/*
 * Before the same servers are asked a second time: all of them have just said
 * no, and a restart takes about that long.
 */
#define SECOND_ROUND_S 1.0

/*
 * A client that ended its side without a word may want to be greeted (a monitor
 * does, `nc -N`): it has this long for a connect. Then it counts as gone.
 */
#define MUTE_S 1.0

/*
 * Ports tried for one connection with `source`: others may hold some of them
 * (TIME_WAIT, other programs), and a long search would stop the thread.
 */
#define PORTS_TRIED_MAX 32

static void next(struct session *s);

static struct pool_server *
server_of(const struct session *s)
{
	return &s->pool->servers[s->info.server];
}

/* The one it is with did not answer: that counts as a failed check. */
static void
accuse(struct session *s)
{
	struct session_thread_shared *shared = s->thread->shared;

	counters_add(&session_server_counters(s)->failed, 1);
	counters_add(&session_service_counters(s)->sum.failed, 1);
	if (!atomic_exchange(&server_of(s)->accused, true))
		ev_async_send(shared->main, &shared->accused);
}

/* Nobody checks it, so the main thread is told what a client has seen. */
static void
prove(struct session *s)
{
	struct session_thread_shared *shared = s->thread->shared;

	if (!atomic_exchange(&server_of(s)->proven, true))
		ev_async_send(shared->main, &shared->accused);
}

/*
 * Something of ours is lacking. Ports are lacking towards one server, so that
 * another one may do; that was no try, and the server is not to blame.
 */
static void
lacked(struct session *s, int error)
{
	s->info.error = error;
	if (!dial_is_port_failure(error) ||
	    s->waiter.n_tried == POOL_TRIED_MAX) {
		session_end_reset(s, END_REASON_RESOURCES, error);
		return;
	}
	session_leave_server(s);
	s->info.server = SESSION_NO_SERVER;
	if (s->info.attempts > 0)
		s->info.attempts--;
	next(s);
}

/*
 * The connect to the present server has failed: the next one is asked at once.
 */
static void
failed(struct session *s, int error)
{
	if (dial_is_local_failure(error)) {
		lacked(s, error);
		return;
	}
	accuse(s);
	session_leave_server(s);
	s->info.server = SESSION_NO_SERVER;
	s->info.error = error;
	/* With nobody up it waits: it was the one that may try. */
	if (s->info.attempts > s->pool->config->retries &&
	    pool_is_usable(s->pool)) {
		session_end_reset(s,
		    error == ETIMEDOUT ? END_REASON_SERVER_TIMEOUT
		                       : END_REASON_SERVER_REFUSED,
		    error);
		return;
	}
	counters_add(&session_service_counters(s)->retries, 1);
	next(s);
}

/* With `source`: from there, and from a port of ours. */
static int
dial_from_source(struct session *s, const union addr *to)
{
	struct source_ports *ports = server_of(s)->ports;
	union addr from = s->pool->config->source;
	int fd = -EADDRNOTAVAIL;

	for (unsigned i = 0; i < PORTS_TRIED_MAX; i++) {
		uint16_t port = source_ports_take(ports);

		if (port == 0)
			return -EADDRNOTAVAIL;
		addr_set_port(&from, port);
		fd = dial_start(to, &from);
		if (fd >= 0) {
			s->info.source_port = port;
			return fd;
		}
		source_ports_give(ports, port);
		if (fd != -EADDRNOTAVAIL && fd != -EADDRINUSE)
			return fd;
	}
	return fd;
}

static bool
has_spoken(const struct session *s)
{
	char byte;

	if (flow_is_holding(&s->flows[SESSION_CLIENT]))
		return true;
	return recv(s->ends[SESSION_CLIENT].fd, &byte, 1,
	           MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* The client has ended its side and said nothing before. */
static bool
is_mute(const struct session *s)
{
	return (s->flows[SESSION_CLIENT].end_read ||
	           s->ends[SESSION_CLIENT].hung_up) &&
	    !has_spoken(s);
}

/* How long a connect may take, for this client. */
static void
wait_for_connect(struct session *s)
{
	double seconds = s->pool->config->timeouts.connect_ms / 1000.;

	session_wait(s, seconds > MUTE_S && is_mute(s) ? MUTE_S : seconds);
}

/* A place at info.server is taken: connect. */
static void
dial(struct session *s)
{
	union addr to;
	int fd;

	s->phase = SESSION_CONNECTING;
	s->dialled = s->thread->turn;
	counters_add(&session_server_counters(s)->active, 1);
	s->info.attempts++;
	if (s->waiter.n_tried == POOL_TRIED_MAX)
		s->waiter.n_tried = 0; /* of many that it may try in turn */
	s->waiter.tried[s->waiter.n_tried++] = (uint16_t)s->info.server;
	if (!pool_get_address(s->pool, server_of(s), &to))
		fd = -EHOSTUNREACH;
	else if (s->pool->config->has_source)
		fd = dial_from_source(s, &to);
	else
		fd = dial_start(&to, NULL);
	if (fd < 0) {
		failed(s, -fd);
		return;
	}
	s->ends[SESSION_SERVER].fd = fd;
	fd = session_watch(s, SESSION_SERVER);
	if (fd < 0)
		session_end_reset(s, END_REASON_RESOURCES, -fd);
	else
		wait_for_connect(s);
}

/* Until timeouts.queue is over, counted from the first time that it waited. */
static double
patience_s(struct session *s)
{
	struct mono now = mono_now();

	if (mono_is_never(s->info.waits_until))
		s->info.waits_until =
		    mono_add_ms(now, s->pool->config->timeouts.queue_ms);
	if (!mono_before(now, s->info.waits_until))
		return 0.;
	return (double)mono_span_us(now, s->info.waits_until) / 1e6;
}

/*
 * It is woken by a grant: for a place, for a server that comes up or that a
 * check finds well again. Servers that refused it and count as up are asked
 * once more after a while; but for the last time only where it waits for
 * nothing else.
 */
static void
wait_for(struct session *s, enum pool_choice wants)
{
	uint32_t last = s->pool->config->retries;
	double left = patience_s(s);

	if (left > SECOND_ROUND_S && s->info.attempts > 0 &&
	    (wants == POOL_CHOICE_ROUND || s->info.attempts < last))
		left = SECOND_ROUND_S;
	session_wait(s, left);
}

/* What its choice of a server depends on. */
static void
prepare_waiter(struct session *s)
{
	size_t len;
	const uint8_t *ip = addr_bytes(&s->info.client, &len);

	s->waiter.client_hash = balance_hash(ip, len);
	s->waiter.chance = session_thread_chance(s->thread);
}

static void
next(struct session *s)
{
	enum pool_choice wants;
	int server;

	prepare_waiter(s);
	server = pool_take(s->pool, &s->waiter, mono_now(), &wants);
	if (server != POOL_QUEUED) {
		s->info.server = server;
		dial(s);
		return;
	}
	/* It is in the queue: whatever ends it takes it out again. */
	s->phase = SESSION_QUEUED;
	if (wants == POOL_CHOICE_ROUND && dial_is_port_failure(s->info.error))
		/* No server is left that we could reach. */
		session_end_reset(s, END_REASON_RESOURCES, s->info.error);
	else if (is_mute(s))
		session_end_reset(s, END_REASON_CLIENT_QUEUE, 0);
	else
		wait_for(s, wants);
}

/* A second round, unless the time is over: then the reason is known. */
static void
waited(struct session *s)
{
	enum end_reason reason = END_REASON_QUEUE_TIMEOUT;
	double left = patience_s(s);

	if (left > 0.) {
		session_wait(s, left);
		pool_forget(s->pool, &s->waiter);
		return;
	}
	if (!pool_is_usable(s->pool))
		reason = s->info.attempts > 0 ? END_REASON_SERVER_REFUSED
		                              : END_REASON_NO_SERVER;
	session_end_reset(s, reason, s->info.error);
}

void
session_connect_begin(struct session *s)
{
	int e = 0;

	switch (flow_prefetch(&s->flows[SESSION_CLIENT],
	    &s->ends[SESSION_CLIENT], &s->thread->tools, &e)) {
	case FLOW_BUSY:
	case FLOW_WAITS:
	case FLOW_ENDED:
		next(s);
		break;
	case FLOW_READ_FAILED:
	case FLOW_WRITE_FAILED:
		session_end_reset(s, END_REASON_CLIENT_CONNECT, e);
		break;
	case FLOW_NO_MEMORY:
		session_end_reset(s, END_REASON_RESOURCES, ENOMEM);
		break;
	}
}

void
session_connect_on_grant(struct session *s)
{
	s->info.queued_ms =
	    (uint32_t)mono_span_ms(s->info.accepted, mono_now());
	s->info.server = s->waiter.server;
	dial(s);
}

void
session_connect_again(struct session *s)
{
	next(s);
}

void
session_connect_queue_again(struct session *s)
{
	prepare_waiter(s);
	pool_resume(s->pool, &s->waiter);
}

bool
session_connect_elsewhere(struct session *s)
{
	if (s->phase != SESSION_CONNECTING)
		return false;
	session_leave_server(s);
	/* It has not failed: that was no attempt, and it was not tried. */
	if (s->info.attempts > 0)
		s->info.attempts--;
	if (s->waiter.n_tried > 0)
		s->waiter.n_tried--;
	s->info.server = SESSION_NO_SERVER;
	next(s);
	return true;
}

void
session_connect_on_timer(struct session *s)
{
	switch (s->phase) {
	case SESSION_LISTENING:
		session_end_reset(s, END_REASON_CLIENT_SILENT, 0);
		break;
	case SESSION_QUEUED:
		waited(s);
		break;
	case SESSION_CONNECTING:
		if (is_mute(s))
			session_end_reset(s, END_REASON_CLIENT_CONNECT, 0);
		else
			failed(s, ETIMEDOUT);
		break;
	case SESSION_MOVING:
	case SESSION_PARTING:
	case SESSION_GIVEN:
	case SESSION_ENDED:
		break;
	}
}

/* The server's first bytes tell it who the client is. */
static int
send_preface(struct session *s)
{
	uint8_t header[PROXY_PROTOCOL_MAX];
	union addr local;
	size_t len;
	int e;

	if (s->pool->config->proxy_protocol == CONFIG_PROXY_PROTOCOL_NONE)
		return 0;
	e = session_get_local(s, &local);
	if (e < 0)
		return e;
	len = proxy_protocol_encode(
	    s->pool->config->proxy_protocol, &s->info.client, &local, header);
	/* A socket this new takes a hundred bytes, or it is broken. */
	if (send(s->ends[SESSION_SERVER].fd, header, len,
	        MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)len)
		return -EPIPE;
	return 0;
}

void
session_connect_on_server(struct session *s, uint32_t events)
{
	struct flow_end *end = &s->ends[SESSION_SERVER];
	int e = 0;

	if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0)
		return;
	/* Writable and no error: it is there, and need not be asked. */
	if ((events & (EPOLLERR | EPOLLHUP)) != 0)
		e = dial_result(end->fd);
	/* It may have answered, said all, and gone: not a failure yet. */
	if (e == 0 && (events & EPOLLOUT) != 0)
		e = send_preface(s);
	else if (e == 0)
		e = -ECONNREFUSED;
	if (e < 0) {
		failed(s, -e);
		return;
	}
	counters_add(&session_server_counters(s)->total, 1);
	if (atomic_load_explicit(&server_of(s)->doubted, memory_order_relaxed))
		prove(s);
	s->info.connected = s->thread->now;
	/* Whether it has spoken already, this event tells, or the next. */
	end->writable = true;
	session_move_begin(s);
}

/*
 * The client while there is no server yet. One that has spoken and then sent
 * its FIN still wants its answer; one that left without a word holds no place
 * in a queue, and is passed on where a connect is under way (see MUTE_S).
 */
void
session_connect_on_client(struct session *s)
{
	struct flow_end *end = &s->ends[SESSION_CLIENT];
	enum end_reason reason = s->phase == SESSION_QUEUED
	    ? END_REASON_CLIENT_QUEUE
	    : END_REASON_CLIENT_CONNECT;

	if (end->failed) {
		session_end_reset(s, reason, ECONNRESET);
	} else if (s->phase == SESSION_LISTENING) {
		if (has_spoken(s))
			next(s);
		else if (end->hung_up)
			session_end_reset(s, reason, 0);
	} else if (is_mute(s)) {
		if (s->phase == SESSION_QUEUED)
			session_end_reset(s, reason, 0);
		else
			wait_for_connect(s);
	}
}
