#pragma once

/*
 * A mark beside the configuration file, NAME.untried, for as long as the file
 * is one that the peer gave and that this node has not run yet. A node that
 * ends in between finds it at its next start, and takes the file that ran
 * before (NAME.before): nobody has heard that the new one was taken, so the
 * peer runs the old one, too. The mark tells which file it is of, as somebody
 * may have written another one since. It is locked by who made it. Waits for
 * the disk.
 */

#include "core/base.h"

#include <sys/stat.h>

/* Where the new file is written first, by its name. */
#define FILE_UNTRIED_FRESH ".%s.hapair"

/*
 * An empty one, of no file yet, in the directory (O_PATH will do). Returns the
 * descriptor that holds its lock, or -errno.
 */
MUST_CHECK int file_untried_make(int dir, const char *name);

/* It is of this file from now on, over a crash. Returns 0 or -errno. */
MUST_CHECK int file_untried_set(int fd, const struct stat *file);

/* Returns 0, also where there is none, or -errno. */
MUST_CHECK int file_untried_lift(int dir, const char *name);

#define FILE_UNTRIED_TEXT_MAX 1280

/*
 * Before the file is read for a start. Takes away what a node that ended in
 * between has left, and puts the file before back where this one never ran.
 * `ret_text` has a sentence for whoever starts it, or is empty: there was
 * nothing to do, or it is the business of a daemon that runs.
 */
void file_untried_recover(
    const char *path, char ret_text[static FILE_UNTRIED_TEXT_MAX]);
