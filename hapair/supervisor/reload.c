#include "hapair/supervisor/reload.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "core/json_doc.h"
#include "core/log.h"
#include "core/reply.h"
#include "core/secret.h"
#include "core/trusted_path.h"
#include "hapair/supervisor/child_setup.h"
#include "hapair/supervisor/key_keeper.h"
#include "hapair/supervisor/limits.h"
#include "hapair/supervisor/reload_file.h"
#include "hapair/supervisor/state_store.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define TEXT_MAX 1024

/* What differs where the file does not. */
#define OTHER_SECRETS                                                          \
	"a password or keytab that the file names has changed, and was read anew"

/* -- answers ------------------------------------------------------------ */

/* Each line of it, where nobody waits for an answer or not. */
static void
log_lines(const char *text, bool failed)
{
	while (*text != '\0') {
		const int len = (int)strcspn(text, "\n");

		if (failed)
			log_error("supervisor", "[reload] not reloaded: %.*s",
			    len, text);
		else
			log_notice("supervisor", "reloaded: %.*s", len, text);
		text += len + (text[len] == '\n');
	}
}

/* False: nobody but the socket waits for it. */
static bool
is_told(struct reload *r, bool taken, const char *text)
{
	reload_end_fn *const on_end = r->on_end;

	r->on_keep = NULL;
	r->on_end = NULL; /* it may begin another one */
	if (on_end != NULL)
		on_end(r->arg, taken, text);
	return on_end != NULL;
}

static void
answer(struct reload *r, const char *text)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = NULL;

	if (is_told(r, true, text) || r->socket == -1)
		return;
	doc = json_doc_new();
	json_doc_put_string(doc, "text", text);
	reply_send(r->loop, &r->socket, json_doc_text(doc, false));
}

static void
tell(struct reload *r, const char *text)
{
	log_lines(text, false);
	answer(r, text);
}

/* `wrong`: the file is; whoever asked exits with 2. */
static void
refuse(struct reload *r, const char *text, bool wrong)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = json_doc_new();

	if (text == NULL)
		text = strerror(ENOMEM);
	log_lines(text, true);
	if (is_told(r, false, text) || r->socket == -1)
		return;
	json_doc_put_string(doc, "error", text);
	if (wrong)
		json_doc_put_bool(doc, "wrong", true);
	reply_send(r->loop, &r->socket, json_doc_text(doc, false));
}

/* -- what a file brings ------------------------------------------------- */

/* A log file that was renamed is left, by all processes. */
static void
reopen_log(struct reload *r)
{
	const struct config_log *log = &r->change->now->setup.config->log;
	CLEANUP(fd_close) int fd = -1;
	struct generation *g;
	int e;

	if (log->target != LOG_TARGET_FILE)
		return;
	e = log_reopen(log->path);
	if (e < 0) {
		log_error("supervisor",
		    "[log] log %s cannot be opened anew: %s, writing on as before",
		    log->path, strerror(-e));
		return;
	}
	fd = e;
	child_send(&r->change->now->failover, MSG_LOG, NULL, 0, fd);
	child_send(&r->change->now->relay, MSG_LOG, NULL, 0, fd);
	child_send(&r->change->now->director.child, MSG_LOG, NULL, 0, fd);
	/* Those that were replaced have connections to tell of. */
	LIST_FOREACH (g, &r->change->replaced, replaced)
		child_send(&g->relay, MSG_LOG, NULL, 0, fd);
}

/* The same file, and perhaps other keys. False: nothing is changed. */
static bool
read_keys(struct reload *r)
{
	const struct config *c = r->change->now->setup.config;
	struct secret_keys keys;
	char text[TEXT_MAX], why[TRUSTED_PATH_WHY_MAX];
	CLEANUP(fd_close) int nobody = -1;
	int e;

	if (!c->has_pair) {
		tell(r, "nothing has changed");
		return true;
	}
	/* One that has not begun ends over it, and one that ends says nothing.
	 */
	if (!r->change->now->failover.ready) {
		refuse(r,
		    "the failover process is being started: try again; nothing was changed",
		    false);
		return false;
	}
	/* Failover answers: after a signal, nobody. */
	nobody = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	e = nobody == -1 ? -errno : secret_load(c->pair.key_file, &keys);
	if (e < 0) {
		(void)snprintf(text, sizeof(text),
		    "key file %.250s: %s; nothing was changed",
		    c->pair.key_file, secret_fault(c->pair.key_file, e, why));
		refuse(r, text, false);
		return false;
	}
	child_setup_keys(&r->change->now->failover, &keys,
	    r->socket != -1 ? r->socket : nobody);
	fd_close(&r->socket);
	secret_wipe(&keys, sizeof(keys));
	return true;
}

/* What else there is to do, for the keys of a changed file stay as they are. */
static void
add_hint(struct reload *r)
{
	const char *lines = r->lines != NULL ? r->lines : "";
	char *text;

	if (!r->keys_differ ||
	    asprintf(&text,
	        "%s\npair.key_file: its keys are others than those in use: reload once more",
	        lines) == -1)
		return;
	free(r->lines);
	r->lines = text;
}

