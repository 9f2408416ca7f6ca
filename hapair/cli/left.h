#pragma once

/*
 * `hapair run` where it is no start: the daemon has become this program
 * (hapair/supervisor/upgrade.h), and all that a start opens, claims and looks
 * up is there already. What fails here ends the daemon, so it was tried before
 * by `hapair trial`, on the same state.
 */

#include "hapair/cli/file.h"
#include "hapair/cli/pidfile.h"
#include "hapair/supervisor/key_keeper.h"
#include "hapair/supervisor/listeners.h"
#include "hapair/supervisor/supervisor.h"
#include "hapair/supervisor/upgrade_collect.h"

struct left {
	struct upgrade_collect_loaded *loaded; /* NULL: this is a start */
	int keys;
};

/* What is filled in: the caller's, empty. */
struct left_places {
	struct file *file;
	struct supervisor_setup *setup;
	struct key_keeper *keys;
	struct listeners *listeners;
	struct control *control;
	struct pidfile *pidfile;
};

/*
 * Looks whether there is something: returns a COMMAND_... status, with
 * everything said.
 */
MUST_CHECK int left_open(struct left *l);
void left_close(struct left *l);

/* Likewise. The listeners that were opened stay so. */
MUST_CHECK int left_take(const struct left *l, const struct left_places *to);
