#pragma once

/*
 * What the program before has left (upgrade_state.h), taken over by the one
 * that it became: processes that run go on, and what is open stays open. Owned
 * by supervisor.c.
 */

#include "core/mono.h"
#include "hapair/supervisor/role_user.h"
#include "hapair/supervisor/upgrade_state.h"

struct fd_keeper;
struct generation;
struct generation_change;
struct state_store;

/*
 * What was left, or where that is NULL what a start makes: as whom the roles
 * run, whose names are not looked up again; when the daemon was started; and
 * what is kept for failover, for which it returns 0 or -errno.
 */
struct role_user upgrade_adopt_users(
    const struct upgrade_state *s, const struct config *config);
struct mono upgrade_adopt_started(const struct upgrade_state *s);
MUST_CHECK int upgrade_adopt_keeper(
    struct fd_keeper *k, const struct upgrade_state *s);

/* Its roles, and how all stood. Starts nothing. Returns 0 or -errno. */
MUST_CHECK int upgrade_adopt_generation(
    struct generation *g, const struct upgrade_state_generation *from);

/* Those that were replaced, with relays that have connections left. Likewise.
 */
MUST_CHECK int upgrade_adopt_replaced(
    struct generation_change *change, const struct upgrade_state *s);

/* What is agreed on: as it was, whatever the disk has by now. */
MUST_CHECK int upgrade_adopt_store(
    struct state_store *store, const struct upgrade_state *s);

/* The last results of its scripts, which run anew. */
void upgrade_adopt_scripts(
    struct generation *g, const struct upgrade_state_generation *from);
