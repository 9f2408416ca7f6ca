#include "hapair/supervisor/child.h"

#include "core/fd.h"
#include "core/log.h"
#include "core/timeout.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* After fork, in the child: nothing here allocates or locks. */
static _Noreturn void
become(const char *name, int channel)
{
	char *const argv[] = { (char *)(uintptr_t) "hapair",
		(char *)(uintptr_t) "role", (char *)(uintptr_t)name, NULL };
	sigset_t none;

	/* Ctrl-C is the supervisor's to hear: it ends us in good order. */
	(void)setpgid(0, 0);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (channel == CHILD_CHAN_FD) {
		if (fd_set_inherited(channel, true) < 0)
			_exit(126);
	} else if (dup2(channel, CHILD_CHAN_FD) == -1) {
		_exit(126);
	}
	/* The very file we run from, even if a newer one took its name. */
	(void)execv("/proc/self/exe", argv);
	_exit(127);
}

static void
start_later(struct child *r)
{
	timeout_arm(r->loop, &r->again, r->pause_ms / 1000.);
}

static void
drop_channel(struct child *r)
{
	ev_io_stop(r->loop, &r->packets);
	fd_close(&r->channel);
	r->ready = false;
}

static int
spawn(struct child *r)
{
	CLEANUP(fd_close) int theirs = -1;
	int ends[2];
	int e = channel_pair(ends);
	pid_t pid;

	if (e < 0)
		return e;
	r->channel = ends[0];
	theirs = ends[1];
	pid = fork();
	if (pid == -1)
		return -errno;
	if (pid == 0)
		become(r->name, theirs);
	r->pid = pid;
	return 0;
}

void
child_start(struct child *r)
{
	int e;

	ev_timer_stop(r->loop, &r->again);
	restart_started(&r->restart, mono_now());
	e = spawn(r);
	if (e < 0) {
		log_error(r->name, "cannot be started: %s, trying again",
		    strerror(-e));
		drop_channel(r);
		start_later(r);
		return;
	}
	ev_io_set(&r->packets, r->channel, EV_READ);
	ev_io_start(r->loop, &r->packets);
	ev_child_set(&r->ended, r->pid, 0);
	ev_child_start(r->loop, &r->ended);
	if (r->calls->on_spawn(r->arg, r) < 0)
		child_kill(r);
}

void
child_send(
    struct child *r, enum msg_type type, const void *body, size_t len, int fd)
{
	int e;

	if (r->channel == -1)
		return;
	e = channel_send(r->channel, (uint16_t)type, body, len, fd);
	if (e < 0 && e != -EPIPE) { /* EPIPE: ending already */
		log_error(r->name, "does not take messages: %s, restarting it",
		    strerror(-e));
		child_kill(r);
	}
}

/* All that is there. False: the role has closed its end, or was killed. */
static bool
read_packets(struct child *r)
{
	struct channel_packet p;
	int e = 0;

	while (r->channel != -1 && (e = channel_recv(r->channel, &p)) == 1) {
		e = r->calls->on_packet(r->arg, r, &p);
		fd_close(&p.fd);
		if (e < 0) {
			log_error(r->name,
			    "sent a malformed message of type %u, restarting it",
			    (unsigned)p.type);
			child_kill(r);
			return false;
		}
	}
	return e == -EAGAIN;
}

static void
on_packets(struct ev_loop *loop, ev_io *io, int revents)
{
	struct child *r = CONTAINER_OF(io, struct child, packets);

	if (!read_packets(r))
		ev_io_stop(loop, io); /* its end is about to be reported */
}

static void
tell_end(const struct child *r, pid_t pid, int status)
{
	const char *then = r->stopping ? "" : ", restarting it";

	if (WIFSIGNALED(status))
		log_error(r->name, "process %d was killed by signal %d%s",
		    (int)pid, WTERMSIG(status), then);
	else if (!r->stopping || WEXITSTATUS(status) != 0)
		log_error(r->name, "process %d ended with status %d%s",
		    (int)pid, WEXITSTATUS(status), then);
}

static void
on_ended(struct ev_loop *loop, ev_child *c, int revents)
{
	struct child *r = CONTAINER_OF(c, struct child, ended);
	int status = c->rstatus;
	const pid_t pid = r->pid;

	ev_child_stop(loop, c);
	r->pid = 0;            /* the number may be another's already */
	(void)read_packets(r); /* its last words */
	drop_channel(r);
	tell_end(r, pid, status);
	r->pause_ms = restart_ended(&r->restart, mono_now());
	r->calls->on_end(r->arg, r);
	if (!r->stopping)
		start_later(r);
}

static void
on_again(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct child *r = CONTAINER_OF(t, struct child, again);

	if (!r->stopping)
		child_start(r);
}

void
child_init(struct child *r, const char *name, const struct child_calls *calls,
    void *arg)
{
	*r = (struct child){ .name = name,
		.calls = calls,
		.arg = arg,
		.loop = ev_default_loop(EVBACKEND_EPOLL | EVFLAG_NOENV),
		.restart = { .well_ms = RESTART_WELL_MS },
		.channel = -1 };
	ev_init(&r->packets, on_packets);
	ev_init(&r->ended, on_ended);
	ev_timer_init(&r->again, on_again, 0., 0.);
}

void
child_kill(struct child *r)
{
	if (r->pid > 0)
		(void)kill(r->pid, SIGKILL);
}

void
child_fini(struct child *r)
{
	child_kill(r);
	ev_timer_stop(r->loop, &r->again);
	ev_child_stop(r->loop, &r->ended);
	if (r->channel != -1)
		drop_channel(r);
}
