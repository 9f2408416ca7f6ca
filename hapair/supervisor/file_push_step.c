#include "hapair/supervisor/file_push_step.h"

/* A part and its answer take a round trip; the rest is a busy host. */
#define GIVING_MS 3000

/*
 * From one answer to the next. A peer that is about it says so when it is asked
 * again, but for the second in which its failover is replaced.
 */
#define TAKING_MS 5000

/*
 * Of all answers together: a megabyte takes a second, a reload seven. What a
 * peer says holds nobody here for longer.
 */
#define GIVING_END_MS 15000
#define TAKING_END_MS 30000

static void
enter(struct file_push_step *s, enum file_push_step_state state,
    struct file_push_step_out *out)
{
	const bool begins = s->state != state;

	s->state = state;
	out->ask = file_push_step_question(s);
	switch (state) {
	case FILE_PUSH_STEP_GIVING:
		out->patience_ms = GIVING_MS;
		out->end_ms = begins ? GIVING_END_MS : 0;
		break;
	case FILE_PUSH_STEP_TAKING:
	case FILE_PUSH_STEP_UNDOING:
		out->patience_ms = TAKING_MS;
		out->end_ms = begins ? TAKING_END_MS : 0;
		break;
	case FILE_PUSH_STEP_OWN: /* a reload ends by itself */
		out->take = true;
		break;
	case FILE_PUSH_STEP_IDLE:
		*s = (struct file_push_step){ 0 };
		break;
	}
}

static void
end(struct file_push_step *s, enum file_push_step_end how,
    struct file_push_step_out *out)
{
	enter(s, FILE_PUSH_STEP_IDLE, out);
	out->end = how;
}

/* Nothing has changed anywhere: whatever is odd ends it. */
static void
hear_giving(struct file_push_step *s, const struct file_push_step_input *in,
    struct file_push_step_out *out)
{
	const uint32_t before = s->at;

	switch (in->kind) {
	case PEER_FILE_HAVE:
		/* Less than before: it was started anew. */
		s->at = in->at < s->total ? in->at : 0;
		enter(s, FILE_PUSH_STEP_GIVING, out);
		if (s->at <= before) /* an answer that brings nothing */
			out->patience_ms = 0;
		break;
	case PEER_FILE_FINE:
		enter(s, FILE_PUSH_STEP_TAKING, out);
		break;
	case PEER_FILE_REFUSED:
		end(s, FILE_PUSH_STEP_REFUSED, out);
		break;
	default: /* nothing new, or of a later version */
		break;
	}
}

/* From here on the peer may run it. */
static void
hear_taking(struct file_push_step *s, const struct file_push_step_input *in,
    struct file_push_step_out *out)
{
	switch (in->kind) {
	case PEER_FILE_WORKING:
		out->patience_ms = TAKING_MS;
		break;
	case PEER_FILE_TAKEN:
		enter(s, FILE_PUSH_STEP_OWN, out);
		break;
	case PEER_FILE_REFUSED:
		end(s, FILE_PUSH_STEP_REFUSED, out);
		break;
	case PEER_FILE_KEPT: /* it will go back, once it is through */
		end(s, FILE_PUSH_STEP_HALF, out);
		break;
	case PEER_FILE_STRANGE: /* it has begun with what is on its disk */
		if (in->runs_it)
			enter(s, FILE_PUSH_STEP_OWN, out);
		else if (in->ran_it)
			end(s, FILE_PUSH_STEP_RESTARTED, out);
		else
			end(s, FILE_PUSH_STEP_STRAYED, out);
		break;
	default: /* FINE, said twice */
		break;
	}
}

