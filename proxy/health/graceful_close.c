#include "proxy/health/graceful_close.h"

#include "core/base.h"
#include "core/fd.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

/* How long the server's FIN is awaited. */
#define PATIENCE_S 1.

/* What it still says meanwhile; one that goes on is left by force. */
#define READS_MAX 64

struct graceful_close_guest {
	struct graceful_close *closing;
	int fd;
	unsigned reads;
	ev_io io;
	ev_timer patience;
	TAILQ_ENTRY(graceful_close_guest) link;
};

/* Freed later: this may be under its own callback. */
static void
leave(struct graceful_close_guest *g)
{
	struct graceful_close *f = g->closing;

	ev_io_stop(f->loop, &g->io);
	ev_timer_stop(f->loop, &g->patience);
	fd_close(&g->fd);
	TAILQ_REMOVE(&f->guests, g, link);
	TAILQ_INSERT_TAIL(&f->gone, g, link);
	f->n--;
}

static void
on_io(struct ev_loop *loop, ev_io *io, int revents)
{
	struct graceful_close_guest *g =
	    CONTAINER_OF(io, struct graceful_close_guest, io);
	char scratch[4096];
	ssize_t n = recv(g->fd, scratch, sizeof(scratch), MSG_DONTWAIT);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || ++g->reads >= READS_MAX)
		leave(g);
}

static void
on_patience(struct ev_loop *loop, ev_timer *t, int revents)
{
	leave(CONTAINER_OF(t, struct graceful_close_guest, patience));
}

static void
bury(struct graceful_close *f)
{
	struct graceful_close_guest *g;

	while ((g = TAILQ_FIRST(&f->gone)) != NULL) {
		TAILQ_REMOVE(&f->gone, g, link);
		free(g);
	}
}

void
graceful_close_init(
    struct graceful_close *f, struct ev_loop *loop, unsigned max)
{
	*f = (struct graceful_close){ .loop = loop, .max = max };
	TAILQ_INIT(&f->guests);
	TAILQ_INIT(&f->gone);
}

void
graceful_close_fini(struct graceful_close *f)
{
	if (f->loop == NULL)
		return;
	while (!TAILQ_EMPTY(&f->guests))
		leave(TAILQ_FIRST(&f->guests));
	bury(f);
}

void
graceful_close_take(struct graceful_close *f, int *fd)
{
	struct graceful_close_guest *g = calloc(1, sizeof(*g));

	bury(f);
	if (g == NULL || shutdown(*fd, SHUT_WR) == -1) {
		free(g);
		fd_close(fd);
		return;
	}
	g->closing = f;
	g->fd = fd_take(fd);
	ev_io_init(&g->io, on_io, g->fd, EV_READ);
	ev_io_start(f->loop, &g->io);
	ev_now_update(f->loop);
	ev_timer_init(&g->patience, on_patience, PATIENCE_S, 0.);
	ev_timer_start(f->loop, &g->patience);
	TAILQ_INSERT_TAIL(&f->guests, g, link);
	if (++f->n > f->max)
		leave(TAILQ_FIRST(&f->guests));
}
