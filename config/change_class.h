#pragma once

/*
 * What it takes to change a key while the daemon runs. Each key of the file has
 * a row of its own in change_class.c, so that whoever adds a key decides.
 *
 * Pure.
 */

#include "core/base.h"

/* In the order of what they cost; a change costs the most of its keys'. */
enum change_class {
	CHANGE_CLASS_RELAY,     /* a new relay takes over from the old one */
	CHANGE_CLASS_LISTENERS, /* listeners come or go as well */
	CHANGE_CLASS_FAILOVER,  /* a new failover goes on from the old one */
	CHANGE_CLASS_RESTART,   /* cannot change while the daemon runs */
};

struct change_class_row {
	/*
	 * The keys from the top of the file, with dots: "services.retries". A
	 * list's own is for its items that come, go or change places. A star at
	 * the end is for all keys below.
	 */
	const char *path;
	enum change_class class;
	const char *why; /* of CHANGE_CLASS_RESTART: a clause */
};

/* NULL: nobody decided. */
const struct change_class_row *change_class_find(const char *path);

/* The rows, for who looks whether each has its key. */
const struct change_class_row *change_class_rows(size_t *ret_n);

/* "relay", "listeners", "failover", "restart": for what programs read. */
const char *change_class_name(enum change_class class);