static void
hear_undoing(struct file_push_step *s, const struct file_push_step_input *in,
    struct file_push_step_out *out)
{
	switch (in->kind) {
	case PEER_FILE_WORKING:
		out->patience_ms = TAKING_MS;
		break;
	case PEER_FILE_UNDONE:
		end(s, FILE_PUSH_STEP_UNDONE, out);
		break;
	case PEER_FILE_KEPT:
		end(s, FILE_PUSH_STEP_PARTED, out);
		break;
	case PEER_FILE_STRANGE:
		if (in->ran_it)
			end(s, FILE_PUSH_STEP_UNDONE, out);
		else if (in->runs_it)
			end(s, FILE_PUSH_STEP_PARTED, out);
		else
			end(s, FILE_PUSH_STEP_STRAYED, out);
		break;
	default: /* TAKEN, said twice */
		break;
	}
}

static void
hear(struct file_push_step *s, const struct file_push_step_input *in,
    struct file_push_step_out *out)
{
	switch (s->state) {
	case FILE_PUSH_STEP_GIVING:
		hear_giving(s, in, out);
		break;
	case FILE_PUSH_STEP_TAKING:
		hear_taking(s, in, out);
		break;
	case FILE_PUSH_STEP_UNDOING:
		hear_undoing(s, in, out);
		break;
	case FILE_PUSH_STEP_IDLE:
	case FILE_PUSH_STEP_OWN:
		break;
	}
}

/* Nobody has answered for too long. */
static void
give_up(struct file_push_step *s, struct file_push_step_out *out)
{
	switch (s->state) {
	case FILE_PUSH_STEP_GIVING:
		end(s, FILE_PUSH_STEP_SILENT, out);
		out->ask = PEER_FILE_FORGET;
		break;
	case FILE_PUSH_STEP_TAKING:
		end(s, FILE_PUSH_STEP_UNKNOWN, out);
		break;
	case FILE_PUSH_STEP_UNDOING:
		end(s, FILE_PUSH_STEP_PARTED, out);
		break;
	case FILE_PUSH_STEP_IDLE:
	case FILE_PUSH_STEP_OWN:
		break;
	}
}

struct file_push_step
file_push_step_do(const struct file_push_step *before,
    const struct file_push_step_input *in, struct file_push_step_out *ret_out)
{
	const bool giving = before->state == FILE_PUSH_STEP_GIVING;
	struct file_push_step s = *before;

	*ret_out = (struct file_push_step_out){ 0 };
	switch (in->event) {
	case FILE_PUSH_STEP_BEGIN:
		if (s.state == FILE_PUSH_STEP_IDLE) {
			s.total = in->total;
			enter(&s, FILE_PUSH_STEP_GIVING, ret_out);
		}
		break;
	case FILE_PUSH_STEP_ANSWER:
		hear(&s, in, ret_out);
		break;
	/* Later it is waited for: its failover is being replaced. */
	case FILE_PUSH_STEP_UNREACHED:
		if (giving)
			end(&s, FILE_PUSH_STEP_NO_WIRE, ret_out);
		break;
	case FILE_PUSH_STEP_UNSPOKEN:
		if (giving)
			end(&s, FILE_PUSH_STEP_NO_VERSION, ret_out);
		break;
	case FILE_PUSH_STEP_OWN_TAKEN:
		if (s.state == FILE_PUSH_STEP_OWN)
			end(&s, FILE_PUSH_STEP_BOTH, ret_out);
		break;
	case FILE_PUSH_STEP_OWN_REFUSED:
		if (s.state == FILE_PUSH_STEP_OWN)
			enter(&s, FILE_PUSH_STEP_UNDOING, ret_out);
		break;
	case FILE_PUSH_STEP_OVERDUE:
		give_up(&s, ret_out);
		break;
	case FILE_PUSH_STEP_EVENTS:
		break;
	}
	return s;
}

uint8_t
file_push_step_question(const struct file_push_step *s)
{
	switch (s->state) {
	case FILE_PUSH_STEP_GIVING:
		return PEER_FILE_PART;
	case FILE_PUSH_STEP_TAKING:
		return PEER_FILE_TAKE;
	case FILE_PUSH_STEP_UNDOING:
		return PEER_FILE_UNDO;
	case FILE_PUSH_STEP_IDLE:
	case FILE_PUSH_STEP_OWN:
		break;
	}
	return 0;
}
