#pragma once

/*
 * Zeroes without end, for the bench's server and client: from memory that is
 * there, and never copied.
 */

#include <sys/types.h>

/* A descriptor, for as long as the process lives; -1: errno. */
int bench_zeroes_open(void);

/* As much as the socket takes at a time; as sendfile(). */
ssize_t bench_zeroes_send(int zeroes, int socket);
