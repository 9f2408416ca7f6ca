#include "proxy/health/introduction.h"

#include "core/fd.h"
#include "core/timeout.h"
#include "proxy/data/dial.h"
#include "proxy/data/proxy_protocol.h"

#include <errno.h>
#include <sys/socket.h>

static int
names_of(int fd, union addr *ret_local, union addr *ret_peer)
{
	socklen_t local_len = sizeof(*ret_local), peer_len = sizeof(*ret_peer);

	if (getsockname(fd, &ret_local->sa, &local_len) == -1 ||
	    getpeername(fd, &ret_peer->sa, &peer_len) == -1)
		return -errno;
	return 0;
}

int
introduction_say(int fd, enum config_proxy_protocol version)
{
	uint8_t header[PROXY_PROTOCOL_MAX];
	union addr local, peer;
	ssize_t n;
	size_t len;
	int e;

	if (version == CONFIG_PROXY_PROTOCOL_NONE)
		return 0;
	e = names_of(fd, &local, &peer);
	if (e < 0)
		return e;
	len = proxy_protocol_encode_own(version, &local, &peer, header);
	/* Into an empty buffer, where it always has room. */
	n = send(fd, header, len, MSG_NOSIGNAL);
	if (n == -1)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

/* What it found goes to who asked; nothing is under way any more. */
static void
done(struct introduction *i, int error)
{
	const int fd = error < 0 ? error : fd_take(&i->fd);

	introduction_stop(i);
	i->on_done(i->arg, fd);
}

static void
on_io(struct ev_loop *loop, ev_io *io, int revents)
{
	struct introduction *i = CONTAINER_OF(io, struct introduction, io);
	int e = dial_result(i->fd);

	ev_io_stop(loop, io);
	if (e == 0)
		e = introduction_say(i->fd, i->version);
	done(i, e);
}

static void
on_late(struct ev_loop *loop, ev_timer *late, int revents)
{
	done(CONTAINER_OF(late, struct introduction, late), -ETIMEDOUT);
}

int
introduction_start(
    struct introduction *i, const union addr *to, uint32_t timeout_ms)
{
	const int fd = dial_start(to, NULL);

	i->fd = -1;
	if (fd < 0)
		return fd;
	i->fd = fd;
	ev_io_init(&i->io, on_io, fd, EV_WRITE);
	ev_io_start(i->loop, &i->io);
	ev_timer_init(&i->late, on_late, 0., 0.);
	timeout_arm(i->loop, &i->late, timeout_ms / 1000.);
	return 0;
}

void
introduction_stop(struct introduction *i)
{
	if (i->loop == NULL)
		return;
	ev_io_stop(i->loop, &i->io);
	ev_timer_stop(i->loop, &i->late);
	fd_close(&i->fd);
}
