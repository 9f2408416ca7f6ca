#include "failover/peerlink/peer_stream.h"

#include "core/buf.h"
#include "core/fd.h"

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

void
line_init(struct line *l, struct ev_loop *loop, const struct line_calls *calls,
    void *arg)
{
	l->loop = loop;
	l->calls = calls;
	l->arg = arg;
	l->state = LINE_FREE;
	l->fd = -1;
	ev_init(&l->ready, on_ready);
	ev_set_priority(&l->ready, EV_MINPRI);
	l->ready.data = l;
}

struct option {
	int level, name, value;
};

int
line_set_options(int fd, bool v6)
{
	const struct option options[] = {
		{ v6 ? SOL_IPV6 : SOL_IP, v6 ? IPV6_TCLASS : IP_TOS,
		    TRAFFIC_CLASS },
		/* After IP_TOS, which sets a priority of its own. */
		{ SOL_SOCKET, SO_PRIORITY, PRIORITY },
		{ SOL_TCP, TCP_NODELAY, 1 },
		{ SOL_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS },
	};

	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (setsockopt(fd, options[i].level, options[i].name,
		        &options[i].value, sizeof(options[i].value)) == -1)
			return -errno;
	return 0;
}

/* Watchers follow from the data, always through here. */
static void
watch(struct line *l)
{
	const bool writes = l->state == LINE_DIALLING || l->out_len > l->out_at;
	const int events = l->state == LINE_DIALLING ? EV_WRITE
	    : writes                                 ? EV_READ | EV_WRITE
	                                             : EV_READ;

	if (l->state == LINE_FREE ||
	    (ev_is_active(&l->ready) && l->ready.events == events))
		return;
	ev_io_stop(l->loop, &l->ready);
	ev_io_set(&l->ready, l->fd, events);
	ev_io_start(l->loop, &l->ready);
}

void
line_close(struct line *l)
{
	if (l->state == LINE_FREE)
		return;
	ev_io_stop(l->loop, &l->ready);
	/* The supervisor may hold it, too: closing would not end it. */
	(void)shutdown(l->fd, SHUT_RDWR);
	fd_close(&l->fd);
	cable_fini(&l->cable);
	l->in_len = l->out_at = l->out_len = 0;
	l->state = LINE_FREE;
}

static void
end(struct line *l, enum cable_result refused, int error)
{
	const struct line_end e = {
		.refused = refused, .error = error, .was = l->state
	};

	line_close(l);
	l->calls->on_end(l, &e);
}

static void
flush(struct line *l)
{
	while (l->out_at < l->out_len) {
		ssize_t n = send(l->fd, l->out + l->out_at,
		    l->out_len - l->out_at, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			return;
		if (n == -1) {
			end(l, CABLE_MORE, errno);
			return;
		}
		l->out_at += (size_t)n;
		l->spoke = mono_now();
	}
	l->out_at = l->out_len = 0;
}

static void
greet(struct line *l)
{
	l->state = LINE_GREETING;
	cable_greet(&l->cable, l->out);
	l->out_len = CABLE_GREETING_BYTES;
	flush(l);
}

void
line_start(struct line *l, int *fd, bool connected,
    const struct packet_auth *auth, const struct hello_boot *boot)
{
	l->fd = fd_take(fd);
	l->state = LINE_DIALLING;
	l->cable = cable_init(auth, boot);
	l->since = l->heard = l->spoke = mono_now();
	if (connected)
		greet(l);
	watch(l);
}

static void
on_connected(struct line *l)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	if (error != 0)
		end(l, CABLE_MORE, error);
	else
		greet(l);
}

static void
put(struct line *l, uint8_t type, const void *body, size_t len)
{
	struct buf b = buf_writer(l->out, sizeof(l->out));

	b.pos = l->out_len;
	cable_put(&l->cable, &b, type, body, len);
	l->out_len = b.pos;
	flush(l);
	watch(l);
}

bool
line_has_room(const struct line *l)
{
	return sizeof(l->out) - l->out_len >= 2 * CABLE_FRAME_MAX;
}

/* Whoever found no room waits for the word, whatever made it. */
static void
tell_room(struct line *l, bool was_full)
{
	if (l->state == LINE_PROVEN && was_full && line_has_room(l))
		l->calls->on_room(l);
}

int
line_send(struct line *l, uint8_t type, const void *body, size_t len)
{
	const bool was_full = !line_has_room(l);

	if (len > CABLE_BODY_MAX)
		return -EMSGSIZE;
	if (sizeof(l->out) - l->out_len < CABLE_FRAME_MAX)
		return -EAGAIN;
	put(l, type, body, len);
	/* A pulse, say, for which there was room, took all along. */
	tell_room(l, was_full);
	return 0;
}

/* One thing out of what was received. False: no more for now, or the end. */
static bool
take(struct line *l, struct buf *b)
{
	struct cable_frame f;
	enum cable_result r = cable_get(&l->cable, b, &f);

	switch (r) {
	case CABLE_MORE:
		return false;
	case CABLE_GREETED:
		put(l, CABLE_PROOF, NULL, 0);
		break;
	case CABLE_PROVEN:
		l->state = LINE_PROVEN;
		l->calls->on_proven(l);
		break;
	case CABLE_FRAME:
		l->calls->on_frame(l, &f);
		break;
	case CABLE_MALFORMED:
	case CABLE_FOREIGN:
	case CABLE_REFLECTED:
	case CABLE_FORGED:
		end(l, r, 0);
		break;
	}
	return l->state != LINE_FREE;
}

void
line_receive(struct line *l)
{
	struct buf b;
	ssize_t n;

	if (l->state != LINE_GREETING && l->state != LINE_PROVEN)
		return;
	do
		n = recv(l->fd, l->in + l->in_len, sizeof(l->in) - l->in_len,
		    MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0) {
		end(l, CABLE_MORE, n == 0 ? 0 : errno);
		return;
	}
	l->heard = mono_now();
	l->in_len += (size_t)n;
	b = buf_reader(l->in, l->in_len);
	while (take(l, &b))
		continue;
	if (l->state == LINE_FREE)
		return;
	/* What is left is less than a frame: there is room for the rest. */
	l->in_len -= b.pos;
	memmove(l->in, l->in + b.pos, l->in_len);
}

static void
on_ready(struct ev_loop *loop, ev_io *w, int revents)
{
	struct line *l = w->data;
	const bool was_full = !line_has_room(l);

	(void)loop;
	if (l->state == LINE_DIALLING) {
		on_connected(l);
	} else {
		if ((revents & EV_WRITE) != 0)
			flush(l);
		if ((revents & EV_READ) != 0)
			line_receive(l);
	}
	tell_room(l, was_full);
	watch(l);
}
