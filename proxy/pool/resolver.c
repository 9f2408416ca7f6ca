#include "proxy/pool/resolver.h"

#include "core/log.h"
#include "core/timeout.h"

#include <ares.h>
#include <errno.h>
#include <ev.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/stat.h>

/*
 * How it hangs together: a host rests until its timer fires, then is in the
 * queue of those that are due, then with c-ares, then rests again. c-ares says
 * which sockets and which deadline it waits for; whatever happens there, it is
 * called, and settle() follows.
 */

#define RESOLV_CONF "/etc/resolv.conf"

/* A failure is tried again anyway: no need for c-ares's 75 seconds. */
#define TIMEOUT_MS 1000
#define TRIES 2

#define TTL_MAX_S 60
/* /etc/hosts has none, and 0 is no invitation to ask all the time. */
#define TTL_NONE_S 5
#define RETRY_FIRST_S 1
#define RETRY_MAX_S 30

/* A thousand names at once would overrun the buffer of our one socket. */
#define ASKING_MAX 32

enum host_state {
	HOST_RESTING, /* its timer runs */
	HOST_DUE,     /* in the queue */
	HOST_ASKING,  /* c-ares will call on_answer() */
};

struct resolver_id {
	SLIST_ENTRY(resolver_id) next;
	unsigned id;
	bool told; /* the present addresses */
};

struct resolver_host {
	LIST_ENTRY(resolver_host) next;
	TAILQ_ENTRY(resolver_host) next_due;
	SLIST_HEAD(, resolver_id) ids;
	struct resolver *names; /* borrowed: its owner */
	char *name;
	enum host_state state;
	ev_timer timer;
	bool known, failing;
	/* The last good ones, the present one first; void unless known. */
	union addr all[RESOLVER_ADDRESSES_MAX];
	unsigned n;
	unsigned retry_s; /* after the next failure */
};

/*
 * Watches a socket of c-ares; kept for another one when that closes, which it
 * does under on_socket().
 */
struct resolver_socket {
	LIST_ENTRY(resolver_socket) next;
	ev_io io; /* fd -1: free */
};

struct resolver {
	struct ev_loop *loop; /* borrowed: the relay's */
	resolver_changed_fn *on_change;
	void *arg;
	ares_channel channel;
	ev_timer timer; /* the deadline of c-ares */
	LIST_HEAD(, resolver_socket) sockets;
	LIST_HEAD(, resolver_host) hosts;
	TAILQ_HEAD(, resolver_host) due;
	unsigned n_asking;
	bool reason;
	struct stat resolv_conf; /* when it was read; zeros: not there */
	bool has_server;
	union addr server; /* in place of those of resolv.conf */
};

/* In seconds; a host that is due, or asked for, is not to be planned. */
static void
plan(struct resolver_host *h, unsigned seconds)
{
	h->state = HOST_RESTING;
	timeout_arm(h->names->loop, &h->timer, seconds);
}

/* Who does not know the present addresses yet. */
static void
tell(struct resolver_host *h)
{
	struct resolver_id *i;

	SLIST_FOREACH (i, &h->ids, next) {
		if (i->told)
			continue;
		i->told = true;
		h->names->on_change(h->names->arg, i->id, h->all, h->n);
	}
}

static void
format_subject(const struct resolver_host *h, char buf[static NI_MAXHOST])
{
	(void)snprintf(buf, NI_MAXHOST, "name %.256s", h->name);
}

static bool
has(const union addr *all, unsigned n, const union addr *a)
{
	for (unsigned i = 0; i < n; i++)
		if (addr_is_same_ip(&all[i], a))
			return true;
	return false;
}

/* In whatever order: name servers turn their answers. */
static bool
are_known(const struct resolver_host *h, const union addr *all, unsigned n)
{
	while (n > 0 && has(h->all, h->n, &all[n - 1]))
		n--;
	return n == 0;
}

static void
resolved(
    struct resolver_host *h, const union addr *all, unsigned n, unsigned ttl_s)
{
	char subject[NI_MAXHOST], is[ADDR_TEXT_MAX], was[ADDR_TEXT_MAX];
	struct resolver_id *i;

