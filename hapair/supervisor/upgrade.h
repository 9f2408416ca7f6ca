#pragma once

/*
 * `hapair upgrade` and SIGUSR2: the daemon becomes the program that is on disk
 * now. That is tried first (upgrade_trial.h); then this process is replaced by
 * it, with its number, its children and all that is open, and what it knows in
 * a memory file (upgrade_state.h). The next one finds the roles as they run,
 * and replaces them by its own as a reload does, of the same file. Whatever is
 * refused or fails before leaves all as it was; where the next roles fail, the
 * old ones go on under the new supervisor. Owned by supervisor.c.
 */

#include "hapair/supervisor/reload_step.h"
#include "hapair/supervisor/upgrade_collect.h"
#include "hapair/supervisor/upgrade_trial.h"

#include <ev.h>

struct stop_order;

struct upgrade_setup {
	struct upgrade_collect state; /* without `program` */
	const struct stop_order *stop;
};

struct upgrade {
	struct upgrade_setup setup; /* all borrowed */
	struct ev_loop *loop;
	char own[MSG_PATH_MAX];  /* this program, by the name that it had */
	char path[MSG_PATH_MAX]; /* the one that is wanted */
	char before[UPGRADE_STATE_PROGRAM_MAX]; /* the version that it was */
	int socket;                             /* of who asked; -1: a signal */
	int program, state;                     /* while it is tried; -1 */
	bool holds; /* signals, and `mask` was before */
	sigset_t mask;
	bool changing;     /* this is the next one, and its roles are not yet */
	struct mono until; /* callers are waited for, and slow readers */
	struct mono until_read;
	struct upgrade_trial trial;
	ev_timer settle;
};

void upgrade_init(
    struct upgrade *u, struct ev_loop *loop, const struct upgrade_setup *setup);
void upgrade_fini(struct upgrade *u); /* takes zeros but for descriptors */

/* An operator's request, that begins with "upgrade": takes the socket. */
void upgrade_obey(struct upgrade *u, const char *request, int *socket);

/* A signal: the log tells what comes of it. */
void upgrade_hear(struct upgrade *u);

/*
 * In the next one: what was left is taken over, and its roles are replaced.
 * Returns 0, or -errno where it cannot go on.
 */
MUST_CHECK int upgrade_go_on(struct upgrade *u);

/* Whether the change that runs is an upgrade's; and what came of it. */
bool upgrade_is_changing(const struct upgrade *u);
void upgrade_told(struct upgrade *u, enum reload_step_action end,
    enum reload_step_fault fault);
