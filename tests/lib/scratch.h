#pragma once

/*
 * A folder of the test's own below /tmp, made before its first case and removed
 * after its last with all that is in it: its files, and scripts to be run.
 */

#include <sys/types.h>

#define SCRATCH_PATH_MAX 128

/* For cmocka_run_group_tests(). */
int scratch_make(void **state);
int scratch_remove(void **state);

const char *scratch_folder(void);

/* FOLDER/NAME, into `ret_path`, which is returned. */
const char *scratch_path(
    const char *name, char ret_path[static SCRATCH_PATH_MAX]);

/* The same of a file that has this text and mode, whatever was there. */
const char *scratch_write(const char *name, const char *text, mode_t mode,
    char ret_path[static SCRATCH_PATH_MAX]);

/* The same of a shell script that begins in the folder. */
const char *scratch_script(
    const char *name, const char *body, char ret_path[static SCRATCH_PATH_MAX]);

/* The whole file, malloc'd; NULL where there is none. */
char *scratch_text(const char *name);

/* A Unix socket there that listens, whatever was there; and its path. */
int scratch_listen(
    const char *name, int backlog, char ret_path[static SCRATCH_PATH_MAX]);