	format_subject(h, subject);
	addr_format_ip(&all[0], is);
	if (!h->known)
		log_notice(subject, "has address %s", is);
	else if (!addr_is_same_ip(&all[0], &h->all[0]))
		log_notice(
		    subject, "%s -> %s", addr_format_ip(&h->all[0], was), is);
	else if (h->failing)
		log_notice(subject, "[name] resolved again");
	if (h->n != n || !are_known(h, all, n))
		SLIST_FOREACH (i, &h->ids, next)
			i->told = false;
	h->known = true;
	h->failing = false;
	memcpy(h->all, all, n * sizeof(*all));
	h->n = n;
	h->retry_s = RETRY_FIRST_S;
	plan(h, ttl_s);
}

static void
failed(struct resolver_host *h, const char *reason)
{
	char subject[NI_MAXHOST], ip[ADDR_TEXT_MAX];

	format_subject(h, subject);
	if (!h->failing && h->known)
		log_warning(subject, "[name] not resolved: '%s', keeping %s",
		    reason, addr_format_ip(&h->all[0], ip));
	else if (!h->failing)
		log_warning(subject,
		    "[name] not resolved: '%s', retrying in %us", reason,
		    h->retry_s);
	h->failing = true;
	plan(h, h->retry_s);
	h->retry_s *= 2;
	if (h->retry_s > RETRY_MAX_S)
		h->retry_s = RETRY_MAX_S;
}

/* False for what no server has: 0.0.0.0 is how some resolvers say "blocked". */
static bool
address_of(const struct ares_addrinfo_node *node, union addr *ret_addr)
{
	union addr a;

	memset(&a, 0, sizeof(a));
	if (node->ai_family == AF_INET)
		memcpy(&a.in, node->ai_addr, sizeof(a.in));
	else if (node->ai_family == AF_INET6)
		memcpy(&a.in6, node->ai_addr, sizeof(a.in6));
	else
		return false;
	addr_normalize(&a);
	addr_set_port(&a, 0);
	if (addr_is_any(&a))
		return false;
	*ret_addr = a;
	return true;
}

/* As many as fit; the present one first, where it is among them. */
static unsigned
collect(const struct resolver_host *h, const struct ares_addrinfo *answer,
    union addr ret_all[static RESOLVER_ADDRESSES_MAX])
{
	const struct ares_addrinfo_node *node;
	unsigned n = 0;

	for (node = answer->nodes; node != NULL; node = node->ai_next) {
		union addr a;

		if (n == RESOLVER_ADDRESSES_MAX || !address_of(node, &a) ||
		    has(ret_all, n, &a))
			continue;
		ret_all[n++] = a;
		if (!h->known || !addr_is_same_ip(&a, &h->all[0]))
			continue;
		memmove(&ret_all[1], &ret_all[0], (n - 1) * sizeof(a));
		ret_all[0] = a;
	}
	return n;
}

/* The shortest on the way from the name to its addresses, in our limits. */
static unsigned
ttl_of(const struct ares_addrinfo *answer)
{
	const struct ares_addrinfo_node *node;
	const struct ares_addrinfo_cname *cname;
	int ttl = TTL_MAX_S;

	for (node = answer->nodes; node != NULL; node = node->ai_next)
		if (node->ai_ttl < ttl)
			ttl = node->ai_ttl;
	for (cname = answer->cnames; cname != NULL; cname = cname->next)
		if (cname->ttl < ttl)
			ttl = cname->ttl;
	return ttl > 0 ? (unsigned)ttl : TTL_NONE_S;
}

/* May come from within ares_getaddrinfo() or ares_destroy(), too. */
static void
on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *answer)
{
	struct resolver_host *h = arg;
	union addr all[RESOLVER_ADDRESSES_MAX];
	unsigned n = 0;

	(void)timeouts;
	h->state = HOST_RESTING;
	h->names->n_asking--;
	if (h->names->reason || status == ARES_EDESTRUCTION) {
		/* Of a channel that goes: reopen() asks again. */
		ares_freeaddrinfo(answer);
		return;
	}
	if (status == ARES_SUCCESS)
		n = collect(h, answer, all);
	if (status != ARES_SUCCESS)
		failed(h, ares_strerror(status));
	else if (n == 0)
		failed(h, "no address in the answer");
	else
		resolved(h, all, n, ttl_of(answer));
	ares_freeaddrinfo(answer);
	/* A failure, too, tells an id that was added meanwhile. */
	if (h->known)
		tell(h);
}

