#pragma once

/*
 * The scripts of `track`, run by the supervisor since failover must neither
 * fork nor be root: each every `interval` from start to start, never two of one
 * at once, killed after `timeout`. Whether a run passed is told after each;
 * what follows from it is failover's. Owned by supervisor.c.
 */

#include "core/program.h"

#include "config/config.h"

struct track_scripts;

struct track_scripts_one {
	struct track_scripts *all; /* borrowed: the set it is in */
	const struct config_track *config;
	unsigned index; /* in pair.track */
	struct program program;
	ev_timer due;
	bool owed;          /* it was due while it ran */
	bool known, passed; /* the last result */
};

struct track_scripts {
	struct ev_loop *loop;
	struct track_scripts_one one[CONFIG_TRACKS_MAX];
	unsigned n;
	void (*on_result)(void *arg, unsigned track, bool passed);
	void *arg;
};

/* Their first runs begin at once. */
void track_scripts_start(struct track_scripts *s, const struct config *config,
    void (*on_result)(void *arg, unsigned track, bool passed), void *arg);

/*
 * What the same script of another configuration said last: until it has run for
 * this one, that is how it stands.
 */
void track_scripts_inherit(
    struct track_scripts *s, const struct track_scripts *before);

/* Tells the last results again: who heard them has been replaced. */
void track_scripts_repeat(struct track_scripts *s);

/* What runs is killed. */
void track_scripts_stop(struct track_scripts *s);
