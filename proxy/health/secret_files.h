#pragma once

/*
 * What checks need of files that only root may read: passwords and keytabs.
 * Each is read once, while this process is still root, however many checks name
 * it. A password's first line is kept in memory, which is wiped at the end; a
 * keytab as a sealed file in memory, for libkrb5 to find. Never logged, never
 * in status. Owned by services.c.
 */

#include "core/trusted_path.h"

struct config;
struct secret_files;

/*
 * Says in the log which file cannot be used. `config` is borrowed. NULL where
 * memory is out.
 */
struct secret_files *secret_files_load(const struct config *config);
void secret_files_free(struct secret_files *f); /* NULL-safe */

/* NULL: there is none that could be used. */
const char *secret_files_password(
    const struct secret_files *f, const char *path);

/* Likewise; as libkrb5 names it. */
const char *secret_files_keytab(const struct secret_files *f, const char *path);

/* Whether a keytab could be used: 0 or -errno, and that in words. */
MUST_CHECK int secret_files_try_keytab(const char *path);
const char *secret_files_keytab_fault(
    const char *path, int error, char buf[static TRUSTED_PATH_WHY_MAX]);
