#include "core/stream/stream_line.h"

#include "core/buf.h"
#include "core/fd.h"
#include "core/timeout.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

/* As heartbeats: see heartbeat_socket.c. */
#define TRAFFIC_CLASS IPTOS_CLASS_CS6

/* What is sent and not acknowledged for so long is lost, and the line too. */
#define USER_TIMEOUT_MS 3000

static void on_ready(struct ev_loop *loop, ev_io *w, int revents);
static void on_limit(struct ev_loop *loop, ev_timer *w, int revents);
static void on_rested(struct ev_loop *loop, ev_timer *w, int revents);
static void on_turn(struct ev_loop *loop, ev_prepare *w, int revents);

void
stream_line_init(struct stream_line *l, const struct stream_line_setup *setup)
{
	*l = (struct stream_line){
		.setup = *setup, .state = STREAM_LINE_FREE, .fd = -1
	};
	ev_init(&l->ready, on_ready);
	ev_init(&l->limit, on_limit);
	ev_init(&l->rest, on_rested);
	ev_init(&l->turn, on_turn);
	ev_set_priority(&l->ready, setup->priority);
	ev_set_priority(&l->limit, setup->priority);
	ev_set_priority(&l->rest, setup->priority);
}

int
stream_line_set_options(int fd, bool v6)
{
	const struct fd_option options[] = {
		{ v6 ? SOL_IPV6 : SOL_IP, v6 ? IPV6_TCLASS : IP_TOS,
		    TRAFFIC_CLASS },
		{ SOL_TCP, TCP_NODELAY, 1 },
		{ SOL_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS },
	};

	return fd_set_options(fd, options, ARRAY_LEN(options));
}

/* Watchers follow from the data, always through here. */
static void
watch(struct stream_line *l)
{
	const bool dials = l->state == STREAM_LINE_DIALLING;
	const bool writes = dials || l->out_len > l->out_at;
	const bool reads = !dials && !ev_is_active(&l->rest);
	const int events = (writes ? EV_WRITE : 0) | (reads ? EV_READ : 0);

	if (l->state == STREAM_LINE_FREE ||
	    (ev_is_active(&l->ready) && l->ready.events == events))
		return;
	ev_io_stop(l->setup.loop, &l->ready);
	if (events == 0)
		return;
	ev_io_set(&l->ready, l->fd, events);
	ev_io_start(l->setup.loop, &l->ready);
}

static void
on_rested(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct stream_line *l = CONTAINER_OF(w, struct stream_line, rest);

	l->n_read = 0;
	watch(l);
}

/*
 * A real-time process that never waits would be ended for it. So it waits after
 * so much, however long it was about it: a slow one most of all.
 */
static void
count_read(struct stream_line *l, size_t n)
{
	l->n_read += n;
	if (l->setup.rest_bytes > 0 && l->n_read >= l->setup.rest_bytes)
		timeout_arm(l->setup.loop, &l->rest, l->setup.rest_ms / 1e3);
}

void
stream_line_close(struct stream_line *l)
{
	if (l->state == STREAM_LINE_FREE)
		return;
	ev_io_stop(l->setup.loop, &l->ready);
	ev_timer_stop(l->setup.loop, &l->limit);
	ev_timer_stop(l->setup.loop, &l->rest);
	ev_prepare_stop(l->setup.loop, &l->turn);
	/* The supervisor may hold it, too: closing would not end it. */
	(void)shutdown(l->fd, SHUT_RDWR);
	fd_close(&l->fd);
	stream_codec_fini(l->codec);
	l->codec = NULL;
	l->in_len = l->out_at = l->out_len = l->n_read = 0;
	l->broken = 0;
	l->wants_room = false;
	l->state = STREAM_LINE_FREE;
}

static void
end(struct stream_line *l, enum stream_codec_result refused, int error)
{
	const struct stream_line_end e = { .was = l->state,
		.refused = refused,
		.error = error,
		.silent = l->n_read == 0 };

	stream_line_close(l);
	l->setup.calls->on_end(l, &e);
}

void
stream_line_speak(struct stream_line *l)
{
	ev_prepare_start(l->setup.loop, &l->turn);
}

void
stream_line_break(struct stream_line *l, int error)
{
	if (l->broken == 0)
		l->broken = error;
	stream_line_speak(l);
}

/* What stands before `out_at` is gone: room for `len` more. */
static bool
make_room(struct stream_line *l, size_t len)
{
	if (l->setup.out_bytes - l->out_len >= len)
		return true;
	l->out_len -= l->out_at;
	memmove(l->setup.out, l->setup.out + l->out_at, l->out_len);
	l->out_at = 0;
	return l->setup.out_bytes - l->out_len >= len;
}

