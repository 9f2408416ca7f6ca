#include "hapair/supervisor/file_receive.h"

#include "config/config.h"
#include "config/local_paths.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/secret.h"
#include "core/timeout.h"
#include "hapair/supervisor/file_say.h"
#include "hapair/supervisor/key_keeper.h"
#include "hapair/supervisor/reload.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNCHANGED "; nothing was changed"

/* To check one takes a while: so many at once, and then one a second. */
#define BURST 5
#define PAUSE_MS 1000

static const struct generation *
now(const struct file_receive *r)
{
	return r->reload->change->now;
}

static void
set_text(struct file_receive *r, const char *text)
{
	char *const before = r->text; /* perhaps the same */

	r->text = strdup(text != NULL ? text : "memory is out");
	free(before);
}

/* As many whole lines as there is room for. */
static size_t
text_length(const char *text)
{
	size_t len = text != NULL ? strlen(text) : 0;

	if (len <= PEER_FILE_PART_MAX)
		return len;
	for (len = PEER_FILE_PART_MAX; len > 0 && text[len] != '\n'; len--)
		continue;
	return len > 0 ? len : PEER_FILE_PART_MAX;
}

static void
say(const struct file_receive *r, uint64_t id, uint8_t kind)
{
	const bool has_text = kind == PEER_FILE_REFUSED ||
	    kind == PEER_FILE_TAKEN || kind == PEER_FILE_KEPT;
	struct peer_file m = { .kind = kind,
		.wrong = r->wrong && kind == PEER_FILE_REFUSED,
		.id = id,
		.total = r->step.total,
		.at = r->step.at,
		.len = has_text ? text_length(r->text) : 0,
		.bytes = (const uint8_t *)r->text };

	if (kind == 0)
		return;
	memcpy(m.hash, now(r)->setup.config->hash, sizeof(m.hash));
	file_say(now(r), &m);
}

static void
drop(struct file_receive *r)
{
	free(r->sealed);
	r->sealed = NULL;
	file_take_drop(&r->take);
}

/* -- is it fit? --------------------------------------------------------- */

/* Signed with any key that this node has. NULL: with none, or memory is out. */
static char *
unseal(const struct file_receive *r, size_t *ret_len)
{
	const struct secret_keys *keys = r->reload->setup.keys->keys;
	const size_t len = r->step.total;
	/* Where memory was out at its first part, none of it is here. */
	char *text = r->sealed != NULL ? calloc(1, len + 1) : NULL;
	int e = -ENOMEM;

	for (unsigned i = 0; text != NULL && e < 0 && i < keys->n; i++) {
		struct secret_key key;

		secret_derive(&keys->all[i], "hapair file", &r->step.id,
		    sizeof(r->step.id), &key);
		e = secret_unseal(&key, r->sealed, len, text);
		secret_wipe(&key, sizeof(key));
	}
	if (e == 0) {
		*ret_len = len - SECRET_SEAL_BYTES;
		text[*ret_len] = '\0';
		return text;
	}
	free(text);
	return NULL;
}

static bool
refuse(struct file_receive *r, const char *what, const char *why, bool wrong)
{
	char text[FILE_TAKE_TEXT_MAX];

	(void)snprintf(
	    text, sizeof(text), "%s: %s%s", r->reload->setup.path, what, why);
	set_text(r, text);
	r->wrong = wrong;
	return false;
}

/* What the peer may not bring. */
static bool
is_allowed(struct file_receive *r)
{
	char what[LOCAL_PATHS_TEXT_MAX];
	const int e = local_paths_compare(
	    r->take.file.config, now(r)->setup.config, what);

	if (e < 0)
		return refuse(r,
		    e == -EPERM
		        ? "a peer cannot bring what the file here does not name, put it into both files by hand: "
		        : "",
		    e == -EPERM ? what : strerror(-e), e == -EPERM);
	return true;
}

