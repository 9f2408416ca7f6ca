#pragma once

/*
 * As whom the roles run, settled once, at the supervisor's start: a role that
 * is started again has no time for names. Each is to have a user of its own:
 * processes of the same user may end and disturb each other, and what a user
 * owns can be written without any capability.
 */

#include "core/proc.h"

struct config;

struct role_user {
	struct proc_user failover, relay;
	struct proc_user director; /* 0: there was none to be chosen for */
};

/*
 * Failover runs as hapair-failover, the relay as the file says, else as
 * hapair-relay, else as hapair. Where there is no such user, as a number that
 * nobody has, which is told in a line. Writes to the log.
 */
struct role_user role_user_choose(const struct config *c);

/* The director's, once it is needed: hapair-director, or likewise a number. */
struct proc_user role_user_director(const struct role_user *others);
