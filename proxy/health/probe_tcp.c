#include "proxy/health/probe_tcp.h"

#include "config/config.h"
#include "config/schema/check_forms.h"
#include "core/fd.h"
#include "core/secret.h"
#include "core/timeout.h"
#include "proxy/data/dial.h"
#include "proxy/health/graceful_close.h"
#include "proxy/health/introduction.h"
#include "proxy/health/secret_files.h"
#include "proxy/health/talk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void
free_talk(struct probe_tcp *a)
{
	if (a->talk != NULL)
		secret_wipe(a->talk, sizeof(*a->talk));
	free(a->talk);
	a->talk = NULL;
}

/* Whatever was said, it is left as a guest does: after its last words. */
static void
finish(
    struct probe_tcp *a, const struct probe_judge_answer *said, bool gracefully)
{
	const struct probe_judge_answer answer = *said;

	ev_io_stop(a->loop, &a->io);
	if (gracefully)
		graceful_close_take(a->closing, &a->fd);
	probe_tcp_stop(a);
	a->on_answer(a->arg, &answer);
}

static void
fail(struct probe_tcp *a, int error)
{
	struct probe_judge_answer said = { .is_void =
		                               dial_is_local_failure(error) };

	probe_judge_say(&said, HEALTH_FAILED, "connect: %s", strerror(error));
	finish(a, &said, false);
}

/* What is left to say: how much of it went. -errno where nothing can. */
static int
say(struct probe_tcp *a)
{
	struct talk *t = a->talk;
	ssize_t n;

	while (t->out_len > 0) {
		n = send(a->fd, t->out, t->out_len, MSG_NOSIGNAL);
		if (n == -1)
			return errno == EAGAIN ? 0 : -errno;
		t->out_len -= (size_t)n;
		memmove(t->out, t->out + n, t->out_len);
	}
	return 0;
}

static void
go_on(struct probe_tcp *a, enum talk_next next)
{
	struct talk *t = a->talk;
	const int e = say(a);

	if (next == TALK_ENDS) {
		finish(a, &t->said, true);
		return;
	}
	if (e < 0) {
		talk_break(t, strerror(-e));
		finish(a, &t->said, false);
		return;
	}
	ev_io_stop(a->loop, &a->io);
	ev_io_set(&a->io, a->fd, EV_READ | (t->out_len > 0 ? EV_WRITE : 0));
	ev_io_start(a->loop, &a->io);
}

/* Returns whether the talk may go on. */
static bool
hear(struct probe_tcp *a)
{
	struct talk *t = a->talk;
	const ssize_t n =
	    recv(a->fd, t->in + t->in_len, sizeof(t->in) - t->in_len, 0);

	if (n > 0) {
		t->in_len += (size_t)n;
		t->heard += (size_t)n;
		return true;
	}
	if (n == -1 && errno == EAGAIN)
		return false;
	talk_break(t, n == 0 ? "closed" : strerror(errno));
	finish(a, &t->said, n == 0);
	return false;
}

/* Another type's keys may have been inherited from the service. */
static bool
wants_password(const struct config_check *c)
{
	return check_forms_has_user(c) && c->password_file != NULL;
}

/* Connected: NULL where memory is out. */
static struct talk *
begin(struct probe_tcp *a)
{
	const struct config_check *c = a->config;
	struct talk *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->check = c;
	if (wants_password(c))
		t->password =
		    secret_files_password(a->secrets, c->password_file);
	secret_random(t->nonce, sizeof(t->nonce));
	return t;
}

static void
on_connected(struct probe_tcp *a)
{
	struct probe_judge_answer said = { .is_void = true };
	int e = dial_result(a->fd);

	if (e == 0)
		e = introduction_say(a->fd, a->proxy);
	if (e < 0) {
		fail(a, -e);
		return;
	}
	a->talk = begin(a);
	if (a->talk == NULL) {
		probe_judge_say(&said, HEALTH_FAILED, "no memory");
		finish(a, &said, true);
		return;
	}
	go_on(a, talk_begin(a->talk));
}

static void
on_io(struct ev_loop *loop, ev_io *io, int revents)
{
	struct probe_tcp *a = CONTAINER_OF(io, struct probe_tcp, io);

	if (a->talk == NULL)
		on_connected(a);
	else if ((revents & EV_READ) == 0)
		go_on(a, TALK_HEARS);
	else if (hear(a))
		go_on(a, talk_hear(a->talk));
}

static void
on_late(struct ev_loop *loop, ev_timer *late, int revents)
{
	struct probe_tcp *a = CONTAINER_OF(late, struct probe_tcp, late);
	char how[PROBE_JUDGE_DETAIL_MAX];

	if (a->talk == NULL) {
		fail(a, ETIMEDOUT);
		return;
	}
	(void)snprintf(
	    how, sizeof(how), "%u ms were over", a->config->timeout_ms);
	talk_break(a->talk, how);
	finish(a, &a->talk->said, true);
}

void
probe_tcp_init(struct probe_tcp *a)
{
	a->fd = -1;
	a->talk = NULL;
	ev_init(&a->io, on_io);
	ev_timer_init(&a->late, on_late, 0., 0.);
}

void
probe_tcp_start(struct probe_tcp *a, const union addr *to)
{
	const char *file = a->config->password_file;
	struct probe_judge_answer said = { .is_void = false };
	int fd;

	if (wants_password(a->config) &&
	    secret_files_password(a->secrets, file) == NULL) {
		probe_judge_say(
		    &said, HEALTH_FAILED, "the password file cannot be used");
		finish(a, &said, false);
		return;
	}
	fd = dial_start(to, NULL);
	if (fd < 0) {
		fail(a, -fd);
		return;
	}
	a->fd = fd;
	ev_io_set(&a->io, fd, EV_WRITE);
	ev_io_start(a->loop, &a->io);
	timeout_arm(a->loop, &a->late, a->config->timeout_ms / 1000.);
}

void
probe_tcp_stop(struct probe_tcp *a)
{
	ev_io_stop(a->loop, &a->io);
	ev_timer_stop(a->loop, &a->late);
	free_talk(a);
	fd_close(&a->fd);
}
