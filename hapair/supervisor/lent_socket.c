#include "hapair/supervisor/lent_socket.h"

#include "core/channel.h"
#include "core/fd.h"
#include "core/msg.h"
#include "hapair/supervisor/fd_keeper.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* Of what is no socket, -1: no number of a family or protocol. */
static int
ask(int fd, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 ? value
	                                                             : -1;
}

int
lent_socket_hold(struct fd_keeper *k, struct channel_packet *p)
{
	return ask(p->fd, SO_DOMAIN) == AF_PACKET ? fd_keeper_take(k, p->fd)
	                                          : -EBADMSG;
}

int
lent_socket_take_wire(int *wire, struct channel_packet *p)
{
	const int family = ask(p->fd, SO_DOMAIN);

	if (p->type == MSG_WIRE_DOWN) {
		fd_close_now(wire);
		return 0;
	}
	if ((family != AF_INET && family != AF_INET6) ||
	    ask(p->fd, SO_PROTOCOL) != IPPROTO_TCP ||
	    ask(p->fd, SO_ACCEPTCONN) != 0)
		return -EBADMSG;
	fd_close_now(wire);
	*wire = fd_take(&p->fd);
	return 0;
}
