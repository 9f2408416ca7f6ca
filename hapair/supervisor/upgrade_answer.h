#pragma once

/*
 * What a program says of itself when it is tried before an upgrade (hapair
 * trial): its version, which states it can read (upgrade_state.h), and with
 * roles of which messages it can talk (MSG_VERSION). One line:
 *
 *	hapair 0.1.0 takes over from state 1-1, roles 1-1
 */

#include "core/base.h"

#define UPGRADE_ANSWER_MAX 256
#define UPGRADE_ANSWER_VERSION_MAX 32

struct upgrade_answer {
	char version[UPGRADE_ANSWER_VERSION_MAX];
	unsigned state_from, state_to; /* the oldest and the latest */
	unsigned roles_from, roles_to;
};

/* This program's. */
struct upgrade_answer upgrade_answer_own(void);

/* Returns `buf`; with the end of the line. */
const char *upgrade_answer_text(
    const struct upgrade_answer *a, char buf[static UPGRADE_ANSWER_MAX]);

/* Returns 0, or -EBADMSG where it is no such line alone. */
MUST_CHECK int upgrade_answer_parse(
    const char *text, struct upgrade_answer *ret_answer);

/*
 * What of this program it cannot take over; NULL: it can. `buf`, a clause for
 * people.
 */
const char *upgrade_answer_fault(const struct upgrade_answer *a,
    const struct upgrade_answer *own, char buf[static UPGRADE_ANSWER_MAX]);
