#pragma once

/*
 * Why a group changed its state, in an operator's words: worded once, here, and
 * so the same in the log, in `status` and for notify.
 */

#include "failover/election/election.h"

#define REASON_SUBJECT_MAX 64 /* a name; of a script its path's last part */
#define REASON_TEXT_MAX 128

struct config_group;
struct config_pair;

/*
 * Whom a reason names: an interface of the group, what is tracked, a thread of
 * the relay. Returns `buf`.
 */
const char *reason_subject(const struct election_out *out,
    const struct config_pair *pair, const struct config_group *group,
    char buf[static REASON_SUBJECT_MAX]);

/* What kind of news a change is to whoever is alerted. */
enum reason_news {
	REASON_ROUTINE, /* somebody wanted it, or it belongs to a start */
	REASON_STOPPED, /* taken over from a peer that somebody stopped */
	REASON_TAKEOVER,
	REASON_FAULT,    /* this node cannot serve */
	REASON_CONFLICT, /* somebody else has the addresses, or claims them */
	REASON_DOUBT,    /* its host has them still, and nothing is claimed */
	REASON_HELD,     /* a pause holds up what would have been done */
};

enum reason_news reason_news(enum election_reason reason,
    enum election_state was, enum election_state is);

/* "peer silent for 61 ms", "interface SUBJECT is down". Returns `buf`. */
const char *reason_text(const struct election_out *out, const char *subject,
    char buf[static REASON_TEXT_MAX]);
