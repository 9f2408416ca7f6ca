#pragma once

/*
 * Who listens where on this host: the kernel's listening TCP sockets, and the
 * process of each. A picture of one moment, since each process has to be asked
 * for its descriptors.
 */

#include "core/addr.h"

#include <sys/types.h>

/* The kernel's name of a process, with its end. */
#define LISTEN_TABLE_NAME 16

struct listen_table_entry {
	union addr at;
	bool v6_only; /* of a socket at [::]: it has no clients by IPv4 */
	uint32_t inode;
	pid_t pid; /* the first that has it; 0: none is found */
	char name[LISTEN_TABLE_NAME];
};

struct listen_table {
	struct listen_table_entry *entries; /* the oldest first */
	size_t n;
};

/* From zeroes. Returns 0 or -errno, and then it is empty. */
MUST_CHECK int listen_table_read(struct listen_table *t);
void listen_table_free(struct listen_table *t);
