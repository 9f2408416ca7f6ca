#pragma once

/*
 * A drawer: what checks need of files that only root may read, such as a
 * password each. Filled once, while this process is still root; a file that
 * several checks name is read once. What a value is, its kind says: see
 * passwords.c and keytabs.c.
 */

#include "core/base.h"

struct config;
struct config_check;
struct drawer;

struct drawer_kind {
	/* Of the file that this check wants, or NULL. */
	const char *(*path)(const struct config_check *check);
	/* Fills `value`, or says in the log why it cannot and returns false. */
	bool (*read)(const char *path, void *value);
	void (*forget)(void *value); /* filled, or not wholly */
	size_t size;                 /* of a value */
};

/* `kind` and `config` are borrowed. NULL where memory is out. */
struct drawer *drawer_fill(
    const struct drawer_kind *kind, const struct config *config);
void drawer_free(struct drawer *d); /* NULL-safe */

/* NULL: there is none, or it could not be read. */
const void *drawer_get(const struct drawer *d, const char *path);
