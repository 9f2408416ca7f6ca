#pragma once

/*
 * The TCP connections of this host, as its kernel has them: looked up by their
 * ends, removed where they are in the way, and those found that wait for
 * somebody to accept them. The door to the kernel's sock_diag.
 *
 * No memory, no waiting: the kernel answers at once, in the caller's time.
 */

#include "core/base.h"

#include <sys/socket.h>

struct conn_record_end;

/* What this host has between two ends. */
enum tcp_diag_state {
	TCP_DIAG_NONE,
	TCP_DIAG_LIVE,  /* of a program, or was until a moment ago */
	TCP_DIAG_ENDED, /* TIME_WAIT */
};

/*
 * A descriptor, or -errno. A kernel that cannot answer is no error here: it
 * says so each time.
 */
MUST_CHECK int tcp_diag_open(void);

/*
 * Removes what is ended between these ends. Returns what is there now: ENDED
 * where the kernel cannot remove it (older ones keep TIME_WAIT).
 */
enum tcp_diag_state tcp_diag_clear(int fd, const struct conn_record_end *local,
    const struct conn_record_end *remote);

/*
 * Connections in the backlogs of a family's listening sockets; those that
 * listen everywhere may be IPv6's for both. Returns 0 or -errno.
 */
MUST_CHECK int tcp_diag_count_waiting(
    int fd, sa_family_t family, unsigned *ret_n);

/* Each of them, with its cookie: a number that no other socket ever has. */
typedef void tcp_diag_waiting(void *arg, const struct conn_record_end *local,
    const struct conn_record_end *remote, uint64_t cookie);

/* Goes through all of the family's connections. Returns 0 or -errno. */
MUST_CHECK int tcp_diag_walk_waiting(
    int fd, sa_family_t family, tcp_diag_waiting *found, void *arg);
