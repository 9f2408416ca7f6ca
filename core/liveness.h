#pragma once

/*
 * Liveness: a few pages of shared memory in which the threads of one role show
 * that they turn. Each has a line of its own and counts in it; who watches
 * reads along, for which neither needs the other's help or a system call.
 *
 * Made by the supervisor, one per role, for as long as it runs: written by the
 * role, by whichever process is it, read by the others. What a count means is
 * stall_detector.h's.
 */

#include "core/base.h"

#include <sys/types.h>

/* The main thread's line; the workers of a relay follow. */
#define LIVENESS_MAIN 0
#define LIVENESS_WORKERS_MAX 64 /* `threads` has the same limit */
#define LIVENESS_LINES (1 + LIVENESS_WORKERS_MAX)

struct liveness;

/*
 * A memory file of that size, which nobody can make smaller under another's
 * hands. Returns a descriptor or -errno.
 */
MUST_CHECK int liveness_create(void);

/* The same file for reading only. Returns a descriptor or -errno. */
MUST_CHECK int liveness_reader(int fd);

/* Maps it, `writable` or to look at. Returns 0 or -errno. */
MUST_CHECK int liveness_map(int fd, bool writable, struct liveness **ret_pulse);
void liveness_unmap(struct liveness **p); /* NULL-safe in value */

/* "I turn." One writer a line. NULL is nobody's. */
void liveness_beat(struct liveness *p, unsigned line);

/*
 * "It is I": the calling thread beats there from now on. So that who watches
 * can ask the kernel what it does (thread_stat.h). NULL is nobody's.
 */
void liveness_enter(struct liveness *p, unsigned line);

/* Who beats there, as its own process numbers it; 0: it has not said. */
pid_t liveness_thread(const struct liveness *p, unsigned line);

/* The first `n` counts. */
void liveness_read(const struct liveness *p, uint64_t *ret_counts, unsigned n);
