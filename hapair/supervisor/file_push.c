#include "hapair/supervisor/file_push.h"

#include "config/config.h"
#include "core/fd.h"
#include "core/json_doc.h"
#include "core/log.h"
#include "core/reply.h"
#include "core/secret.h"
#include "core/timeout.h"
#include "hapair/supervisor/file_say.h"
#include "hapair/supervisor/key_keeper.h"
#include "hapair/supervisor/reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A question whose answer has not come is put again after so long. */
#define AGAIN_S 0.3

#define UNCHANGED "nothing was changed"

static const struct generation *
now(const struct file_push *p)
{
	return p->reload->change->now;
}

static const char *
peer_name(const struct file_push *p)
{
	const struct generation_setup *setup = &now(p)->setup;

	return setup->config->pair.nodes[1 - setup->node].name;
}

/* -- answers ------------------------------------------------------------ */

static void
tell_failed(struct file_push *p, const char *text, bool wrong)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = json_doc_new();
	CLEANUP(free_str) char *lines = strdup(text);
	char *save = NULL;

	for (char *line = lines != NULL ? strtok_r(lines, "\n", &save) : NULL;
	     line != NULL; line = strtok_r(NULL, "\n", &save))
		log_error("supervisor", "[reload] not reloaded: %s", line);
	json_doc_put_string(doc, "error", text);
	if (wrong)
		json_doc_put_bool(doc, "wrong", true);
	reply_send(p->reload->loop, &p->socket, json_doc_text(doc, false));
}

static void
tell_both(struct file_push *p)
{
	const bool kept = p->peer != NULL && *p->peer != '\0';
	CLEANUP(json_doc_free_at) struct json_doc *doc = json_doc_new();
	CLEANUP(free_str) char *text = NULL;

	log_notice(
	    "supervisor", "both nodes run this file, %s has it", peer_name(p));
	if (asprintf(&text, "%s%s%s: runs the same, %s%s",
	        p->own != NULL ? p->own : "",
	        p->own != NULL && *p->own != '\0' ? "\n" : "", peer_name(p),
	        kept ? "and keeps the file before as "
	             : "and had this very file",
	        kept ? p->peer : "") == -1)
		text = NULL;
	json_doc_put_string(
	    doc, "text", text != NULL ? text : "both nodes run this file");
	reply_send(p->reload->loop, &p->socket, json_doc_text(doc, false));
}

static const char *
text_of_peer(const struct file_push *p)
{
	return p->peer != NULL ? p->peer : "memory is out";
}

/* What the peer said, with its name before each line. */
static char *
quote_peer(const struct file_push *p)
{
	CLEANUP(free_str) char *lines = strdup(text_of_peer(p));
	char *text = NULL, *save = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL || lines == NULL) {
		if (out != NULL)
			(void)fclose(out);
		free(text);
		return NULL;
	}
	for (char *line = strtok_r(lines, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save))
		(void)fprintf(out, "%s%s: %s", ftell(out) > 0 ? "\n" : "",
		    peer_name(p), line);
	if (!p->wrong && strstr(text_of_peer(p), UNCHANGED) == NULL)
		(void)fputs("; " UNCHANGED, out);
	(void)fclose(out);
	return text;
}

static void
tell_refused(struct file_push *p)
{
	CLEANUP(free_str) char *text = quote_peer(p);

	tell_failed(
	    p, text != NULL ? text : "memory is out; " UNCHANGED, p->wrong);
}

/* What is to be said of it behind "NODE: ", or behind what failed here. */
static const char *
text_of(enum file_push_step_end how)
{
	switch (how) {
	case FILE_PUSH_STEP_NO_WIRE:
		return "cannot be reached, there is no wire to it; " UNCHANGED;
	case FILE_PUSH_STEP_NO_VERSION:
		return "is of an earlier version, which takes no file from here: copy it there, and `hapair reload` on each node; " UNCHANGED;
	case FILE_PUSH_STEP_SILENT:
		return "does not answer; " UNCHANGED;
	case FILE_PUSH_STEP_RESTARTED:
		return "was started anew meanwhile, and runs the file that it had; " UNCHANGED;
	case FILE_PUSH_STEP_HALF:
		return "has not come to an end with it; nothing was changed here, and `hapair status` tells whether the files differ";
	case FILE_PUSH_STEP_STRAYED:
		return "was started anew meanwhile, and runs neither this file nor the one that it had; nothing was changed here: `hapair status` tells whether the files differ, and `hapair reload --both` makes them the same";
	case FILE_PUSH_STEP_UNKNOWN:
		return "stopped answering while it took the file, and may run it or not; nothing was changed here: `hapair status` tells whether the files differ, and `hapair reload --both` makes them the same";
	case FILE_PUSH_STEP_UNDONE:
		return "had taken the file, and has gone back to the one before";
	case FILE_PUSH_STEP_PARTED:
		return "runs the new file and has not gone back: `hapair status` tells whether the files differ, and `hapair reload --both` makes them the same";
	case FILE_PUSH_STEP_GOES_ON:
	case FILE_PUSH_STEP_BOTH:
	case FILE_PUSH_STEP_REFUSED:
		break;
	}
	return "";
}

