#pragma once

/*
 * What a file has the host that runs it do with its own files and users: the
 * programs that it names, keys, passwords and certificates, the log, and as
 * whom the relay runs. A file that comes from the peer may leave such a thing
 * out, but for the log, and can bring none that the file which runs here does
 * not have: the peer shall say what is served, not what root runs.
 *
 * Nor does it say whom these are turned against. What has a program or a secret
 * keeps the names of services, servers and groups that it has here, and where
 * it is checked, the addresses.
 *
 * Walks the tables that the file was read by: each key that takes a path is
 * one. Changes nothing.
 */

#include "core/base.h"

struct config;

#define LOCAL_PATHS_TEXT_MAX 512

/*
 * Returns 0; -EPERM with what is new in `ret_text`, as "notify: /bin/sh";
 * -ENOMEM.
 */
MUST_CHECK int local_paths_compare(const struct config *fresh,
    const struct config *running, char ret_text[static LOCAL_PATHS_TEXT_MAX]);
