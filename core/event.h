#pragma once

/*
 * An event: something about a node that people ask for afterwards, such as that
 * a group has changed its state, and why. Each node keeps its own and those
 * that the peer has told of, over the wire, in this form.
 *
 * A value. Pure.
 */

#include "core/base.h"

struct buf;

/* With their NULs; what is longer is cut. */
#define EVENT_SUBJECT_MAX 144 /* "server SERVICE/NAME" */
#define EVENT_WHAT_MAX 160
#define EVENT_REASON_MAX 256
#define EVENT_BYTES_MAX                                                        \
	(2 + 8 + 8 + 1 + 3 * 2 + EVENT_SUBJECT_MAX + EVENT_WHAT_MAX +          \
	    EVENT_REASON_MAX)

/* What is read has no later one: behind it there is room for who counts on. */
#define EVENT_ID_MAX ((uint64_t)INT64_MAX / 2)

/* Numbers are on the wire. */
enum event_kind {
	EVENT_GROUP = 1,    /* another state */
	EVENT_SERVER = 2,   /* likewise */
	EVENT_STANDBY = 3,  /* another server is active */
	EVENT_OPERATOR = 4, /* what was ordered */
	EVENT_RELOAD = 5,   /* what came of one */
	EVENT_PROCESS = 6,  /* the daemon begins or ends, or a role has ended */
};

struct event {
	uint64_t id; /* rises; of one node */
	int64_t wall_ms;
	uint8_t kind; /* of a later version: a number that has no name here */
	char subject[EVENT_SUBJECT_MAX]; /* "group main" */
	char what[EVENT_WHAT_MAX];       /* "backup -> master" */
	char reason[EVENT_REASON_MAX];   /* "" where there is none to tell */
};

/* NULL is "". Id and time are for who keeps it. */
struct event event_of(enum event_kind kind, const char *subject,
    const char *what, const char *reason);

void event_put(struct buf *b, const struct event *e);

/*
 * One of several. Each begins with its length: what a later version has put
 * behind what we know is skipped. Control characters become '?'. Returns 0 or
 * -EBADMSG.
 */
MUST_CHECK int event_get(struct buf *b, struct event *ret_event);

/* "group", "server" and so on; "other" of what a later version knows. */
const char *event_kind_name(uint8_t kind);
/* 0: no such name. */
uint8_t event_parse_kind(const char *name);
