#pragma once

/*
 * The supervisor: starts the roles, gives them what they need, watches them,
 * answers or passes on control requests, and ends everything in good order.
 * Root, and the only process that parses no network input. The door to
 * libsystemd: a service manager, where there is one, is told how we are.
 *
 * Who dies with whom: a role that ends is started again and its clients wait
 * in the backlog of the listeners, which are held here. When the supervisor
 * ends, by any signal, the roles are told by the kernel and end too: failover
 * with its addresses released.
 */

#include "hapair/supervisor/control.h"

#include "config/config.h"

struct key_keeper;
struct limits;
struct listeners;
struct upgrade_state;

struct supervisor_setup {
	const struct config *config;
	const char *path; /* of the configuration file */
	const char *text; /* its text, which the roles load again */
	size_t len;
	int node;                    /* CONFIG_NO_NODE: no pair */
	struct key_keeper *keys;     /* borrowed for the run */
	struct listeners *listeners; /* borrowed for the run */
	struct control *control;     /* borrowed for the run */
	unsigned workers;            /* of the relay */
	uint32_t max_connections;
	unsigned pipes; /* a worker */
	bool (*is_fit)(const struct config *c, const struct config *running,
	    struct limits *ret_limits, char *ret_text); /* reload.h */
	/* Of the program that this one was before; NULL: it was none. */
	const struct upgrade_state *left;
	int ready_fd; /* gets a byte when all is ready; -1: nobody waits */
};

/* Returns the process's exit status. */
int supervisor_run(const struct supervisor_setup *setup);
