#pragma once

/*
 * The configuration file as a reload finds it: read and checked whole, and
 * compared with what runs. Changes nothing.
 */

#include "config/config_diff.h"

struct config;

enum reload_file_verdict {
	RELOAD_FILE_SAME,    /* it means what runs */
	RELOAD_FILE_CHANGED, /* what differs is in `diff`, and can be taken */
	RELOAD_FILE_WRONG,   /* it has mistakes: `fault` has their lines */
	RELOAD_FILE_REFUSED, /* it cannot be taken: `fault` says why */
};

/* The empty value is zeros. */
struct reload_file {
	char *text; /* as it was read */
	size_t len;
	struct config *config;
	struct config_diff diff; /* of what was CHANGED */
	bool has_diff;
	char *fault; /* NULL: memory is out */
};

enum reload_file_verdict reload_file_read(
    struct reload_file *f, const char *path, const struct config *running);

/* The same with a text that is none of a file's yet, malloc'd; takes it. */
enum reload_file_verdict reload_file_check(struct reload_file *f,
    const char *path, char *text, size_t len, const struct config *running);

/* What differs, a line each; the caller frees. NULL where memory is out. */
char *reload_file_lines(const struct reload_file *f);

void reload_file_fini(struct reload_file *f);
