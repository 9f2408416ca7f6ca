#include "failover/peerlink/peer_link.h"

#include "core/fd.h"
#include "core/limiter.h"
#include "core/log.h"
#include "core/rate.h"
#include "core/socket_filter.h"
#include "core/timeout.h"
#include "failover/heartbeat/packet_auth.h"
#include "failover/peerlink/peer_stream.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/*
 * How: a handful of lines, one of which may be up. A line that is proven later
 * is the newer one, since only one side dials and only one at a time: it takes
 * the place of what was up.
 */

/* One up, and those not proven yet; who connects wildly is pushed out. */
#define LINES 4

#define DIAL_FIRST_MS 200
#define DIAL_LAST_MS 1000
#define DIAL_AT_ONCE_MS 1

/* Two round trips, or a SYN that was lost: then better another try. */
#define PROVE_MS 1000

/* Who is silent for so many pulses is not there, whatever its kernel says. */
#define PULSE_MS 1000
#define SILENT_MS 3000
#define LOOK_MS 200

/* Accepted in a turn; and in all, at once and then one more each so long. */
#define ACCEPTS 4
#define ACCEPTS_BURST 16
#define ACCEPT_MS 100
/* Lines dialled at once because one has ended; then we take our time. */
#define DIALS_BURST 8
#define DIALS_MS 500
/* Log lines about a line that comes and goes. */
#define TOLD_BURST 20
#define TOLD_MS 1000
#define BACKLOG 8

struct peer_link {
	struct peer_link_setup setup;
	bool dials;
	int listener; /* -1: dials, or cannot listen now */
	ev_io accepting;
	ev_timer dial, look;
	uint32_t dial_ms;
	struct peer_stream *up; /* NULL: down */
	bool expects;
	struct hello_boot expected; /* the peer's process, by its hellos */
	unsigned
	    begun; /* lines: while the keys are not agreed they take turns */
	uint64_t rejected;
	struct limiter rejections, failures; /* of their log lines */
	struct rate accepts, redials, told;
	struct peer_stream lines[LINES];
};

/* It is signed with keys that are on their way out: with hellos it goes first.
 */
static bool
is_outdated(const struct peer_link *w)
{
	const struct packet_auth *a = w->setup.auth;
	const struct peer_codec *c = &w->up->codec;

	return a->signs != 0 && (c->signs != a->signs || c->hears != a->hears);
}

/* Down, or up to a process that is no more, or with other keys. */
static bool
wants_line(const struct peer_link *w)
{
	return w->up == NULL ||
	    (w->expects &&
	        !hello_boot_is_same(&w->up->codec.other, &w->expected)) ||
	    is_outdated(w);
}

static void
start_line(struct peer_link *w, struct peer_stream *l, int *fd, bool connected)
{
	const struct packet_auth *a = w->setup.auth;
	const struct packet_auth_key *key = packet_auth_find(a, a->signs);

	if (key == NULL)
		key = &a->keys[w->begun++ % a->n];
	peer_stream_start(l, fd, connected, a, key, &w->setup.boot);
}

static bool
is_trying(const struct peer_link *w)
{
	for (unsigned i = 0; i < LINES; i++)
		if (w->lines[i].state != PEER_STREAM_FREE &&
		    &w->lines[i] != w->up)
			return true;
	return false;
}

static void
dial_in(struct peer_link *w, uint32_t ms)
{
	if (!w->dials || !wants_line(w))
		return;
	/* Who ends each line that it has proven is not dialled without end. */
	if (ms == DIAL_AT_ONCE_MS &&
	    !rate_allows(&w->redials, DIALS_BURST, DIALS_MS, mono_now()))
		ms = DIAL_LAST_MS;
	timeout_arm(w->setup.loop, &w->dial, ms / 1e3);
}

static bool
may_tell(struct peer_link *w)
{
	return rate_allows(&w->told, TOLD_BURST, TOLD_MS, mono_now());
}

/* A try has failed. */
static void
dial_later(struct peer_link *w)
{
	if (ev_is_active(&w->dial))
		return;
	dial_in(w, w->dial_ms);
	w->dial_ms =
	    w->dial_ms * 2 > DIAL_LAST_MS ? DIAL_LAST_MS : w->dial_ms * 2;
}