static void
ask(struct resolver_host *h)
{
	const struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC };

	TAILQ_REMOVE(&h->names->due, h, next_due);
	h->state = HOST_ASKING;
	h->names->n_asking++;
	ares_getaddrinfo(
	    h->names->channel, h->name, NULL, &hints, on_answer, h);
}

/* After each event: asks for who is due, and sets the one timer. */
static void
settle(struct resolver *n)
{
	struct timeval left;

	while (n->n_asking < ASKING_MAX && !TAILQ_EMPTY(&n->due))
		ask(TAILQ_FIRST(&n->due));
	if (ares_timeout(n->channel, NULL, &left) == NULL)
		ev_timer_stop(n->loop, &n->timer);
	else
		timeout_arm(n->loop, &n->timer,
		    (double)left.tv_sec + (double)left.tv_usec / 1e6);
}

static void
on_timeout(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct resolver *n = CONTAINER_OF(t, struct resolver, timer);

	ares_process_fd(n->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	settle(n);
}

static void
on_socket(struct ev_loop *loop, ev_io *io, int revents)
{
	struct resolver *n = io->data;
	ares_socket_t in = ARES_SOCKET_BAD, out = ARES_SOCKET_BAD;

	if ((revents & EV_WRITE) != 0)
		out = io->fd;
	if ((revents & ~EV_WRITE) != 0)
		in = io->fd;
	ares_process_fd(n->channel, in, out);
	settle(n);
}

/* The one that watches `fd`, or with -1 a free one; or NULL. */
static struct resolver_socket *
find_socket(struct resolver *n, int fd)
{
	struct resolver_socket *s;

	LIST_FOREACH (s, &n->sockets, next) {
		if (s->io.fd == fd)
			return s;
	}
	return NULL;
}

static struct resolver_socket *
new_socket(struct resolver *n)
{
	struct resolver_socket *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	ev_io_init(&s->io, on_socket, -1, 0);
	s->io.data = n;
	LIST_INSERT_HEAD(&n->sockets, s, next);
	return s;
}

/* c-ares says what it waits for on a socket; nothing, before it closes it. */
static void
on_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct resolver *n = arg;
	struct resolver_socket *s = find_socket(n, fd);
	bool wanted = readable || writable;

	if (s == NULL && wanted)
		s = find_socket(n, -1);
	if (s == NULL && wanted)
		s = new_socket(n);
	if (s == NULL)
		return; /* no memory: the question times out */
	ev_io_stop(n->loop, &s->io);
	ev_io_set(&s->io, wanted ? fd : -1,
	    (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0));
	if (wanted)
		ev_io_start(n->loop, &s->io);
}

static struct stat
look_at_resolv_conf(void)
{
	struct stat st;

	if (stat(RESOLV_CONF, &st) == -1)
		memset(&st, 0, sizeof(st));
	return st;
}

