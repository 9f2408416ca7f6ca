#include "hapair/supervisor/upgrade.h"

#include "config/config.h"
#include "config/load.h"
#include "core/fd.h"
#include "core/json_doc.h"
#include "core/log.h"
#include "core/reply.h"
#include "core/timeout.h"
#include "core/version.h"
#include "hapair/supervisor/generation_change.h"
#include "hapair/supervisor/notify.h"
#include "hapair/supervisor/service_manager.h"
#include "hapair/supervisor/state_store.h"
#include "hapair/supervisor/stop_order.h"
#include "hapair/supervisor/supervisor.h"
#include "hapair/supervisor/upgrade_adopt.h"
#include "hapair/supervisor/upgrade_answer.h"
#include "hapair/supervisor/upgrade_exec.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX (UPGRADE_TRIAL_FAULT_MAX + MSG_PATH_MAX + 128)

/* Who has connected has a second for its line (control.h). */
#define SETTLE_MS 1200
/* And who reads a long answer slowly; new callers wait as long. */
#define READ_MS 2000
#define SETTLE_EACH_S 0.005

/* -- answers ------------------------------------------------------------ */

static void
answer(struct upgrade *u, const char *key, const char *text)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = NULL;

	if (u->socket == -1)
		return;
	doc = json_doc_new();
	json_doc_put_string(doc, key, text);
	reply_send(u->loop, &u->socket, json_doc_text(doc, false));
}

static void
refuse(struct upgrade *u, const char *why)
{
	char text[TEXT_MAX];

	(void)snprintf(text, sizeof(text), "%s; nothing was changed", why);
	log_error("supervisor", "[upgrade] not upgraded: %s", text);
	answer(u, "error", text);
	fd_close(&u->program);
	fd_close(&u->state);
}

static void
refuse_program(struct upgrade *u, const char *why)
{
	char text[TEXT_MAX];

	(void)snprintf(text, sizeof(text), "%s: %s", u->path, why);
	refuse(u, text);
}

/* -- what stands against it --------------------------------------------- */

/* NULL: nothing. */
static const char *
fault_now(const struct upgrade *u)
{
	const struct generation *g = u->setup.state.change->now;

	if (u->setup.stop->stage != STOP_ORDER_RUNNING)
		return "this node is stopping";
	if (u->setup.state.change->reserved != NULL ||
	    generation_change_is_busy(u->setup.state.change))
		return "a reload is under way: try again";
	if (g->listeners->muted != 0 || !g->failover.ready || !g->relay.ready)
		return "a handover is under way, or a process is being started: try again";
	if (generation_moves_active(g))
		return "a fence or promote of a standby service is under way: try again";
	if (u->setup.state.change->n_replaced >= GENERATION_CHANGE_REPLACED_MAX)
		return "too many relays of earlier files have connections left";
	if (upgrade_trial_is_running(&u->trial))
		return "the program that was tried before has been killed, and has not ended";
	if (!notify_is_idle(u->setup.state.notify))
		return "a notify program runs: try again";
	return NULL;
}

static bool
is_under_way(const struct upgrade *u)
{
	return u->changing || u->program != -1;
}

/* -- the next program --------------------------------------------------- */

static struct upgrade_collect
collect(const struct upgrade *u)
{
	struct upgrade_collect c = u->setup.state;

	c.program = u->path;
	return c;
}

/* What was held up before is not any more. */
static void
go_back(struct upgrade *u)
{
	if (u->holds)
		upgrade_exec_hear_signals(&u->mask);
	u->holds = false;
	control_hold(u->setup.state.own->control, false);
}

/* Only comes back where it could not be. */
static void
become(struct upgrade *u)
{
	struct generation *g = u->setup.state.change->now;
	const struct upgrade_collect state = collect(u);
	char text[TEXT_MAX];
	int e;

	service_manager_tell_reloading();
	e = upgrade_exec_do(
	    &state, u->setup.state.own->keys, g, u->program, u->socket);
	service_manager_tell_ready();
	go_back(u);
	(void)snprintf(text, sizeof(text), "%s: %s", u->path, strerror(-e));
	refuse(u, text);
}

/* Somebody is in the middle of a request, or of its answer. */
static bool
is_talking(const struct upgrade *u)
{
	const struct mono now = mono_now();

	return (u->setup.state.own->control->n_callers > 0 &&
	           mono_before(now, u->until)) ||
	    (reply_waiting() > 0 && mono_before(now, u->until_read));
}

