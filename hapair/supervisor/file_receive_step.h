#pragma once

/*
 * The other side of file_push_step.h: what a node answers to its peer, who has
 * a file for it, and what it does. Each question may come twice, and has the
 * same answer then.
 *
 * Pure. file_receive.c carries it out.
 */

#include "hapair/supervisor/peer_file.h"

enum file_receive_step_state {
	FILE_RECEIVE_STEP_NONE,
	FILE_RECEIVE_STEP_FILLING, /* some of it is here */
	FILE_RECEIVE_STEP_FINE,    /* all of it, and it can be taken */
	FILE_RECEIVE_STEP_TAKING,
	FILE_RECEIVE_STEP_TAKEN,
	FILE_RECEIVE_STEP_UNDOING,
	FILE_RECEIVE_STEP_OVER, /* refused, undone or kept: `last` */
};

enum file_receive_step_event {
	FILE_RECEIVE_STEP_ASKED,   /* a question of the peer */
	FILE_RECEIVE_STEP_DONE,    /* what was to be done has been */
	FILE_RECEIVE_STEP_FAILED,  /* it has not */
	FILE_RECEIVE_STEP_OVERDUE, /* the time of `patience_ms` is over */
	FILE_RECEIVE_STEP_EVENTS,
};

struct file_receive_step_input {
	enum file_receive_step_event event;
	const struct peer_file *asked; /* of ASKED; borrowed */
	/* It may be begun, taken or undone now. */
	bool may;
	/* Of FAILED: the disk has it all the same. */
	bool stays;
};

enum file_receive_step_action {
	FILE_RECEIVE_STEP_NOTHING,
	FILE_RECEIVE_STEP_STORE, /* this part, the first makes room for all */
	FILE_RECEIVE_STEP_CHECK, /* store it, it was the last: can it run? */
	FILE_RECEIVE_STEP_TAKE,
	FILE_RECEIVE_STEP_UNDO,
	FILE_RECEIVE_STEP_DROP, /* what there is of it */
	/* It takes longer than the peer asks; a text is to say so. */
	FILE_RECEIVE_STEP_TELL_LATE,
};

/* Zeros: none. */
struct file_receive_step {
	enum file_receive_step_state state;
	uint64_t id;
	uint32_t total, at;
	uint8_t last; /* of OVER: the answer */
	bool late;    /* of TAKING: it is undone; of UNDOING: that was told */
};

struct file_receive_step_out {
	/* Before the answer; but TAKE and UNDO have another when they end. */
	enum file_receive_step_action action;
	uint8_t answer;       /* enum peer_file_kind, 0: none */
	uint32_t patience_ms; /* from now on; 0: as it was */
};

/* More is refused. */
#define FILE_RECEIVE_STEP_TOTAL_MAX (1024 * 1024 + 64)

/* Every event has an answer in every state. */
MUST_CHECK struct file_receive_step file_receive_step_do(
    const struct file_receive_step *before,
    const struct file_receive_step_input *in,
    struct file_receive_step_out *ret_out);

/*
 * Another change would be in its way, or it in that one's. A file that is only
 * given keeps nobody from anything: `may` is asked once more when it is taken.
 */
bool file_receive_step_is_busy(const struct file_receive_step *s);
