#include "hapair/supervisor/listeners.h"

#include "config/listening.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/socket_filter.h"
#include "proxy/data/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WEB_BACKLOG 128
#define WEB_KEEPALIVE_MS 60000

bool
listeners_can_lack(const struct config_service *s, size_t listen, int e)
{
	return e == -EAFNOSUPPORT && config_is_star_v6(s, listen);
}

/* The page has one socket for each of its addresses: no worker has to do. */
static bool
is_web(const struct config_service *s)
{
	return s->name == NULL;
}

static unsigned
sockets_of(const struct config_service *s, unsigned workers)
{
	return is_web(s) ? 1 : workers;
}

static size_t
count(const struct config *c, unsigned workers)
{
	const struct config_service *s;
	size_t n = 0;

	for (size_t i = 0; (s = listening_at(c, i)) != NULL; i++)
		n += s->n_listens * sockets_of(s, workers);
	return n;
}

/*
 * Where the sockets of an address are; NULL: it has none. A service's are no
 * use to the page, nor the page's to a service.
 */
static const int *
find(const struct listeners *l, const union addr *address, bool web)
{
	const struct config_service *s;
	const int *fds = l->fds;

	for (size_t i = 0; (s = listening_at(l->config, i)) != NULL; i++)
		for (size_t k = 0; k < s->n_listens; k++) {
			if (is_web(s) == web &&
			    addr_is_same(&s->listens[k].address, address))
				return fds;
			fds += sockets_of(s, l->workers);
		}
	return NULL;
}

/*
 * Few come, and those that are not let in are many at worst: they do not pile
 * up. What is sent last arrives, also where the other side has not read it.
 */
static int
open_web(const union addr *a)
{
	CLEANUP(fd_close) int fd = listener_open(a, WEB_KEEPALIVE_MS);
	const struct linger wait = { .l_onoff = 0 };

	if (fd < 0)
		return fd_take(&fd);
	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &wait, sizeof(wait)) == -1 ||
	    listen(fd, WEB_BACKLOG) == -1)
		return -errno;
	return fd_take(&fd);
}

/* A worker's; -1 where this host can lack it. Returns 0 or -errno. */
static int
open_one(const struct config_service *s, size_t listen, const int *there,
    int *ret_fd)
{
	int fd;

	*ret_fd = -1;
	if (there != NULL) {
		if (*there == -1)
			return 0;
		*ret_fd = fcntl(*there, F_DUPFD_CLOEXEC, 0);
		return *ret_fd == -1 ? -errno : 0;
	}
	fd = is_web(s)
	    ? open_web(&s->listens[listen].address)
	    : listener_open(&s->listens[listen].address, s->keepalive_ms);
	if (fd < 0)
		return listeners_can_lack(s, listen, fd) ? 0 : fd;
	*ret_fd = fd;
	return 0;
}

/* All of its workers', or none of them. `there`: the same, open already. */
static int
open_address(struct listeners *l, const struct config_service *s, size_t listen,
    const int *there)
{
	for (unsigned w = 0; w < sockets_of(s, l->workers); w++) {
		int fd;
		int e =
		    open_one(s, listen, there != NULL ? &there[w] : NULL, &fd);

		if (e < 0)
			return e;
		l->n_open += fd != -1 && !is_web(s);
		l->fds[l->n++] = fd;
	}
	return 0;
}

static int
open_all(struct listeners *l, const struct listeners *others,
    size_t *ret_service, size_t *ret_listen)
{
	const struct config *c = l->config;
	const struct config_service *s;

	*ret_service = *ret_listen = 0;
	l->fds = calloc(count(c, l->workers) + 1, sizeof(*l->fds));
	if (l->fds == NULL)
		return -ENOMEM;
	for (size_t i = 0; (s = listening_at(c, i)) != NULL; i++)
		for (size_t k = 0; k < s->n_listens; k++) {
			const union addr *a = &s->listens[k].address;
			const int *there =
			    others != NULL ? find(others, a, is_web(s)) : NULL;
			int e = open_address(l, s, k, there);

			*ret_service = i;
			*ret_listen = k;
			if (e < 0)
				return e;
		}
	return 0;
}

int
listeners_open(struct listeners *l, const struct config *c, unsigned workers,
    size_t *ret_service, size_t *ret_listen)
{
	*l = (struct listeners){ .config = c, .workers = workers };
	return open_all(l, NULL, ret_service, ret_listen);
}

int
listeners_open_beside(struct listeners *l, const struct config *c,
    const struct listeners *others, size_t *ret_service, size_t *ret_listen)
{
	*l = (struct listeners){ .config = c, .workers = others->workers };
	return open_all(l, others, ret_service, ret_listen);
}

int
listeners_adopt(struct listeners *l, const struct config *c, unsigned workers,
    const struct buf *fds)
{
	const size_t n = count(c, workers);
	const size_t web = c->has_web ? c->web.front.n_listens : 0;
	struct buf b = *fds;

	*l = (struct listeners){ .config = c, .workers = workers };
	if (fds->len != n * sizeof(uint32_t))
		return -EBADMSG;
	l->fds = calloc(n + 1, sizeof(*l->fds));
	if (l->fds == NULL)
		return -ENOMEM;
	for (l->n = 0; l->n < n; l->n++) {
		const int fd = (int)buf_get_u32(&b);

		l->fds[l->n] = fd == 0 ? -1 : fd;
		l->n_open += fd != 0 && l->n < n - web;
	}
	return 0;
}

