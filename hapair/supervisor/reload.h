#pragma once

/*
 * `hapair reload` and SIGHUP: the file is read anew and, where it means
 * something else now, taken over (generation_change.h). Where it means what
 * runs, what may have changed beside it is read: the pair's keys, which
 * failover judges and answers, and what it takes becomes what is kept
 * (key_keeper.h). What is refused changes nothing. Owned by supervisor.c.
 */

#include "hapair/supervisor/generation_change.h"
#include "hapair/supervisor/reload_file.h"

struct key_keeper;
struct limits;

#define RELOAD_FAULT_MAX 1024

/*
 * Whether this host can run it beside what runs. What a start would look at
 * first, and ports that are new. Else `ret_text`, of RELOAD_FAULT_MAX bytes,
 * says what is wrong. Works out the limits.
 */
typedef bool reload_fit_fn(const struct config *c, const struct config *running,
    struct limits *ret_limits, char *ret_text);

/*
 * All that can be refused has been looked at, and nothing is done yet: the file
 * is put on disk, which may take a while, and then reload_kept() is called.
 */
typedef void reload_keep_fn(void *arg, const struct reload_file *f);

/* What came of a reload that is a part of something else; `text` has lines. */
typedef void reload_end_fn(void *arg, bool taken, const char *text);

struct reload_setup {
	const struct key_keeper *keys; /* borrowed */
	const char *path;              /* borrowed: of the file */
	reload_fit_fn *is_fit;
	bool has_stderr; /* somebody may read it */
};

struct reload {
	struct reload_setup setup;
	struct ev_loop *loop;
	struct generation_change *change; /* borrowed */
	int socket;              /* of who asked; -1: it was a signal */
	reload_keep_fn *on_keep; /* NULL: it is on disk */
	reload_end_fn *on_end;   /* NULL: the socket's */
	void *arg;               /* its own */
	struct generation *held; /* while its file is put on disk; NULL: none */
	struct reload_file file; /* what that is of */
	char *lines;             /* what differs */
	bool switches_log, keys_differ;
};

struct reload reload_init(struct ev_loop *loop,
    struct generation_change *change, const struct reload_setup *setup);
void reload_fini(struct reload *r);

/* An operator's request: takes the socket. */
void reload_obey(struct reload *r, int *socket);

/*
 * A file that has been read, and is not the SAME: it is taken, or it is refused
 * before this returns or later. Takes what is in `f`, which is empty then.
 */
void reload_run(
    struct reload *r, struct reload_file *f, reload_end_fn *on_end, void *arg);

/* The same with a file that is not on disk yet. */
void reload_run_unkept(struct reload *r, struct reload_file *f,
    reload_keep_fn *on_keep, reload_end_fn *on_end, void *arg);

/* The file is on disk (NULL), or why it is not: then nothing changes. */
void reload_kept(struct reload *r, const char *why);

/* A signal: the log tells what comes of it. */
void reload_hear(struct reload *r);

/* What came of the change that was begun. */
void reload_told(struct reload *r, enum reload_step_action end,
    enum reload_step_fault fault);