/* A file of another name must have the keys that are in use. */
static bool
keys_are_fine(struct reload *r, const struct config *c)
{
	const struct config *was = r->change->now->setup.config;
	const struct secret_keys *kept = r->setup.keys->keys;
	struct secret_keys keys;
	char text[TEXT_MAX], why[TRUSTED_PATH_WHY_MAX];
	bool same = false;
	int e;

	r->keys_differ = false;
	if (!c->has_pair)
		return true;
	e = secret_load(c->pair.key_file, &keys);
	if (e == 0)
		same = keys.n == kept->n &&
		    memcmp(keys.all, kept->all, keys.n * sizeof(keys.all[0])) ==
		        0;
	secret_wipe(&keys, sizeof(keys));
	if (same)
		return true;
	if (e == 0 && strcmp(c->pair.key_file, was->pair.key_file) == 0) {
		r->keys_differ = true;
		return true;
	}
	(void)snprintf(text, sizeof(text),
	    "key file %.250s: %s; nothing was changed", c->pair.key_file,
	    e < 0
	        ? secret_fault(c->pair.key_file, e, why)
	        : "its keys are others than those in use: reload them first, under the old name");
	refuse(r, text, false);
	return false;
}

/* What a start would be refused for. */
static bool
is_fit(struct reload *r, const struct config *c, struct limits *l)
{
	char text[RELOAD_FAULT_MAX] = "", whole[RELOAD_FAULT_MAX + 32];

	if (c->log.target == LOG_TARGET_STDERR && !r->setup.has_stderr) {
		refuse(r,
		    "--daemon has no stderr to log to; expected log.target syslog, a file or udp://; nothing was changed",
		    false);
		return false;
	}
	if (r->setup.is_fit(c, r->change->now->setup.config, l, text))
		return true;
	(void)snprintf(whole, sizeof(whole), "%s; nothing was changed", text);
	refuse(r, whole, false);
	return false;
}

static bool
is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* To look names up may take a while. */
static bool
has_same_user(const struct config *a, const struct config *b)
{
	return is_same(a->user, b->user) && is_same(a->group, b->group);
}

/* All that can be refused. NULL: it was, and that was said. */
static struct generation *
make_next(struct reload *r, struct reload_file *f)
{
	struct generation_setup setup = r->change->now->setup;
	struct limits limits = { 0 };
	struct generation *g;
	char fault[LISTENERS_FAULT_TEXT], text[TEXT_MAX];
	size_t service, listen;
	int e;

	if (!keys_are_fine(r, f->config) || !is_fit(r, f->config, &limits))
		return NULL;
	setup.config = f->config;
	setup.text = f->text;
	setup.len = f->len;
	setup.max_connections = limits.connections;
	setup.pipes = limits.pipes;
	setup.listeners = NULL;
	if (!has_same_user(r->change->now->setup.config, f->config))
		setup.users = role_user_choose(f->config);
	g = generation_new(&setup, &e);
	if (g == NULL) {
		refuse(r, strerror(-e), false);
		return NULL;
	}
	e = listeners_open_beside(&g->opened, f->config,
	    r->change->now->listeners, &service, &listen);
	if (e < 0) {
		(void)snprintf(text, sizeof(text), "%s; nothing was changed",
		    listeners_fault(f->config, service, listen, e, fault));
		/* It borrows what whoever is told may free. */
		generation_free(g);
		refuse(r, text, false);
		return NULL;
	}
	return g;
}

static bool
has_same_log(const struct config_log *a, const struct config_log *b)
{
	return a->target == b->target && is_same(a->path, b->path) &&
	    (a->target != LOG_TARGET_UDP || addr_is_same(&a->dest, &b->dest)) &&
	    a->facility == b->facility && a->level == b->level;
}

static void
switch_log(const struct config *c)
{
	const struct log_options o = config_log_options(&c->log, "supervisor");
	int e = log_switch(&o);

	if (e < 0)
		log_error("supervisor",
		    "[log] log %s: %s, writing on as before",
		    o.path != NULL ? o.path : "", strerror(-e));
}

/* The same file names a password or keytab that is another one by now. */
static bool
has_other_secrets(const struct reload *r)
{
	const struct generation *now = r->change->now;
	uint8_t print[SECRET_PRINT_BYTES];

	secret_print_take(now->setup.config, print);
	return memcmp(print, now->secrets, sizeof(print)) != 0;
}

/* -- requests ----------------------------------------------------------- */

/* NULL: nothing stands against a change now. */
static const char *
fault_now(const struct reload *r)
{
	const struct generation *g = r->change->now;

	if (r->change->stopping)
		return "the daemon ends; nothing was changed";
	if (generation_change_is_busy(r->change))
		return "a reload is under way; nothing was changed";
	if (r->change->n_replaced >= GENERATION_CHANGE_REPLACED_MAX)
		return "too many relays of earlier files have connections left; nothing was changed";
	if (g->listeners->muted != 0 || !g->failover.ready || !g->relay.ready)
		return "a handover is under way, or a process is being started: try again; nothing was changed";
	if (generation_moves_active(g))
		return "a fence or promote of a standby service is under way: try again; nothing was changed";
	return NULL;
}