/* Whoever talks comes to an end first, and then each signal is held. */
static void
on_settle(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct upgrade *u = CONTAINER_OF(t, struct upgrade, settle);
	const char *fault = fault_now(u);

	if (fault != NULL) {
		go_back(u);
		refuse(u, fault);
	} else if (is_talking(u)) {
		timeout_arm(u->loop, &u->settle, SETTLE_EACH_S);
	} else if (!u->holds) {
		upgrade_exec_hold_signals(&u->mask);
		u->holds = true;
		timeout_arm(u->loop, &u->settle, 0.);
	} else {
		become(u);
	}
}

static void
on_tried(struct upgrade_trial *t, const char *fault)
{
	struct upgrade *u = CONTAINER_OF(t, struct upgrade, trial);
	const struct upgrade_answer own = upgrade_answer_own();
	char buf[UPGRADE_ANSWER_MAX];
	struct upgrade_answer a;

	if (fault == NULL && upgrade_answer_parse(t->text, &a) < 0)
		fault = "it does not answer as a hapair does";
	if (fault == NULL)
		fault = upgrade_answer_fault(&a, &own, buf);
	if (fault != NULL) {
		refuse_program(u, fault);
		return;
	}
	log_notice(
	    "supervisor", "becoming hapair %s, from %s", a.version, u->path);
	control_hold(u->setup.state.own->control, true);
	u->until = mono_add_ms(mono_now(), SETTLE_MS);
	u->until_read = mono_add_ms(mono_now(), READ_MS);
	/* Not under the callback of a process that has ended. */
	timeout_arm(u->loop, &u->settle, 0.);
}

/*
 * Of a script the kernel runs another file, which would have to find it by its
 * name: what is tried and what is run would not be the same for sure.
 */
static bool
is_program(int fd)
{
	char text[SELFMAG];

	return pread(fd, text, sizeof(text), 0) == (ssize_t)sizeof(text) &&
	    memcmp(text, ELFMAG, SELFMAG) == 0;
}

static void
begin(struct upgrade *u)
{
	const struct upgrade_collect state = collect(u);
	char why[TRUSTED_PATH_WHY_MAX];
	const char *fault = fault_now(u);
	int e;

	if (fault != NULL) {
		refuse(u, fault);
		return;
	}
	u->program =
	    trusted_path_open(u->path, TRUSTED_PATH_ROOTS, O_RDONLY, 0, why);
	if (u->program < 0) {
		u->program = -1;
		refuse_program(u, why);
		return;
	}
	if (!is_program(u->program)) {
		refuse_program(u,
		    "it is no program of its own: expected the file of a hapair, no script");
		return;
	}
	u->state = e = upgrade_collect_file(&state, -1);
	if (e >= 0)
		e = upgrade_trial_start(&u->trial, u->program, u->state);
	if (e < 0) {
		u->state = u->state < 0 ? -1 : u->state;
		refuse(u, strerror(-e));
	}
}

void
upgrade_obey(struct upgrade *u, const char *request, int *socket)
{
	const char *path = request + strlen("upgrade");

	if (is_under_way(u)) {
		reply_error(u->loop, socket, "an upgrade is under way");
		return;
	}
	path += *path == ' ';
	/* It is run as root: of the others that is for root to say. */
	if (*path != '\0' && !control_is_roots(*socket)) {
		reply_error(u->loop, socket,
		    "only root may say which program; `hapair upgrade` alone takes the one that was started");
		return;
	}
	if (*path != '\0' && *path != '/') {
		reply_error(u->loop, socket,
		    "the program's path is to begin with a slash");
		return;
	}
	u->socket = fd_take(socket);
	(void)snprintf(
	    u->path, sizeof(u->path), "%s", *path != '\0' ? path : u->own);
	begin(u);
}

void
upgrade_hear(struct upgrade *u)
{
	if (is_under_way(u)) {
		log_notice(
		    "supervisor", "a second SIGUSR2: an upgrade is under way");
		return;
	}
	(void)snprintf(u->path, sizeof(u->path), "%s", u->own);
	begin(u);
}

/* -- and its roles ------------------------------------------------------ */

/* The same file once more, with the listeners that there are. */
static int
make_next(struct upgrade *u, const struct upgrade_state_generation *from,
    struct generation **ret_next)
{
	const struct generation *now = u->setup.state.change->now;
	struct generation_setup setup = now->setup;
	struct config *c = NULL;
	struct generation *g;
	size_t service, listen;
	int e = load_text(u->setup.state.own->path, (const char *)from->text,
	    from->len, NULL, &c);

