#pragma once

/*
 * The one door to files by their names. Root obeys what it reads and keeps what
 * it writes, so it asks at each step from "/" down who else could have put
 * something else there: a directory and a file belong to root (or to who runs
 * this), and nobody else can write them. A symbolic link is followed where root
 * made it, in a directory that is root's alone (/var/run, say, or /etc/hapair),
 * and nowhere else. /tmp and its like are shared: what is root's there stays,
 * as nobody can remove it, but links and second names of a file are refused.
 *
 * Each step is asked on the descriptor that is then used, so nothing can be
 * exchanged between question and use. Nothing waits for a FIFO or a device, and
 * what is refused is neither made nor truncated. No threads, no state.
 */

#include "core/base.h"

#include <limits.h>
#include <sys/types.h>

#define TRUSTED_PATH_WHY_MAX 704
#define TRUSTED_PATH_NAME_MAX (NAME_MAX + 1)

enum trusted_path_rule {
	/*
	 * What harms nobody, whosever it is: only links that others can make
	 * lead nowhere. For logs, and for tools that do what they are told.
	 */
	TRUSTED_PATH_ANYBODYS,
	TRUSTED_PATH_ROOTS,  /* what we obey */
	TRUSTED_PATH_SECRET, /* and what nobody else can read */
};

/*
 * All return a descriptor (close-on-exec) or -errno: -EPERM alone where it is
 * refused, -EINVAL where it is not a regular file. `ret_why`, of
 * TRUSTED_PATH_WHY_MAX bytes, has words for it on failure: what goes behind
 * "PATH: ", and what to do. NULL: no words, and then they are safe after fork()
 * for an absolute path.
 */

/*
 * A regular file; `flags` and `mode` as of open(). O_TRUNC is carried out after
 * all has been asked.
 */
MUST_CHECK int trusted_path_open(const char *path, enum trusted_path_rule rule,
    int flags, mode_t mode, char *ret_why);

/* A directory. `make` is the mode where only the last step is missing; 0: it
 * is not made. */
MUST_CHECK int trusted_path_directory(
    const char *path, enum trusted_path_rule rule, mode_t make, char *ret_why);

/*
 * The directory that a file is in, for the ...at() calls only (O_PATH), and the
 * file's name there, of TRUSTED_PATH_NAME_MAX bytes. The file may be missing,
 * and nothing is said of it: who opens it follows no link (O_NOFOLLOW).
 */
MUST_CHECK int trusted_path_parent(const char *path,
    enum trusted_path_rule rule, char *ret_name, char *ret_why);

/* Whether it would be opened, but nothing is: for programs. Returns 0. */
MUST_CHECK int trusted_path_look(
    const char *path, enum trusted_path_rule rule, char *ret_why);

/*
 * Words for what one of these returned below 0 without any, out of asking once
 * more. `ret_why`, or a constant.
 */
const char *trusted_path_fault(const char *path, enum trusted_path_rule rule,
    int error, char ret_why[static TRUSTED_PATH_WHY_MAX]);
