#pragma once

/*
 * Which accords are about something in this node's file: its servers, and the
 * active one of its standby services and groups. Built once, since the file of
 * a daemon stays the same. Owned by state_store.c.
 */

#include "core/accord.h"

struct config;

struct state_names_one {
	const char *service, *server; /* borrowed: the configuration's */
};

struct state_names {
	const struct config *config;     /* borrowed */
	struct state_names_one *servers; /* in order */
	size_t n;
};

/* Returns 0 or -ENOMEM. */
MUST_CHECK int state_names_init(
    struct state_names *n, const struct config *config);
void state_names_fini(struct state_names *n); /* takes zeros */

/* The active one may be a server that only the peer's file has. */
bool state_names_has(const struct state_names *n, const struct accord *a);
