#pragma once

/*
 * What two configurations differ in, in words, and what each difference takes
 * while the daemon runs (change_class.h):
 *
 *	service impala: retries 3 -> 2
 *	service impala: server hadoop466 added
 *	group main: virtual IP 10.0.0.101/24 removed
 *
 * Walks the tables that the file was read by, so that no key is forgotten. Two
 * configurations without a difference have the same hash, and the other way
 * round. Never tells a value that may hold a secret (schema.h, `hidden`).
 */

#include "config/arena.h"
#include "config/change_class.h"

#include <stdio.h>
#include <sys/queue.h>

struct config;

struct config_diff_change {
	const struct change_class_row *class;
	const char *text;
	TAILQ_ENTRY(config_diff_change) all;
};

/* Its strings live as long as it does. */
struct config_diff {
	struct arena memory;
	TAILQ_HEAD(, config_diff_change) all; /* in the order of the keys */
	size_t n;
};

/*
 * From `before` to `after`. Returns 0 or -ENOMEM; config_diff_fini() in any
 * case.
 */
MUST_CHECK int config_diff_init(struct config_diff *d,
    const struct config *before, const struct config *after);
void config_diff_fini(struct config_diff *d);

/*
 * The kernel path's tables are empty: no service of `before` uses them, and
 * nothing is left of one that did. So `kernel` may change.
 */
void config_diff_free_tables(struct config_diff *d);

/* The change, and why it needs a restart where it does: the same everywhere. */
void config_diff_print(const struct config_diff_change *c, FILE *out);

/* What all of it takes together; where there is none, the least. */
enum change_class config_diff_class(const struct config_diff *d);
