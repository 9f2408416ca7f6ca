#pragma once

/*
 * A program is tried before the daemon becomes it: it is run as `hapair trial`
 * with the daemon's state on its standard input, and has to say in time what it
 * can take over (upgrade_answer.h). So one that is no program, is for another
 * machine, lacks a library, crashes, hangs, or does not understand the
 * configuration is found while nothing depends on it. The process is killed
 * with us. Owned by upgrade.c.
 */

#include "core/base.h"
#include "core/trusted_path.h"

#include <ev.h>
#include <sys/types.h>

#define UPGRADE_TRIAL_TEXT_MAX 1024
#define UPGRADE_TRIAL_FAULT_MAX (UPGRADE_TRIAL_TEXT_MAX + 64)

struct upgrade_trial {
	struct ev_loop *loop; /* the default one */
	/* It is over: `fault` NULL, and `text` is what it said; or why not. */
	void (*on_end)(struct upgrade_trial *t, const char *fault);
	pid_t pid;         /* 0: none runs */
	int said;          /* the pipe's end; -1: none */
	double patience_s; /* and once more as long for its end */
	bool overdue;
	bool given_up; /* it was killed, and does not end: nobody waits */
	char text[UPGRADE_TRIAL_TEXT_MAX];
	size_t len;
	ev_child ended;
	ev_io readable;
	ev_timer patience;
};

void upgrade_trial_init(struct upgrade_trial *t,
    void (*on_end)(struct upgrade_trial *t, const char *fault));

/*
 * `program` and `state` are descriptors, the caller's. Returns 0 or -errno
 * where there is no process to be had.
 */
MUST_CHECK int upgrade_trial_start(
    struct upgrade_trial *t, int program, int state);

/* Also one that was given up, until it ends: no other can be started then. */
bool upgrade_trial_is_running(const struct upgrade_trial *t);

/* Kills what runs; takes what was initialised. */
void upgrade_trial_fini(struct upgrade_trial *t);
