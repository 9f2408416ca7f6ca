#pragma once

/*
 * A configuration file as a command uses it: its text and its value, with the
 * mistakes told on stderr.
 */

#include "config/config.h"

struct file {
	const char *path; /* borrowed; of standard input, what it is called */
	bool is_stdin;
	bool is_quiet; /* a mistake is the caller's to tell */
	bool warns;    /* of what is perhaps not meant, too */
	bool obeyed;   /* refused where others can write it; else `warns` */
	char *text;
	size_t len;
	struct config *config;
};

/* Returns 0, or -errno with everything said. */
MUST_CHECK int file_load(struct file *f);
void file_free(struct file *f);
