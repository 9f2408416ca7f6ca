#include "hapair/cli/host_peer.h"

#include "core/fd.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* For a peer: a network that needs longer is none for heartbeats. */
#define PEER_PATIENCE_MS 1000

/* The wire's port, from where the wire would come. Returns 0 or -errno. */
static int
knock_at(const union addr *self, union addr other, uint16_t port)
{
	CLEANUP(fd_close)
	int fd = socket(
	    self->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int error = 0;
	socklen_t len = sizeof(error);

	addr_set_port(&other, port);
	if (fd == -1 || bind(fd, &self->sa, addr_len(self)) == -1)
		return -errno;
	if (connect(fd, &other.sa, addr_len(&other)) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	if (poll(&p, 1, PEER_PATIENCE_MS) != 1)
		return -ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		return -errno;
	return -error;
}

static void
check_path(struct host_report *m, const char *peer, const union addr *a,
    const union addr *b)
{
	const int e = knock_at(a, *b, m->config->pair.port);
	char self[ADDR_TEXT_MAX], other[ADDR_TEXT_MAX];

	(void)addr_format_ip(a, self);
	(void)addr_format_ip(b, other);
	if (e == -EADDRNOTAVAIL)
		host_report_tell(m, HOST_REPORT_ERROR,
		    "this machine does not have %s", self);
	else if (e == 0 || e == -ECONNREFUSED)
		host_report_tell(m, HOST_REPORT_OK,
		    "peer %s: %s answers %s, hapair %s there", peer, other,
		    self, e == 0 ? "runs" : "does not run");
	else
		host_report_tell(m, HOST_REPORT_ERROR,
		    "peer %s: %s does not answer %s: %s", peer, other, self,
		    strerror(-e));
}

void
host_peer_check(struct host_report *m)
{
	const struct config_node *self = &m->config->pair.nodes[m->node];
	const struct config_node *other = &m->config->pair.nodes[1 - m->node];

	check_path(m, other->name, &self->address, &other->address);
	for (size_t i = 0; i < self->n_links; i++)
		check_path(m, other->name, &self->links[i], &other->links[i]);
}
