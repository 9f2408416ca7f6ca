#pragma once

/*
 * From the files of haproxy and keepalived to one of ours. Text to text:
 * nothing is read but what is given, and the result loads, whatever it was made
 * of. What could not be carried over is a note each.
 */

#include "config/import/import_plan.h"

#include <stdio.h>

#define IMPORT_FILES_MAX 64

struct import_file {
	const char *name; /* for notes and comments */
	const char *text;
	size_t len;
};

/* What came of it, for one line of summary. */
struct import_result {
	char *text; /* NULL: there is nothing to carry over */
	size_t len;
	size_t n_services, n_groups;
	size_t counts[IMPORT_NOTES_LEVELS];
	bool has_fill_in;
};

/*
 * Notes are printed to `notes`. Returns 0; -EINVAL where nothing was left to
 * carry over, with the reason among the notes; -ENOMEM, or what load_text()
 * returns. The caller import_fini()s the result in any case.
 */
MUST_CHECK int import_files(const struct import_file *files, size_t n,
    import_plan_env *env, FILE *notes, struct import_result *ret_result);

void import_fini(struct import_result *r);
