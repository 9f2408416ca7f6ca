#pragma once

/*
 * What no key can know alone: names and addresses that are there twice,
 * listeners that collide, addresses of a kind that cannot be meant. Looks at
 * the value and at where each part of it stands; changes and keeps nothing, and
 * leaves alone what was refused before and so has no mark.
 */

#include "core/base.h"

struct config;
struct diag;
struct source_marks;
struct tree_node;

/* What each rule is given. */
struct rules {
	const struct config *config;
	const struct source_marks *marks; /* sorted */
	struct diag *diag;
	bool failed; /* memory is out */
};

/* Mistakes go to `diag`. Returns 0, also where there are some, or -ENOMEM. */
MUST_CHECK int rules_check(const struct config *c,
    const struct source_marks *marks, struct diag *diag);

/* Where a value of the configuration stands; NULL: it was not given. */
const struct tree_node *rules_at(const struct rules *r, const void *field);

/* "'NODE' FAULT"; nothing where either is NULL. */
void rules_refuse(
    struct rules *r, const struct tree_node *node, const char *fault);

/*
 * Whether all `n` of a list are there: of one that was refused, we cannot say
 * what it is.
 */
bool rules_is_whole(const struct rules *r, const void *list, size_t n);
