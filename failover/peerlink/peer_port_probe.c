#include "failover/peerlink/peer_port_probe.h"

#include "core/fd.h"
#include "core/log.h"
#include "core/timeout.h"
#include "failover/role.h"

#include <errno.h>
#include <sys/socket.h>

/*
 * When to ask, in ms after one another. Often at first: a process that dies
 * closes the wire a moment before its UDP port, and asking an open port costs
 * nothing. Of refusals a kernel sends six at once, and then one a second.
 */
static const uint16_t pauses_ms[] = { 0, 1, 1, 1, 2, 5, 10, 40, 140, 400 };

static void
died(struct peer_port_probe *k)
{
	struct role *role = k->role;

	peer_port_probe_stop(k);
	log_debug(role->peer_subject, "its kernel says that it has ended");
	inbox_put_type(&role->inbox, NODE_PEER_ENDED);
}

static void
on_answer(struct ev_loop *loop, ev_io *io, int revents)
{
	struct peer_port_probe *k =
	    CONTAINER_OF(io, struct peer_port_probe, answer);
	char byte;

	if (recv(k->fd, &byte, sizeof(byte), MSG_DONTWAIT) != -1 ||
	    errno != ECONNREFUSED)
		return;
	/* One on its way since before it died? The next try will tell. */
	if (role_node(k->role)->peer.heard.ns == k->heard.ns)
		died(k);
}

static void
ask(struct peer_port_probe *k)
{
	k->heard = role_node(k->role)->peer.heard;
	/*
	 * A refusal that waits in the socket is reported once, here or there.
	 */
	if (send(k->fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL) == -1 &&
	    errno != ECONNREFUSED)
		log_debug(k->role->peer_subject, "cannot probe its port");
}

static void
on_again(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct peer_port_probe *k =
	    CONTAINER_OF(t, struct peer_port_probe, again);

	if (k->tries == ARRAY_LEN(pauses_ms)) {
		peer_port_probe_stop(k);
		return;
	}
	ask(k);
	k->tries++;
	timeout_arm(loop, t,
	    k->tries < ARRAY_LEN(pauses_ms) ? pauses_ms[k->tries] / 1e3 : .1);
}

void
peer_port_probe_init(struct peer_port_probe *k, struct role *role)
{
	*k = (struct peer_port_probe){ .role = role, .fd = -1 };
	ev_init(&k->answer, on_answer);
	ev_init(&k->again, on_again);
}

/* Connected, so that what ICMP says is about our question. */
static int
open_socket(const struct role *role)
{
	CLEANUP(fd_close) int fd = -1;
	union addr self = role->self->address, other = role->other->address;

	addr_set_port(&self, 0);
	addr_set_port(&other, role->config->pair.port);
	fd = socket(
	    self.sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1 || bind(fd, &self.sa, addr_len(&self)) == -1 ||
	    connect(fd, &other.sa, addr_len(&other)) == -1)
		return -errno;
	return fd_take(&fd);
}

void
peer_port_probe_begin(struct peer_port_probe *k)
{
	int fd;

	peer_port_probe_stop(k);
	fd = open_socket(k->role);
	if (fd < 0)
		return; /* no address, no route: it says nothing of the peer */
	k->fd = fd;
	k->tries = 0;
	ev_io_set(&k->answer, fd, EV_READ);
	ev_io_start(k->role->loop, &k->answer);
	on_again(k->role->loop, &k->again, 0);
}

void
peer_port_probe_stop(struct peer_port_probe *k)
{
	ev_io_stop(k->role->loop, &k->answer);
	ev_timer_stop(k->role->loop, &k->again);
	fd_close(&k->fd);
}
