#include "hapair/supervisor/upgrade_trial.h"

#include "core/fd.h"
#include "core/proc.h"
#include "core/timeout.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/close_range.h>

/* To load libraries and a file of the largest size, on a busy host. */
#define PATIENCE_S 5.

/* Above all statuses of ours: it could not even be started, for this errno. */
#define STATUS_ERRNO 128

static int
point_at(int state, int said)
{
	char path[32];
	int in;

	/* A description of its own: ours has an offset that others use. */
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", state);
	in = open(path, O_RDONLY | O_CLOEXEC);
	if (in == -1 || dup2(in, STDIN_FILENO) == -1 ||
	    dup2(said, STDOUT_FILENO) == -1 || dup2(said, STDERR_FILENO) == -1)
		return -errno;
	/* By its number the program is found until it runs. */
	return close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) == -1
	    ? -errno
	    : 0;
}

/* After fork, in the child: nothing here allocates or locks. */
static _Noreturn void
become(pid_t parent, int program, int state, int said)
{
	char *const argv[] = { (char *)(uintptr_t) "hapair",
		(char *)(uintptr_t) "trial", NULL };
	char path[32];
	sigset_t none;

	(void)setpgid(0, 0);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (proc_die_with(parent, SIGKILL) < 0 || point_at(state, said) < 0)
		_exit(STATUS_ERRNO + EIO);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", program);
	(void)execve(path, argv, environ);
	_exit(STATUS_ERRNO + (errno < STATUS_ERRNO ? errno : EIO));
}

/* Who says more than there is room for is not heard any more, and hangs. */
static void
hear(struct upgrade_trial *t)
{
	const size_t room = sizeof(t->text) - 1;
	ssize_t n = 1;

	while (n > 0 && t->len < room) {
		n = read(t->said, t->text + t->len, room - t->len);
		if (n > 0)
			t->len += (size_t)n;
	}
	t->text[t->len] = '\0';
	if (n == 0 || t->len == room)
		ev_io_stop(t->loop, &t->readable);
}

static void
on_readable(struct ev_loop *loop, ev_io *io, int revents)
{
	hear(CONTAINER_OF(io, struct upgrade_trial, readable));
}

static void
on_patience(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct upgrade_trial *t =
	    CONTAINER_OF(timer, struct upgrade_trial, patience);

	if (t->overdue) { /* it hangs in the kernel: for how long? */
		char text[UPGRADE_TRIAL_FAULT_MAX];

		t->given_up = true;
		ev_io_stop(loop, &t->readable);
		fd_close(&t->said);
		(void)snprintf(text, sizeof(text),
		    "it does not answer within %.0f s, and process %d does not end when it is killed",
		    t->patience_s, (int)t->pid);
		t->on_end(t, text);
		return;
	}
	t->overdue = true;
	(void)kill(-t->pid, SIGKILL);
	timeout_arm(loop, timer, t->patience_s);
}

/* Its first line; the last sign of what others say ends a sentence, perhaps. */
static void
cut_line(char *text)
{
	text[strcspn(text, "\n")] = '\0';
}

static const char *
fault_of(struct upgrade_trial *t, char buf[static UPGRADE_TRIAL_FAULT_MAX])
{
	const int status = t->ended.rstatus;
	const int number =
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);

	if (t->overdue)
		(void)snprintf(buf, UPGRADE_TRIAL_FAULT_MAX,
		    "it does not answer within %.0f s", t->patience_s);
	else if (WIFSIGNALED(status))
		(void)snprintf(buf, UPGRADE_TRIAL_FAULT_MAX,
		    "it was killed by signal %d when it was tried", number);
	else if (number >= STATUS_ERRNO)
		(void)snprintf(buf, UPGRADE_TRIAL_FAULT_MAX,
		    "it cannot be run: %s", strerror(number - STATUS_ERRNO));
	else if (number != 0 && t->len == 0)
		(void)snprintf(buf, UPGRADE_TRIAL_FAULT_MAX,
		    "it ended with status %d when it was tried", number);
	else if (number != 0)
		(void)snprintf(
		    buf, UPGRADE_TRIAL_FAULT_MAX, "it says: %s", t->text);
	else
		return NULL;
	return buf;
}

static void
close_pipe(struct upgrade_trial *t)
{
	ev_io_stop(t->loop, &t->readable);
	fd_close(&t->said);
}

static void
on_ended(struct ev_loop *loop, ev_child *c, int revents)
{
	struct upgrade_trial *t = CONTAINER_OF(c, struct upgrade_trial, ended);
	char buf[UPGRADE_TRIAL_FAULT_MAX];

	ev_child_stop(loop, c);
	ev_timer_stop(loop, &t->patience);
	t->pid = 0;
	if (t->given_up)
		return;
	hear(t);
	close_pipe(t);
	if (t->overdue || c->rstatus != 0)
		cut_line(t->text);
	t->on_end(t, fault_of(t, buf));
}

void
upgrade_trial_init(struct upgrade_trial *t,
    void (*on_end)(struct upgrade_trial *t, const char *fault))
{
	*t = (struct upgrade_trial){
		.loop = ev_default_loop(EVBACKEND_EPOLL | EVFLAG_NOENV),
		.on_end = on_end,
		.patience_s = PATIENCE_S,
		.said = -1,
	};
	ev_init(&t->readable, on_readable);
	ev_init(&t->ended, on_ended);
	ev_timer_init(&t->patience, on_patience, 0., 0.);
}

int
upgrade_trial_start(struct upgrade_trial *t, int program, int state)
{
	CLEANUP(fd_close) int theirs = -1;
	const pid_t parent = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) == -1)
		return -errno;
	t->said = ends[0];
	theirs = ends[1];
	if (fd_set_nonblock(t->said) < 0 || (t->pid = fork()) == -1) {
		const int e = -errno;

		t->pid = 0;
		fd_close(&t->said);
		return e;
	}
	if (t->pid == 0)
		become(parent, program, state, theirs);
	(void)setpgid(t->pid, t->pid); /* whichever of us is first */
	t->overdue = t->given_up = false;
	t->len = 0;
	t->text[0] = '\0';
	ev_io_set(&t->readable, t->said, EV_READ);
	ev_io_start(t->loop, &t->readable);
	ev_child_set(&t->ended, t->pid, 0);
	ev_child_start(t->loop, &t->ended);
	timeout_arm(t->loop, &t->patience, t->patience_s);
	return 0;
}

bool
upgrade_trial_is_running(const struct upgrade_trial *t)
{
	return t->pid != 0;
}

void
upgrade_trial_fini(struct upgrade_trial *t)
{
	if (t->pid != 0)
		(void)kill(-t->pid, SIGKILL);
	t->pid = 0;
	ev_child_stop(t->loop, &t->ended);
	ev_timer_stop(t->loop, &t->patience);
	close_pipe(t);
}
