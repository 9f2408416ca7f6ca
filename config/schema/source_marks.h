#pragma once

/*
 * Where in the file each value of a struct config came from, for as long as it
 * is being checked: the rules look at values, their messages at places. A value
 * without a mark was not given, or was refused: rules leave it alone.
 */

#include "core/base.h"

struct tree_node;
struct mark;

/* The empty value is zeros. */
struct marks {
	struct mark *marks;
	size_t n, room;
	bool sorted;
};

/* `field` came from `node` (borrowed: the tree's). Returns 0 or -ENOMEM. */
MUST_CHECK int marks_add(
    struct marks *m, const void *field, const struct tree_node *node);

/* Before the first marks_get() after marks were added. */
void marks_sort(struct marks *m);

/* NULL where there is none. */
const struct tree_node *marks_get(const struct marks *m, const void *field);

void marks_fini(struct marks *m);
