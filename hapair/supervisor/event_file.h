#pragma once

/*
 * Events as text on disk, beside the state file: JSON, whole or not at all. No
 * part of it is believed where it is damaged; then the events are gone, and
 * nothing else. doc/cli.md has the keys.
 */

#include "core/event.h"

#define EVENT_FILE_NAME "events.json"

/* Of one node, the oldest first. */
struct event_file_list {
	struct event *all; /* room for EVENT_FILE_MAX; the owner's */
	size_t n;
};

#define EVENT_FILE_MAX 500

/* This node's, and the peer's. Malloc'd; NULL where memory is out. */
char *event_file_text(const struct event_file_list lists[static 2]);

/* All of it, or -EBADMSG and nothing; -ENOMEM. Both lists are empty. */
MUST_CHECK int event_file_parse(
    const char *text, size_t len, struct event_file_list lists[static 2]);

/* Of that directory. 0, also where there is none; or likewise; or -errno. */
MUST_CHECK int event_file_load(
    const char *directory, struct event_file_list lists[static 2]);
