#pragma once

/*
 * Descriptors with one owner: -1 is the empty value, and closing or giving
 * away stores it, so that nothing closes somebody else's descriptor twice.
 */

#include "core/base.h"

/* Closes what is there and stores -1. NULL-safe in value: -1 is nothing. */
void fd_close(int *fd);

/* Hands the descriptor over and stores -1. */
MUST_CHECK int fd_take(int *fd);

/* Returns 0 or -errno. */
MUST_CHECK int fd_set_nonblock(int fd);

/* Whether a child inherits it over exec. Returns 0 or -errno. */
MUST_CHECK int fd_set_inherited(int fd, bool inherited);

/*
 * Writes all of it, through short writes and EINTR; for descriptors that
 * block. Returns 0 or -errno.
 */
MUST_CHECK int fd_write_all(int fd, const void *data, size_t len);

/*
 * Reads a whole file of at most `max` bytes into fresh memory (the caller
 * frees), with a NUL behind it that is not counted. Returns 0 or -errno;
 * -EFBIG where there is more.
 */
MUST_CHECK int fd_read_all(
    int fd, size_t max, char **ret_text, size_t *ret_len);