static bool
check(struct file_receive *r)
{
	size_t len = 0;
	char *text = unseal(r, &len);

	free(r->sealed);
	r->sealed = NULL;
	memcpy(r->running, now(r)->setup.config->hash, sizeof(r->running));
	if (text == NULL)
		return refuse(r,
		    "what the peer gave cannot be opened with the keys here",
		    "", false);
	switch (reload_file_check(&r->take.file, r->reload->setup.path, text,
	    len, now(r)->setup.config)) {
	case RELOAD_FILE_SAME:
		r->take.same = true;
		return is_allowed(r);
	case RELOAD_FILE_CHANGED:
		r->take.same = false;
		return is_allowed(r);
	case RELOAD_FILE_WRONG:
		r->wrong = true;
		break;
	case RELOAD_FILE_REFUSED:
		break;
	}
	set_text(r, r->take.file.fault);
	return false;
}

/* -- steps -------------------------------------------------------------- */

static void step(
    struct file_receive *r, const struct file_receive_step_input *in);

static void
note(struct file_receive *r, bool done)
{
	const struct file_receive_step_input in = { .event = done
		    ? FILE_RECEIVE_STEP_DONE
		    : FILE_RECEIVE_STEP_FAILED,
		.stays = file_take_stays(&r->take) };

	step(r, &in);
}

static void
store(struct file_receive *r, const struct peer_file *m)
{
	if (m->at == 0) {
		free(r->sealed);
		r->sealed = malloc(m->total);
		r->wrong = false;
	}
	if (r->sealed != NULL) /* else it cannot be opened, which is told */
		memcpy(r->sealed + m->at, m->bytes, m->len);
}

static void
on_end(void *arg, bool done, const char *text)
{
	set_text(arg, text);
	note(arg, done);
}

static void
tell_late(struct file_receive *r)
{
	const char *text = r->step.state == FILE_RECEIVE_STEP_TAKING
	    ? "is not done with it in time, and goes back to the file before as soon as it is"
	    : "is not done with going back in time, and goes on";

	log_error(
	    "supervisor", "[reload] a file of the peer: this node %s", text);
	set_text(r, text);
}

static void
act(struct file_receive *r, const struct file_receive_step_input *in,
    enum file_receive_step_action action)
{
	switch (action) {
	case FILE_RECEIVE_STEP_NOTHING:
		break;
	case FILE_RECEIVE_STEP_STORE:
		store(r, in->asked);
		break;
	case FILE_RECEIVE_STEP_CHECK:
		store(r, in->asked);
		note(r, check(r));
		break;
	case FILE_RECEIVE_STEP_TAKE:
		file_take_begin(&r->take);
		break;
	case FILE_RECEIVE_STEP_UNDO:
		file_take_undo(&r->take);
		break;
	case FILE_RECEIVE_STEP_DROP:
		drop(r);
		break;
	case FILE_RECEIVE_STEP_TELL_LATE:
		tell_late(r);
		break;
	}
}

static void
log_refused(struct file_receive *r)
{
	uint64_t left_out;

	if (limiter_allows(&r->refusals, mono_now(), &left_out))
		log_warning("supervisor",
		    "[reload] refused a file of the peer: %s (%" PRIu64
		    " more since the last line)",
		    r->text != NULL ? r->text : "memory is out", left_out);
}

static void
step(struct file_receive *r, const struct file_receive_step_input *in)
{
	const struct file_receive_step before = r->step;
	const uint64_t id = in->asked != NULL ? in->asked->id : r->step.id;
	struct file_receive_step_out out;

	r->step = file_receive_step_do(&r->step, in, &out);
	/* What another one reserved is not given free here. */
	if (file_receive_step_is_busy(&r->step))
		r->reload->change->reserved = r;
	else if (r->reload->change->reserved == r)
		r->reload->change->reserved = NULL;
	if (out.patience_ms > 0)
		timeout_arm(
		    r->reload->loop, &r->patience, out.patience_ms / 1e3);
	if (out.answer == PEER_FILE_REFUSED &&
	    (before.id != r->step.id || before.state != r->step.state))
		log_refused(r);
	/* TAKE and UNDO answer for themselves, perhaps at once. */
	if (out.action == FILE_RECEIVE_STEP_TAKE ||
	    out.action == FILE_RECEIVE_STEP_UNDO)
		say(r, id, out.answer);
	act(r, in, out.action);
	if (out.action != FILE_RECEIVE_STEP_TAKE &&
	    out.action != FILE_RECEIVE_STEP_UNDO)
		say(r, id, out.answer);
}

