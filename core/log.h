#pragma once

/*
 * The log of one process: "subject: fact, reason" lines at a level, to stderr,
 * a file or syslog. Writing a line never waits: it is formatted into a slot of
 * a ring, and a thread of this file's own does the slow part: at once for what
 * is a notice or worse, the rest within some 20 ms, many lines at a time. Where
 * the ring is full the line is dropped and counted, and a later line tells how
 * many.
 *
 * Only shells log (style.md). The sink is the one mutable global of a process.
 * Any thread may call log_line(); open, switch and close belong to the main
 * thread. Before log_open() lines go straight to stderr.
 */

#include "core/addr.h"
#include "core/base.h"

enum log_level {
	LOG_LEVEL_ERROR,   /* someone must act */
	LOG_LEVEL_WARNING, /* degraded but serving, says what we do about it */
	LOG_LEVEL_NOTICE,  /* changes of state, start and end */
	LOG_LEVEL_INFO,    /* a line per connection */
	LOG_LEVEL_DEBUG,
};

enum log_target {
	LOG_TARGET_STDERR, /* with systemd's <N> where it is the journal's */
	LOG_TARGET_FILE,
	LOG_TARGET_SYSLOG, /* as syslog(3) has it, to /dev/log */
	LOG_TARGET_UDP,    /* RFC 5424 in UDP, RFC 5426 */
};

struct log_options {
	enum log_target target;
	enum log_level level;
	const char *path;  /* of the file, or (NULL: /dev/log) of syslog's
	                      socket; borrowed for the call */
	int file;          /* of log_share(), by which it is open; or 0 */
	union addr dest;   /* of LOG_TARGET_UDP */
	unsigned facility; /* 0-23, as in RFC 5424 */
	const char *role;  /* "supervisor", "relay"; a string constant */
};

/*
 * Opens the sink, as who we are now. Returns 0 or -errno (a file that cannot
 * be opened); syslog that is not there yet is tried again by the line. Lines
 * wait for log_start(), or for log_close().
 */
MUST_CHECK int log_open(const struct log_options *options);

/*
 * Starts the writer, which has the rights that we have then, and keeps them: a
 * role first drops its own (proc_drop()). Returns 0 or -errno.
 */
MUST_CHECK int log_start(void);

/* Writes out what is queued, for 500 ms at most, and returns to stderr. */
void log_close(void);

/*
 * From now on by these options, while it runs: what was logged before goes
 * where it was to go, and nobody waits for that. Returns 0; or -errno, and all
 * stays as it was.
 */
MUST_CHECK int log_switch(const struct log_options *options);

/*
 * Opens a log file anew, which somebody has renamed: lines go to the one of its
 * name from now on. Returns a descriptor of it for other processes that write
 * there, the caller's to close; or -errno, and lines go where they went.
 */
MUST_CHECK int log_reopen(const char *path);

/* The file that lines go to, the caller's to close; -1: they go to none. */
MUST_CHECK int log_share(void);

/*
 * The same in such a process, with that descriptor, which stays the caller's.
 * Nothing where it writes to no file.
 */
void log_take(int fd);

/*
 * What a line on stderr begins with, of those who have no log (yet): where the
 * journal reads it systemd's "<N>", by which it knows the level; else nothing.
 */
const char *log_mark(enum log_level level);

/* Lines dropped since the start, because the ring or the sink was full. */
uint64_t log_dropped(void);

/* Worth formatting? For lines that cost something to put together. */
bool log_is_on(enum log_level level);

void log_line(enum log_level level, const char *subject, const char *format,
    ...) PRINTF_LIKE(3, 4);
#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
