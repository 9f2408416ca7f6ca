#include "proxy/check.h"

#include "config/config.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/wall.h"
#include "proxy/dial.h"
#include "proxy/pool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* While results contradict the verdict, they come this much faster. */
#define WAVERING_FACTOR 4.

static void begin(struct check *c);

static void
wait_s(struct check *c, double seconds)
{
	ev_timer_stop(c->loop, &c->timer);
	ev_now_update(c->loop);
	ev_timer_set(&c->timer, seconds, 0.);
	ev_timer_start(c->loop, &c->timer);
}

static void
close_socket(struct check *c)
{
	ev_io_stop(c->loop, &c->io);
	fd_close(&c->fd);
}

static void
tell(struct check *c, enum verdict_state was)
{
	char subject[2 * CONFIG_NAME_MAX + 16];

	(void)snprintf(subject, sizeof(subject), "service %s, server %s",
	    c->pool->config->name, c->server->config->name);
	log_notice(subject, "%s -> %s, reason: %s", verdict_state_name(was),
	    verdict_state_name(c->verdict.state), c->detail);
}

static void
count(struct check *c, bool passed)
{
	enum verdict_state was = c->verdict.state;

	if (!verdict_step(
	        &c->verdict, passed ? VERDICT_PASSED : VERDICT_FAILED))
		return;
	c->since_wall_ms = wall_now_ms();
	pool_set_state(c->pool, c->server, c->verdict.state, mono_now());
	tell(c, was);
	c->on_change(c->arg, c->pool);
}

/* Until the next one, counted from the end of this one. */
static void
rest(struct check *c)
{
	double s = c->server->config->check.interval_ms / 1000.;

	close_socket(c);
	c->phase = CHECK_IDLE;
	if (c->again)
		s = 0.;
	else if (verdict_is_wavering(&c->verdict))
		s /= WAVERING_FACTOR;
	c->again = false;
	wait_s(c, s);
}

static void
failed(struct check *c, int error)
{
	c->passed = false;
	(void)snprintf(
	    c->detail, sizeof(c->detail), "connect: %s", strerror(error));
	count(c, false);
	rest(c);
}

static void
not_resolved(struct check *c)
{
	c->passed = false;
	(void)snprintf(c->detail, sizeof(c->detail),
	    "name '%.50s' is not resolved", c->server->config->host);
	count(c, false);
	rest(c);
}

/*
 * It answers. Now leave like a guest: FIN, and wait for its own, since a RST
 * fills the logs of many a server.
 */
static void
passed(struct check *c)
{
	c->passed = true;
	c->latency_ms = (double)mono_span_us(c->began, mono_now()) / 1000.;
	(void)snprintf(c->detail, sizeof(c->detail), "connected");
	count(c, true);
	(void)shutdown(c->fd, SHUT_WR);
	c->phase = CHECK_CLOSING;
	ev_io_stop(c->loop, &c->io);
	ev_io_set(&c->io, c->fd, EV_READ);
	ev_io_start(c->loop, &c->io);
	wait_s(c, c->server->config->check.timeout_ms / 1000.);
}

static void
drain(struct check *c)
{
	char scratch[4096];
	ssize_t n = recv(c->fd, scratch, sizeof(scratch), MSG_DONTWAIT);

	if (n > 0 || (n == -1 && (errno == EAGAIN || errno == EINTR)))
		return; /* a greeting; the timer bounds how long we listen */
	rest(c);
}

static void
on_io(struct ev_loop *loop, ev_io *io, int revents)
{
	struct check *c = CONTAINER_OF(io, struct check, io);
	int r;

	(void)loop;
	(void)revents;
	if (c->phase == CHECK_CLOSING) {
		drain(c);
		return;
	}
	r = dial_result(c->fd);
	if (r < 0)
		failed(c, -r);
	else
		passed(c);
}

static void
on_timer(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct check *c = CONTAINER_OF(t, struct check, timer);

	(void)loop;
	(void)revents;
	switch (c->phase) {
	case CHECK_IDLE:
		begin(c);
		break;
	case CHECK_RESOLVING:
		not_resolved(c);
		break;
	case CHECK_CONNECTING:
		failed(c, ETIMEDOUT);
		break;
	case CHECK_CLOSING: /* it keeps its side open: not our concern */
		rest(c);
		break;
	}
}

/* Where to: the server's address, at the check's port. */
static int
dial(struct check *c)
{
	uint16_t port = c->server->config->check.port;
	union addr to;

	if (!pool_get_address(c->pool, c->server, &to))
		return -EDESTADDRREQ;
	if (port != 0)
		addr_set_port(&to, port);
	return dial_start(&to, NULL, false);
}

static void
begin(struct check *c)
{
	int fd;

	c->began = mono_now();
	fd = dial(c);
	if (fd == -EDESTADDRREQ) {
		c->phase = CHECK_RESOLVING;
		wait_s(c, c->server->config->check.timeout_ms / 1000.);
	} else if (fd < 0 && dial_is_local_failure(-fd)) {
		/* Says nothing of the server: leave it as it is. */
		log_warning(
		    "check", "cannot connect: %s, trying again", strerror(-fd));
		rest(c);
	} else if (fd < 0) {
		failed(c, -fd);
	} else {
		c->fd = fd;
		c->phase = CHECK_CONNECTING;
		ev_io_set(&c->io, c->fd, EV_WRITE);
		ev_io_start(c->loop, &c->io);
		wait_s(c, c->server->config->check.timeout_ms / 1000.);
	}
}

void
check_prepare(struct check *c, struct pool *pool, struct pool_server *server)
{
	const struct config_check *config = &server->config->check;

	c->pool = pool;
	c->server = server;
	c->fd = -1;
	c->verdict =
	    (struct verdict){ .rise = config->rise, .fall = config->fall };
	ev_init(&c->io, on_io);
	ev_timer_init(&c->timer, on_timer, 0., 0.);
}

void
check_start(struct check *c)
{
	begin(c);
}

void
check_accuse(struct check *c)
{
	if (c->verdict.state == VERDICT_UP) {
		c->passed = false;
		(void)snprintf(
		    c->detail, sizeof(c->detail), "connect of a client failed");
		count(c, false);
	}
	if (c->phase == CHECK_IDLE)
		wait_s(c, 0.);
	else
		c->again = true;
}

void
check_move(struct check *c)
{
	close_socket(c);
	c->phase = CHECK_IDLE;
	c->again = false;
	/* Down for want of an address says nothing: one success is enough. */
	if (c->verdict.state == VERDICT_DOWN)
		c->verdict.streak = c->verdict.rise - 1;
	wait_s(c, 0.);
}

void
check_stop(struct check *c)
{
	if (c->loop == NULL)
		return;
	ev_timer_stop(c->loop, &c->timer);
	close_socket(c);
}
