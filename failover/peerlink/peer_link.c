#include "failover/peerlink/peer_link.h"

#include "core/fd.h"
#include "core/limiter.h"
#include "core/log.h"
#include "core/rate.h"
#include "core/socket_filter.h"
#include "core/timeout.h"
#include "failover/heartbeat/packet_auth.h"
#include "failover/peerlink/peer_line.h"

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
	struct peer_line *up; /* NULL: down */
	bool expects;
	struct hello_boot expected; /* the peer's process, by its hellos */
	unsigned
	    begun; /* lines: while the keys are not agreed they take turns */
	uint64_t rejected;
	struct limiter rejections, failures; /* of their log lines */
	struct rate accepts, redials, told;
	struct peer_line lines[LINES];
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
start_line(struct peer_link *w, struct peer_line *l, int *fd, bool connected)
{
	const struct packet_auth *a = w->setup.auth;
	const struct packet_auth_key *key = packet_auth_find(a, a->signs);

	if (key == NULL)
		key = &a->keys[w->begun++ % a->n];
	l->codec = peer_codec_init(a, key, &w->setup.boot);
	stream_line_start(&l->line, fd, connected, &l->codec.stream);
}

static bool
is_trying(const struct peer_link *w)
{
	for (unsigned i = 0; i < LINES; i++)
		if (w->lines[i].line.state != STREAM_LINE_FREE &&
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
static struct peer_line *
find_line(struct peer_link *w)
{
	struct peer_line *oldest = NULL;

	for (unsigned i = 0; i < LINES; i++) {
		struct peer_line *l = &w->lines[i];

		if (l->line.state == STREAM_LINE_FREE)
			return l;
		if (l != w->up &&
		    (oldest == NULL ||
		        mono_before(l->line.since, oldest->line.since)))
			oldest = l;
	}
	stream_line_close(&oldest->line);
	reject(w, "not proven, and there are others");
	return oldest;
}

static bool
is_up(const struct peer_link *w, const struct stream_line *l)
{
	return w->up != NULL && l == &w->up->line;
}

static void
on_proven(struct stream_line *l)
{
	struct peer_link *w = l->setup.arg;
	struct peer_line *old = w->up;

	w->up = CONTAINER_OF(l, struct peer_line, line);
	w->expects = true;
	w->expected = w->up->codec.other;
	w->dial_ms = DIAL_FIRST_MS;
	ev_timer_stop(w->setup.loop, &w->dial);
	if (old != NULL)
		stream_line_close(&old->line);
	if (may_tell(w))
		log_notice(w->setup.subject, "wire: %s",
		    old != NULL ? "up, in place of an earlier one" : "up");
	w->setup.calls->on_up(w->setup.arg);
}

static void
on_frame(struct stream_line *l, const struct stream_codec_frame *f)
{
	struct peer_link *w = l->setup.arg;

	if (is_up(w, l) && f->type != PEER_LINK_PULSE)
		w->setup.calls->on_frame(
		    w->setup.arg, f->type, f->body, f->len);
}

static void
on_room(struct stream_line *l)
{
	struct peer_link *w = l->setup.arg;

	if (is_up(w, l))
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
lose(struct peer_link *w, const struct stream_line *l, const char *why)
{
	for (unsigned i = 0; i < LINES; i++)
		if (w->lines[i].line.state == STREAM_LINE_GREETING)
			stream_line_receive(&w->lines[i].line);
	if (is_up(w, l))
		go_down(w, why);
}

/* Such as `check --host` on the peer, which asks whether the port is open. */
static bool
is_knock(const struct peer_link *w, const struct stream_line_end *end)
{
	return !w->dials && end->silent && end->error != ETIMEDOUT;
}

static const char *
end_text(const struct stream_line_end *end)
{
	if (end->refused != STREAM_CODEC_MORE)
		return stream_codec_result_text(end->refused);
	if (end->was == STREAM_LINE_GREETING && end->error == ETIMEDOUT)
		return "not proven in time";
	return end->error != 0 ? strerror(end->error) : "ended by the peer";
}

static void
on_end(struct stream_line *l, const struct stream_line_end *end)
{
	struct peer_link *w = l->setup.arg;

	if (is_up(w, l))
		lose(w, l, end_text(end));
	else if (end->refused != STREAM_CODEC_MORE ||
	    (end->was == STREAM_LINE_GREETING && !is_knock(w, end)))
		reject(w, end_text(end));
	dial_later(w);
}

static const struct stream_line_calls line_calls = { .on_proven = on_proven,
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
	e = peer_line_set_options(fd, v6);
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
	if (peer_line_set_options(*fd, w->setup.self.sa.sa_family == AF_INET6) <
	    0)
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

static void
look_at_up(struct peer_link *w, struct mono now)
{
	const struct stream_line *l = &w->up->line;

	if (mono_span_ms(l->heard, now) >= SILENT_MS)
		peer_link_restart(w, "silent for 3 s");
	else if (mono_span_ms(l->spoke, now) >= PULSE_MS &&
	    peer_link_send(w, PEER_LINK_PULSE, NULL, 0) < 0)
		log_debug(w->setup.subject, "wire: full");
}

static void
on_look(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct peer_link *w = CONTAINER_OF(t, struct peer_link, look);

	if (!w->dials)
		keep_listening(w);
	else if (!ev_is_active(&w->dial) && !is_trying(w))
		dial_in(w, DIAL_AT_ONCE_MS);
	if (w->up != NULL)
		look_at_up(w, mono_now());
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
		peer_line_init(&w->lines[i], setup->loop, &line_calls, w);
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
		stream_line_close(&w->lines[i].line);
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
	return w->up != NULL ? w->up->line.fd : -1;
}

int
peer_link_send(
    struct peer_link *w, enum peer_link_type type, const void *body, size_t len)
{
	int e;

	if (w->up == NULL)
		return -ENOTCONN;
	if (len > PEER_CODEC_BODY_MAX)
		return -EMSGSIZE;
	e = stream_line_put(&w->up->line, (uint8_t)type, body, len);
	stream_line_flush(&w->up->line);
	return e;
}

bool
peer_link_has_room(const struct peer_link *w)
{
	return w->up != NULL && stream_line_has_room(&w->up->line);
}

bool
peer_link_is_drained(const struct peer_link *w)
{
	int waiting = 0;

	return w->up != NULL && w->up->line.out_len == 0 &&
	    ioctl(w->up->line.fd, SIOCOUTQ, &waiting) == 0 && waiting == 0;
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
	if (w->up == NULL)
		return;
	stream_line_close(&w->up->line);
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
	return w->up != NULL ? w->up->codec.stream.version : 0;
}
