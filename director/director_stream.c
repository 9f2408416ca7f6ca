#include "director/director_stream.h"

#include "core/buf.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/rate.h"
#include "core/socket_filter.h"
#include "core/timeout.h"
#include "director/replica_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/*
 * How: a few lines, one of which may be up. One that is proven later is the
 * newer one, since only node 0 dials and only one at a time: it takes the place
 * of what was up.
 */

/* One up, and those not proven yet; who connects wildly is pushed out. */
#define LINES 3

/*
 * A peer whose process was started again is there in some milliseconds. Who
 * ends each stream soon is tried less and less often.
 */
#define DIAL_AT_ONCE_MS 1
#define DIAL_FIRST_MS 50
#define DIAL_LAST_MS 1000
/* So long it has stood before its end counts as the first. */
#define STOOD_MS 5000
/* Who ends each stream for one reason has done so by then. */
#define STAYS_S 1.

/* Accepted in a turn; and in all, at once and then one more each so long. */
#define ACCEPTS 4
#define ACCEPTS_BURST 16
#define ACCEPT_MS 100
/* A listener that was left alone is looked at again. */
#define LOOK_S .2

/* Log lines about a stream that comes and goes. */
#define TOLD_BURST 20
#define TOLD_MS 1000

struct director_stream {
	struct director_stream_setup setup;
	struct replica_codec_keys keys;
	int listener; /* -1: none */
	ev_io accepting;
	ev_timer look, dial;
	uint32_t dial_ms;        /* that the next try waits after a failure */
	struct replica_line *up; /* NULL: down */
	struct mono up_since;
	enum director_stream_trouble trouble;
	const char *hung_up; /* why, as told; NULL: nothing was */
	bool repeats;        /* for the same reason again and again */
	ev_timer stays;      /* what repeats is told of only if it does */
	struct rate accepts, told;
	struct replica_line lines[LINES];
};

static bool
dials(const struct director_stream *s)
{
	return s->setup.node == 0;
}

static bool
may_tell(struct director_stream *s)
{
	return rate_allows(&s->told, TOLD_BURST, TOLD_MS, mono_now());
}

static void
dial_in(struct director_stream *s, uint32_t ms)
{
	if (dials(s) && s->up == NULL && !ev_is_active(&s->dial))
		timeout_arm(s->setup.loop, &s->dial, ms / 1e3);
}

/* A try has failed, or what came of it did not last. */
static void
dial_later(struct director_stream *s)
{
	dial_in(s, s->dial_ms);
	s->dial_ms =
	    s->dial_ms * 2 > DIAL_LAST_MS ? DIAL_LAST_MS : s->dial_ms * 2;
}

/* It was up, and is not any more. */
static void
dial_again(struct director_stream *s)
{
	if (mono_span_ms(s->up_since, mono_now()) < STOOD_MS) {
		dial_later(s);
		return;
	}
	s->dial_ms = DIAL_FIRST_MS;
	s->hung_up = NULL;
	s->repeats = false;
	dial_in(s, DIAL_AT_ONCE_MS);
}

/* A free line; else the one that is not proven, of a peer that has begun anew.
 */
static struct replica_line *
find_line(struct director_stream *s)
{
	struct replica_line *other = NULL;

	for (unsigned i = 0; i < LINES; i++) {
		if (s->lines[i].line.state == STREAM_LINE_FREE)
			return &s->lines[i];
		if (&s->lines[i] != s->up)
			other = &s->lines[i];
	}
	stream_line_close(&other->line);
	return other;
}

static bool
is_trying(const struct director_stream *s)
{
	for (unsigned i = 0; i < LINES; i++)
		if (s->lines[i].line.state != STREAM_LINE_FREE &&
		    &s->lines[i] != s->up)
			return true;
	return false;
}

static void
tell_up(struct director_stream *s, bool again)
{
	if (may_tell(s))
		log_notice(s->setup.subject, "stream: up%s",
		    again ? ", in place of an earlier one" : "");
}

static void
on_stays(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct director_stream *s =
	    CONTAINER_OF(t, struct director_stream, stays);

	ev_timer_stop(loop, t);
	s->repeats = false;
	tell_up(s, false);
}

