#pragma once

/*
 * What runs, as a value that the next program can read (upgrade_state.h), and
 * back: what it was left, taken over. Owned by upgrade.c and by who starts the
 * supervisor.
 */

#include "core/mono.h"
#include "hapair/supervisor/upgrade_state.h"

struct fd_keeper;
struct generation;
struct generation_change;
struct notify;
struct state_store;
struct supervisor_setup;

/* Whose state it is: all borrowed, and only read here. */
struct upgrade_collect {
	struct generation_change *change;
	struct state_store *store;
	struct fd_keeper *fd_keeper;
	struct notify *notify; /* idle, or nothing is collected */
	int *wire;
	const struct supervisor_setup *own;
	const char *program; /* that will run */
	struct mono started;
};

/*
 * The state in a sealed memory file: a descriptor, or -errno; -E2BIG where more
 * was replaced than fits. `socket` is of who wants the upgrade, or -1.
 */
MUST_CHECK int upgrade_collect_file(
    const struct upgrade_collect *u, int socket);

/* Such a file, read. */
struct upgrade_collect_loaded {
	uint8_t *bytes; /* in which are texts and lists of: */
	struct upgrade_state state;
};

/*
 * Returns 0, -EBADMSG: it is none, -EPROTONOSUPPORT: it is of a version that
 * cannot be read; or -errno.
 */
MUST_CHECK int upgrade_collect_load(
    int file, struct upgrade_collect_loaded **ret_loaded);
void upgrade_collect_free(struct upgrade_collect_loaded **l); /* CLEANUP */