const char *
listeners_fault(const struct config *c, size_t service, size_t listen, int e,
    char buf[static LISTENERS_FAULT_TEXT])
{
	const struct config_service *s = listening_at(c, service);
	char whose[LISTENING_TEXT], address[ADDR_TEXT_MAX];

	if (s == NULL)
		(void)snprintf(buf, LISTENERS_FAULT_TEXT, "%s", strerror(-e));
	else
		(void)snprintf(buf, LISTENERS_FAULT_TEXT,
		    "%s: cannot listen on %s: %s", listening_text(s, whose),
		    addr_format(&s->listens[listen].address, address),
		    strerror(-e));
	return buf;
}

void
listeners_keep_alive(const struct listeners *l)
{
	const int *fd = l->fds;

	for (size_t i = 0; i < l->config->n_services; i++) {
		const struct config_service *s = &l->config->services[i];
		const size_t n = s->n_listens * l->workers;

		for (size_t k = 0; k < n; k++, fd++) {
			int e = *fd == -1
			    ? 0
			    : listener_set_keepalive(*fd, s->keepalive_ms);

			if (e < 0)
				log_warning("supervisor",
				    "[reload] service %s: a listener keeps its old keepalive: %s",
				    s->name, strerror(-e));
		}
	}
}

void
listeners_log(const struct listeners *l)
{
	const struct config_service *s;
	const int *fds = l->fds;
	char whose[LISTENING_TEXT], text[ADDR_TEXT_MAX];

	for (size_t i = 0; (s = listening_at(l->config, i)) != NULL; i++)
		for (size_t k = 0; k < s->n_listens; k++) {
			if (*fds == -1)
				log_notice("supervisor",
				    "%s: not listening on %s, this host has no IPv6",
				    listening_text(s, whose),
				    addr_format(&s->listens[k].address, text));
			fds += sockets_of(s, l->workers);
		}
}

void
listeners_close(struct listeners *l)
{
	for (size_t i = 0; i < l->n; i++)
		fd_close(&l->fds[i]);
	free(l->fds);
	l->fds = NULL;
	l->n = 0;
}

void
listeners_mute(struct listeners *l)
{
	for (size_t i = 0; i < l->n; i++) {
		int e = l->fds[i] == -1 ? 0 : listener_mute(l->fds[i]);

		if (e < 0)
			log_warning("supervisor",
			    "[stop] a listener cannot be muted: %s, stopping anyway",
			    strerror(-e));
	}
}

/* What of the muted groups' addresses this listener would answer for. */
static unsigned
add_muted(
    const struct listeners *l, const union addr *here, struct socket_filter *s)
{
	const struct config_pair *pair = &l->config->pair;
	unsigned n = 0;

	for (size_t i = 0; i < pair->n_groups; i++) {
		const struct config_group *g = &pair->groups[i];

		for (size_t k = 0; k < g->n_addresses; k++) {
			const union addr *a = &g->addresses[k].addr;

			if ((l->muted & 1U << i) == 0 ||
			    (!addr_is_any(here) && !addr_is_same_ip(here, a)))
				continue;
			socket_filter_add(s, a);
			n++;
		}
	}
	return n;
}

/* An address: all of its sockets. */
static int
apply_to(const struct listeners *l, const union addr *here, const int *fds,
    unsigned sockets)
{
	struct socket_filter s;
	unsigned n;
	int first = 0;

	if (*fds == -1)
		return 0; /* left out */
	socket_filter_begin(&s, SOCKET_FILTER_MUTE, here->sa.sa_family);
	n = add_muted(l, here, &s);
	first = socket_filter_end(&s);
	for (unsigned w = 0; first == 0 && w < sockets; w++)
		first = n > 0 ? listener_mute_some(fds[w], &s)
		              : listener_unmute(fds[w]);
	return first;
}

/* All listeners, also after a failure; returns the first. */
static int
apply(const struct listeners *l)
{
	const struct config_service *s;
	const int *fds = l->fds;
	int first = 0;

	for (size_t i = 0; (s = listening_at(l->config, i)) != NULL; i++)
		for (size_t k = 0; k < s->n_listens; k++) {
			const unsigned n = sockets_of(s, l->workers);
			int e = apply_to(l, &s->listens[k].address, fds, n);

			fds += n;
			if (first == 0)
				first = e;
		}
	return first;
}

int
listeners_mute_group(struct listeners *l, unsigned group, bool muted)
{
	const unsigned bit = 1U << group;
	int e;

	if (((l->muted & bit) != 0) == muted)
		return 0;
	l->muted ^= bit;
	e = apply(l);
	if (e < 0 && muted) {
		l->muted ^= bit;
		(void)apply(l); /* some were: back to what was before */
	}
	return e;
}
