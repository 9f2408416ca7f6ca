#pragma once

/*
 * Who may say what to whom, as one table: each message, its sender and its
 * receiver, when it may come, with a descriptor or without, of which size, and
 * how many. Each receiver asks before it looks at what a message says
 * (msg_intake.h), so that no code of it runs for a sender that has no right to
 * it. doc/messages.md is printed from the table.
 *
 * Pure: the time is an argument.
 */

#include "core/mono.h"
#include "core/msg.h"

enum msg_rights_party {
	MSG_RIGHTS_SUPERVISOR,
	MSG_RIGHTS_FAILOVER,
	MSG_RIGHTS_RELAY,
	MSG_RIGHTS_DIRECTOR,
};

/*
 * How far a role is, as the receiver of a message knows it: the role that talks
 * with the supervisor; of two roles the relay, and where the director is one of
 * them, always `working`. A bit each.
 */
enum msg_rights_stage {
	MSG_RIGHTS_NEW = 1 << 0,      /* it has no configuration */
	MSG_RIGHTS_STARTING = 1 << 1, /* it has not said READY, or SERVING */
	MSG_RIGHTS_WORKING = 1 << 2,
	MSG_RIGHTS_STOPPING = 1 << 3, /* it was told to, or has said STOPPED */
};

struct msg_rights_row {
	enum msg_type type;
	enum msg_rights_party from, to;
	unsigned stages;      /* in which it may come */
	bool fd;              /* exactly one descriptor, else none */
	uint16_t least, most; /* bytes of its body */
	uint32_t burst;       /* so many at once; 0: not counted */
	uint32_t a_second;    /* and so many more; 0: `burst` in all */
};

/* What is wrong with a message. */
enum msg_rights_fault {
	MSG_RIGHTS_ALLOWED,
	MSG_RIGHTS_STRANGE,    /* there is no such message */
	MSG_RIGHTS_FOREIGN,    /* not from this sender to this receiver */
	MSG_RIGHTS_UNTIMELY,   /* not at this stage */
	MSG_RIGHTS_FD_MISSING, /* without its descriptor */
	MSG_RIGHTS_FD_SURPLUS, /* with one that it may not have */
	MSG_RIGHTS_WRONG_SIZE,
	MSG_RIGHTS_TOO_MANY,
	/* Its receiver's verdicts. */
	MSG_RIGHTS_MALFORMED, /* by what it says */
	MSG_RIGHTS_FAILED,
	MSG_RIGHTS_BROKEN,
};

/* One, as it has come. */
struct msg_rights_message {
	uint16_t type; /* not an enum: a number from another process */
	size_t len, n_fds;
};

#define MSG_RIGHTS_ROWS 112

extern const struct msg_rights_row msg_rights_rows[MSG_RIGHTS_ROWS];

/* What has come over one channel, in one direction; begins as zeros. */
struct msg_rights_meter {
	struct msg_rights_use {
		uint32_t n;      /* of a row that is not by the second */
		struct mono due; /* else: when the last would be on time */
	} uses[MSG_RIGHTS_ROWS];
};

/* Asked once for each message; what is allowed is counted. */
MUST_CHECK enum msg_rights_fault msg_rights_ask(struct msg_rights_meter *meter,
    enum msg_rights_party from, enum msg_rights_party to,
    enum msg_rights_stage stage, const struct msg_rights_message *m,
    struct mono now);

/* "GROUP"; NULL: there is no such message. */
const char *msg_rights_name(uint16_t type);

/* "it is not its to send", for a log line. */
const char *msg_rights_fault_text(enum msg_rights_fault fault);
