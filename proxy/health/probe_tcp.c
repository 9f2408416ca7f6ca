#include "proxy/health/probe_tcp.h"

#include "core/fd.h"
#include "proxy/data/dial.h"
#include "proxy/health/graceful_close.h"

#include <string.h>

static void
answer(struct ask_tcp *a, int error)
{
	struct judge_answer said = { .is_void = dial_is_local_failure(error) };

	if (error == 0)
		judge_say(&said, VERDICT_PASSED, "connected");
	else
		judge_say(
		    &said, VERDICT_FAILED, "connect: %s", strerror(error));
	a->on_answer(a->arg, &said);
}

static void
on_io(struct ev_loop *loop, ev_io *io, int revents)
{
	struct ask_tcp *a = CONTAINER_OF(io, struct ask_tcp, io);
	int e = dial_result(a->fd);

	(void)revents;
	ev_io_stop(loop, io);
	if (e == 0)
		farewell_take(a->farewell, &a->fd);
	fd_close(&a->fd);
	answer(a, -e);
}

void
ask_tcp_start(struct ask_tcp *a, const union addr *to)
{
	int fd = dial_start(to, NULL, false);

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
ask_tcp_stop(struct ask_tcp *a)
{
	ev_io_stop(a->loop, &a->io);
	fd_close(&a->fd);
}