/* Nothing that can be refused is left, and the file is on disk. */
static void
go_on(struct reload *r)
{
	struct generation *g = r->held;

	r->held = NULL;
	generation_own(g, r->file.config);
	r->file.config = NULL;
	free(r->lines);
	r->lines = r->file.has_diff ? reload_file_lines(&r->file)
	                            : strdup(OTHER_SECRETS);
	reload_file_fini(&r->file);
	add_hint(r);
	r->switches_log = !has_same_log(
	    &r->change->now->setup.config->log, &g->setup.config->log);
	generation_change_begin(r->change, g);
}

/* It borrows of the file, which whoever is told may want to be gone. */
static void
let_go(struct reload *r)
{
	generation_free(r->held);
	r->held = NULL;
	reload_file_fini(&r->file);
}

static void
begin(struct reload *r, struct reload_file *f)
{
	const char *why = fault_now(r);

	if (why != NULL) {
		refuse(r, why, false);
		return;
	}
	r->held = make_next(r, f);
	if (r->held == NULL)
		return;
	r->file = *f;
	*f = (struct reload_file){ 0 };
	if (r->on_keep != NULL)
		r->on_keep(r->arg, &r->file);
	else
		go_on(r);
}

void
reload_kept(struct reload *r, const char *why)
{
	if (why == NULL)
		why = fault_now(r); /* it took a while */
	if (why == NULL) {
		go_on(r);
		return;
	}
	let_go(r);
	refuse(r, why, false);
}

static void
reload(struct reload *r)
{
	CLEANUP(reload_file_fini) struct reload_file f = { 0 };

	switch (
	    reload_file_read(&f, r->setup.path, r->change->now->setup.config)) {
	case RELOAD_FILE_SAME:
		/* A relay reads them at its start alone, as root. */
		if (has_other_secrets(r))
			begin(r, &f);
		else if (read_keys(r)) {
			director_child_try_again(&r->change->now->director);
			reopen_log(r);
		}
		break;
	case RELOAD_FILE_CHANGED:
		begin(r, &f);
		break;
	case RELOAD_FILE_WRONG:
		refuse(r, f.fault, true);
		break;
	case RELOAD_FILE_REFUSED:
		refuse(r, f.fault, false);
		break;
	}
}

void
reload_run(
    struct reload *r, struct reload_file *f, reload_end_fn *on_end, void *arg)
{
	reload_run_unkept(r, f, NULL, on_end, arg);
}

void
reload_run_unkept(struct reload *r, struct reload_file *f,
    reload_keep_fn *on_keep, reload_end_fn *on_end, void *arg)
{
	/* Whoever is told of the end may free what is left in `f`. */
	CLEANUP(reload_file_fini) struct reload_file own = *f;

	*f = (struct reload_file){ 0 };
	r->on_keep = on_keep;
	r->on_end = on_end;
	r->arg = arg;
	begin(r, &own);
}

/* Whether another change would come in between. */
static bool
is_under_way(const struct reload *r)
{
	return r->change->reserved != NULL || r->held != NULL ||
	    generation_change_is_busy(r->change);
}

void
reload_obey(struct reload *r, int *socket)
{
	if (is_under_way(r)) {
		reply_error(r->loop, socket, "a reload is under way");
		return;
	}
	r->socket = fd_take(socket);
	reload(r);
}

void
reload_hear(struct reload *r)
{
	if (is_under_way(r))
		log_notice(
		    "supervisor", "a second SIGHUP: a reload is under way");
	else
		reload(r);
}

/* That a failover is late undoes nothing: it is started again, and again. */
static void
tell_taken(struct reload *r, bool late)
{
	const char *lines = r->lines != NULL ? r->lines : "";
	CLEANUP(free_str) char *text = NULL;

	if (!late) {
		tell(r, lines);
		return;
	}
	log_lines(lines, false);
	log_warning("supervisor",
	    "[reload] reloaded, but the new failover is not ready yet, starting it until it is");
	if (asprintf(&text,
	        "%s\nthe new failover is not ready yet: look into the log",
	        lines) == -1)
		text = NULL;
	answer(r, text != NULL ? text : lines);
}

void
reload_told(
    struct reload *r, enum reload_step_action end, enum reload_step_fault fault)
{
	char text[TEXT_MAX];

	if (end == RELOAD_STEP_TELL_FAILED) {
		(void)snprintf(text, sizeof(text), "%s; nothing was changed",
		    reload_step_fault_text(fault));
		refuse(r, text, false);
		return;
	}
	if (r->switches_log)
		switch_log(r->change->now->setup.config);
	else
		reopen_log(r);
	tell_taken(r, end == RELOAD_STEP_TELL_LATE);
}

/* -- life --------------------------------------------------------------- */

struct reload
reload_init(struct ev_loop *loop, struct generation_change *change,
    const struct reload_setup *setup)
{
	return (struct reload){
		.loop = loop, .change = change, .setup = *setup, .socket = -1
	};
}

void
reload_fini(struct reload *r)
{
	fd_close(&r->socket);
	let_go(r);
	free(r->lines);
}
