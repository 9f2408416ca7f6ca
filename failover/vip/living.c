#include "failover/vip/living.h"

#include "core/fd.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Of a group: a closed port and a service's, of an address of each family. */
enum question {
	PORT_V4,
	PORT_V6,
	SERVICE_V4,
	SERVICE_V6,
	QUESTIONS,
};

struct asked {
	struct role_group *group;
	int fd; /* -1: none */
	ev_io ready;
};

struct side {
	bool answered; /* since the last time it was asked */
	struct asked asked[QUESTIONS];
};

struct living {
	struct side sides[CONFIG_GROUPS_MAX];
};

static void
give_up(struct role *role, struct asked *q)
{
	ev_io_stop(role->loop, &q->ready);
	fd_close(&q->fd);
}

/* Of a datagram and of a connection alike: refused, or taken. */
static bool
is_answered(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		return false;
	return error == 0 || error == ECONNREFUSED || error == ECONNRESET;
}

static void
on_ready(struct ev_loop *loop, ev_io *w, int revents)
{
	struct asked *q = w->data;
	struct role_group *g = q->group;
	struct role *role = g->role;
	const bool lives = is_answered(q->fd);

	give_up(role, q);
	if (!lives)
		return;
	role->living->sides[g->index].answered = true;
	inbox_put_group(&role->inbox, NODE_LIVES, g->index);
}

/* Over the group's interface, from its address; a connection ends in a reset.
 */
static int
open_socket(const struct role_group *g, const union addr *to, int type)
{
	CLEANUP(fd_close) int fd = -1;
	const struct linger none = { .l_onoff = 1 };
	const char *interface = g->config->interface;

	fd = socket(to->sa.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface,
	        (socklen_t)strlen(interface)) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none)) == -1)
		return -errno;
	if (connect(fd, &to->sa, addr_len(to)) == -1 && errno != EINPROGRESS)
		return -errno;
	return fd_take(&fd);
}

static void
ask(struct role_group *g, enum question which, const union addr *a,
    uint16_t port, int type)
{
	struct role *role = g->role;
	struct asked *q = &role->living->sides[g->index].asked[which];
	union addr to = *a;

	addr_set_port(&to, port);
	q->fd = open_socket(g, &to, type);
	if (q->fd < 0) {
		q->fd = -1;
		return; /* no route, no memory: it says nothing of the peer */
	}
	if (type == SOCK_DGRAM)
		(void)send(q->fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL);
	/* An ICMP error makes a datagram's socket readable. */
	ev_io_set(&q->ready, q->fd, type == SOCK_DGRAM ? EV_READ : EV_WRITE);
	ev_io_start(role->loop, &q->ready);
}

static const union addr *
first_of(const struct config_group *g, int family)
{
	for (size_t i = 0; i < g->n_addresses; i++)
		if (g->addresses[i].addr.sa.sa_family == family)
			return &g->addresses[i].addr;
	return NULL;
}

/* 0: no service listens there. */
static uint16_t
service_port(const struct config *config, const union addr *a)
{
	for (size_t i = 0; i < config->n_services; i++) {
		const struct config_service *s = &config->services[i];

		for (size_t k = 0; k < s->n_listens; k++)
			if (addr_is_any(&s->listens[k].address) ||
			    addr_is_same_ip(&s->listens[k].address, a))
				return addr_port(&s->listens[k].address);
	}
	return 0;
}

static void
ask_family(struct role_group *g, int family)
{
	const struct role *role = g->role;
	const struct side *side = &role->living->sides[g->index];
	const union addr *a = first_of(g->config, family);
	const bool v6 = family == AF_INET6;
	uint16_t port;

	/* Ours, by some mistake: then our own kernel would answer. */
	if (a == NULL || netlink_is_local(role->netlink, a))
		return;
	ask(g, v6 ? PORT_V6 : PORT_V4, a, role->config->pair.port, SOCK_DGRAM);
	if (side->answered)
		return;
	port = service_port(role->config, a);
	if (port != 0)
		ask(g, v6 ? SERVICE_V6 : SERVICE_V4, a, port, SOCK_STREAM);
}

void
living_ask(struct role_group *g)
{
	struct side *side = &g->role->living->sides[g->index];

	for (unsigned i = 0; i < QUESTIONS; i++)
		give_up(g->role, &side->asked[i]);
	ask_family(g, AF_INET);
	ask_family(g, AF_INET6);
	side->answered = false;
}

int
living_new(struct role *role)
{
	struct living *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return -ENOMEM;
	role->living = l;
	for (unsigned g = 0; g < ARRAY_LEN(l->sides); g++)
		for (unsigned i = 0; i < QUESTIONS; i++) {
			struct asked *q = &l->sides[g].asked[i];

			q->group = &role->groups[g];
			q->fd = -1;
			ev_init(&q->ready, on_ready);
			q->ready.data = q;
		}
	return 0;
}

void
living_free(struct role *role)
{
	struct living *l = role->living;

	if (l == NULL)
		return;
	for (unsigned g = 0; g < ARRAY_LEN(l->sides); g++)
		for (unsigned i = 0; i < QUESTIONS; i++)
			give_up(role, &l->sides[g].asked[i]);
	free(l);
	role->living = NULL;
}
