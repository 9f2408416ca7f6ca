#include "proxy/health/probe_tcp.h"

#include "core/fd.h"
#include "proxy/data/dial.h"
#include "proxy/health/graceful_close.h"

#include <string.h>

static void
answer(struct probe_tcp *a, int error)
{
	struct probe_judge_answer said = { .is_void =
		                               dial_is_local_failure(error) };

	if (error == 0)
		probe_judge_say(&said, HEALTH_PASSED, "connected");
	else
		probe_judge_say(
		    &said, HEALTH_FAILED, "connect: %s", strerror(error));
	a->on_answer(a->arg, &said);
}

static void
on_io(struct ev_loop *loop, ev_io *io, int revents)
{
	struct probe_tcp *a = CONTAINER_OF(io, struct probe_tcp, io);
	int e = dial_result(a->fd);

	(void)revents;
	ev_io_stop(loop, io);
	if (e == 0)
		graceful_close_take(a->closing, &a->fd);
	fd_close(&a->fd);
	answer(a, -e);
}

void
probe_tcp_start(struct probe_tcp *a, const union addr *to)
{
	int fd = dial_start(to, NULL);

	if (fd < 0) {
		a->fd = -1;
		ev_init(&a->io, on_io);
		answer(a, -fd);
		return;
	}
	a->fd = fd;
	ev_io_init(&a->io, on_io, fd, EV_WRITE);
	ev_io_start(a->loop, &a->io);
}

void
probe_tcp_stop(struct probe_tcp *a)
{
	ev_io_stop(a->loop, &a->io);
	fd_close(&a->fd);
}