static bool
is_up(const struct director_stream *s, const struct stream_line *l)
{
	return s->up != NULL && l == &s->up->line;
}

static void
on_proven(struct stream_line *l)
{
	struct director_stream *s = l->setup.arg;
	struct replica_line *old = s->up;

	s->up = CONTAINER_OF(l, struct replica_line, line);
	s->up_since = mono_now();
	s->trouble = DIRECTOR_STREAM_WELL;
	ev_timer_stop(s->setup.loop, &s->dial);
	if (old != NULL)
		stream_line_close(&old->line);
	if (s->repeats)
		timeout_arm(s->setup.loop, &s->stays, STAYS_S);
	else
		tell_up(s, old != NULL);
	s->setup.calls->on_up(s->setup.arg);
}

static void
on_frame(struct stream_line *l, const struct stream_codec_frame *f)
{
	const struct director_stream *s = l->setup.arg;
	struct buf b = buf_reader(f->body, f->len);
	struct replica_msg m;

	if (f->type != REPLICA_CODEC_MSGS)
		return;
	/* Who is told may end it. */
	while (b.pos < b.len && is_up(s, l)) {
		if (replica_msg_decode(&b, &m) != 1) {
			stream_line_break(l, EBADMSG);
			return;
		}
		s->setup.calls->on_msg(s->setup.arg, &m);
	}
}

static void
on_read_all(struct stream_line *l)
{
	const struct director_stream *s = l->setup.arg;

	if (is_up(s, l))
		s->setup.calls->on_read_all(s->setup.arg);
}

static void
on_room(struct stream_line *l)
{
	const struct director_stream *s = l->setup.arg;

	if (is_up(s, l))
		s->setup.calls->on_room(s->setup.arg);
}

static const char *
end_text(const struct stream_line_end *e)
{
	if (e->refused != STREAM_CODEC_MORE)
		return stream_codec_result_text(e->refused);
	if (e->error == ENOBUFS)
		return "the peer reads too slowly";
	if (e->error == EKEYREVOKED)
		return "its key is not in the key file any more";
	return e->error != 0 ? strerror(e->error) : "ended by the peer";
}

static enum director_stream_trouble
trouble_of(enum stream_codec_result r)
{
	if (r == STREAM_CODEC_NO_KEY)
		return DIRECTOR_STREAM_NO_KEY;
	if (r == STREAM_CODEC_NO_VERSION)
		return DIRECTOR_STREAM_NO_VERSION;
	return r == STREAM_CODEC_MORE ? DIRECTOR_STREAM_WELL
	                              : DIRECTOR_STREAM_STRANGE;
}

/*
 * Who has none of our keys ends the connection as we do, and who is first about
 * it is chance: an end without a reason leaves what is known.
 */
static void
note_trouble(struct director_stream *s, const struct stream_line_end *e)
{
	const enum director_stream_trouble t = trouble_of(e->refused);

	/* Any program of the peer's host may say such things beside it. */
	if (s->up != NULL || t == DIRECTOR_STREAM_WELL || t == s->trouble)
		return;
	s->trouble = t;
	if (!may_tell(s))
		return;
	log_warning(s->setup.subject,
	    "[stranger] the peer's director cannot be talked with: %s; connections of the kernel path are not protected",
	    stream_codec_result_text(e->refused));
}

static void
on_end(struct stream_line *l, const struct stream_line_end *e)
{
	struct director_stream *s = l->setup.arg;

	if (!is_up(s, l)) {
		note_trouble(s, e);
		dial_later(s);
		return;
	}
	s->up = NULL;
	ev_timer_stop(s->setup.loop, &s->stays);
	if (!s->repeats && may_tell(s))
		log_notice(
		    s->setup.subject, "stream: down, reason: %s", end_text(e));
	dial_again(s);
	s->setup.calls->on_down(s->setup.arg);
}

static const struct stream_line_calls line_calls = { .on_proven = on_proven,
	.on_frame = on_frame,
	.on_read_all = on_read_all,
	.on_room = on_room,
	.on_turn = replica_line_on_turn,
	.on_end = on_end };

