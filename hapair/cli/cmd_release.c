#include "core/fd.h"
#include "core/log.h"
#include "hapair/cli/command.h"
#include "hapair/cli/daemon_place.h"
#include "hapair/cli/file.h"
#include "hapair/supervisor/control.h"
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

int
cmd_release(int argc, char **argv)
{
	CLEANUP(file_free) struct file f = { .path = COMMAND_CONFIG_PATH };
	CLEANUP(fd_close) int lock = -1;
	char running[RUNNING_FILE_MAX];
	const struct command_option options[] = { { 'c', .word = &f.path } };
	int status =
	    command_parse("release", argc, argv, options, ARRAY_LEN(options));

	if (status != COMMAND_DONE)
		return status;
	if (daemon_place_load("release", &f, running) < 0)
		return COMMAND_WRONG;
	if (!f.config->has_pair)
		return COMMAND_DONE;
	if (geteuid() != 0)
		return command_refuse(
		    NULL, COMMAND_FAILED, "removing addresses needs root");
	status = take_lock(f.config->control, &lock);
	return status == COMMAND_DONE ? release(&f.config->pair) : status;
}
