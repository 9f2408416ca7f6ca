#pragma once

/*
 * Where in the file each value of a struct config came from, for as long as it
 * is being checked: the rules look at values, their messages at places. A value
 * without a mark was not given, or was refused: rules leave it alone.
 */

#include "core/base.h"

struct mark;
struct tree_node;

/* The empty value is zeros. */
struct source_marks {
	struct mark *marks;
	size_t n, room;
	bool sorted;
};

/* `field` came from `node` (borrowed: the tree's). Returns 0 or -ENOMEM. */
MUST_CHECK int source_marks_add(
    struct source_marks *m, const void *field, const struct tree_node *node);

/* Before the first source_marks_get() after marks were added. */
void source_marks_sort(struct source_marks *m);

/* NULL where there is none. */
const struct tree_node *source_marks_get(
    const struct source_marks *m, const void *field);

void source_marks_fini(struct source_marks *m);
