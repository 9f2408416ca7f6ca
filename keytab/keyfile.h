#pragma once

/*
 * A keytab file as it was found: opened once and without following symbolic
 * links, read whole into a vault, every entry parsed. Owned by the command that
 * opened it; closing wipes the keys.
 */

#include "core/trusted_path.h"
#include "keytab/keytab.h"
#include "keytab/vault.h"

#include <sys/types.h>

/* Some 20,000 entries: a keytab has a dozen. */
#define KEYFILE_BYTES_MAX (1024 * 1024)
#define KEYFILE_WHY_MAX TRUSTED_PATH_WHY_MAX

struct keyfile {
	const char *path; /* borrowed: the caller's */
	struct vault vault;
	size_t len; /* of what is in the vault */
	struct keytab_entry *entries;
	size_t n;
	mode_t mode;
};

/*
 * Returns 0, or -errno with the reason in words, without the path, in
 * `ret_why`. To be closed in either case.
 */
MUST_CHECK int keyfile_open(
    struct keyfile *f, const char *path, char ret_why[static KEYFILE_WHY_MAX]);
void keyfile_close(struct keyfile *f);

/* The same for bytes in memory, which stay the caller's. */
MUST_CHECK int keyfile_parse(struct keyfile *f, const void *bytes, size_t len,
    char ret_why[static KEYFILE_WHY_MAX]);