static void
send_out(struct stream_line *l)
{
	while (l->out_at < l->out_len && l->broken == 0) {
		ssize_t n = send(l->fd, l->setup.out + l->out_at,
		    l->out_len - l->out_at, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			return;
		if (n == -1) {
			stream_line_break(l, errno);
			return;
		}
		l->out_at += (size_t)n;
		l->spoke = mono_now();
	}
	if (l->out_at == l->out_len)
		l->out_at = l->out_len = 0;
}

void
stream_line_flush(struct stream_line *l)
{
	send_out(l);
	/* Whoever found no room waits for the word, whatever made it. */
	if (l->wants_room)
		stream_line_speak(l);
	watch(l);
}

int
stream_line_put(
    struct stream_line *l, uint8_t type, const void *body, size_t len)
{
	struct buf b;

	if (l->broken != 0)
		return 0;
	if (!make_room(l, STREAM_CODEC_FRAME_BYTES(len))) {
		l->wants_room = true;
		return -EAGAIN;
	}
	b = buf_writer(l->setup.out, l->setup.out_bytes);
	b.pos = l->out_len;
	stream_codec_put(l->codec, &b, type, body, len);
	l->out_len = b.pos;
	return 0;
}

bool
stream_line_has_room(struct stream_line *l)
{
	const size_t used = l->out_len - l->out_at;

	l->wants_room = l->setup.out_bytes - used < l->setup.spare_bytes;
	return !l->wants_room;
}

static void
tell_room(struct stream_line *l)
{
	if (l->state == STREAM_LINE_PROVEN && l->wants_room && l->broken == 0 &&
	    stream_line_has_room(l))
		l->setup.calls->on_room(l);
}

static void
greet(struct stream_line *l)
{
	l->state = STREAM_LINE_GREETING;
	l->out_len = l->codec->protocol->greeting_bytes;
	memcpy(l->setup.out, l->codec->greeting, l->out_len);
	send_out(l);
}

void
stream_line_start(
    struct stream_line *l, int *fd, bool connected, struct stream_codec *codec)
{
	l->fd = fd_take(fd);
	l->codec = codec;
	l->state = STREAM_LINE_DIALLING;
	l->since = l->heard = l->spoke = mono_now();
	timeout_arm(l->setup.loop, &l->limit, l->setup.prove_ms / 1e3);
	if (connected)
		greet(l);
	watch(l);
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

static void
prove(struct stream_line *l)
{
	/* Behind the greeting there is room for it. */
	if (stream_line_put(l, STREAM_CODEC_PROOF, NULL, 0) == 0)
		send_out(l);
}

/* One thing out of what was received. False: no more for now, or the end. */
static bool
take(struct stream_line *l, struct buf *b, bool *told)
{
	struct stream_codec_frame f;
	enum stream_codec_result r = stream_codec_get(l->codec, b, &f);

	switch (r) {
	case STREAM_CODEC_MORE:
		return false;
	case STREAM_CODEC_GREETED:
		prove(l);
		break;
	case STREAM_CODEC_PROVEN:
		l->state = STREAM_LINE_PROVEN;
		ev_timer_stop(l->setup.loop, &l->limit);
		l->setup.calls->on_proven(l);
		break;
	case STREAM_CODEC_FRAME:
		*told = true;
		l->setup.calls->on_frame(l, &f);
		break;
	case STREAM_CODEC_MALFORMED:
	case STREAM_CODEC_NO_VERSION:
	case STREAM_CODEC_FOREIGN:
	case STREAM_CODEC_NO_KEY:
	case STREAM_CODEC_REFLECTED:
	case STREAM_CODEC_FORGED:
		end(l, r, 0);
		break;
	}
	return l->state != STREAM_LINE_FREE && l->broken == 0;
}

static void
take_all(struct stream_line *l)
{
	struct buf b = buf_reader(l->setup.in, l->in_len);
	bool told = false;

	while (take(l, &b, &told))
		continue;
	if (l->state == STREAM_LINE_FREE)
		return;
	/* What is left is less than a frame: there is room for the rest. */
	l->in_len -= b.pos;
	memmove(l->setup.in, l->setup.in + b.pos, l->in_len);
	if (told && l->setup.calls->on_read_all != NULL)
		l->setup.calls->on_read_all(l);
}

void
stream_line_receive(struct stream_line *l)
{
	ssize_t n;

	if (l->state < STREAM_LINE_GREETING || l->broken != 0)
		return;
	do
		n = recv(l->fd, l->setup.in + l->in_len,
		    l->setup.in_bytes - l->in_len, MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0) {
		end(l, STREAM_CODEC_MORE, n == 0 ? 0 : errno);
		return;
	}
	l->heard = mono_now();
	count_read(l, (size_t)n);
	l->in_len += (size_t)n;
	take_all(l);
	watch(l);
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
			stream_line_receive(l);
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

static void
say(struct stream_line *l)
{
	if (l->setup.calls->on_turn != NULL)
		l->setup.calls->on_turn(l);
	send_out(l);
}

static void
on_turn(struct ev_loop *loop, ev_prepare *w, int revents)
{
	struct stream_line *l = CONTAINER_OF(w, struct stream_line, turn);

	ev_prepare_stop(loop, w);
	say(l);
	if (l->broken == 0)
		tell_room(l);
	/* Who is told of room may say more, or have ended it. */
	if (l->state != STREAM_LINE_FREE)
		say(l);
	if (l->broken == EBADMSG)
		end(l, STREAM_CODEC_MALFORMED, 0);
	else if (l->broken != 0)
		end(l, STREAM_CODEC_MORE, l->broken);
	watch(l);
}
