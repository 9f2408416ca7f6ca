#pragma once

/*
 * The first configuration file, of a pair or of a single host, out of what
 * `hapair init` was told: its text, with comments for whoever reads it next.
 * Pure; what it was told has been checked.
 */

#include "core/base.h"

struct first_file_node {
	const char *name;
	const char *address;
};

/* All borrowed. */
struct first_file {
	bool is_pair; /* else only port, preset and servers count */
	struct first_file_node here, peer;
	const char *key_file;
	const char *interface;
	const char *const *addresses; /* ADDRESS/PREFIX */
	size_t n_addresses;
	const char *port;
	const char *preset; /* NULL: none */
	const char *const *servers;
	size_t n_servers;
};

/* Malloc'd; NULL where memory is out. */
char *first_file_text(const struct first_file *f);
