#pragma once

/*
 * One file instead of another, or none of it: the new one is written beside it,
 * mode 0400, and renamed over it. Nothing is ever written into a file that is
 * there. In two steps, so that several files can be prepared before the first
 * one changes.
 *
 * What a killed run left behind is removed by the next one for the same file.
 */

#include "core/trusted_path.h"

#include <sys/types.h>

#define REPLACE_WHY_MAX TRUSTED_PATH_WHY_MAX
#define REPLACE_KEEP ((uid_t)-1)

struct replace_owner {
	uid_t uid; /* REPLACE_KEEP: of the file that is there, or ours */
	gid_t gid; /* likewise */
};

struct replace {
	int dir_fd, fd;
	char *path; /* of the new file, absolute; NULL where there is none */
	const char *temp; /* its name in the directory, a part of `path` */
	char *name;       /* what it shall be called there */
	bool unchanged;   /* the file is there already, just so */
};

/* The empty value; replace_close() may be called from here on. */
struct replace replace_nothing(void);

/* Returns 0, or -errno with words for it, without the path. */
MUST_CHECK int replace_prepare(struct replace *r, const char *path,
    const void *bytes, size_t len, struct replace_owner owner,
    char ret_why[static REPLACE_WHY_MAX]);

/*
 * After this the new file is there, over a crash of the machine as well. On
 * failure: the old one, except where only the directory could not be synced.
 */
MUST_CHECK int replace_commit(
    struct replace *r, char ret_why[static REPLACE_WHY_MAX]);

/* Takes away what was prepared and not committed. */
void replace_close(struct replace *r);
