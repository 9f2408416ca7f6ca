#pragma once

/*
 * A program of the operator's: with a few arguments, a small environment,
 * nothing to read, and no other descriptor of ours. The last line that it
 * prints is told where it fails, unless its output is somebody else's. It is
 * never waited for; what outlasts its time is killed, with all that is in its
 * process group. One at a time per struct; a slot of its own for each that may
 * run beside others. On the default loop.
 */

#include "core/base.h"
#include "core/trusted_path.h"

#include <ev.h>
#include <sys/types.h>

#define PROGRAM_FAULT_MAX TRUSTED_PATH_WHY_MAX

struct program;
struct program_words;

struct program_calls {
	/* Its time is over; it is being killed, which `on_end` will tell. NULL:
	 * that is soon enough. */
	void (*on_overdue)(struct program *p);
	/*
	 * It has ended, and may be started again. `fault` NULL: status 0; it
	 * has its last words, in quotes.
	 */
	void (*on_end)(struct program *p, const char *fault);
};

struct program {
	const struct program_calls *calls;
	struct ev_loop *loop;
	pid_t pid;        /* 0: does not run */
	const char *path; /* borrowed: argv's, while it runs */
	int output; /* borrowed: what it prints to, above 2; -1: nothing */
	bool overdue;
	struct program_words
	    *words; /* NULL: it does not run, or nobody hears */
	ev_child ended;
	ev_timer patience;
};

void program_init(struct program *p, const struct program_calls *calls);

/*
 * `argv` ends with NULL, the first is its path. `mortal`: it gets SIGKILL when
 * we end. Returns 0 or -errno where there is no process to be had; that its
 * file is not there or is no program is its end, with a fault. So it is where
 * somebody else could have written it (trusted_path.h), asked at each start.
 */
MUST_CHECK int program_start(struct program *p, const char *const argv[],
    uint32_t timeout_ms, bool mortal);

bool program_is_running(const struct program *p);

/* What it has printed last by now; "": nothing, or it does not run. */
const char *program_last_words(struct program *p);

/* Kills what runs, or lets it live on; neither end will be told. */
void program_fini(struct program *p, bool kill_it);
