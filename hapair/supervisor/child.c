#include "hapair/supervisor/child.h"

#include "core/closer.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/proc.h"
#include "core/syscall_filter.h"
#include "core/timeout.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * So many packets are read in a turn: the rest waits until the other role, an
 * end of a child and a signal have had theirs.
 */
#define PACKETS_A_TURN 16

/* All that its channel holds, when it has ended. */
#define LAST_WORDS_MAX 20000

/* Who has closed its channel writes out its log, for half a second at most. */
#define ENDING_PATIENCE_S 2.0

/* What a launcher has in its environment is not for a role, but for these. */
static const char *const kept[] = { "PATH=", "LANG=", "LC_",
	"TZ=", "TMPDIR=", "KRB5", "GSS", "SSL_", "OPENSSL_",
	"RES_OPTIONS=", "LOCALDOMAIN=", "LD_", "GLIBC_TUNABLES=", "MALLOC_",
	"ASAN_OPTIONS=", "LSAN_OPTIONS=", "UBSAN_OPTIONS=", "TSAN_OPTIONS=",
	"JOURNAL_STREAM=", "HAPAIR_" };

#define ENVIRONMENT_MAX 64

static void
keep_environment(char *ret_env[static ENVIRONMENT_MAX])
{
	size_t n = 0;

	for (char **e = environ; *e != NULL && n < ENVIRONMENT_MAX - 1; e++)
		for (size_t i = 0; i < ARRAY_LEN(kept); i++)
			if (strncmp(*e, kept[i], strlen(kept[i])) == 0) {
				ret_env[n++] = *e;
				break;
			}
	ret_env[n] = NULL;
}

/*
 * The channel, the pipe, and stderr for what cannot be logged. Whatever else is
 * open here, or was where we were started, is nobody's business there.
 */
static int
keep_descriptors(int channel, int report)
{
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* Out of the way first: each may be where the other is to go. */
	channel = fcntl(channel, F_DUPFD, CHILD_REPORT_FD + 1);
	report = fcntl(report, F_DUPFD, CHILD_REPORT_FD + 1);
	if (null == -1 || dup2(null, STDIN_FILENO) == -1 ||
	    dup2(null, STDOUT_FILENO) == -1 ||
	    dup2(channel, CHILD_CHAN_FD) == -1 ||
	    dup2(report, CHILD_REPORT_FD) == -1 ||
	    close_range(CHILD_REPORT_FD + 1, ~0U, 0) == -1)
		return -errno;
	return 0;
}

/* After fork, in the child: nothing here allocates or locks. */
static _Noreturn void
become(const struct child *r, int channel, int report)
{
	char uid[16], gid[16];
	char *const argv[] = { (char *)(uintptr_t) "hapair",
		(char *)(uintptr_t) "role", (char *)(uintptr_t)r->name, uid,
		gid, NULL };
	char *env[ENVIRONMENT_MAX];
	sigset_t none;

	(void)snprintf(uid, sizeof(uid), "%u", r->user.uid);
	(void)snprintf(gid, sizeof(gid), "%u", r->user.gid);
	keep_environment(env);
	/* Ctrl-C is the supervisor's to hear: it ends us in good order. */
	(void)setpgid(0, 0);
	/* One that begins has much to do at once, beside one with clients. */
	proc_shorten_slices();
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (keep_descriptors(channel, report) < 0)
		_exit(126);
	/* The very file we run from, even if a newer one took its name. */
	(void)execve("/proc/self/exe", argv, env);
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
	channel_close(r->closer, &r->channel);
	r->ready = false;
}

static int
spawn(struct child *r)
{
	CLEANUP(fd_close) int theirs = -1;
	CLEANUP(fd_close) int report = -1;
	int ends[2], pipe[2];
	int e = channel_pair(ends);
	pid_t pid;

	if (e < 0)
		return e;
	r->channel = ends[0];
	theirs = ends[1];
	if (pipe2(pipe, O_CLOEXEC | O_NONBLOCK) == -1)
		return -errno;
	fd_close(&r->report);
	r->report = pipe[0];
	report = pipe[1];
	pid = fork();
	if (pid == -1)
		return -errno;
	if (pid == 0)
		become(r, theirs, report);
	r->pid = pid;
	r->adopted = false;
	return 0;
}

static void
watch(struct child *r)
{
	r->intake = msg_intake_init(r->party, MSG_RIGHTS_SUPERVISOR, r->closer);
	r->condemned = false;
	r->end[0] = '\0';
	ev_io_set(&r->packets, r->channel, EV_READ);
	ev_io_start(r->loop, &r->packets);
	ev_child_set(&r->ended, r->pid, 0);
	ev_child_start(r->loop, &r->ended);
}

void
child_adopt(struct child *r)
{
	r->adopted = true;
	if (r->pid != 0 && r->channel != -1)
		watch(r);
}

