#include "proxy/transfer/session_take.h"

#include "config/config.h"
#include "core/fd.h"
#include "proxy/data/conn_report.h"
#include "proxy/data/session.h"
#include "proxy/data/session_connect.h"
#include "proxy/data/session_end.h"
#include "proxy/data/session_move.h"
#include "proxy/data/session_run.h"
#include "proxy/pool/client_limit.h"
#include "proxy/pool/source_ports.h"
#include "proxy/transfer/session_record.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* A span of more than a century is none. */
#define SPAN_MAX_NS (INT64_MAX / 2)

static struct mono
ago(struct mono now, uint64_t ns)
{
	if (ns < SPAN_MAX_NS)
		now.ns -= (int64_t)ns;
	return now;
}

static struct mono
in(struct mono now, uint64_t ns)
{
	now.ns += ns < SPAN_MAX_NS ? (int64_t)ns : SPAN_MAX_NS;
	return now;
}

static int
server_named(const struct pool *p, const char *name)
{
	for (size_t i = 0; i < p->n_servers; i++)
		if (strcmp(p->servers[i].config->name, name) == 0)
			return (int)i;
	return SESSION_NO_SERVER;
}

int
session_take_find(struct pool *pools, size_t n_pools,
    const struct session_record *r, struct session_take_place *ret_place)
{
	struct session_take_place place = { .server = SESSION_NO_SERVER };

	for (size_t i = 0; i < n_pools && place.pool == NULL; i++)
		if (strcmp(pools[i].config->name, r->service) == 0)
			place.pool = &pools[i];
	if (place.pool == NULL)
		return -ENOENT;
	if (session_record_has_server(r))
		place.server = server_named(place.pool, r->server);
	if (place.server == SESSION_NO_SERVER &&
	    (r->phase == SESSION_RECORD_MOVING ||
	        r->phase == SESSION_RECORD_PARTING))
		return -ENOENT;
	*ret_place = place;
	return 0;
}

/* The socket is the record's: else bytes would go astray. One that has broken
 * meanwhile has no peer to tell of. */
static bool
belongs(int fd, const union addr *a,
    int (*ask)(int fd, struct sockaddr *a, socklen_t *len))
{
	union addr is = { 0 };
	socklen_t len = sizeof(is);

	if (ask(fd, &is.sa, &len) == -1)
		return errno == ENOTCONN;
	addr_normalize(&is);
	return addr_is_same(&is, a);
}

static int
getlocal(int fd, struct sockaddr *a, socklen_t *len)
{
	return getsockname(fd, a, len);
}

static int
getpeer(int fd, struct sockaddr *a, socklen_t *len)
{
	return getpeername(fd, a, len);
}

static bool
has_option(int fd, int option, int expected)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 &&
	    value == expected;
}

/* A stream of TCP at which no call waits: else its whole worker would. */
static bool
is_stream(int fd)
{
	return has_option(fd, SO_TYPE, SOCK_STREAM) &&
	    has_option(fd, SO_PROTOCOL, IPPROTO_TCP) &&
	    fd_set_nonblock(fd) == 0;
}

static int
check(const struct session_record *r, const int fds[static 2])
{
	union addr to = r->to;

	if (fds[0] == -1 || (fds[1] != -1) != session_record_has_server(r))
		return -EBADMSG;
	if (!is_stream(fds[0]) || (fds[1] != -1 && !is_stream(fds[1])))
		return -EBADMSG;
	addr_normalize(&to);
	if (!belongs(fds[0], &r->local, getlocal) ||
	    !belongs(fds[0], &r->client, getpeer))
		return -EBADMSG;
	/* While it connects, the giver cannot say where to. */
	if (fds[1] != -1 && to.sa.sa_family != AF_UNSPEC &&
	    !belongs(fds[1], &to, getpeer))
		return -EBADMSG;
	return 0;
}

/* The kernel has the port in use by this connection: it is ours to note. */
static int
claim_port(
    const struct session_take_place *place, uint16_t port, uint16_t *ret_port)
{
	struct source_ports *ports;

	*ret_port = 0;
	if (port == 0 || place->server == SESSION_NO_SERVER)
		return 0;
	ports = place->pool->servers[place->server].ports;
	if (ports == NULL)
		return 0; /* the service has no `source` any more */
	if (!source_ports_claim(ports, port))
		return -EBUSY;
	*ret_port = port;
	return 0;
}

