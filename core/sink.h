#pragma once

/*
 * Where log lines end up: stderr, a file, a syslog socket. Used by log.c's
 * writer thread alone, which may wait here for as long as a disk takes.
 */

#include "core/log.h"
#include "core/wall_clock.h"

struct sink {
	enum log_target target;
	unsigned facility;
	const char *role;
	int fd; /* -1 while syslog is away */
	union addr dest;
	char host[65];    /* RFC 5424 HOSTNAME */
	char socket[108]; /* of the local syslog daemon */
	bool journal;     /* stderr is systemd's journal */
	int pid;
	char process[48]; /* " relay[123] " */
	/* What several lines have in common: the second that they are of. */
	int64_t second;
	char time[WALL_CLOCK_TEXT_MAX];
	char batch[64 * 1024];
	size_t batched;
};

/* Returns 0 or -errno: a file that cannot be opened. */
MUST_CHECK int sink_open(struct sink *s, const struct log_options *options);
void sink_close(struct sink *s);

/* systemd tells whom it lends the journal which of all files that is. */
bool sink_is_journal(int fd);

/* A log file, made where it is not there. Returns a descriptor or -errno. */
MUST_CHECK int sink_open_file(const char *path);

/* Of a file: a descriptor of it; else -1. Any thread may call it. */
MUST_CHECK int sink_share(const struct sink *s);

/*
 * Of a file: lines go to this one from now on. Another thread than the
 * writer may call it, too. Returns 0 or -errno; `fd` stays the
 * caller's.
 */
MUST_CHECK int sink_replace(const struct sink *s, int fd);

/* One line; syslog sends it, the others collect it for sink_flush(). */
MUST_CHECK int sink_write(struct sink *s, enum log_level level, int64_t wall_ms,
    const char *text, size_t len);

/* What was collected goes out in one write. Returns 0 or -errno. */
MUST_CHECK int sink_flush(struct sink *s);
