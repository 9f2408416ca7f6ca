#pragma once

/*
 * How the entries of several keytabs become those of one. The same principal,
 * kvno and enctype is one key: a second copy of it is dropped, with the first
 * one's timestamp kept, and other bytes under that name are a conflict that
 * only a person can settle.
 *
 * Pure. Works on a list of the caller's, in place and in order.
 */

#include "core/base.h"
#include "keytab/keytab.h"

/* Each is compared with all before it; a keytab has a dozen. */
#define MERGE_ITEMS_MAX 20000

struct merge_item {
	const struct keytab_entry *entry; /* borrowed: the file's */
	const char *path;                 /* borrowed: of that file */
};

struct merge_conflict {
	struct merge_item first, second;
};

/* Shortens the list to what differs. Returns 0, or -EEXIST on a conflict. */
MUST_CHECK int merge_union(
    struct merge_item *items, size_t *n, struct merge_conflict *ret_conflict);

/* Drops kvnos below `kvno`, but of no principal its newest. Returns how many
 * are left. */
MUST_CHECK size_t merge_prune(
    struct merge_item *items, size_t n, uint32_t kvno);

/* The same name, and the same key under it. */
bool merge_is_same_key(
    const struct keytab_entry *a, const struct keytab_entry *b);
