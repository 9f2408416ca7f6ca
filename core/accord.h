#pragma once

/*
 * An accord: one thing that both nodes must agree on and remember, such as
 * that an operator has put a server out of service. Whoever changes it raises
 * the epoch; of two that are about the same thing the newer one holds, wherever
 * it came from and in whatever order, so that both nodes end with the same.
 *
 * An epoch rises by one with each word that somebody says. So two that are
 * ACCORD_EPOCH_REACH apart cannot both be true, and of such two the lower one
 * is the newer: no epoch, not even the highest, is above all others, and
 * whatever is known there is one that takes its place.
 *
 * It is about names, not indices: the configuration may change around it.
 *
 * A value. Pure.
 */

#include "core/base.h"

struct buf;

#define ACCORD_SUBJECT_MAX 64 /* a service's name; with NUL */
#define ACCORD_SERVER_MAX 64  /* a server's; likewise */
#define ACCORD_REASON_MAX 81  /* an operator's; likewise */
#define ACCORD_BYTES_MAX                                                       \
	(1 + 1 + 2 + ACCORD_SUBJECT_MAX + 2 + ACCORD_SERVER_MAX + 11 + 8 + 2 + \
	    ACCORD_REASON_MAX)
#define ACCORD_WEIGHT_MAX 256
#define ACCORD_EPOCH_MAX (UINT64_C(1) << 52) /* JSON's numbers are doubles */
#define ACCORD_EPOCH_LAST (ACCORD_EPOCH_MAX - 1)
/* More words about one thing than are said while two nodes are apart. */
#define ACCORD_EPOCH_REACH (UINT64_C(1) << 20)
#define ACCORD_AS_CONFIGURED UINT16_MAX /* a weight */

/* What it is about. Numbers are on the wire. */
enum accord_kind {
	ACCORD_ADMIN = 1,  /* a server of the service; enum accord_admin */
	ACCORD_WEIGHT = 2, /* likewise; 0-256, or ACCORD_AS_CONFIGURED */
	/* The active server of a standby service, or of a standby group's first
	 * service: what is agreed on is `server`. No value. */
	ACCORD_ACTIVE = 3,
	ACCORD_ACTIVE_GROUP = 4, /* the subject is the group */
};

/* What an operator wants of a server. */
enum accord_admin {
	ACCORD_READY,
	ACCORD_DRAIN, /* it gets no new connections, and keeps the old ones */
	ACCORD_MAINT, /* it has no connections */
};

/* When and why; for people. */
struct accord_said {
	int64_t wall_ms;                /* 0: not known */
	char reason[ACCORD_REASON_MAX]; /* "": none was given */
};

struct accord {
	enum accord_kind kind;
	char subject[ACCORD_SUBJECT_MAX];
	char server[ACCORD_SERVER_MAX];
	uint16_t value;
	uint64_t epoch; /* 1 to ACCORD_EPOCH_MAX */
	uint8_t node;   /* who has made it: index into pair.nodes, or 0 */
	struct accord_said said; /* told to others, and not compared */
	/* Neither told to others nor compared: */
	bool own;      /* it was said here */
	uint64_t peak; /* the highest epoch about this that was known here */
};

/* Order by what they are about; 0: the same thing. */
int accord_compare(const struct accord *a, const struct accord *b);

/*
 * Whether `a`, about the same thing, takes the place of `b`. Never both ways;
 * neither way only where they are the same.
 */
bool accord_is_newer(const struct accord *a, const struct accord *b);

/* Whether their epochs cannot both be true. */
bool accord_is_far(const struct accord *a, const struct accord *b);

/*
 * The epoch of what takes the place of one of this epoch; 0: of none. It is one
 * more; or far below, after ACCORD_EPOCH_LAST and all above.
 */
uint64_t accord_epoch_after(uint64_t epoch);

void accord_put(struct buf *b, const struct accord *a);

/*
 * One of several, one after the other. Each begins with its length, so that
 * what a later version has put behind what we know is skipped; an earlier one
 * does not say when and why. Control characters become '?'. Returns 0;
 * -EBADMSG; or 1 where all of it was skipped, for it is of a kind that we do
 * not know.
 */
MUST_CHECK int accord_get(struct buf *b, struct accord *ret_accord);

/* Makes of it what may be: no time that cannot be true, no control characters.
 */
void accord_said_clean(struct accord_said *said);

/*
 * Whether its fields are what they may be, names of the configuration's
 * characters among them: for who has it from elsewhere.
 */
bool accord_is_sane(const struct accord *a);

/* "ready", "drain", "maint". */
const char *accord_admin_name(enum accord_admin admin);

/* The words of the state file. */
const char *accord_kind_name(enum accord_kind kind);

/* False: no such word. */
MUST_CHECK bool accord_parse_admin(
    const char *word, enum accord_admin *ret_admin);

/*
 * An operator's word for a server, one of these names or "weight=N": the kind
 * and the value that go with it. False: none of them.
 */
MUST_CHECK bool accord_parse_word(
    const char *word, enum accord_kind *ret_kind, uint16_t *ret_value);
MUST_CHECK bool accord_parse_kind(const char *word, enum accord_kind *ret_kind);
