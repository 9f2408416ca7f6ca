#pragma once

/*
 * All that failover hears and speaks by, opened in the order in which it is to
 * close.
 */

struct role;

/* What is open after an error ends with the process. Returns 0 or -errno. */
int failover_sockets_open(struct role *role);

/* To the supervisor, those that a kernel is slow to close. */
void failover_sockets_lend(const struct role *role);
