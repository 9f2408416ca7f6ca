#pragma once

/*
 * Descriptors with one owner: -1 is the empty value, and closing or giving
 * away stores it, so that nothing closes somebody else's descriptor twice.
 */

#include "core/mono.h"

struct socket_filter;

/* Closes what is there and stores -1. NULL-safe in value: -1 is nothing. */
void fd_close(int *fd);

/*
 * Nobody waits at its close until what is unsent has gone out. What is no
 * socket stays as it is.
 */
void fd_set_no_linger(int fd);

/* Both. */
void fd_close_now(int *fd);

/* Hands the descriptor over and stores -1. */
MUST_CHECK int fd_take(int *fd);

/* Returns 0 or -errno. */
MUST_CHECK int fd_set_nonblock(int fd);

/* Whether a child inherits it over exec. Returns 0 or -errno. */
MUST_CHECK int fd_set_inherited(int fd, bool inherited);

/* A number for setsockopt(). */
struct fd_option {
	int level, name, value;
};

/* In their order, up to the first that is refused. Returns 0 or -errno. */
MUST_CHECK int fd_set_options(int fd, const struct fd_option *o, size_t n);

/* Ends the filter, and the socket has it from now on. Returns 0 or -errno. */
MUST_CHECK int fd_attach_filter(int fd, struct socket_filter *filter);

/*
 * Writes all of it, through short writes and EINTR; for descriptors that
 * block. Returns 0 or -errno.
 */
MUST_CHECK int fd_write_all(int fd, const void *data, size_t len);

/*
 * Reads all there is, of at most `max` bytes, into fresh memory that grows as
 * it comes (the caller frees), with a NUL behind it that is not counted.
 * Returns 0 or -errno; -EFBIG where there is more.
 */
MUST_CHECK int fd_read_all(
    int fd, size_t max, char **ret_text, size_t *ret_len);
/* The same, but -ETIMEDOUT where the writer goes on after `until`. */
MUST_CHECK int fd_read_all_until(
    int fd, size_t max, struct mono until, char **ret_text, size_t *ret_len);
