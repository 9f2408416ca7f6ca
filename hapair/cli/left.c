#include "hapair/cli/left.h"

#include "config/config.h"
#include "config/load.h"
#include "core/fd.h"
#include "core/proc.h"
#include "core/secret.h"
#include "hapair/cli/command.h"
#include "hapair/supervisor/upgrade_exec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
refuse(int e)
{
	return command_refuse(NULL, COMMAND_FAILED,
	    "what the program before has left cannot be taken over: %s",
	    strerror(-e));
}

int
left_open(struct left *l)
{
	const char *where = getenv(UPGRADE_EXEC_VARIABLE);
	CLEANUP(fd_close) int state = -1;
	int e;

	*l = (struct left){ .keys = -1 };
	if (where == NULL)
		return COMMAND_DONE;
	if (sscanf(where, "%d %d", &state, &l->keys) != 2 ||
	    state <= STDERR_FILENO || l->keys <= STDERR_FILENO) {
		state = l->keys = -1;
		return refuse(-EINVAL);
	}
	/* For this program alone: not for what it starts. */
	(void)unsetenv(UPGRADE_EXEC_VARIABLE);
	e = upgrade_collect_load(state, &l->loaded);
	return e < 0 ? refuse(e) : COMMAND_DONE;
}

void
left_close(struct left *l)
{
	fd_close(&l->keys);
	upgrade_collect_free(&l->loaded);
}

static int
own(void *arg, int fd)
{
	(void)arg;
	return fd_set_inherited(fd, false);
}

static int
copy_file(struct file *f, const struct upgrade_state *s)
{
	const struct upgrade_state_generation *g = &s->generations[0];
	int e;

	f->text = calloc(1, g->len + 1);
	if (f->text == NULL)
		return -ENOMEM;
	memcpy(f->text, g->text, g->len);
	f->len = g->len;
	f->path = s->path;
	e = secret_init();
	return e == 0 ? load_text(f->path, f->text, f->len, NULL, &f->config)
	              : e;
}

static void
fill(const struct upgrade_state *s, const struct left_places *to)
{
	const struct upgrade_state_generation *g = &s->generations[0];
	struct supervisor_setup *setup = to->setup;

	setup->left = s;
	setup->node =
	    g->node_and_one == 0 ? CONFIG_NO_NODE : g->node_and_one - 1;
	setup->workers = g->workers;
	setup->max_connections = g->max_connections;
	setup->pipes = g->pipes;
	setup->ready_fd = s->ready == 0 ? -1 : (int)s->ready;
	to->control->lock = (int)s->lock;
	to->control->locker = (int)getpid();
	to->control->fd = (int)s->control;
	to->control->path = to->file->config->control;
	to->pidfile->path = to->file->config->pid_file;
}

int
left_take(const struct left *l, const struct left_places *to)
{
	const struct upgrade_state *s = &l->loaded->state;
	const struct upgrade_state_generation *g = &s->generations[0];
	int e = upgrade_state_each_fd(s, own, NULL);

	proc_set_name("hapair");
	if (e == 0)
		e = copy_file(to->file, s);
	if (e == 0)
		e = listeners_adopt(
		    to->listeners, to->file->config, g->workers, &g->listeners);
	if (e == 0 && to->file->config->has_pair)
		e = key_keeper_adopt(to->keys, l->keys);
	if (e < 0)
		return refuse(e);
	fill(s, to);
	return COMMAND_DONE;
}