static void
set_info(struct session *s, const struct session_record *r, struct mono now)
{
	struct session_info *i = &s->info;

	i->id = r->id;
	i->accepted = ago(now, r->accepted_ns);
	if (r->phase == SESSION_RECORD_MOVING ||
	    r->phase == SESSION_RECORD_PARTING)
		i->connected = ago(now, r->connected_ns);
	if ((r->flags & SESSION_RECORD_WAITED) != 0)
		i->waits_until = in(now, r->queue_left_ns);
	i->attempts = r->attempts;
	i->queued_ms = r->queued_ms;
	i->error = (int)r->error;
	s->active = ago(now, r->active_ns);
	s->kept = (r->flags & SESSION_RECORD_KEPT) != 0;
	s->is_told = (r->flags & SESSION_RECORD_TOLD) != 0;
	s->parting_delivered = r->parting_delivered;
	s->waiter.ticket = r->place;
	/* One that was no failure, and is begun anew elsewhere. */
	if (r->phase == SESSION_RECORD_CONNECTING && i->server < 0 &&
	    i->attempts > 0)
		i->attempts--;
	for (unsigned k = 0; k < r->n_tried; k++) {
		int server = server_named(s->pool, r->tried[k]);

		if (server != SESSION_NO_SERVER)
			s->waiter.tried[s->waiter.n_tried++] = (uint16_t)server;
	}
	/* Of the one it is connecting to, whatever the record calls it. */
	if (r->phase == SESSION_RECORD_CONNECTING && i->server >= 0 &&
	    s->waiter.n_tried == 0)
		s->waiter.tried[s->waiter.n_tried++] = (uint16_t)i->server;
}

static void
set_end(struct flow_end *e, struct dead_peer *peer,
    const struct session_record_end *r, struct mono now)
{
	e->readable = (r->flags & SESSION_RECORD_READABLE) != 0;
	e->writable = (r->flags & SESSION_RECORD_WRITABLE) != 0;
	e->hung_up = (r->flags & SESSION_RECORD_HUNG_UP) != 0;
	e->failed = (r->flags & SESSION_RECORD_FAILED) != 0;
	e->spent = (r->flags & SESSION_RECORD_SPENT) != 0;
	e->asks = (r->flags & SESSION_RECORD_ASKS) != 0;
	e->mark = r->mark;
	peer->answered = ago(now, r->answered_ns);
}

static int
set_flow(struct flow *f, const struct session_record_flow *r)
{
	f->bytes = r->bytes;
	f->full_reads =
	    r->full_reads < FLOW_BULK_READS ? r->full_reads : FLOW_BULK_READS;
	f->end_read = (r->flags & SESSION_RECORD_END_READ) != 0;
	f->end_passed = (r->flags & SESSION_RECORD_END_PASSED) != 0;
	f->no_splice = (r->flags & SESSION_RECORD_NO_SPLICE) != 0;
	if (r->held_len == 0)
		return 0;
	return flow_hold(
	    f, r->held, r->held_len, (r->flags & SESSION_RECORD_URGENT) != 0);
}

/* A server that is not here any more: another one is chosen later. */
static void
set_server(struct session *s, const struct session_take_place *place,
    uint16_t port, int *fd)
{
	s->info.server = place->server;
	if (place->server == SESSION_NO_SERVER)
		return;
	s->ends[SESSION_SERVER].fd = fd_take(fd);
	s->info.source_port = port;
	pool_enter(s->pool, place->server, &s->waiter);
	counters_add(&session_server_counters(s)->active, 1);
}

static void
give_port(const struct session_take_place *place, uint16_t port)
{
	if (port != 0)
		source_ports_give(
		    place->pool->servers[place->server].ports, port);
}

/* With its places in the limits; it takes the client's descriptor. */
static int
begin(struct session_thread *t, struct pool *pool,
    const struct session_record *r, int *fd, struct session **ret_session)
{
	struct session *s;

	if (pool->clients != NULL &&
	    !client_limit_join(pool->clients, &r->client))
		return -ENOMEM;
	s = session_new(t, pool, *fd, &r->client);
	if (s == NULL) {
		if (pool->clients != NULL)
			client_limit_leave(pool->clients, &r->client);
		return -ENOMEM;
	}
	*fd = -1; /* the session has it */
	session_thread_join_limits(t, pool);
	session_run_adopt(s);
	s->phase = SESSION_GIVEN;
	*ret_session = s;
	return 0;
}

