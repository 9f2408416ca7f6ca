#include "director/stream_line.h"

#include "core/buf.h"
#include "core/fd.h"
#include "core/timeout.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* New connections wait for what is said here: before bulk traffic. */
#define TRAFFIC_CLASS IPTOS_CLASS_CS6

/* What is sent and not acknowledged for so long is lost, and the line too. */
#define USER_TIMEOUT_MS 3000

/* And where nothing is sent, so many probes of a second each. */
#define PROBE_S 1
#define PROBES 3

/* Some round trips, or a SYN that was lost and came again. */
#define PROVE_S 2.

static void on_ready(struct ev_loop *loop, ev_io *w, int revents);
static void on_limit(struct ev_loop *loop, ev_timer *w, int revents);
static void on_turn(struct ev_loop *loop, ev_prepare *w, int revents);

void
stream_line_init(struct stream_line *l, struct ev_loop *loop,
    const struct stream_line_calls *calls, void *arg)
{
	*l = (struct stream_line){ .loop = loop,
		.calls = calls,
		.arg = arg,
		.state = STREAM_LINE_FREE,
		.fd = -1 };
	ev_init(&l->ready, on_ready);
	ev_init(&l->limit, on_limit);
	ev_init(&l->turn, on_turn);
}

int
stream_line_set_options(int fd, bool v6)
{
	const struct fd_option options[] = {
		{ v6 ? SOL_IPV6 : SOL_IP, v6 ? IPV6_TCLASS : IP_TOS,
		    TRAFFIC_CLASS },
		{ SOL_TCP, TCP_NODELAY, 1 },
		{ SOL_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ SOL_TCP, TCP_KEEPIDLE, PROBE_S },
		{ SOL_TCP, TCP_KEEPINTVL, PROBE_S },
		{ SOL_TCP, TCP_KEEPCNT, PROBES },
	};

	return fd_set_options(fd, options, ARRAY_LEN(options));
}

/* Watchers follow from the data, always through here. */
static void
watch(struct stream_line *l)
{
	const bool dials = l->state == STREAM_LINE_DIALLING;
	const bool writes = dials || l->out_len > l->out_at;
	const int events = (writes ? EV_WRITE : 0) | (dials ? 0 : EV_READ);

	if (l->state == STREAM_LINE_FREE ||
	    (ev_is_active(&l->ready) && l->ready.events == events))
		return;
	ev_io_stop(l->loop, &l->ready);
	ev_io_set(&l->ready, l->fd, events);
	ev_io_start(l->loop, &l->ready);
}

void
stream_line_close(struct stream_line *l)
{
	if (l->state == STREAM_LINE_FREE)
		return;
	ev_io_stop(l->loop, &l->ready);
	ev_timer_stop(l->loop, &l->limit);
	ev_prepare_stop(l->loop, &l->turn);
	fd_close(&l->fd);
	stream_codec_fini(&l->codec);
	free(l->in);
	free(l->said);
	free(l->out);
	l->in = l->said = l->out = NULL;
	l->in_len = l->said_len = l->out_at = l->out_len = 0;
	l->broken = 0;
	l->wants_room = false;
	l->state = STREAM_LINE_FREE;
}

static void
end(struct stream_line *l, enum stream_codec_result refused, int error)
{
	const struct stream_line_end e = {
		.was = l->state, .refused = refused, .error = error
	};

	stream_line_close(l);
	l->calls->on_end(l, &e);
}

void
stream_line_break(struct stream_line *l, int error)
{
	if (l->broken == 0)
		l->broken = error;
	ev_prepare_start(l->loop, &l->turn);
}

/* What stands before `out_at` is gone: room for `len` more. */
static bool
make_room(struct stream_line *l, size_t len)
{
	if (STREAM_LINE_OUT_BYTES - l->out_len >= len)
		return true;
	l->out_len -= l->out_at;
	memmove(l->out, l->out + l->out_at, l->out_len);
	l->out_at = 0;
	return STREAM_LINE_OUT_BYTES - l->out_len >= len;
}

/* What was said becomes a frame. */
static void
seal(struct stream_line *l, size_t len)
{
	struct buf b;

	if (!make_room(l, STREAM_CODEC_FRAME_MAX)) {
		stream_line_break(l, ENOBUFS);
		return;
	}
	b = buf_writer(l->out, STREAM_LINE_OUT_BYTES);
	b.pos = l->out_len;
	stream_codec_put(&l->codec, &b, l->said, len);
	assert(!b.bad);
	l->out_len = b.pos;
	l->said_len = 0;
}

