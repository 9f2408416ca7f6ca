#include "hapair/supervisor/file_receive_step.h"

/* All of it, however slowly it comes: a MiB is three hundred parts. */
#define FILLING_MS 15000

/* A peer that wants it taken asks three times a second. */
#define ASKED_MS 5000

/*
 * Disk and reload end by themselves, but a relay with many connections goes on
 * as long as they come. The peer hears of it before it stops asking (30 s).
 */
#define WORKING_MS 20000

/* The peer's own reload, after which it asks for no undoing any more. */
#define TAKEN_MS 30000

static void
enter(struct file_receive_step *s, enum file_receive_step_state state,
    struct file_receive_step_out *out)
{
	s->state = state;
	switch (state) {
	case FILE_RECEIVE_STEP_FILLING:
		out->patience_ms = FILLING_MS;
		break;
	case FILE_RECEIVE_STEP_FINE:
		out->patience_ms = ASKED_MS;
		break;
	case FILE_RECEIVE_STEP_TAKEN:
	case FILE_RECEIVE_STEP_OVER:
		out->patience_ms = TAKEN_MS;
		break;
	case FILE_RECEIVE_STEP_TAKING:
	case FILE_RECEIVE_STEP_UNDOING:
		out->patience_ms = WORKING_MS;
		break;
	case FILE_RECEIVE_STEP_NONE:
		*s = (struct file_receive_step){ 0 };
		break;
	}
}

static void
finish(struct file_receive_step *s, uint8_t last,
    struct file_receive_step_out *out)
{
	s->last = out->answer = last;
	enter(s, FILE_RECEIVE_STEP_OVER, out);
}

/* What has been said of it; to be said again. */
static uint8_t
answer_again(const struct file_receive_step *s)
{
	switch (s->state) {
	case FILE_RECEIVE_STEP_NONE:
		break;
	case FILE_RECEIVE_STEP_FILLING:
		return PEER_FILE_HAVE;
	case FILE_RECEIVE_STEP_FINE:
		return PEER_FILE_FINE;
	case FILE_RECEIVE_STEP_TAKING:
	case FILE_RECEIVE_STEP_UNDOING:
		return s->late ? PEER_FILE_KEPT : PEER_FILE_WORKING;
	case FILE_RECEIVE_STEP_TAKEN:
		return PEER_FILE_TAKEN;
	case FILE_RECEIVE_STEP_OVER:
		return s->last;
	}
	return PEER_FILE_STRANGE;
}

static void
store(struct file_receive_step *s, const struct peer_file *q,
    struct file_receive_step_out *out)
{
	const bool next = q->at == s->at && q->total == s->total &&
	    q->len > 0 && q->len <= s->total - s->at;

	/* Its time goes on: parts alone keep nothing alive. */
	out->answer = PEER_FILE_HAVE;
	if (!next)
		return;
	s->at += (uint32_t)q->len;
	out->action = s->at < s->total ? FILE_RECEIVE_STEP_STORE
	                               : FILE_RECEIVE_STEP_CHECK;
	if (s->at == s->total)
		out->answer = 0; /* DONE or FAILED has one */
}

/* Another file takes the place of one that nobody has asked to take. */
static void
begin(struct file_receive_step *s, const struct file_receive_step_input *in,
    struct file_receive_step_out *out)
{
	const struct peer_file *q = in->asked;

	if (s->state != FILE_RECEIVE_STEP_NONE)
		out->action = FILE_RECEIVE_STEP_DROP;
	*s = (struct file_receive_step){ .id = q->id, .total = q->total };
	if (!in->may || q->total == 0 ||
	    q->total > FILE_RECEIVE_STEP_TOTAL_MAX) {
		finish(s, PEER_FILE_REFUSED, out);
		return;
	}
	/* What was here is dropped first: this part comes once more. */
	enter(s, FILE_RECEIVE_STEP_FILLING, out);
	out->answer = PEER_FILE_HAVE;
	if (out->action == FILE_RECEIVE_STEP_NOTHING)
		store(s, q, out);
}

static void
take_part(struct file_receive_step *s, const struct file_receive_step_input *in,
    struct file_receive_step_out *out)
{
	const bool same = in->asked->id == s->id;

	if (same && s->state == FILE_RECEIVE_STEP_FILLING)
		store(s, in->asked, out);
	else if (same && s->state != FILE_RECEIVE_STEP_NONE)
		out->answer = answer_again(s);
	else if (s->state == FILE_RECEIVE_STEP_TAKING ||
	    s->state == FILE_RECEIVE_STEP_UNDOING)
		out->answer = PEER_FILE_REFUSED; /* of another one */
	else
		begin(s, in, out);
}

