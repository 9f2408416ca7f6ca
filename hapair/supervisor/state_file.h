#pragma once

/*
 * The state file: what is agreed on (core/accord.h), as text on disk, so that
 * it survives the end of both nodes. JSON, for people who have to look:
 *
 *	{"version": 1,
 *	 "pause": {"epoch": 3, "own": true, "until": 1795600000000},
 *	 "accords": [
 *	  {"kind": "admin", "service": "web", "server": "s1", "value": "maint",
 *	   "epoch": 3, "node": 0, "own": true,
 *	   "said_at": 1795600000000, "reason": "a disk is being replaced"}]}
 *
 * The last two are there where they are known: an earlier version skips them.
 * It is there whole or not at all: written beside, synced, and renamed. What is
 * damaged is believed in no part. Waits for the disk; no threads of its own.
 */

#include "core/base.h"

struct shared_state;

#define STATE_FILE_NAME "state.json"
#define STATE_FILE_MAX ((size_t)8 * 1024 * 1024)

/* The directory: $STATE_DIRECTORY of systemd, else /var/lib/hapair. */
const char *state_file_directory(void);

/*
 * The directory is this process's alone while the descriptor is open; it is
 * made where only it is missing. -EEXIST: another process has it; -errno.
 */
MUST_CHECK int state_file_claim(const char *directory);

/* Malloc'd; NULL where memory is out. */
char *state_file_text(const struct shared_state *all);

/* All of it, or -EBADMSG and nothing. -ENOMEM. */
MUST_CHECK int state_file_parse(
    const char *text, size_t len, struct shared_state *ret_all);

/*
 * Adds what is in the directory's file. Returns 0, also where there is none;
 * -EBADMSG where it is damaged; -errno.
 */
MUST_CHECK int state_file_load(
    const char *directory, struct shared_state *ret_all);

/* Out of the way, for someone to look at. Returns 0 or -errno. */
MUST_CHECK int state_file_set_aside(const char *directory);

/*
 * The file of that name, whole or not at all. Makes the directory where only it
 * is missing. Returns 0 or -errno.
 */
MUST_CHECK int state_file_write(
    const char *directory, const char *name, const char *text, size_t len);