static void
send_out(struct stream_line *l)
{
	while (l->out_at < l->out_len && l->broken == 0) {
		ssize_t n = send(l->fd, l->out + l->out_at,
		    l->out_len - l->out_at, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			return;
		if (n == -1)
			stream_line_break(l, errno);
		else
			l->out_at += (size_t)n;
	}
	if (l->out_at == l->out_len)
		l->out_at = l->out_len = 0;
}

void
stream_line_flush(struct stream_line *l)
{
	if (l->said_len > 0 && l->broken == 0)
		seal(l, l->said_len);
	send_out(l);
	watch(l);
}

void
stream_line_send(struct stream_line *l, const struct replica_msg *m)
{
	struct buf b;

	if (l->broken != 0)
		return;
	if (STREAM_CODEC_BODY_MAX - l->said_len < REPLICA_MSG_BYTES_MAX)
		seal(l, l->said_len);
	if (l->broken != 0)
		return;
	b = buf_writer(l->said, STREAM_CODEC_BODY_MAX);
	b.pos = l->said_len;
	replica_msg_encode(&b, m);
	assert(!b.bad);
	l->said_len = b.pos;
	ev_prepare_start(l->loop, &l->turn);
}

bool
stream_line_has_room(struct stream_line *l)
{
	const bool has =
	    l->out_len - l->out_at + l->said_len < STREAM_LINE_DUMP_BYTES;

	l->wants_room = !has;
	return has;
}

static void
tell_room(struct stream_line *l)
{
	if (l->state == STREAM_LINE_PROVEN && l->wants_room &&
	    stream_line_has_room(l))
		l->calls->on_room(l);
}

static void
greet(struct stream_line *l)
{
	l->state = STREAM_LINE_GREETING;
	memcpy(l->out, l->codec.greeting, sizeof(l->codec.greeting));
	l->out_len = sizeof(l->codec.greeting);
	send_out(l);
}

int
stream_line_start(struct stream_line *l, int *fd, bool connected,
    const struct stream_codec_keys *keys, bool dials)
{
	l->fd = fd_take(fd);
	l->state = STREAM_LINE_DIALLING;
	l->codec = stream_codec_init(keys, dials);
	l->in = malloc(STREAM_LINE_IN_BYTES);
	l->said = malloc(STREAM_CODEC_BODY_MAX);
	l->out = malloc(STREAM_LINE_OUT_BYTES);
	if (l->in == NULL || l->said == NULL || l->out == NULL) {
		stream_line_close(l);
		return -ENOMEM;
	}
	timeout_arm(l->loop, &l->limit, PROVE_S);
	if (connected)
		greet(l);
	watch(l);
	return 0;
}

static void
on_connected(struct stream_line *l)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	if (error != 0)
		end(l, STREAM_CODEC_MORE, error);
	else
		greet(l);
}

/* False: it has ended, by what was in it or by who was told. */
static bool
take_msgs(struct stream_line *l, const struct stream_codec_frame *f)
{
	struct buf b = buf_reader(f->body, f->len);
	struct replica_msg m;

	while (b.pos < b.len) {
		if (replica_msg_decode(&b, &m) != 1) {
			end(l, STREAM_CODEC_MALFORMED, 0);
			return false;
		}
		l->calls->on_msg(l, &m);
		if (l->state != STREAM_LINE_PROVEN)
			return false;
	}
	return true;
}

/* One thing out of what was received. False: no more for now, or the end. */
static bool
take(struct stream_line *l, struct buf *b, bool *told)
{
	struct stream_codec_frame f;
	enum stream_codec_result r = stream_codec_get(&l->codec, b, &f);

	switch (r) {
	case STREAM_CODEC_MORE:
		return false;
	case STREAM_CODEC_GREETED: /* the proof */
		seal(l, 0);
		send_out(l);
		return true;
	case STREAM_CODEC_PROVEN:
		l->state = STREAM_LINE_PROVEN;
		ev_timer_stop(l->loop, &l->limit);
		l->calls->on_proven(l);
		return l->state != STREAM_LINE_FREE;
	case STREAM_CODEC_FRAME:
		*told = true;
		return take_msgs(l, &f);
	case STREAM_CODEC_MALFORMED:
	case STREAM_CODEC_NO_VERSION:
	case STREAM_CODEC_FOREIGN:
	case STREAM_CODEC_NO_KEY:
	case STREAM_CODEC_REFLECTED:
	case STREAM_CODEC_FORGED:
		end(l, r, 0);
		return false;
	}
	return false;
}

static void
receive(struct stream_line *l)
{
	bool told = false;
	struct buf b;
	ssize_t n;

	do
		n = recv(l->fd, l->in + l->in_len,
		    STREAM_LINE_IN_BYTES - l->in_len, MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0) {
		end(l, STREAM_CODEC_MORE, n == 0 ? 0 : errno);
		return;
	}
	l->in_len += (size_t)n;
	b = buf_reader(l->in, l->in_len);
	while (take(l, &b, &told))
		continue;
	if (l->state == STREAM_LINE_FREE)
		return;
	/* What is left is less than a frame: there is room for the rest. */
	l->in_len -= b.pos;
	memmove(l->in, l->in + b.pos, l->in_len);
	if (told)
		l->calls->on_read_all(l);
}

static void
on_ready(struct ev_loop *loop, ev_io *w, int revents)
{
	struct stream_line *l = CONTAINER_OF(w, struct stream_line, ready);

	if (l->state == STREAM_LINE_DIALLING) {
		on_connected(l);
	} else {
		if ((revents & EV_WRITE) != 0)
			send_out(l);
		if ((revents & EV_READ) != 0)
			receive(l);
	}
	tell_room(l);
	watch(l);
}

static void
on_limit(struct ev_loop *loop, ev_timer *w, int revents)
{
	end(CONTAINER_OF(w, struct stream_line, limit), STREAM_CODEC_MORE,
	    ETIMEDOUT);
}

/* Who is told may say more: that goes with the next turn, which comes at once.
 */
static void
on_turn(struct ev_loop *loop, ev_prepare *w, int revents)
{
	struct stream_line *l = CONTAINER_OF(w, struct stream_line, turn);

	ev_prepare_stop(loop, w);
	stream_line_flush(l);
	if (l->broken != 0) {
		end(l, STREAM_CODEC_MORE, l->broken);
		return;
	}
	tell_room(l);
	if (l->state != STREAM_LINE_FREE && l->said_len > 0)
		stream_line_flush(l);
}
