#include "failover/vip/living.h"

#include "core/fd.h"
#include "failover/vip/neighbours.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* So many of the neighbours are asked the same, in case answers are filtered.
 */
#define CONTROLS 4

/* Of a group: both kinds, of an address of each family and of neighbours. */
#define QUESTIONS (2 * (2 + CONTROLS))

struct asked {
	struct role_group *group;
	int fd; /* -1: none */
	bool control;
	ev_io ready;
};

struct side {
	bool answered; /* since the last time it was asked */
	unsigned n;    /* of what follows */
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
	struct asked *q = CONTAINER_OF(w, struct asked, ready);
	struct role_group *g = q->group;
	struct role *role = g->role;
	const bool lives = is_answered(q->fd);

	give_up(role, q);
	if (!lives)
		return;
	if (!q->control)
		role->living->sides[g->index].answered = true;
	inbox_put_group(
	    &role->inbox, q->control ? NODE_CONTROL : NODE_LIVES, g->index);
}

/* To whom on the group's k-th interface, and of what kind. */
struct question {
	unsigned k;
	const union addr *to;
	uint16_t port;
	int type;
	bool control;
};

/* Over that interface, from its address; a connection ends in a reset. */
static int
open_socket(const char *interface, const union addr *to, int type)
{
	CLEANUP(fd_close) int fd = -1;
	const struct linger none = { .l_onoff = 1 };

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
ask(struct role_group *g, const struct question *question)
{
	const int type = question->type;
	struct role *role = g->role;
	struct side *side = &role->living->sides[g->index];
	struct asked *q = &side->asked[side->n++];
	union addr to = *question->to;

	addr_set_port(&to, question->port);
	q->control = question->control;
	q->fd = open_socket(g->config->interfaces[question->k], &to, type);
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

static const struct config_address *
first_of(const struct config_group *g, int family)
{
	for (size_t i = 0; i < g->n_addresses; i++)
		if (g->addresses[i].addr.sa.sa_family == family)
			return &g->addresses[i];
	return NULL;
}

/*
 * Where no service listens the wire's port, which is closed there: kernels send
 * as many resets as they are asked for, and few ICMP errors.
 */
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
	return config->pair.port;
}

static void
ask_family(struct role_group *g, int family, bool both)
{
	const struct role *role = g->role;
	const struct config_address *a = first_of(g->config, family);
	struct question q = { .type = SOCK_DGRAM,
		.port = role->config->pair.port };

	/* Ours, by some mistake: then our own kernel would answer. */
	if (a == NULL || netlink_is_local(role->netlink, &a->addr))
		return;
	q.k = a->at;
	q.to = &a->addr;
	ask(g, &q);
	if (!both)
		return;
	q.type = SOCK_STREAM;
	q.port = service_port(role->config, &a->addr);
	ask(g, &q);
}

/* The same of others, on whichever of the group's networks they are. */
static void
ask_others(struct role_group *g)
{
	struct question q = { .port = g->role->config->pair.port,
		.control = true };
	unsigned n = 0;

	for (q.k = 0; q.k < g->config->n_interfaces; q.k++)
		for (unsigned i = 0;
		     n < CONTROLS && (q.to = neighbours_get(g, q.k, i)) != NULL;
		     i++, n++) {
			q.type = SOCK_DGRAM;
			ask(g, &q);
			q.type = SOCK_STREAM;
			ask(g, &q);
		}
}

void
living_ask(struct role_group *g)
{
	struct side *side = &g->role->living->sides[g->index];

	for (unsigned i = 0; i < QUESTIONS; i++)
		give_up(g->role, &side->asked[i]);
	side->n = 0;
	ask_family(g, AF_INET, !side->answered);
	ask_family(g, AF_INET6, !side->answered);
	if (!side->answered)
		ask_others(g);
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
