#include "hapair/listeners.h"

#include "core/fd.h"
#include "core/log.h"
#include "proxy/listener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t
count(const struct config *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_services; i++)
		n += c->services[i].n_listens;
	return n;
}

int
listeners_open(struct listeners *l, const struct config *c, unsigned workers,
    size_t *ret_service, size_t *ret_listen)
{
	*l = (struct listeners){ .workers = workers };
	*ret_service = *ret_listen = 0;
	l->fds = calloc(count(c) * workers + 1, sizeof(*l->fds));
	if (l->fds == NULL)
		return -ENOMEM;
	for (size_t s = 0; s < c->n_services; s++)
		for (size_t i = 0; i < c->services[s].n_listens; i++)
			for (unsigned w = 0; w < workers; w++) {
				int fd = listener_open(
				    &c->services[s].listens[i].address,
				    c->services[s].keepalive_ms);

				*ret_service = s;
				*ret_listen = i;
				if (fd < 0)
					return fd;
				l->fds[l->n++] = fd;
			}
	return 0;
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
listeners_hush(struct listeners *l)
{
	for (size_t i = 0; i < l->n; i++) {
		int e = listener_hush(l->fds[i]);

		if (e < 0)
			log_warning("supervisor",
			    "a listener cannot be hushed: %s, stopping anyway",
			    strerror(-e));
	}
}