	if (e < 0)
		return e;
	setup.config = c;
	setup.text = (const char *)from->text;
	setup.len = from->len;
	setup.listeners = NULL;
	g = generation_new(&setup, &e);
	if (g == NULL) {
		config_free(c);
		return e;
	}
	generation_own(g, c);
	e = listeners_open_beside(
	    &g->opened, c, now->listeners, &service, &listen);
	if (e < 0)
		generation_free(g);
	else
		*ret_next = g;
	return e;
}

static void
tell_kept(struct upgrade *u, const char *why)
{
	char text[TEXT_MAX];

	(void)snprintf(text, sizeof(text),
	    "the supervisor is hapair %s now, but relay and failover go on as those of hapair %s: %s; ask once more, and look into the log",
	    VERSION, u->before, why);
	log_error("supervisor", "[upgrade] not upgraded: %s", text);
	answer(u, "error", text);
}

void
upgrade_told(struct upgrade *u, enum reload_step_action end,
    enum reload_step_fault fault)
{
	char text[TEXT_MAX];

	u->changing = false;
	service_manager_tell_ready();
	if (end == RELOAD_STEP_TELL_FAILED) {
		tell_kept(u, reload_step_fault_text(fault));
		return;
	}
	(void)snprintf(text, sizeof(text), "hapair %s -> hapair %s, from %s",
	    u->before, VERSION, u->own);
	log_notice("supervisor", "upgraded: %s", text);
	if (end == RELOAD_STEP_TELL_LATE) {
		log_warning("supervisor",
		    "[upgrade] upgraded, but the new failover is not ready yet, starting it until it is");
		strncat(text,
		    "\nthe new failover is not ready yet: look into the log",
		    sizeof(text) - strlen(text) - 1);
	}
	answer(u, "text", text);
}

/* All that runs and is open. */
static int
adopt(struct upgrade *u, const struct upgrade_state *left)
{
	const struct upgrade_collect *s = &u->setup.state;
	struct generation *g = s->change->now;
	int e = upgrade_adopt_generation(g, &left->generations[0]);

	if (e == 0)
		e = upgrade_adopt_replaced(s->change, left);
	if (e == 0)
		e = upgrade_adopt_store(s->store, left);
	if (e < 0)
		return e;
	*s->wire = left->wire == 0 ? -1 : (int)left->wire;
	notify_follow(s->notify, g->setup.config, g->groups, g->known);
	if (g->director.carried)
		director_child_start(&g->director);
	generation_start_scripts(g);
	upgrade_adopt_scripts(g, &left->generations[0]);
	/* Who has ended meanwhile was told to the program before, perhaps. */
	ev_feed_signal_event(u->loop, SIGCHLD);
	upgrade_exec_hear_signals(NULL);
	return 0;
}

int
upgrade_go_on(struct upgrade *u)
{
	const struct upgrade_state *left = u->setup.state.own->left;
	struct generation *g = NULL;
	int e = adopt(u, left);

	if (e < 0)
		return e;
	e = make_next(u, &left->generations[0], &g);
	if (e < 0) {
		service_manager_tell_ready();
		tell_kept(u, strerror(-e));
		return 0;
	}
	u->changing = true;
	generation_change_begin(u->setup.state.change, g);
	return 0;
}

bool
upgrade_is_changing(const struct upgrade *u)
{
	return u->changing;
}

/* -- life --------------------------------------------------------------- */

/*
 * By the name that it was started by: a package puts the next one there, and
 * this one is then called otherwise, or nothing at all.
 */
static void
find_own(struct upgrade *u)
{
	const ssize_t n =
	    readlink("/proc/self/exe", u->own, sizeof(u->own) - 1);

	u->own[n > 0 ? n : 0] = '\0';
}

void
upgrade_init(
    struct upgrade *u, struct ev_loop *loop, const struct upgrade_setup *setup)
{
	const struct upgrade_state *left = setup->state.own->left;

	*u = (struct upgrade){ .setup = *setup,
		.loop = loop,
		.socket = -1,
		.program = -1,
		.state = -1 };
	upgrade_trial_init(&u->trial, on_tried);
	ev_timer_init(&u->settle, on_settle, 0., 0.);
	if (left == NULL) {
		find_own(u);
		return;
	}
	(void)snprintf(u->own, sizeof(u->own), "%s", left->program);
	(void)snprintf(u->before, sizeof(u->before), "%s", left->version);
	u->socket = left->socket == 0 ? -1 : (int)left->socket;
}

void
upgrade_fini(struct upgrade *u)
{
	if (u->loop == NULL)
		return;
	upgrade_trial_fini(&u->trial);
	ev_timer_stop(u->loop, &u->settle);
	fd_close(&u->socket);
	fd_close(&u->program);
	fd_close(&u->state);
}