static void
reject(struct peer_link *w, const char *why)
{
	uint64_t left_out;

	w->rejected++;
	if (limiter_allows(&w->rejections, mono_now(), &left_out))
		log_warning(w->setup.subject,
		    "[stranger] wire: refused a connection: %s (%" PRIu64
		    " more since the last line)",
		    why, left_out);
}

/* A free line; else the one that has been unproven for the longest time. */
static struct peer_stream *
find_line(struct peer_link *w)
{
	struct peer_stream *oldest = NULL;

	for (unsigned i = 0; i < LINES; i++) {
		struct peer_stream *l = &w->lines[i];

		if (l->state == PEER_STREAM_FREE)
			return l;
		if (l != w->up &&
		    (oldest == NULL || mono_before(l->since, oldest->since)))
			oldest = l;
	}
	peer_stream_close(oldest);
	reject(w, "not proven, and there are others");
	return oldest;
}

static void
on_proven(struct peer_stream *l)
{
	struct peer_link *w = l->arg;
	struct peer_stream *old = w->up;

	w->up = l;
	w->expects = true;
	w->expected = l->codec.other;
	w->dial_ms = DIAL_FIRST_MS;
	ev_timer_stop(w->setup.loop, &w->dial);
	if (old != NULL && old != l)
		peer_stream_close(old);
	if (may_tell(w))
		log_notice(w->setup.subject, "wire: %s",
		    old != NULL ? "up, in place of an earlier one" : "up");
	w->setup.calls->on_up(w->setup.arg);
}

static void
on_frame(struct peer_stream *l, const struct peer_codec_frame *f)
{
	struct peer_link *w = l->arg;

	if (l == w->up && f->type != PEER_LINK_PULSE)
		w->setup.calls->on_frame(
		    w->setup.arg, f->type, f->body, f->len);
}

static void
on_room(struct peer_stream *l)
{
	struct peer_link *w = l->arg;

	if (l == w->up)
		w->setup.calls->on_room(w->setup.arg);
}

static void
go_down(struct peer_link *w, const char *why)
{
	w->up = NULL;
	if (may_tell(w))
		log_notice(w->setup.subject, "wire: down, reason: %s", why);
	w->setup.calls->on_down(w->setup.arg);
	dial_in(w, DIAL_AT_ONCE_MS);
}

/*
 * An end is not one where another line is about to take the place: both may
 * have come in the same turn.
 */
static void
lose(struct peer_link *w, struct peer_stream *l, const char *why)
{
	for (unsigned i = 0; i < LINES; i++)
		if (w->lines[i].state == PEER_STREAM_GREETING)
			peer_stream_receive(&w->lines[i]);
	if (w->up == l)
		go_down(w, why);
}

/* Such as `check --host` on the peer, which asks whether the port is open. */
static bool
is_knock(const struct peer_link *w, const struct peer_stream_end *end)
{
	return !w->dials && end->was == PEER_STREAM_GREETING && end->silent;
}

static void
on_end(struct peer_stream *l, const struct peer_stream_end *end)
{
	struct peer_link *w = l->arg;
	const char *why = end->refused != PEER_CODEC_MORE
	    ? peer_codec_result_text(end->refused)
	    : end->error != 0 ? strerror(end->error)
	                      : "ended by the peer";

	if (l == w->up)
		lose(w, l, why);
	else if (end->refused != PEER_CODEC_MORE ||
	    (end->was == PEER_STREAM_GREETING && !is_knock(w, end)))
		reject(w, why);
	dial_later(w);
}

static const struct peer_stream_calls line_calls = { .on_proven = on_proven,
	.on_frame = on_frame,
	.on_room = on_room,
	.on_end = on_end };

