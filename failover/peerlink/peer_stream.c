#include "failover/peerlink/peer_stream.h"

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
#define PRIORITY 7

/* What is sent and not acknowledged for so long is lost, and the line too. */
#define USER_TIMEOUT_MS 3000

static void on_ready(struct ev_loop *loop, ev_io *w, int revents);
static void on_rested(struct ev_loop *loop, ev_timer *w, int revents);

void
peer_stream_init(struct peer_stream *l, struct ev_loop *loop,
    const struct peer_stream_calls *calls, void *arg)
{
	l->loop = loop;
	l->calls = calls;
	l->arg = arg;
	l->state = PEER_STREAM_FREE;
	l->fd = -1;
	ev_init(&l->ready, on_ready);
	ev_set_priority(&l->ready, EV_MINPRI);
	ev_init(&l->rest, on_rested);
	ev_set_priority(&l->rest, EV_MINPRI);
}

int
peer_stream_set_options(int fd, bool v6)
{
	const struct fd_option options[] = {
		{ v6 ? SOL_IPV6 : SOL_IP, v6 ? IPV6_TCLASS : IP_TOS,
		    TRAFFIC_CLASS },
		/* After IP_TOS, which sets a priority of its own. */
		{ SOL_SOCKET, SO_PRIORITY, PRIORITY },
		{ SOL_TCP, TCP_NODELAY, 1 },
		{ SOL_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS },
	};

	return fd_set_options(fd, options, ARRAY_LEN(options));
}

/* Watchers follow from the data, always through here. */
static void
watch(struct peer_stream *l)
{
	const bool dials = l->state == PEER_STREAM_DIALLING;
	const bool writes = dials || l->out_len > l->out_at;
	const bool reads = !dials && !ev_is_active(&l->rest);
	const int events = (writes ? EV_WRITE : 0) | (reads ? EV_READ : 0);

	if (l->state == PEER_STREAM_FREE ||
	    (ev_is_active(&l->ready) && l->ready.events == events))
		return;
	ev_io_stop(l->loop, &l->ready);
	if (events == 0)
		return;
	ev_io_set(&l->ready, l->fd, events);
	ev_io_start(l->loop, &l->ready);
}

static void
on_rested(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct peer_stream *l = CONTAINER_OF(w, struct peer_stream, rest);

	l->n_read = 0;
	watch(l);
}

/*
 * A real-time process that never waits would be ended for it. So it waits after
 * so much, however long it was about it: a slow one most of all.
 */
static void
count_read(struct peer_stream *l, size_t n)
{
	l->n_read += n;
	if (l->n_read >= PEER_STREAM_READ_BYTES)
		timeout_arm(l->loop, &l->rest, PEER_STREAM_READ_MS / 1e3);
}

void
peer_stream_close(struct peer_stream *l)
{
	if (l->state == PEER_STREAM_FREE)
		return;
	ev_io_stop(l->loop, &l->ready);
	ev_timer_stop(l->loop, &l->rest);
	/* The supervisor may hold it, too: closing would not end it. */
	(void)shutdown(l->fd, SHUT_RDWR);
	fd_close(&l->fd);
	peer_codec_fini(&l->codec);
	l->in_len = l->out_at = l->out_len = l->n_read = 0;
	l->state = PEER_STREAM_FREE;
}

static void
end(struct peer_stream *l, enum peer_codec_result refused, int error)
{
	const struct peer_stream_end e = { .refused = refused,
		.error = error,
		.was = l->state,
		.silent = l->n_read == 0 };

	peer_stream_close(l);
	l->calls->on_end(l, &e);
}

static void
flush(struct peer_stream *l)
{
	while (l->out_at < l->out_len) {
		ssize_t n = send(l->fd, l->out + l->out_at,
		    l->out_len - l->out_at, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			return;
		if (n == -1) {
			end(l, PEER_CODEC_MORE, errno);
			return;
		}
		l->out_at += (size_t)n;
		l->spoke = mono_now();
	}
	l->out_at = l->out_len = 0;
}

static void
greet(struct peer_stream *l)
{
	l->state = PEER_STREAM_GREETING;
	memcpy(l->out, l->codec.greeting, PEER_CODEC_GREETING_BYTES);
	l->out_len = PEER_CODEC_GREETING_BYTES;
	flush(l);
}

void
peer_stream_start(struct peer_stream *l, int *fd, bool connected,
    const struct packet_auth *auth, const struct packet_auth_key *key,
    const struct hello_boot *boot)
{
	l->fd = fd_take(fd);
	l->state = PEER_STREAM_DIALLING;
	l->codec = peer_codec_init(auth, key, boot);
	l->since = l->heard = l->spoke = mono_now();
	if (connected)
		greet(l);
	watch(l);
}

static void
on_connected(struct peer_stream *l)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	if (error != 0)
		end(l, PEER_CODEC_MORE, error);
	else
		greet(l);
}