static void
take_question(struct file_receive_step *s,
    const struct file_receive_step_input *in, struct file_receive_step_out *out)
{
	const bool same =
	    s->state != FILE_RECEIVE_STEP_NONE && in->asked->id == s->id;

	if (in->asked->kind == PEER_FILE_PART) {
		take_part(s, in, out);
		return;
	}
	if (in->asked->kind > PEER_FILE_FORGET)
		return; /* no question, or of a later version */
	if (in->asked->kind == PEER_FILE_FORGET) {
		if (same &&
		    (s->state == FILE_RECEIVE_STEP_FILLING ||
		        s->state == FILE_RECEIVE_STEP_FINE)) {
			out->action = FILE_RECEIVE_STEP_DROP;
			enter(s, FILE_RECEIVE_STEP_NONE, out);
		}
		return;
	}
	if (same && in->asked->kind == PEER_FILE_TAKE &&
	    s->state == FILE_RECEIVE_STEP_FINE) {
		if (!in->may) {
			out->action = FILE_RECEIVE_STEP_DROP;
			finish(s, PEER_FILE_REFUSED, out);
			return;
		}
		out->action = FILE_RECEIVE_STEP_TAKE;
		enter(s, FILE_RECEIVE_STEP_TAKING, out);
	} else if (same && in->asked->kind == PEER_FILE_UNDO &&
	    s->state == FILE_RECEIVE_STEP_TAKEN) {
		if (!in->may) {
			finish(s, PEER_FILE_KEPT, out);
			return;
		}
		out->action = FILE_RECEIVE_STEP_UNDO;
		enter(s, FILE_RECEIVE_STEP_UNDOING, out);
	}
	out->answer = same ? answer_again(s) : PEER_FILE_STRANGE;
}

static void
note_done(struct file_receive_step *s, struct file_receive_step_out *out)
{
	if (s->state == FILE_RECEIVE_STEP_FILLING) {
		enter(s, FILE_RECEIVE_STEP_FINE, out);
	} else if (s->state == FILE_RECEIVE_STEP_TAKING && s->late) {
		/* Nobody waits for it any more, and the peer has not taken it.
		 */
		out->action = FILE_RECEIVE_STEP_UNDO;
		enter(s, FILE_RECEIVE_STEP_UNDOING, out);
	} else if (s->state == FILE_RECEIVE_STEP_TAKING) {
		enter(s, FILE_RECEIVE_STEP_TAKEN, out);
	} else if (s->state == FILE_RECEIVE_STEP_UNDOING) {
		finish(s, PEER_FILE_UNDONE, out);
	}
	out->answer = answer_again(s);
}

static void
note_failed(struct file_receive_step *s,
    const struct file_receive_step_input *in, struct file_receive_step_out *out)
{
	if (s->state == FILE_RECEIVE_STEP_FILLING ||
	    s->state == FILE_RECEIVE_STEP_TAKING) {
		out->action = FILE_RECEIVE_STEP_DROP;
		finish(s, in->stays ? PEER_FILE_KEPT : PEER_FILE_REFUSED, out);
	} else if (s->state == FILE_RECEIVE_STEP_UNDOING) {
		finish(s, PEER_FILE_KEPT, out);
	}
}

/* What is under way cannot be given up without harm, and goes on. */
static void
note_late(struct file_receive_step *s, struct file_receive_step_out *out)
{
	if (s->late)
		return;
	s->late = true;
	out->action = FILE_RECEIVE_STEP_TELL_LATE;
	out->answer = PEER_FILE_KEPT;
}

struct file_receive_step
file_receive_step_do(const struct file_receive_step *before,
    const struct file_receive_step_input *in,
    struct file_receive_step_out *ret_out)
{
	struct file_receive_step s = *before;

	*ret_out = (struct file_receive_step_out){ 0 };
	switch (in->event) {
	case FILE_RECEIVE_STEP_ASKED:
		take_question(&s, in, ret_out);
		break;
	case FILE_RECEIVE_STEP_DONE:
		note_done(&s, ret_out);
		break;
	case FILE_RECEIVE_STEP_FAILED:
		note_failed(&s, in, ret_out);
		break;
	case FILE_RECEIVE_STEP_OVERDUE:
		if (file_receive_step_is_busy(&s)) {
			note_late(&s, ret_out);
			break;
		}
		ret_out->action = FILE_RECEIVE_STEP_DROP;
		enter(&s, FILE_RECEIVE_STEP_NONE, ret_out);
		break;
	case FILE_RECEIVE_STEP_EVENTS:
		break;
	}
	return s;
}

bool
file_receive_step_is_busy(const struct file_receive_step *s)
{
	return s->state == FILE_RECEIVE_STEP_TAKING ||
	    s->state == FILE_RECEIVE_STEP_UNDOING;
}