static int
open_socket(const struct director_stream *s)
{
	CLEANUP(fd_close) int fd = -1;
	union addr self = s->setup.self;
	int e;

	fd = socket(
	    self.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -errno;
	e = replica_line_set_options(fd, self.sa.sa_family == AF_INET6);
	if (e < 0)
		return e;
	addr_set_port(&self, 0);
	if (bind(fd, &self.sa, addr_len(&self)) == -1)
		return -errno;
	return fd_take(&fd);
}

static int
dial(struct director_stream *s)
{
	CLEANUP(fd_close) int fd = open_socket(s);
	union addr other = s->setup.other;
	int e = 0;

	if (fd < 0)
		return fd_take(&fd);
	addr_set_port(&other, s->setup.port);
	if (connect(fd, &other.sa, addr_len(&other)) == -1)
		e = -errno;
	if (e < 0 && e != -EINPROGRESS)
		return e;
	replica_line_start(find_line(s), &fd, e == 0, &s->keys, true);
	return 0;
}

static void
on_dial(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct director_stream *s =
	    CONTAINER_OF(t, struct director_stream, dial);

	ev_timer_stop(loop, t);
	/* No route, no address yet: silent, as `status` has that it is down. */
	if (!is_trying(s) && dial(s) < 0)
		dial_later(s);
}

static void
admit(struct director_stream *s, int *fd, const union addr *from)
{
	union addr peer = *from;

	addr_normalize(&peer);
	if (!addr_is_same_ip(&peer, &s->setup.other) ||
	    replica_line_set_options(
	        *fd, s->setup.self.sa.sa_family == AF_INET6) < 0)
		fd_close(fd);
	else
		replica_line_start(find_line(s), fd, true, &s->keys, false);
}

static void
on_accepting(struct ev_loop *loop, ev_io *io, int revents)
{
	struct director_stream *s =
	    CONTAINER_OF(io, struct director_stream, accepting);

	for (unsigned i = 0; i < ACCEPTS; i++) {
		CLEANUP(fd_close) int fd = -1;
		union addr from = { 0 };
		socklen_t len = sizeof(from);

		/* The others wait in the backlog until the next look. */
		if (!rate_allows(
		        &s->accepts, ACCEPTS_BURST, ACCEPT_MS, mono_now())) {
			ev_io_stop(loop, io);
			return;
		}
		fd = accept4(
		    s->listener, &from.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd == -1) {
			/*
			 * Short of descriptors: level-triggered, it would spin.
			 */
			if (errno != EAGAIN)
				ev_io_stop(loop, io);
			return;
		}
		admit(s, &fd, &from);
	}
}

static void
on_look(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct director_stream *s =
	    CONTAINER_OF(t, struct director_stream, look);

	if (s->listener != -1)
		ev_io_start(loop, &s->accepting);
}

struct director_stream *
director_stream_open(const struct director_stream_setup *setup)
{
	struct director_stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->setup = *setup;
	s->keys =
	    replica_codec_keys_init(setup->keys, &setup->self, &setup->other);
	s->setup.keys = NULL; /* the caller's */
	s->listener = -1;
	s->dial_ms = DIAL_FIRST_MS;
	for (unsigned i = 0; i < LINES; i++)
		replica_line_init(&s->lines[i], setup->loop, &line_calls, s);
	ev_init(&s->accepting, on_accepting);
	ev_init(&s->dial, on_dial);
	ev_init(&s->stays, on_stays);
	ev_timer_init(&s->look, on_look, LOOK_S, LOOK_S);
	dial_in(s, DIAL_AT_ONCE_MS);
	return s;
}

static void
stop_listening(struct director_stream *s)
{
	ev_io_stop(s->setup.loop, &s->accepting);
	ev_timer_stop(s->setup.loop, &s->look);
	/* Another process has it, too: it stays open there. */
	fd_close(&s->listener);
}

void
director_stream_close(struct director_stream *s)
{
	if (s == NULL)
		return;
	stop_listening(s);
	ev_timer_stop(s->setup.loop, &s->dial);
	ev_timer_stop(s->setup.loop, &s->stays);
	for (unsigned i = 0; i < LINES; i++)
		stream_line_close(&s->lines[i].line);
	replica_codec_keys_fini(&s->keys);
	free(s);
}

/*
 * To others than the peer the socket is deaf: they get no answer and fill no
 * backlog.
 */
static int
admit_peer_only(const struct director_stream *s, int fd)
{
	const union addr *other = &s->setup.other;
	struct socket_filter *filter = malloc(sizeof(*filter));
	int e;

	if (filter == NULL)
		return -ENOMEM;
	socket_filter_begin(filter, SOCKET_FILTER_FROM, other->sa.sa_family);
	socket_filter_add(filter, other);
	e = fd_attach_filter(fd, filter);
	free(filter);
	return e;
}

int
director_stream_listen(struct director_stream *s, int *fd)
{
	CLEANUP(fd_close) int taken = fd_take(fd);
	int e;

	if (dials(s))
		return 0;
	e = fd_set_nonblock(taken);
	if (e == 0)
		e = admit_peer_only(s, taken);
	if (e < 0)
		return e;
	stop_listening(s);
	s->listener = fd_take(&taken);
	ev_io_set(&s->accepting, s->listener, EV_READ);
	ev_io_start(s->setup.loop, &s->accepting);
	ev_timer_start(s->setup.loop, &s->look);
	return 0;
}

void
director_stream_set_keys(
    struct director_stream *s, const struct secret_keys *keys)
{
	struct replica_line *up = s->up;

	replica_codec_keys_fini(&s->keys);
	s->keys =
	    replica_codec_keys_init(keys, &s->setup.self, &s->setup.other);
	/* These have greeted with the keys of before. */
	for (unsigned i = 0; i < LINES; i++)
		if (&s->lines[i] != up)
			stream_line_close(&s->lines[i].line);
	s->dial_ms = DIAL_FIRST_MS;
	if (up == NULL)
		dial_in(s, DIAL_AT_ONCE_MS);
	else if (!replica_codec_keys_have(&s->keys, up->codec.key))
		stream_line_break(&up->line, EKEYREVOKED);
}

void
director_stream_try_now(struct director_stream *s)
{
	s->dial_ms = DIAL_FIRST_MS;
	if (s->up != NULL)
		return;
	/* Its SYN may be lost, and comes again after a second or more. */
	for (unsigned i = 0; i < LINES; i++)
		if (s->lines[i].line.state == STREAM_LINE_DIALLING)
			stream_line_close(&s->lines[i].line);
	ev_timer_stop(s->setup.loop, &s->dial);
	dial_in(s, DIAL_AT_ONCE_MS);
}

bool
director_stream_is_up(const struct director_stream *s)
{
	return s->up != NULL;
}

void
director_stream_send(struct director_stream *s, const struct replica_msg *m)
{
	if (s->up != NULL)
		replica_line_send(s->up, m);
}

void
director_stream_flush(struct director_stream *s)
{
	if (s->up != NULL)
		replica_line_flush(s->up);
}

bool
director_stream_has_room(struct director_stream *s)
{
	return s->up != NULL && stream_line_has_room(&s->up->line);
}

void
director_stream_hang_up(struct director_stream *s, const char *why)
{
	const bool same = s->hung_up != NULL && strcmp(s->hung_up, why) == 0;

	if (s->up == NULL)
		return;
	ev_timer_stop(s->setup.loop, &s->stays);
	/* What was said until now may be what it is about. */
	replica_line_flush(s->up);
	stream_line_close(&s->up->line);
	s->up = NULL;
	if (!same && may_tell(s))
		log_notice(
		    s->setup.subject, "stream: ended here, reason: %s", why);
	s->repeats = same;
	dial_again(s);
	s->hung_up = why;
}

enum director_stream_trouble
director_stream_trouble(const struct director_stream *s)
{
	return s->trouble;
}

const char *
director_stream_trouble_text(enum director_stream_trouble t)
{
	switch (t) {
	case DIRECTOR_STREAM_NO_KEY:
		return stream_codec_result_text(STREAM_CODEC_NO_KEY);
	case DIRECTOR_STREAM_NO_VERSION:
		return stream_codec_result_text(STREAM_CODEC_NO_VERSION);
	case DIRECTOR_STREAM_STRANGE:
		return "it is no director of this pair";
	case DIRECTOR_STREAM_WELL:
		break;
	}
	return "";
}
