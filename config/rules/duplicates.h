#pragma once

/*
 * What must be there once: names, addresses and networks with the place where
 * each was written, sorted so that equals are neighbours. The first one in the
 * file is the one that may stay. Borrows all it is given.
 */

#include "core/addr.h"
#include "core/base.h"

struct config_service;
struct diag;
struct tree_node;

/* Of `name`, `addr` and `prefix`, what is given makes up the key. */
struct duplicates_item {
	const char *name;       /* or NULL */
	const union addr *addr; /* or NULL; its port counts */
	uint8_t prefix;         /* of a network */
	const struct tree_node *node;
	const struct config_service *service; /* of a listen */
	size_t order;                         /* in the file, or nearly so */
	bool derived; /* a name that we made from an address */
	bool denied;  /* a network of `deny` */
};

/* The empty value is zeros, but for where it is told that memory is out. */
struct duplicates {
	struct duplicates_item *all;
	size_t n, room;
	bool *failed; /* borrowed; set then, and the item is left out */
};

void duplicates_fini(struct duplicates *t);

/*
 * In the order of the file; sets `order`. What was not given, or was refused,
 * has no node and is left out.
 */
void duplicates_add(struct duplicates *t, struct duplicates_item item);

/* The keys alone: <0, 0 or >0. */
int duplicates_compare(
    const struct duplicates_item *a, const struct duplicates_item *b);

/* For duplicates_sort(): by key, and equals in the order of the file. */
int duplicates_by_key(const void *left, const void *right);

void duplicates_sort(
    struct duplicates *t, int (*order)(const void *left, const void *right));

/*
 * "WHAT 'x' is given twice WHERE" for each that is; sorts. Where both are names
 * that were made of one address, the address is the mistake and not they.
 */
void duplicates_report(struct duplicates *t, struct diag *diag,
    const char *what, const char *where);