static void
tell_end(struct file_push *p, enum file_push_step_end how)
{
	/* What is told of going back stands behind why. */
	const bool own = p->own != NULL;
	const bool says = p->peer != NULL && *p->peer != '\0' &&
	    (how == FILE_PUSH_STEP_PARTED || how == FILE_PUSH_STEP_HALF);
	CLEANUP(free_str) char *text = NULL;

	if (how == FILE_PUSH_STEP_BOTH) {
		tell_both(p);
		return;
	}
	if (how == FILE_PUSH_STEP_REFUSED) {
		tell_refused(p);
		return;
	}
	if (asprintf(&text, "%s%s%s: %s%s%s", own ? p->own : "",
	        own ? "\n" : "", peer_name(p), text_of(how), says ? ": " : "",
	        says ? p->peer : "") == -1)
		text = NULL;
	tell_failed(p, text != NULL ? text : "memory is out", false);
}

/* -- steps -------------------------------------------------------------- */

static void step(struct file_push *p, const struct file_push_step_input *in);

static void
clear(struct file_push *p)
{
	ev_timer_stop(p->reload->loop, &p->again);
	ev_timer_stop(p->reload->loop, &p->patience);
	ev_timer_stop(p->reload->loop, &p->last);
	reload_file_fini(&p->file);
	free(p->sealed);
	p->sealed = NULL;
	free_str(&p->own);
	free_str(&p->peer);
	p->same = p->wrong = false;
}

static void
ask(struct file_push *p, uint8_t kind)
{
	const size_t left = p->sealed_len - p->step.at;
	struct peer_file m = {
		.kind = kind, .id = p->id, .total = (uint32_t)p->sealed_len
	};

	if (kind == PEER_FILE_PART) {
		m.at = p->step.at;
		m.bytes = p->sealed + m.at;
		m.len = left < PEER_FILE_PART_MAX ? left : PEER_FILE_PART_MAX;
	}
	memcpy(m.hash, p->hash, sizeof(m.hash));
	file_say(now(p), &m);
	timeout_arm(p->reload->loop, &p->again, AGAIN_S);
}

static void
on_own_end(void *arg, bool taken, const char *text)
{
	struct file_push *p = arg;
	const struct file_push_step_input in = { .event = taken
		    ? FILE_PUSH_STEP_OWN_TAKEN
		    : FILE_PUSH_STEP_OWN_REFUSED };

	free(p->own);
	p->own = strdup(text);
	if (!taken) /* what it says from here on is of going back */
		free_str(&p->peer);
	step(p, &in);
}

static void
take_own(struct file_push *p)
{
	if (p->same)
		on_own_end(p, true, "nothing has changed here");
	else
		reload_run(p->reload, &p->file, on_own_end, p);
}

static void
step(struct file_push *p, const struct file_push_step_input *in)
{
	struct file_push_step_out out;

	p->step = file_push_step_do(&p->step, in, &out);
	if (out.patience_ms > 0)
		timeout_arm(
		    p->reload->loop, &p->patience, out.patience_ms / 1e3);
	if (out.end_ms > 0)
		timeout_arm(p->reload->loop, &p->last, out.end_ms / 1e3);
	if (out.ask != 0)
		ask(p, out.ask);
	if (out.take) {
		ev_timer_stop(p->reload->loop, &p->again);
		ev_timer_stop(p->reload->loop, &p->patience);
		ev_timer_stop(p->reload->loop, &p->last);
		take_own(p);
	}
	if (out.end == FILE_PUSH_STEP_GOES_ON)
		return;
	p->reload->change->reserved = NULL;
	tell_end(p, out.end);
	clear(p);
}

static void
on_again(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct file_push *p = CONTAINER_OF(t, struct file_push, again);
	const uint8_t question = file_push_step_question(&p->step);

	ev_timer_stop(loop, t);
	if (question != 0)
		ask(p, question);
}

