#include "proxy/data/pipes.h"

#include "core/fd.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * The largest an unprivileged process may ask for by default. From 64 KiB to
 * 256 KiB a splice costs a third less per byte, to 1 MiB another tenth.
 */
#define SIZE_WANTED (1024 * 1024)
#define SIZE_SECOND (256 * 1024)

/*
 * Past pipe-user-pages-soft the kernel still makes pipes, of a page or two:
 * such a pipe is slower than copying.
 */
#define SIZE_LEAST (64 * 1024)

/* After a refusal this many takers copy before the kernel is asked again. */
#define REFUSAL_PAUSE 256

/* A destination that takes nothing for so long stands still. */
#define WAITING_MS 50

void
pipes_init(struct pipes *p, unsigned limit)
{
	*p = (struct pipes){ .limit = limit };
	SLIST_INIT(&p->spare);
	TAILQ_INIT(&p->waiting);
}

static void
destroy(struct pipes *p, struct pipes_pipe *pipe)
{
	fd_close(&pipe->in);
	fd_close(&pipe->out);
	free(pipe);
	p->n--;
}

void
pipes_fini(struct pipes *p)
{
	struct pipes_pipe *pipe;

	while ((pipe = SLIST_FIRST(&p->spare)) != NULL) {
		SLIST_REMOVE_HEAD(&p->spare, spare);
		destroy(p, pipe);
	}
}

static struct pipes_pipe *
make(struct pipes *p)
{
	struct pipes_pipe *pipe = calloc(1, sizeof(*pipe));
	int ends[2], size;

	if (pipe == NULL)
		return NULL;
	if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) == -1) {
		free(pipe);
		return NULL;
	}
	p->n++;
	pipe->out = ends[0];
	pipe->in = ends[1];
	if (fcntl(pipe->in, F_SETPIPE_SZ, SIZE_WANTED) == -1)
		(void)fcntl(pipe->in, F_SETPIPE_SZ, SIZE_SECOND);
	size = fcntl(pipe->in, F_GETPIPE_SZ);
	if (size < SIZE_LEAST) {
		destroy(p, pipe);
		return NULL;
	}
	pipe->size = (size_t)size;
	return pipe;
}

struct pipes_pipe *
pipes_take(struct pipes *p)
{
	struct pipes_pipe *pipe = SLIST_FIRST(&p->spare);

	if (pipe != NULL) {
		SLIST_REMOVE_HEAD(&p->spare, spare);
		return pipe;
	}
	if (p->refused > 0) {
		p->refused--;
		return NULL;
	}
	if (p->n >= p->limit)
		return NULL;
	pipe = make(p);
	if (pipe == NULL)
		p->refused = REFUSAL_PAUSE;
	return pipe;
}

static void
wait_no_more(struct pipes *p, struct pipes_pipe *pipe)
{
	if (pipe->flow != NULL)
		TAILQ_REMOVE(&p->waiting, pipe, wait);
	pipe->flow = NULL;
}

void
pipes_wait(struct pipes *p, struct pipes_pipe *pipe, struct flow *flow)
{
	/* The other direction may have had its turn, and this one moved not. */
	if (pipe->flow != NULL && pipe->waiting == pipe->bytes)
		return;
	wait_no_more(p, pipe);
	pipe->flow = flow;
	pipe->waiting = pipe->bytes;
	pipe->since = mono_now();
	TAILQ_INSERT_TAIL(&p->waiting, pipe, wait);
}

struct pipes_pipe *
pipes_longest_waiting(const struct pipes *p)
{
	struct pipes_pipe *pipe = TAILQ_FIRST(&p->waiting);

	if (pipe == NULL || mono_span_ms(pipe->since, mono_now()) < WAITING_MS)
		return NULL;
	return pipe;
}

void
pipes_give(struct pipes *p, struct pipes_pipe *pipe)
{
	wait_no_more(p, pipe);
	if (pipe->bytes > 0)
		destroy(p, pipe);
	else
		SLIST_INSERT_HEAD(&p->spare, pipe, spare);
}
