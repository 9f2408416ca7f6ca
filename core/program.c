#include "core/program.h"

#include "core/fd.h"
#include "core/proc.h"
#include "core/program_words.h"
#include "core/timeout.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * As a shell says it: the file cannot be executed, or is not there. The first
 * is ours: others can write it.
 */
#define STATUS_REFUSED 125
#define STATUS_NO_PROGRAM 126
#define STATUS_NO_FILE 127

/* `words` gets what it prints, but for what `output` is for; -1: nobody. */
static int
point_outputs(int output, int words)
{
	int null = open("/dev/null", O_RDWR);

	if (null == -1)
		return -errno;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dup2(fd == STDIN_FILENO || words == -1 ? null : words,
		        fd) == -1)
			return -errno;
	if (output != -1 && dup2(output, STDOUT_FILENO) == -1)
		return -errno;
	/* What we were started with, or a library has left open, too. */
	if (close_range(STDERR_FILENO + 1, ~0U, 0) == -1)
		return -errno;
	return 0;
}

/* After fork, in the child: nothing here allocates or locks. */
static _Noreturn void
become(
    const char *const argv[], pid_t parent, bool mortal, int output, int words)
{
	static char *const env[] = {
		(char *)(uintptr_t) "PATH=/usr/local/sbin:/usr/local/bin:"
		                    "/usr/sbin:/usr/bin:/sbin:/bin",
		(char *)(uintptr_t) "LANG=C", NULL
	};
	sigset_t none;

	(void)setpgid(0, 0);
	proc_spare_no_more();
	/* What is ignored stays so over exec; handlers do not. */
	(void)signal(SIGPIPE, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (mortal && proc_die_with(parent, SIGKILL) < 0)
		_exit(STATUS_NO_PROGRAM);
	if (point_outputs(output, words) < 0 || chdir("/") == -1)
		_exit(STATUS_NO_PROGRAM);
	/*
	 * Here, as a dead file server may hold this up. By its name is as good
	 * as by its descriptor, with which a script would not know what it is
	 * called: who could exchange what is there would have been refused.
	 */
	if (trusted_path_look(argv[0], TRUSTED_PATH_ROOTS, NULL) == -EPERM)
		_exit(STATUS_REFUSED);
	(void)execve(argv[0], (char *const *)(uintptr_t)argv, env);
	_exit(errno == ENOENT ? STATUS_NO_FILE : STATUS_NO_PROGRAM);
}

static void
on_patience(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct program *p = CONTAINER_OF(t, struct program, patience);

	p->overdue = true;
	(void)kill(-p->pid, SIGKILL);
	if (p->calls->on_overdue != NULL)
		p->calls->on_overdue(p);
}

static const char *
fault_of(const struct program *p, char buf[static PROGRAM_FAULT_MAX])
{
	const int status = p->ended.rstatus;
	const bool killed = WIFSIGNALED(status);
	const int number = killed ? WTERMSIG(status) : WEXITSTATUS(status);

	if (p->overdue)
		return "took too long";
	/* Or it has said so itself: then there is nothing to be found. */
	if (!killed && number == STATUS_REFUSED &&
	    trusted_path_look(p->path, TRUSTED_PATH_ROOTS, buf) == -EPERM)
		return buf;
	if (!killed && number == 0)
		return NULL;
	if (!killed && number == STATUS_NO_FILE)
		return "status 127, no such file";
	if (!killed && number == STATUS_NO_PROGRAM)
		return "status 126, cannot be executed";
	(void)snprintf(buf, PROGRAM_FAULT_MAX,
	    killed ? "killed by signal %d" : "status %d", number);
	return buf;
}

static const char *
with_last_words(const char *fault, struct program_words *words,
    char said[static PROGRAM_FAULT_MAX])
{
	const char *last = program_words_last(words);

	if (*last == '\0')
		return fault;
	(void)snprintf(said, PROGRAM_FAULT_MAX, "%.400s, its last words: '%s'",
	    fault, last);
	return said;
}

static void
on_ended(struct ev_loop *loop, ev_child *c, int revents)
{
	struct program *p = CONTAINER_OF(c, struct program, ended);
	char buf[PROGRAM_FAULT_MAX], said[PROGRAM_FAULT_MAX];
	const char *fault;

	ev_child_stop(loop, c);
	ev_timer_stop(loop, &p->patience);
	p->pid = 0;
	fault = fault_of(p, buf);
	if (fault != NULL && p->words != NULL)
		fault = with_last_words(fault, p->words, said);
	program_words_leave(p->words);
	p->words = NULL;
	p->calls->on_end(p, fault);
}

void
program_init(struct program *p, const struct program_calls *calls)
{
	*p = (struct program){ .calls = calls,
		.output = -1,
		.loop = ev_default_loop(EVBACKEND_EPOLL | EVFLAG_NOENV) };
	ev_init(&p->ended, on_ended);
	ev_init(&p->patience, on_patience);
}

int
program_start(struct program *p, const char *const argv[], uint32_t timeout_ms,
    bool mortal)
{
	const pid_t parent = getpid();
	CLEANUP(fd_close) int words = -1;
	pid_t pid;

	/* Whoever reads what it prints has no use for what it also says. */
	if (p->output == -1)
		p->words = program_words_new(p->loop, &words);
	/* Not posix_spawn(), which waits until the file has been read. */
	pid = fork();
	if (pid == -1) {
		const int e = -errno;

		fd_close(&words);
		program_words_leave(p->words);
		p->words = NULL;
		return e;
	}
	if (pid == 0)
		become(argv, parent, mortal, p->output, words);
	/* Here too: whichever of us is first. */
	(void)setpgid(pid, pid);
	p->pid = pid;
	p->path = argv[0];
	p->overdue = false;
	ev_child_set(&p->ended, pid, 0);
	ev_child_start(p->loop, &p->ended);
	timeout_arm(p->loop, &p->patience, timeout_ms / 1e3);
	return 0;
}

bool
program_is_running(const struct program *p)
{
	return p->pid != 0;
}

const char *
program_last_words(struct program *p)
{
	return p->words != NULL ? program_words_last(p->words) : "";
}

void
program_fini(struct program *p, bool kill_it)
{
	if (p->pid != 0 && kill_it)
		(void)kill(-p->pid, SIGKILL);
	p->pid = 0;
	program_words_leave(p->words);
	p->words = NULL;
	if (p->loop == NULL)
		return;
	ev_child_stop(p->loop, &p->ended);
	ev_timer_stop(p->loop, &p->patience);
}