static void
put(struct peer_stream *l, uint8_t type, const void *body, size_t len)
{
	struct buf b = buf_writer(l->out, sizeof(l->out));

	b.pos = l->out_len;
	peer_codec_put(&l->codec, &b, type, body, len);
	l->out_len = b.pos;
	flush(l);
	watch(l);
}

bool
peer_stream_has_room(const struct peer_stream *l)
{
	return sizeof(l->out) - l->out_len >= 2 * PEER_CODEC_FRAME_MAX;
}

/* Whoever found no room waits for the word, whatever made it. */
static void
tell_room(struct peer_stream *l, bool was_full)
{
	if (l->state == PEER_STREAM_PROVEN && was_full &&
	    peer_stream_has_room(l))
		l->calls->on_room(l);
}

int
peer_stream_send(
    struct peer_stream *l, uint8_t type, const void *body, size_t len)
{
	const bool was_full = !peer_stream_has_room(l);

	if (len > PEER_CODEC_BODY_MAX)
		return -EMSGSIZE;
	if (sizeof(l->out) - l->out_len < PEER_CODEC_FRAME_MAX)
		return -EAGAIN;
	put(l, type, body, len);
	/* A pulse, say, for which there was room, took all along. */
	tell_room(l, was_full);
	return 0;
}

/* One thing out of what was received. False: no more for now, or the end. */
static bool
take(struct peer_stream *l, struct buf *b)
{
	struct peer_codec_frame f;
	enum peer_codec_result r = peer_codec_get(&l->codec, b, &f);

	switch (r) {
	case PEER_CODEC_MORE:
		return false;
	case PEER_CODEC_GREETED:
		put(l, PEER_CODEC_PROOF, NULL, 0);
		break;
	case PEER_CODEC_PROVEN:
		l->state = PEER_STREAM_PROVEN;
		l->calls->on_proven(l);
		break;
	case PEER_CODEC_FRAME:
		l->calls->on_frame(l, &f);
		break;
	case PEER_CODEC_MALFORMED:
	case PEER_CODEC_UNSPOKEN:
	case PEER_CODEC_FOREIGN:
	case PEER_CODEC_REFLECTED:
	case PEER_CODEC_FORGED:
		end(l, r, 0);
		break;
	}
	return l->state != PEER_STREAM_FREE;
}

void
peer_stream_receive(struct peer_stream *l)
{
	struct buf b;
	ssize_t n;

	if (l->state != PEER_STREAM_GREETING && l->state != PEER_STREAM_PROVEN)
		return;
	do
		n = recv(l->fd, l->in + l->in_len, sizeof(l->in) - l->in_len,
		    MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0) {
		end(l, PEER_CODEC_MORE, n == 0 ? 0 : errno);
		return;
	}
	l->heard = mono_now();
	count_read(l, (size_t)n);
	l->in_len += (size_t)n;
	b = buf_reader(l->in, l->in_len);
	while (take(l, &b))
		continue;
	if (l->state == PEER_STREAM_FREE)
		return;
	/* What is left is less than a frame: there is room for the rest. */
	l->in_len -= b.pos;
	memmove(l->in, l->in + b.pos, l->in_len);
}

static void
on_ready(struct ev_loop *loop, ev_io *w, int revents)
{
	struct peer_stream *l = CONTAINER_OF(w, struct peer_stream, ready);
	const bool was_full = !peer_stream_has_room(l);

	if (l->state == PEER_STREAM_DIALLING) {
		on_connected(l);
	} else {
		if ((revents & EV_WRITE) != 0)
			flush(l);
		if ((revents & EV_READ) != 0)
			peer_stream_receive(l);
	}
	tell_room(l, was_full);
	watch(l);
}
