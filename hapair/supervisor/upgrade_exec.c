#include "hapair/supervisor/upgrade_exec.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/msg.h"
#include "hapair/supervisor/generation.h"
#include "hapair/supervisor/key_keeper.h"
#include "hapair/supervisor/upgrade_collect.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARGUMENTS_MAX 32
#define COMMAND_LINE_MAX 8192

/*
 * What is not carried over: scripts that run would be nobody's. Returns the
 * log's file, for its name may be another's by now, or nobody's; or -1.
 */
static int
rest(struct generation *now)
{
	const int file = log_share();

	track_scripts_stop(&now->scripts);
	log_close();
	return file;
}

static void
wake(struct generation *now, int *file)
{
	const struct config_log *log = &now->setup.config->log;
	struct log_options o = config_log_options(log, "supervisor");
	int e;

	o.file = *file == -1 ? 0 : *file;
	e = log_open(&o);
	if (e == 0)
		e = log_start();
	if (e < 0)
		log_error("supervisor",
		    "[log] log %s: %s, writing on as before",
		    o.path != NULL ? o.path : "", strerror(-e));
	fd_close(file);
	generation_start_scripts(now);
}

/* -- keys --------------------------------------------------------------- */

/* Empty where there is no pair. */
static int
write_keys(const struct key_keeper *k)
{
	CLEANUP(fd_close) int fd = memfd_create("hapair-keys", MFD_CLOEXEC);
	uint8_t body[1 + sizeof(k->keys->all)];
	struct buf b = buf_writer(body, sizeof(body));
	int e = 0;

	if (fd == -1)
		return -errno;
	if (k->keys != NULL) {
		msg_put_keys(&b, k->keys);
		e = fd_write_all(fd, body, b.pos);
		secret_wipe(body, sizeof(body));
	}
	return e < 0 ? e : fd_take(&fd);
}

static void
wipe_keys(int fd)
{
	static const uint8_t zeros[1 + sizeof(struct secret_keys)];

	(void)!pwrite(fd, zeros, sizeof(zeros), 0);
}

/* -- exec --------------------------------------------------------------- */

/*
 * As it was started: who looks for the daemon by its command line finds it.
 * Returns 0 or -errno.
 */
static int
read_arguments(
    char text[static COMMAND_LINE_MAX], char *argv[static ARGUMENTS_MAX + 1])
{
	CLEANUP(fd_close)
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	const ssize_t n = fd == -1 ? -1 : read(fd, text, COMMAND_LINE_MAX - 1);
	unsigned count = 0;

	if (n <= 0)
		return -EIO;
	text[n] = '\0';
	for (char *at = text; at < text + n && count < ARGUMENTS_MAX;
	     at += strlen(at) + 1)
		argv[count++] = at;
	argv[count] = NULL;
	return 0;
}

static int
set_inherited(void *arg, int fd)
{
	return fd_set_inherited(fd, *(const bool *)arg);
}

/* Returns the -errno of execve(). */
static int
try_exec(int program, int state, int keys)
{
	char text[COMMAND_LINE_MAX], path[32], where[32];
	char *argv[ARGUMENTS_MAX + 1];
	int e = read_arguments(text, argv);

	if (e < 0)
		return e;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", program);
	(void)snprintf(where, sizeof(where), "%d %d", state, keys);
	if (setenv(UPGRADE_EXEC_VARIABLE, where, 1) == -1)
		return -ENOMEM;
	(void)execve(path, argv, environ);
	e = -errno;
	(void)unsetenv(UPGRADE_EXEC_VARIABLE);
	return e;
}

int
upgrade_exec_do(const struct upgrade_collect *state,
    const struct key_keeper *keys, struct generation *now, int program,
    int socket)
{
	CLEANUP(upgrade_collect_free) struct upgrade_collect_loaded *l = NULL;
	CLEANUP(fd_close) int file = upgrade_collect_file(state, socket);
	CLEANUP(fd_close) int secret = write_keys(keys);
	bool inherited = true;
	int e;

	if (file < 0 || secret < 0) {
		e = file < 0 ? file : secret;
		file = file < 0 ? -1 : file;
		secret = secret < 0 ? -1 : secret;
		return e;
	}
	/* As the next one will read it. */
	e = upgrade_collect_load(file, &l);
	if (e == 0)
		e = fd_set_inherited(file, true);
	if (e == 0)
		e = fd_set_inherited(secret, true);
	if (e == 0)
		e = upgrade_state_each_fd(&l->state, set_inherited, &inherited);
	if (e == 0) {
		int log = rest(now);

		e = try_exec(program, file, secret);
		wake(now, &log);
	}
	wipe_keys(secret);
	inherited = false;
	if (l != NULL)
		(void)upgrade_state_each_fd(
		    &l->state, set_inherited, &inherited);
	return e;
}

void
upgrade_exec_hold_signals(sigset_t *ret_before)
{
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, ret_before);
}

void
upgrade_exec_hear_signals(const sigset_t *before)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, before != NULL ? before : &none, NULL);
}
