#pragma once

/*
 * What a start needs of this machine, asked before anything runs: `run` is
 * refused by the first that is wrong, `check --host` tells of them all.
 */

#include "config/config.h"
#include "hapair/cli/command.h"
#include "hapair/supervisor/limits.h"

#define PREFLIGHT_TEXT 1024

/*
 * Each returns COMMAND_DONE, or the exit status that a start would end with,
 * and then says in `ret_text` (PREFLIGHT_TEXT bytes) what is wrong and what was
 * expected.
 */

/*
 * Which node of the pair this host is: the one whose address it has, or whose
 * name it was told (NULL: none). CONFIG_NO_NODE without a pair. A host without
 * its address, which is on no group's network, is known by a link's address or
 * by its own name; then `ret_text` is a warning. It is empty otherwise.
 */
MUST_CHECK enum command_exit preflight_node(const struct config *c,
    const char *path, const char *name, int *ret_node, char *ret_text);

/*
 * This host has neither node's address (yet): `ret_text` says so. False where
 * it need not have one.
 */
bool preflight_lacks_address(
    const struct config *c, const char *name, char *ret_text);

/* The pair's key: it is there, it is one, nobody else can read it. */
MUST_CHECK enum command_exit preflight_key(
    const struct config *c, char *ret_text);

/*
 * What a start runs or obeys, and where it writes, is root's alone
 * (core/trusted_path.h); the configuration file is read so. What is missing is
 * another matter.
 */
MUST_CHECK enum command_exit preflight_files(
    const struct config *c, char *ret_text);
MUST_CHECK enum command_exit preflight_places(
    const struct config *c, char *ret_text);

/* The user and group exist, and who starts may do what a pair has to. */
MUST_CHECK enum command_exit preflight_user(
    const struct config *c, char *ret_text);

/* Raises the descriptor limit; what was asked for fits. */
MUST_CHECK enum command_exit preflight_budget(const struct config *c,
    unsigned workers, struct limits *ret_limits, char *ret_text);