static int
take(struct session_thread *t, const struct session_take_place *place,
    const struct session_record *r, int fds[static 2],
    struct session **ret_session)
{
	const struct mono now = mono_now();
	struct session *s = NULL;
	uint16_t port;
	int e = check(r, fds);

	if (e == 0)
		e = claim_port(place, r->source_port, &port);
	if (e < 0)
		return e;
	e = begin(t, place->pool, r, &fds[0], &s);
	if (e < 0) {
		give_port(place, port);
		return e;
	}
	set_server(s, place, port, &fds[1]);
	set_info(s, r, now);
	for (unsigned i = 0; i < 2; i++) {
		set_end(&s->ends[i], &s->peers[i], &r->ends[i], now);
		if (e == 0)
			e = set_flow(&s->flows[i], &r->flows[i]);
	}
	if (e < 0)
		session_end_given(s);
	else
		*ret_session = s;
	return e;
}

int
session_take(struct session_thread *t, const struct session_take_place *place,
    const struct session_record *r, int fds[static 2],
    struct session **ret_session)
{
	int e = take(t, place, r, fds, ret_session);

	fd_close(&fds[0]);
	fd_close(&fds[1]);
	return e;
}

static enum session_phase
phase_of(const struct session_record *r)
{
	static const enum session_phase phases[] = {
		[SESSION_RECORD_LISTENING] = SESSION_LISTENING,
		[SESSION_RECORD_QUEUED] = SESSION_QUEUED,
		[SESSION_RECORD_CONNECTING] = SESSION_CONNECTING,
		[SESSION_RECORD_MOVING] = SESSION_MOVING,
		[SESSION_RECORD_PARTING] = SESSION_PARTING,
	};

	return phases[r->phase];
}

/*
 * Registered anew, both are told of whatever they are now, so nothing that was
 * readable or writable before is missed. An urgent byte may be ahead of which
 * nobody was told.
 */
static int
watch(struct session *s)
{
	int e = 0;

	for (enum session_side side = 0; side < 2 && e == 0; side++) {
		struct flow_end *end = &s->ends[side];

		if (end->mark == FLOW_MARK_NONE)
			end->mark = FLOW_MARK_MAYBE;
		if (end->fd != -1)
			e = session_watch(s, side);
	}
	return e;
}

/* What its phase may last by this relay's file; 0: for ever. */
static double
patience_s(const struct session *s)
{
	const struct config_timeouts *t = &s->pool->config->timeouts;

	switch (s->phase) {
	case SESSION_LISTENING:
		return t->first_byte_ms / 1000.;
	case SESSION_QUEUED:
		return t->queue_ms / 1000.;
	case SESSION_CONNECTING:
		return t->connect_ms / 1000.;
	case SESSION_MOVING:
		return session_move_patience(s);
	case SESSION_PARTING: /* looks by itself */
	case SESSION_GIVEN:
	case SESSION_ENDED:
		break;
	}
	return 0.;
}

/* For what was left by the other relay's file, but no longer than by ours. */
static void
wait_on(struct session *s, const struct session_record *r)
{
	const struct mono now = mono_now();
	const double patience = patience_s(s);
	struct mono until = mono_never();

	if (patience > 0.)
		until = mono_add_us(now, (int64_t)(patience * 1e6));
	if (s->phase == SESSION_QUEUED)
		s->info.waits_until = mono_min(s->info.waits_until, until);
	if ((r->flags & SESSION_RECORD_HAS_TIMER) != 0)
		until = mono_min(until, in(now, r->timer_left_ns));
	if (!mono_is_never(until))
		timers_set(&s->thread->timers, &s->timer, until);
}

void
session_take_go_on(struct session *s, const struct session_record *r)
{
	struct session_thread *t = s->thread;
	int e;

	s->shared = true;
	s->dialled = t->turn; /* nothing of this turn is about it */
	e = watch(s);
	s->phase = phase_of(r);
	wait_on(s, r);
	conn_report_taken(t->conn_report, s);
	if (s->phase == SESSION_QUEUED)
		session_connect_queue_again(s);
	if (e < 0)
		session_end_reset(s, END_REASON_RESOURCES, -e);
	else if (s->phase == SESSION_MOVING || s->phase == SESSION_PARTING)
		session_be_busy(s);
	else if (s->phase == SESSION_CONNECTING &&
	    s->info.server == SESSION_NO_SERVER)
		session_connect_again(s);
}
