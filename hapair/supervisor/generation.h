#pragma once

/*
 * All that comes of one configuration file while it runs: the value and its
 * text, its listeners, both roles with what watches them, how each group
 * stands, and the programs that it names. A reload makes the next one beside
 * the one that runs; one that has been replaced lives until its relay has no
 * connection left. Made and owned by supervisor.c and reload.c.
 */

#include "hapair/supervisor/child.h"
#include "hapair/supervisor/director_child.h"
#include "hapair/supervisor/fence_run.h"
#include "hapair/supervisor/listeners.h"
#include "hapair/supervisor/role_channel.h"
#include "hapair/supervisor/role_user.h"
#include "hapair/supervisor/role_watchdog.h"
#include "hapair/supervisor/secret_print.h"
#include "hapair/supervisor/state_places.h"
#include "hapair/supervisor/track_scripts.h"

#include <sys/queue.h>

struct closer;
struct generation_change;
struct state_store;
struct status_request;
struct stop_order;
struct supervisor;
struct supervisor_setup;

struct generation_setup {
	struct supervisor *owner;        /* borrowed */
	const struct child_calls *calls; /* their `arg` is the generation */
	const struct config *config;     /* borrowed, but by generation_own() */
	const char *text;                /* of the file, which roles load */
	size_t len;
	int node; /* CONFIG_NO_NODE: no pair */
	unsigned workers;
	uint32_t max_connections;
	unsigned pipes;              /* a worker */
	struct role_user users;      /* as whom they run */
	struct closer *closer;       /* borrowed: of what they gave */
	struct state_store *store;   /* borrowed: who may run fences */
	struct listeners *listeners; /* borrowed; NULL: to be opened */
	/* Of its director; borrowed. */
	const struct supervisor_setup *own; /* path and keys */
	struct mono started;                /* the daemon was */
	struct generation_change *change;
	struct status_request *status; /* is told how it has ended */
	struct stop_order *stop;       /* likewise */
};

struct generation {
	struct generation_setup setup;
	struct config *own;      /* NULL: the configuration is the caller's */
	struct listeners opened; /* where the listeners are not the caller's */
	struct listeners *listeners;
	int file; /* its text, sealed; -1: none yet */
	int64_t loaded_wall_ms;
	uint8_t secrets[SECRET_PRINT_BYTES]; /* which its relay reads */
	struct child failover, relay;
	struct director_child director;
	bool begun; /* this failover has all that it needs to */
	bool given; /* this relay has told that it has no listeners any more */
	struct role_watchdog watchdog;
	struct track_scripts scripts;
	struct fence_run fences;
	struct msg_group *groups; /* the last that failover said of each */
	bool *known;
	struct state_places places; /* until they are the state store's */
	struct role_channel roles;  /* between both */
	LIST_ENTRY(generation) replaced;
};

/* Starts nothing. NULL, with -errno in *ret_error. */
struct generation *generation_new(
    const struct generation_setup *setup, int *ret_error);

/* Ends what runs of it. NULL-safe, and for the half-built. */
void generation_free(struct generation *g);

/* The configuration is freed with it from now on. */
void generation_own(struct generation *g, struct config *config);

size_t generation_group_count(const struct generation *g);

/* A role has been started: it gets channels to the others that run. */
void generation_introduce(struct generation *g, const struct child *role);

/* Of `track`; failover is told what comes of each run. */
void generation_start_scripts(struct generation *g);

/* What START says of it; the rest is the caller's. */
struct msg_start generation_start(const struct generation *g);

/*
 * How groups of the same name stand in the one before. Which of them failover
 * is told of is decided by the first time, before its START, which counts them.
 */
void generation_inherit(
    struct generation *g, const struct generation *before, bool first);

/*
 * A fence or promote of a standby service runs or is due. Another relay would
 * know nothing of a fence, and want it once more; the promote would never come.
 */
bool generation_moves_active(const struct generation *g);

/* None of its roles runs. */
bool generation_has_ended(const struct generation *g);