void
child_start(struct child *r)
{
	int e;

	ev_timer_stop(r->loop, &r->again);
	restart_started(&r->restart, mono_now());
	/* What the one before has left behind hangs: no more of it. */
	e = closer_is_full(r->closer) ? -EBUSY : spawn(r);
	if (e < 0) {
		log_error(r->name,
		    "[process] cannot be started: %s, trying again",
		    strerror(-e));
		drop_channel(r);
		start_later(r);
		return;
	}
	watch(r);
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
		log_error(r->name,
		    "[process] does not take messages: %s, restarting it",
		    strerror(-e));
		child_kill(r);
	}
}

static enum msg_rights_stage
stage_of(const struct child *r)
{
	if (r->stopping)
		return MSG_RIGHTS_STOPPING;
	return r->ready ? MSG_RIGHTS_WORKING : MSG_RIGHTS_STARTING;
}

/* What it says is not heard any more, until it has ended. */
static void
condemn(struct child *r)
{
	char text[MSG_INTAKE_TEXT_MAX];

	(void)msg_intake_text(&r->intake, text);
	log_error(r->name, "[process] sent %s, restarting it", text);
	(void)snprintf(r->end, sizeof(r->end), "it sent %s", text);
	r->condemned = true;
	child_kill(r);
}

/* At most so many. False: it has closed its end, or is being killed. */
static bool
read_packets(struct child *r, unsigned most)
{
	struct channel_packet p;

	while (most-- > 0 && !r->condemned && r->channel != -1) {
		int e =
		    msg_intake_take(&r->intake, r->channel, stage_of(r), &p);

		if (e == 0 || e == -EAGAIN)
			return e == -EAGAIN;
		if (e == 1)
			e = msg_intake_end(
			    &r->intake, &p, r->calls->on_packet(r->arg, r, &p));
		if (e < 0)
			condemn(r);
	}
	return !r->condemned;
}

static void
on_packets(struct ev_loop *loop, ev_io *io, int revents)
{
	struct child *r = CONTAINER_OF(io, struct child, packets);

	if (read_packets(r, PACKETS_A_TURN))
		return;
	ev_io_stop(loop, io); /* its end is about to be reported */
	timeout_arm(loop, &r->again, ENDING_PATIENCE_S);
}

static void
tell_end(const struct child *r, pid_t pid, int status)
{
	const char *then = r->stopping ? "" : ", restarting it";
	const int call = syscall_filter_read_report(r->report);
	char name[SYSCALL_FILTER_NAME_MAX];

	if (call != -1)
		log_error(r->name,
		    "[process] process %d made the system call '%s', which is none of its work: it was taken over, or hapair does not know this machine's libraries",
		    (int)pid, syscall_filter_name(call, name));
	if (r->unwanted)
		log_debug(r->name, "process %d has ended", (int)pid);
	else if (WIFSIGNALED(status))
		log_error(r->name,
		    "[process] process %d was killed by signal %d%s", (int)pid,
		    WTERMSIG(status), then);
	else if (!r->stopping || WEXITSTATUS(status) != 0)
		log_error(r->name,
		    "[process] process %d ended with status %d%s", (int)pid,
		    WEXITSTATUS(status), then);
}

static void
on_ended(struct ev_loop *loop, ev_child *c, int revents)
{
	struct child *r = CONTAINER_OF(c, struct child, ended);
	int status = c->rstatus;
	const pid_t pid = r->pid;

	ev_child_stop(loop, c);
	ev_timer_stop(loop, &r->again);
	r->pid = 0; /* the number may be another's already */
	(void)read_packets(r, LAST_WORDS_MAX);
	drop_channel(r);
	tell_end(r, pid, status);
	r->end_status = status;
	r->pause_ms = restart_ended(&r->restart, mono_now());
	r->calls->on_end(r->arg, r);
	if (!r->stopping)
		start_later(r);
}

static void
on_again(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct child *r = CONTAINER_OF(t, struct child, again);

	if (r->pid != 0) {
		log_error(r->name,
		    "[process] has closed its channel and goes on, killing it");
		child_kill(r);
	} else if (!r->stopping) {
		child_start(r);
	}
}

void
child_init(struct child *r, enum msg_rights_party party,
    const struct proc_user *user, const struct child_calls *calls, void *arg)
{
	static const char *const names[] = {
		[MSG_RIGHTS_FAILOVER] = "failover",
		[MSG_RIGHTS_RELAY] = "relay",
		[MSG_RIGHTS_DIRECTOR] = "director",
	};

	*r = (struct child){ .name = names[party],
		.party = party,
		.user = *user,
		.calls = calls,
		.arg = arg,
		.loop = ev_default_loop(EVBACKEND_EPOLL | EVFLAG_NOENV),
		.restart = { .well_ms = RESTART_WELL_MS },
		.channel = -1,
		.report = -1 };
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
	fd_close(&r->report);
}