static void
on_patience(struct ev_loop *loop, ev_timer *t, int revents)
{
	const struct file_receive_step_input in = {
		.event = FILE_RECEIVE_STEP_OVERDUE
	};

	ev_timer_stop(loop, t);
	step(CONTAINER_OF(t, struct file_receive, patience), &in);
}

static bool
is_under_way(const struct file_receive *r)
{
	const struct generation_change *change = r->reload->change;

	return generation_change_is_busy(change) ||
	    (change->reserved != NULL && change->reserved != r);
}

/* NULL: a file may be begun. */
static const char *
fault_now(const struct file_receive *r, bool running)
{
	const struct generation_change *change = r->reload->change;

	if (!change->now->setup.config->pair.accept_file)
		return "takes no file from its peer: pair.accept_file is not true in the file that runs there" UNCHANGED;
	if (!running)
		return "is stopping" UNCHANGED;
	if (is_under_way(r))
		return "a reload is under way there: try again" UNCHANGED;
	return NULL;
}

/* An operator here may have been first: nothing is held for a peer that asks.
 */
static const char *
take_fault(const struct file_receive *r, bool running)
{
	const char *fault = fault_now(r, running);

	if (fault != NULL)
		return fault;
	return memcmp(r->running, now(r)->setup.config->hash,
	           sizeof(r->running)) != 0
	    ? "another file was loaded there meanwhile: try again" UNCHANGED
	    : NULL;
}

/* The file that was taken may have taken the right to bring one away. */
static const char *
undo_fault(const struct file_receive *r)
{
	return is_under_way(r)
	    ? "another reload is under way there, and would be in its way"
	    : NULL;
}

static const char *
fault_of(const struct file_receive *r, uint8_t kind, bool running)
{
	if (kind == PEER_FILE_UNDO)
		return undo_fault(r);
	return kind == PEER_FILE_TAKE ? take_fault(r, running)
	                              : fault_now(r, running);
}

static bool
begins(const struct file_receive *r, const struct peer_file *m)
{
	return m->kind == PEER_FILE_PART &&
	    (r->step.state == FILE_RECEIVE_STEP_NONE || m->id != r->step.id);
}

/* Whether one more may be begun; counts it. */
static bool
has_turn(struct file_receive *r)
{
	const struct mono present = mono_now();

	if (mono_before(r->turn, present))
		r->turn = present;
	if (mono_span_ms(present, r->turn) > (BURST - 1) * PAUSE_MS)
		return false;
	r->turn = mono_add_ms(r->turn, PAUSE_MS);
	return true;
}

/* It is where it has to be for what is asked. */
static bool
is_next(const struct file_receive *r, const struct peer_file *m)
{
	if (m->id != r->step.id)
		return false;
	return m->kind == PEER_FILE_TAKE
	    ? r->step.state == FILE_RECEIVE_STEP_FINE
	    : m->kind == PEER_FILE_UNDO &&
	        r->step.state == FILE_RECEIVE_STEP_TAKEN;
}

void
file_receive_hear(
    struct file_receive *r, const struct peer_file *m, bool running)
{
	const char *fault = fault_of(r, m->kind, running);
	struct file_receive_step_input in = { .event = FILE_RECEIVE_STEP_ASKED,
		.asked = m };

	if (fault == NULL && begins(r, m) && !has_turn(r))
		fault = "has been given too many files: try again" UNCHANGED;
	in.may = fault == NULL;
	/* The text of what is refused before it has begun. */
	if (begins(r, m)) {
		set_text(r,
		    fault != NULL ? fault : "is about another file" UNCHANGED);
		r->wrong = false;
	} else if (!running) {
		return;
	} else if (fault != NULL && is_next(r, m)) {
		set_text(r, fault);
	}
	step(r, &in);
}

void
file_receive_init(struct file_receive *r, struct reload *reload)
{
	*r = (struct file_receive){ .reload = reload };
	file_take_init(&r->take, reload, on_end, r);
	ev_init(&r->patience, on_patience);
}

void
file_receive_fini(struct file_receive *r)
{
	if (r->reload == NULL)
		return;
	ev_timer_stop(r->reload->loop, &r->patience);
	drop(r);
	file_take_fini(&r->take);
	free(r->text);
}
