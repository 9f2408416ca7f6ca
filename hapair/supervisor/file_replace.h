#pragma once

/*
 * The configuration file on disk is replaced by another text, in steps: the new
 * one is written beside it (.NAME.hapair), then takes its place while the old
 * one gets another name (NAME.before); and back. There is a whole file of that
 * name at each moment, also over a crash of the machine. Until it is settled a
 * mark tells that it has not run (file_untried.h). Mode and owner stay. Waits
 * for the disk: see file_disk.h.
 */

#include "core/trusted_path.h"

#include <sys/stat.h>

#define FILE_REPLACE_WHY_MAX (TRUSTED_PATH_WHY_MAX + 128)

struct file_replace {
	int dir; /* -1: nothing is prepared */
	char name[TRUSTED_PATH_NAME_MAX];
	int mark;       /* of a file that has not run; -1: there is none */
	bool written;   /* .NAME.hapair is there */
	bool unchanged; /* the file has this text already */
	bool replaced;
	struct stat put; /* what was put in its place, if it was replaced */
};

/* The empty value. */
struct file_replace file_replace_none(void);

/* All return 0, or -errno with words for it. */
MUST_CHECK int file_replace_prepare(struct file_replace *f, const char *path,
    const char *text, size_t len, char ret_why[static FILE_REPLACE_WHY_MAX]);
MUST_CHECK int file_replace_commit(
    struct file_replace *f, char ret_why[static FILE_REPLACE_WHY_MAX]);

/* It runs. */
MUST_CHECK int file_replace_settle(
    struct file_replace *f, char ret_why[static FILE_REPLACE_WHY_MAX]);

/* What somebody else has put there since stays: -EBUSY. */
MUST_CHECK int file_replace_undo(
    struct file_replace *f, char ret_why[static FILE_REPLACE_WHY_MAX]);

/* What was prepared and not committed goes; takes the empty value. */
void file_replace_close(struct file_replace *f);
