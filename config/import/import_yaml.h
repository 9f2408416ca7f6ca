#pragma once

/*
 * A plan as the text of a configuration, each part with a comment that says
 * where it is from.
 */

#include "config/import/import_plan.h"

/* On which lines of the text the parts begin; 0: it is not there. */
struct import_yaml_lines {
	unsigned pair, services, web, rest;
};

/*
 * Also notes in each service on which line it begins. Returns 0 or -ENOMEM; the
 * caller frees the text.
 */
MUST_CHECK int import_yaml_write(struct import_plan *p, char **ret_text,
    size_t *ret_len, struct import_yaml_lines *ret_lines);