static bool
is_same_version(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	    a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	    a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* c-ares 1.18 reads resolv.conf when a channel is made, and never again. */
static int
open_channel(struct resolver *n, ares_channel *ret_channel)
{
	struct ares_options options = {
		.timeout = TIMEOUT_MS,
		.tries = TRIES,
		.sock_state_cb = on_socket_state,
		.sock_state_cb_data = n,
	};
	char server[ADDR_TEXT_MAX];
	ares_channel channel;
	int status;

	n->resolv_conf = look_at_resolv_conf();
	status = ares_init_options(&channel, &options,
	    ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
	if (status != ARES_SUCCESS)
		return status == ARES_ENOMEM ? -ENOMEM : -EIO;
	if (n->has_server &&
	    ares_set_servers_ports_csv(
	        channel, addr_format(&n->server, server)) != ARES_SUCCESS) {
		ares_destroy(channel);
		return -ENOMEM;
	}
	*ret_channel = channel;
	return 0;
}

/* A new channel in the old one's place; every name is asked for again. */
static int
reopen(struct resolver *n)
{
	ares_channel old = n->channel;
	struct resolver_host *h;
	int e = open_channel(n, &n->channel);

	if (e < 0)
		return e;
	ares_destroy(old);
	LIST_FOREACH (h, &n->hosts, next)
		if (h->state == HOST_RESTING)
			plan(h, 0);
	return 0;
}

static void
notice_resolv_conf(struct resolver *n)
{
	const struct stat now = look_at_resolv_conf();
	int e;

	if (n->has_server || is_same_version(&now, &n->resolv_conf))
		return;
	e = reopen(n);
	if (e < 0)
		log_warning("names",
		    "[name] %s changed, but cannot be read: %s, keeping what it was",
		    RESOLV_CONF, strerror(-e));
	else
		log_notice("names", "%s changed, read again", RESOLV_CONF);
}

static void
on_due(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct resolver_host *h = CONTAINER_OF(t, struct resolver_host, timer);

	h->state = HOST_DUE;
	TAILQ_INSERT_TAIL(&h->names->due, h, next_due);
	notice_resolv_conf(h->names);
	settle(h->names);
}

struct resolver *
resolver_new(struct ev_loop *loop, resolver_changed_fn *on_change, void *arg)
{
	struct resolver *n;

	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		return NULL;
	n = calloc(1, sizeof(*n));
	if (n == NULL) {
		ares_library_cleanup();
		return NULL;
	}
	n->loop = loop;
	n->on_change = on_change;
	n->arg = arg;
	LIST_INIT(&n->sockets);
	LIST_INIT(&n->hosts);
	TAILQ_INIT(&n->due);
	ev_timer_init(&n->timer, on_timeout, 0., 0.);
	if (open_channel(n, &n->channel) < 0) {
		resolver_free(n);
		return NULL;
	}
	return n;
}

static void
free_host(struct resolver_host *h)
{
	struct resolver_id *i;

	while ((i = SLIST_FIRST(&h->ids)) != NULL) {
		SLIST_REMOVE_HEAD(&h->ids, next);
		free(i);
	}
	ev_timer_stop(h->names->loop, &h->timer);
	free(h->name);
	free(h);
}

void
resolver_free(struct resolver *n)
{
	struct resolver_socket *s;
	struct resolver_host *h;

	if (n == NULL)
		return;
	n->reason = true;
	if (n->channel != NULL)
		ares_destroy(n->channel);
	while ((h = LIST_FIRST(&n->hosts)) != NULL) {
		LIST_REMOVE(h, next);
		free_host(h);
	}
	while ((s = LIST_FIRST(&n->sockets)) != NULL) {
		LIST_REMOVE(s, next);
		ev_io_stop(n->loop, &s->io);
		free(s);
	}
	ev_timer_stop(n->loop, &n->timer);
	ares_library_cleanup();
	free(n);
}

static struct resolver_host *
find_host(struct resolver *n, const char *name)
{
	struct resolver_host *h;

	LIST_FOREACH (h, &n->hosts, next) {
		if (strcasecmp(h->name, name) == 0)
			return h;
	}
	return NULL;
}

static struct resolver_host *
new_host(struct resolver *n, const char *name)
{
	struct resolver_host *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->name = strdup(name);
	if (h->name == NULL) {
		free(h);
		return NULL;
	}
	SLIST_INIT(&h->ids);
	h->names = n;
	h->retry_s = RETRY_FIRST_S;
	ev_timer_init(&h->timer, on_due, 0., 0.);
	LIST_INSERT_HEAD(&n->hosts, h, next);
	return h;
}

int
resolver_add(struct resolver *n, const char *host, unsigned id)
{
	struct resolver_host *h = find_host(n, host);
	struct resolver_id *i = calloc(1, sizeof(*i));

	if (i != NULL && h == NULL)
		h = new_host(n, host);
	if (i == NULL || h == NULL) {
		free(i);
		return -ENOMEM;
	}
	i->id = id;
	SLIST_INSERT_HEAD(&h->ids, i, next);
	/* From the loop, so that nobody is told before this returns. */
	if (h->state == HOST_RESTING)
		plan(h, 0);
	return 0;
}

int
resolver_use_server(struct resolver *n, const union addr *server)
{
	const bool had_server = n->has_server;
	const union addr old = n->server;
	int e;

	n->has_server = true;
	n->server = *server;
	e = reopen(n);
	if (e < 0) {
		n->has_server = had_server;
		n->server = old;
	}
	return e;
}