/* A socket of ours with our address, which may come later than it. */
static int
open_socket(const struct peer_link *w, uint16_t port)
{
	CLEANUP(fd_close) int fd = -1;
	union addr self = w->setup.self;
	const bool v6 = self.sa.sa_family == AF_INET6;
	const int on = 1;
	int e;

	fd = socket(
	    self.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -errno;
	if (setsockopt(fd, v6 ? SOL_IPV6 : SOL_IP,
	        v6 ? IPV6_FREEBIND : IP_FREEBIND, &on, sizeof(on)) == -1)
		return -errno;
	/* The wire of a failover before us may still be held open. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1)
		return -errno;
	e = peer_stream_set_options(fd, v6);
	if (e < 0)
		return e;
	addr_set_port(&self, port);
	if (bind(fd, &self.sa, addr_len(&self)) == -1)
		return -errno;
	return fd_take(&fd);
}

static int
dial(struct peer_link *w)
{
	CLEANUP(fd_close) int fd = open_socket(w, 0);
	union addr other = w->setup.other;
	int e = 0;

	if (fd < 0)
		return fd_take(&fd);
	addr_set_port(&other, w->setup.port);
	if (connect(fd, &other.sa, addr_len(&other)) == -1)
		e = -errno;
	if (e < 0 && e != -EINPROGRESS)
		return e;
	start_line(w, find_line(w), &fd, e == 0);
	return 0;
}

static void
on_dial(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct peer_link *w = CONTAINER_OF(t, struct peer_link, dial);

	/* No route, no address yet: silent, as heartbeats say so already. */
	if (!is_trying(w) && dial(w) < 0)
		dial_later(w);
}

static void
admit(struct peer_link *w, int *fd)
{
	if (peer_stream_set_options(
	        *fd, w->setup.self.sa.sa_family == AF_INET6) < 0)
		fd_close(fd);
	else
		start_line(w, find_line(w), fd, true);
}

static void
on_accepting(struct ev_loop *loop, ev_io *io, int revents)
{
	struct peer_link *w = CONTAINER_OF(io, struct peer_link, accepting);

	for (unsigned i = 0; i < ACCEPTS; i++) {
		CLEANUP(fd_close) int fd = -1;
		union addr from = { 0 };
		socklen_t len = sizeof(from);

		/* The others wait in the backlog until the next look. */
		if (!rate_allows(
		        &w->accepts, ACCEPTS_BURST, ACCEPT_MS, mono_now())) {
			ev_io_stop(w->setup.loop, &w->accepting);
			return;
		}
		fd = accept4(
		    w->listener, &from.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd == -1) {
			/*
			 * Short of descriptors: level-triggered, it would spin.
			 */
			if (errno != EAGAIN)
				ev_io_stop(w->setup.loop, &w->accepting);
			return;
		}
		admit(w, &fd);
	}
}

/*
 * To others than the peer the socket is deaf: they get no answer and cost no
 * memory, neither of ours nor of the backlog's, so they cannot keep the peer
 * out by their number.
 */
static int
admit_peer_only(const struct peer_link *w, int fd)
{
	const union addr *other = &w->setup.other;
	struct socket_filter filter;

	socket_filter_begin(&filter, SOCKET_FILTER_FROM, other->sa.sa_family);
	socket_filter_add(&filter, other);
	return fd_attach_filter(fd, &filter);
}

static int
listen_on(struct peer_link *w)
{
	CLEANUP(fd_close) int fd = open_socket(w, w->setup.port);
	int e;

	if (fd < 0)
		return fd_take(&fd);
	e = admit_peer_only(w, fd);
	if (e < 0)
		return e;
	if (listen(fd, BACKLOG) == -1)
		return -errno;
	w->listener = fd_take(&fd);
	ev_io_set(&w->accepting, w->listener, EV_READ);
	return 0;
}

/* Listening is tried until it works; so is accepting. */
static void
keep_listening(struct peer_link *w)
{
	uint64_t left_out;
	int e;

	if (w->listener == -1) {
		e = listen_on(w);
		if (e < 0 &&
		    limiter_allows(&w->failures, mono_now(), &left_out))
			log_warning(w->setup.subject,
			    "[heartbeat] wire: cannot listen on port %u: %s, still trying",
			    w->setup.port, strerror(-e));
		if (e < 0)
			return;
	}
	ev_io_start(w->setup.loop, &w->accepting);
}

/* Who takes too long to be proven, and who is silent. */
static void
look_at(struct peer_link *w, struct peer_stream *l, struct mono now)
{
	if (l == w->up) {
		if (mono_span_ms(l->heard, now) >= SILENT_MS)
			peer_link_restart(w, "silent for 3 s");
		else if (mono_span_ms(l->spoke, now) >= PULSE_MS &&
		    peer_stream_send(l, PEER_LINK_PULSE, NULL, 0) < 0)
			log_debug(w->setup.subject, "wire: full");
	} else if (l->state != PEER_STREAM_FREE &&
	    mono_span_ms(l->since, now) >= PROVE_MS) {
		const bool dialled = l->state == PEER_STREAM_DIALLING;

		peer_stream_close(l);
		if (!dialled)
			reject(w, "not proven in time");
		dial_later(w);
	}
}

static void
on_look(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct peer_link *w = CONTAINER_OF(t, struct peer_link, look);
	const struct mono now = mono_now();

	if (!w->dials)
		keep_listening(w);
	else if (!ev_is_active(&w->dial) && !is_trying(w))
		dial_in(w, DIAL_AT_ONCE_MS);
	for (unsigned i = 0; i < LINES; i++)
		look_at(w, &w->lines[i], now);
}

struct peer_link *
peer_link_open(const struct peer_link_setup *setup)
{
	struct peer_link *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->setup = *setup;
	w->listener = -1;
	w->dial_ms = DIAL_FIRST_MS;
	w->dials = addr_compare_ip(&setup->self, &setup->other) < 0;
	for (unsigned i = 0; i < LINES; i++)
		peer_stream_init(&w->lines[i], setup->loop, &line_calls, w);
	ev_init(&w->accepting, on_accepting);
	ev_set_priority(&w->accepting, EV_MINPRI);
	ev_init(&w->dial, on_dial);
	ev_set_priority(&w->dial, EV_MINPRI);
	ev_timer_init(&w->look, on_look, 0., LOOK_MS / 1e3);
	ev_set_priority(&w->look, EV_MINPRI);
	ev_timer_start(setup->loop, &w->look);
	dial_in(w, DIAL_AT_ONCE_MS);
	return w;
}

void
peer_link_close(struct peer_link *w)
{
	if (w == NULL)
		return;
	ev_timer_stop(w->setup.loop, &w->dial);
	ev_timer_stop(w->setup.loop, &w->look);
	ev_io_stop(w->setup.loop, &w->accepting);
	fd_close(&w->listener);
	for (unsigned i = 0; i < LINES; i++)
		peer_stream_close(&w->lines[i]);
	free(w);
}

bool
peer_link_is_up(const struct peer_link *w)
{
	return w->up != NULL;
}

int
peer_link_fd(const struct peer_link *w)
{
	return w->up != NULL ? w->up->fd : -1;
}

int
peer_link_send(
    struct peer_link *w, enum peer_link_type type, const void *body, size_t len)
{
	if (w->up == NULL)
		return -ENOTCONN;
	return peer_stream_send(w->up, (uint8_t)type, body, len);
}

bool
peer_link_has_room(const struct peer_link *w)
{
	return w->up != NULL && peer_stream_has_room(w->up);
}

bool
peer_link_is_drained(const struct peer_link *w)
{
	int waiting = 0;

	return w->up != NULL && w->up->out_len == 0 &&
	    ioctl(w->up->fd, SIOCOUTQ, &waiting) == 0 && waiting == 0;
}

void
peer_link_expect(struct peer_link *w, const struct hello_boot *boot)
{
	w->expects = true;
	w->expected = *boot;
	dial_in(w, DIAL_AT_ONCE_MS);
}

void
peer_link_restart(struct peer_link *w, const char *why)
{
	struct peer_stream *l = w->up;

	if (l == NULL)
		return;
	peer_stream_close(l);
	go_down(w, why);
}

uint64_t
peer_link_rejected(const struct peer_link *w)
{
	return w->rejected;
}

uint8_t
peer_link_version(const struct peer_link *w)
{
	return w->up != NULL ? w->up->codec.version : 0;
}