static void
on_patience(struct ev_loop *loop, ev_timer *t, int revents)
{
	const struct file_push_step_input in = { .event =
		                                     FILE_PUSH_STEP_OVERDUE };

	ev_timer_stop(loop, t);
	step(CONTAINER_OF(t, struct file_push, patience), &in);
}

static void
on_last(struct ev_loop *loop, ev_timer *t, int revents)
{
	const struct file_push_step_input in = { .event =
		                                     FILE_PUSH_STEP_OVERDUE };

	ev_timer_stop(loop, t);
	step(CONTAINER_OF(t, struct file_push, last), &in);
}

void
file_push_hear(struct file_push *p, const struct peer_file *m)
{
	struct file_push_step_input in = { .event = FILE_PUSH_STEP_ANSWER,
		.kind = m->kind,
		.at = m->at,
		.runs_it = memcmp(m->hash, p->hash, sizeof(m->hash)) == 0 };

	/* Asked nothing, it has no say in what is told of it. */
	if (file_push_step_question(&p->step) == 0 || m->id != p->id)
		return;
	free(p->peer);
	p->peer = strndup((const char *)m->bytes, m->len);
	p->wrong = m->wrong;
	if (p->step.state == FILE_PUSH_STEP_GIVING)
		memcpy(p->ran, m->hash, sizeof(p->ran));
	in.ran_it = memcmp(m->hash, p->ran, sizeof(p->ran)) == 0;
	step(p, &in);
}

void
file_push_note_unsent(struct file_push *p, bool unspoken)
{
	const struct file_push_step_input in = { .event = unspoken
		    ? FILE_PUSH_STEP_UNSPOKEN
		    : FILE_PUSH_STEP_UNREACHED };

	step(p, &in);
}

/* -- a request ---------------------------------------------------------- */

/* NULL: nothing stands against it. */
static const char *
fault_now(const struct file_push *p)
{
	const struct generation_change *change = p->reload->change;

	if (!change->now->setup.config->has_pair)
		return "there is no pair; `hapair reload` is for this node alone";
	if (change->reserved != NULL || generation_change_is_busy(change))
		return "a reload is under way";
	if (!change->now->failover.ready)
		return "the failover process is being started: try again; " UNCHANGED;
	/* It may have no words for it, and would end over them. */
	if (change->now->failover.adopted)
		return "the failover process is still the one of before the upgrade: `hapair upgrade` once more; " UNCHANGED;
	return NULL;
}

/* False: memory is out. */
static bool
seal(struct file_push *p)
{
	const struct secret_keys *keys = p->reload->setup.keys->keys;
	struct secret_key key;

	p->sealed_len = p->file.len + SECRET_SEAL_BYTES;
	p->sealed = malloc(p->sealed_len);
	if (p->sealed == NULL)
		return false;
	do
		secret_random(&p->id, sizeof(p->id));
	while (p->id == 0);
	secret_derive(
	    &keys->all[0], "hapair file", &p->id, sizeof(p->id), &key);
	secret_seal(&key, p->file.text, p->file.len, p->sealed);
	secret_wipe(&key, sizeof(key));
	return true;
}

void
file_push_obey(struct file_push *p, int *socket)
{
	const char *fault = fault_now(p);
	struct file_push_step_input in = { .event = FILE_PUSH_STEP_BEGIN };
	enum reload_file_verdict verdict;

	if (fault != NULL) {
		reply_error(p->reload->loop, socket, fault);
		return;
	}
	p->socket = fd_take(socket);
	verdict = reload_file_read(
	    &p->file, p->reload->setup.path, now(p)->setup.config);
	p->same = verdict == RELOAD_FILE_SAME;
	if (!p->same && verdict != RELOAD_FILE_CHANGED) {
		tell_failed(p,
		    p->file.fault != NULL ? p->file.fault : "memory is out",
		    verdict == RELOAD_FILE_WRONG);
		clear(p);
		return;
	}
	if (!seal(p)) {
		tell_failed(p, "memory is out", false);
		clear(p);
		return;
	}
	memcpy(p->hash, p->file.config->hash, sizeof(p->hash));
	p->reload->change->reserved = p;
	in.total = (uint32_t)p->sealed_len;
	step(p, &in);
}

/* -- life --------------------------------------------------------------- */

void
file_push_init(struct file_push *p, struct reload *reload)
{
	*p = (struct file_push){ .reload = reload, .socket = -1 };
	ev_init(&p->again, on_again);
	ev_init(&p->patience, on_patience);
	ev_init(&p->last, on_last);
}

void
file_push_fini(struct file_push *p)
{
	if (p->reload == NULL)
		return;
	clear(p);
	fd_close(&p->socket);
}
