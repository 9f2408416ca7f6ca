#include "core/fd.h"
#include "core/log.h"
#include "director/bpf/director_removal.h"
#include "hapair/cli/command.h"
#include "hapair/cli/daemon_place.h"
#include "hapair/cli/file.h"
#include "hapair/supervisor/control.h"
#include "hapair/supervisor/pins_directory.h"
#include "hapair/supervisor/release.h"
#include "hapair/supervisor/running_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * Held until the end, so that no daemon that starts meanwhile loses what it
 * has just claimed. Without the directory there is none.
 */
static int
take_lock(const char *control, int *ret_lock)
{
	char holder[CONTROL_HOLDER_TEXT], why[TRUSTED_PATH_WHY_MAX];
	int pid = 0;
	int lock = control_lock(control, &pid);

	if (lock >= 0) {
		*ret_lock = lock;
		return COMMAND_DONE;
	}
	if (lock == -ENOENT)
		return COMMAND_DONE;
	if (lock == -EEXIST)
		return command_refuse(NULL, COMMAND_FAILED,
		    "running as %s, which holds %s and the virtual IPs; stop it instead",
		    control_holder_text(pid, holder), control);
	return command_refuse(NULL, COMMAND_FAILED, "%s.lock: %s", control,
	    control_fault(control, lock, why));
}

static void
tell(const struct config_group *group, unsigned deleted, int error)
{
	if (error < 0)
		(void)fprintf(stderr, "%shapair: group %s: %s\n",
		    log_mark(LOG_LEVEL_ERROR), group->name, strerror(-error));
	else if (deleted > 0)
		(void)printf("group %s: deleted %u virtual IP%s\n", group->name,
		    deleted, deleted == 1 ? "" : "s");
}

static int
release(const struct config_pair *pair)
{
	const int e = release_all(pair, tell);

	return e == 0 ? COMMAND_DONE
	              : command_refuse(NULL, COMMAND_FAILED,
	                    "virtual IPs may be left: %s", strerror(-e));
}

/* Nothing is taken from a daemon that runs: its directory is locked. */
static int
release_kernel(const char *pins)
{
	CLEANUP(fd_close) int lock = pins_directory_lock(pins);
	struct director_removal_done done;
	int e;

	if (lock == -EBUSY)
		return command_refuse(NULL, COMMAND_FAILED, "%s %s", pins,
		    pins_directory_fault(lock));
	e = director_removal_run(pins, &done);
	if (done.interfaces > 0 || done.tables)
		(void)printf(
		    "kernel path: taken from %u interface%s, with its tables\n",
		    done.interfaces, done.interfaces == 1 ? "" : "s");
	return e == 0 ? COMMAND_DONE
	              : command_refuse(NULL, COMMAND_FAILED,
	                    "the kernel path may be left: %s", strerror(-e));
}

static int
release_addresses(const struct config *config)
{
	CLEANUP(fd_close) int lock = -1;
	int status = take_lock(config->control, &lock);

	return status == COMMAND_DONE ? release(&config->pair) : status;
}

int
cmd_release(int argc, char **argv)
{
	CLEANUP(file_free) struct file f = { .path = COMMAND_CONFIG_PATH };
	const char *pins = CONFIG_KERNEL_PINS;
	char running[RUNNING_FILE_MAX];
	int kernel = 0;
	const struct command_option options[] = { { 'c', .word = &f.path },
		{ 'k', "kernel", .there = &kernel } };
	int status =
	    command_parse("release", argc, argv, options, ARRAY_LEN(options));

	if (status != COMMAND_DONE)
		return status;
	/* A host that is to be rid of hapair may have no file any more. */
	if ((kernel == 0 || access(f.path, F_OK) == 0) &&
	    daemon_place_load("release", &f, running) < 0)
		status = COMMAND_WRONG;
	if (status != COMMAND_DONE && kernel == 0)
		return status;
	if (f.config != NULL && !f.config->has_pair && kernel == 0)
		return COMMAND_DONE;
	if (geteuid() != 0)
		return command_refuse(NULL, COMMAND_FAILED,
		    "removing addresses and programs needs root");
	if (f.config != NULL)
		pins = f.config->kernel.pins;
	if (f.config != NULL && f.config->has_pair)
		status = release_addresses(f.config);
	/* What a daemon that runs has is its own. */
	if (kernel == 0 || status == COMMAND_FAILED)
		return status;
	return release_kernel(pins);
}
