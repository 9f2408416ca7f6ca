#pragma once

/*
 * `hapair reload --both`, step by step, on the node where an operator asked:
 * what the peer is asked next, and when this node takes the file itself. The
 * peer goes first: it says whether it could, then it takes the file, and only
 * then this node does. Where this one fails the peer goes back. So both run it,
 * or neither; where the peer has gone silent in between nobody can know, and
 * that is told.
 *
 * Pure. file_push.c carries it out.
 */

#include "hapair/supervisor/peer_file.h"

enum file_push_step_state {
	FILE_PUSH_STEP_IDLE,
	FILE_PUSH_STEP_GIVING,  /* the peer gets the file, and checks it */
	FILE_PUSH_STEP_TAKING,  /* the peer takes it */
	FILE_PUSH_STEP_OWN,     /* this node takes it */
	FILE_PUSH_STEP_UNDOING, /* this node could not: the peer goes back */
};

enum file_push_step_event {
	FILE_PUSH_STEP_BEGIN,       /* `total` bytes are to be given */
	FILE_PUSH_STEP_ANSWER,      /* of the peer */
	FILE_PUSH_STEP_UNREACHED,   /* there is no wire now */
	FILE_PUSH_STEP_UNSPOKEN,    /* the peer is of a version without */
	FILE_PUSH_STEP_OWN_TAKEN,   /* by this node */
	FILE_PUSH_STEP_OWN_REFUSED, /* by this node */
	FILE_PUSH_STEP_OVERDUE,     /* one of the times of `out` is over */
	FILE_PUSH_STEP_EVENTS,
};

struct file_push_step_input {
	enum file_push_step_event event;
	uint32_t total; /* of BEGIN */
	uint8_t kind;   /* of ANSWER, as `at` */
	uint32_t at;
	bool runs_it; /* the peer runs what this file means */
	bool ran_it;  /* or what it ran while it got the file */
};

enum file_push_step_end {
	FILE_PUSH_STEP_GOES_ON,
	FILE_PUSH_STEP_BOTH,       /* both nodes run it */
	FILE_PUSH_STEP_NO_WIRE,    /* nothing has changed: no wire */
	FILE_PUSH_STEP_NO_VERSION, /* nor here: the peer cannot */
	FILE_PUSH_STEP_SILENT,     /* nor here: the peer did not answer */
	FILE_PUSH_STEP_REFUSED,    /* nor here: the peer has said why */
	FILE_PUSH_STEP_RESTARTED,  /* nor here: the peer was started anew */
	FILE_PUSH_STEP_HALF,       /* not here; the peer goes back, but late */
	FILE_PUSH_STEP_STRAYED,    /* nor here; the peer runs a third file */
	FILE_PUSH_STEP_UNKNOWN,    /* not here; the peer may have taken it */
	FILE_PUSH_STEP_UNDONE,     /* this node could not, the peer went back */
	FILE_PUSH_STEP_PARTED,     /* this node could not, the peer stays */
};

/* Zeros: idle. */
struct file_push_step {
	enum file_push_step_state state;
	uint32_t total, at;
};

struct file_push_step_out {
	uint8_t ask; /* enum peer_file_kind, 0: nothing */
	bool take;   /* this node shall take the file */
	enum file_push_step_end end;
	uint32_t patience_ms; /* from now on; 0: as it was */
	uint32_t end_ms;      /* likewise, whatever answers come */
};

/* Every event has an answer in every state. */
MUST_CHECK struct file_push_step file_push_step_do(
    const struct file_push_step *before, const struct file_push_step_input *in,
    struct file_push_step_out *ret_out);

/* What is asked again and again; 0: nothing. */
uint8_t file_push_step_question(const struct file_push_step *s);
