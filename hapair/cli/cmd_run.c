#include "config/listening.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/proc.h"
#include "core/secret.h"
#include "hapair/cli/command.h"
#include "hapair/cli/file.h"
#include "hapair/cli/left.h"
#include "hapair/cli/pidfile.h"
#include "hapair/cli/port_use.h"
#include "hapair/cli/preflight.h"
#include "hapair/supervisor/control.h"
#include "hapair/supervisor/file_untried.h"
#include "hapair/supervisor/key_keeper.h"
#include "hapair/supervisor/listeners.h"
#include "hapair/supervisor/service_manager.h"
#include "hapair/supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * Everything that can be found wrong is found here, in the foreground and
 * before anything runs: what is said reaches the person who typed the command.
 */

/* Asked for again and again while a start waits. */
#define WAIT_PATIENCE_S 30

struct run {
	struct file file;
	const char *node_name; /* NULL: by address */
	int daemon;            /* not 0: in the background */
	struct supervisor_setup setup;
	struct key_keeper keys;
	struct listeners listeners;
	struct control control;
	struct pidfile pidfile;
	/* What was made of a file that the peer gave; empty: nothing. */
	char recovered[FILE_UNTRIED_TEXT_MAX];
};

/*
 * At boot the address may come late (DHCP, a bond). To end would be no better:
 * whoever starts us would have to try again. Ends by the address, or a signal.
 */
static void
await_address(const struct run *r)
{
	static const struct timespec pause = { .tv_nsec = 100 * 1000000 };
	char text[PREFLIGHT_TEXT];

	if (!preflight_lacks_address(r->file.config, r->node_name, text))
		return;
	(void)fprintf(
	    stderr, "%shapair: %s\n", log_mark(LOG_LEVEL_WARNING), text);
	do {
		service_manager_tell_wait(text, WAIT_PATIENCE_S);
		(void)nanosleep(&pause, NULL);
	} while (preflight_lacks_address(r->file.config, r->node_name, text));
}

static int
look_first(struct run *r)
{
	const struct config *c = r->file.config;
	char text[PREFLIGHT_TEXT];
	struct limits l = { 0 };
	enum command_exit status = preflight_key(c, text);

	if (status == COMMAND_DONE)
		status = preflight_files(c, text);
	if (status == COMMAND_DONE)
		status = preflight_places(c, text);
	if (status == COMMAND_DONE)
		status = preflight_user(c, text);
	if (status == COMMAND_DONE)
		await_address(r);
	if (status == COMMAND_DONE)
		status = preflight_node(
		    c, r->file.path, r->node_name, &r->setup.node, text);
	if (status == COMMAND_DONE && *text != '\0')
		(void)fprintf(stderr, "%shapair: %s\n",
		    log_mark(LOG_LEVEL_WARNING), text);
	r->setup.workers = limits_workers(c);
	if (status == COMMAND_DONE)
		status = preflight_budget(c, r->setup.workers, &l, text);
	r->setup.max_connections = l.connections;
	r->setup.pipes = l.pipes;
	return status == COMMAND_DONE
	    ? COMMAND_DONE
	    : command_refuse(NULL, (int)status, "%s", text);
}

/* What others can write does not become right by trying again. */
static enum command_exit
status_of(int error)
{
	return error == -EPERM ? COMMAND_WRONG : COMMAND_FAILED;
}

static int
open_control(struct run *r)
{
	const struct config *c = r->file.config;
	const char *group = c->group;
	char holder[CONTROL_HOLDER_TEXT], why[TRUSTED_PATH_WHY_MAX];
	int pid = 0;
	int e;

	if (group == NULL && getgrnam("hapair") != NULL)
		group = "hapair";
	e = control_open(&r->control, c->control, group, &pid);
	if (e == -EEXIST)
		return command_refuse(NULL, COMMAND_FAILED,
		    "already running as %s, which holds %s",
		    control_holder_text(pid, holder), c->control);
	if (e == -EPERM)
		return command_refuse(NULL, COMMAND_WRONG, "%s.lock: %s",
		    c->control, control_fault(c->control, e, why));
	if (e < 0)
		return command_refuse(NULL, COMMAND_FAILED,
		    "control socket %s: %s", c->control, strerror(-e));
	return COMMAND_DONE;
}

static int
look_at_port(const struct config_service *s, const union addr *a)
{
	char address[ADDR_TEXT_MAX], text[PORT_USE_TEXT];
	char whose[LISTENING_TEXT];
	struct port_use use;

	(void)addr_format(a, address);
	(void)listening_text(s, whose);
	switch (port_use_await(a, &use)) {
	case PORT_USE_TAKEN:
		return command_refuse(NULL, COMMAND_FAILED,
		    "%s: cannot listen on %s: %s", whose, address,
		    port_use_text(&use, text));
	case PORT_USE_BESIDE:
		(void)fprintf(stderr, "%shapair: warning: %s: %s: %s\n",
		    log_mark(LOG_LEVEL_WARNING), whose, address,
		    port_use_text_beside(&use, text));
		break;
	case PORT_USE_FREE:
	case PORT_USE_UNUSABLE: /* a listener will say why */
		break;
	}
	return COMMAND_DONE;
}

/* Before any is open: our own would be found in use. */
static int
look_at_ports(const struct config *c)
{
	const struct config_service *s;
	int status = COMMAND_DONE;

	for (size_t i = 0; (s = listening_at(c, i)) != NULL; i++)
		for (size_t k = 0; status == COMMAND_DONE && k < s->n_listens;
		     k++)
			status = look_at_port(s, &s->listens[k].address);
	return status;
}

static bool
listens(const struct config *c, const union addr *a)
{
	const struct config_service *s;

	for (size_t i = 0; (s = listening_at(c, i)) != NULL; i++)
		for (size_t k = 0; k < s->n_listens; k++)
			if (addr_is_same(&s->listens[k].address, a))
				return true;
	return false;
}

static bool
is_taken(const struct listen_table *table, const struct config_service *s,
    const union addr *a, char *ret_text)
{
	char address[ADDR_TEXT_MAX], text[PORT_USE_TEXT];
	char whose[LISTENING_TEXT];
	struct port_use use;
	int error;

	if (port_use_look(table, a, &use, &error) != PORT_USE_TAKEN)
		return false;
	(void)snprintf(ret_text, PREFLIGHT_TEXT, "%s: cannot listen on %s: %s",
	    listening_text(s, whose), addr_format(a, address),
	    port_use_text(&use, text));
	return true;
}

/* Of those that are new: the others are ours. */
static bool
ports_are_free(
    const struct config *c, const struct config *running, char *ret_text)
{
	struct listen_table table = { 0 };
	bool has_read = false, can_tell = true, taken = false;
	const struct config_service *s;

	for (size_t i = 0; (s = listening_at(c, i)) != NULL; i++) {
		for (size_t k = 0; k < s->n_listens && !taken; k++) {
			const union addr *a = &s->listens[k].address;

			if (listens(running, a))
				continue;
			/* What it does not tell is found out by listening. */
			if (!has_read)
				can_tell = listen_table_read(&table) == 0;
			has_read = true;
			taken = can_tell && is_taken(&table, s, a, ret_text);
		}
	}
	listen_table_free(&table);
	return !taken;
}

static bool
is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* A directory that does not answer would hold the whole daemon up. */
static bool
has_same_user(const struct config *a, const struct config *b)
{
	return is_same(a->user, b->user) && is_same(a->group, b->group) &&
	    a->has_pair == b->has_pair;
}

/* A reload is refused for what a start would be, but nobody waits for it. */
static bool
is_fit(const struct config *c, const struct config *running,
    struct limits *ret_limits, char *ret_text)
{
	const unsigned workers = limits_workers(running);
	enum command_exit status = preflight_key(c, ret_text);

	if (status == COMMAND_DONE)
		status = preflight_files(c, ret_text);
	if (status == COMMAND_DONE)
		status = preflight_places(c, ret_text);
	if (status == COMMAND_DONE && !has_same_user(c, running))
		status = preflight_user(c, ret_text);
	if (status == COMMAND_DONE)
		status = preflight_budget(c, workers, ret_limits, ret_text);
	return status == COMMAND_DONE && ports_are_free(c, running, ret_text);
}

static int
open_listeners(struct run *r)
{
	const struct config *c = r->file.config;
	char fault[LISTENERS_FAULT_TEXT];
	size_t service, listen;
	int e = listeners_open(
	    &r->listeners, c, r->setup.workers, &service, &listen);

	return e == 0 ? COMMAND_DONE
	              : command_refuse(NULL, COMMAND_FAILED, "%s",
	                    listeners_fault(c, service, listen, e, fault));
}

static int
open_log(const struct config *c)
{
	const struct log_options o = config_log_options(&c->log, "supervisor");
	char why[TRUSTED_PATH_WHY_MAX];
	int e = log_open(&o);

	if (e == 0)
		e = log_start();
	if (e < 0)
		return command_refuse(NULL, status_of(e), "log %s: %s", o.path,
		    trusted_path_fault(o.path, TRUSTED_PATH_ANYBODYS, e, why));
	return COMMAND_DONE;
}

/* All that needs the terminal, and all that may be refused. */
static int
prepare(struct run *r)
{
	const struct config *c;
	int status;

	file_untried_recover(r->file.path, r->recovered);
	if (*r->recovered != '\0')
		(void)fprintf(stderr, "%shapair: %s\n",
		    log_mark(LOG_LEVEL_WARNING), r->recovered);
	r->file.warns = true;
	r->file.obeyed = true;
	if (file_load(&r->file) < 0)
		return COMMAND_WRONG;
	c = r->file.config;
	if (r->daemon && c->log.target == LOG_TARGET_STDERR)
		return command_refuse(NULL, COMMAND_WRONG,
		    "--daemon has no stderr to log to; expected log.target syslog, a file or udp://");
	status = look_first(r);
	if (status == COMMAND_DONE)
		status = open_control(r);
	if (status == COMMAND_DONE)
		status = look_at_ports(c);
	if (status == COMMAND_DONE)
		status = open_listeners(r);
	return status;
}

static int
supervise(struct run *r)
{
	const struct config *c = r->file.config;
	int status;

	r->setup.config = c;
	r->setup.path = r->file.path;
	r->setup.text = r->file.text;
	r->setup.len = r->file.len;
	r->setup.keys = &r->keys;
	r->setup.listeners = &r->listeners;
	r->setup.control = &r->control;
	r->setup.is_fit = is_fit;
	listeners_log(&r->listeners);
	status = supervisor_run(&r->setup);
	log_close();
	return status;
}

/* All that is for the process that stays. */
static int
settle(struct run *r)
{
	const struct config *c = r->file.config;
	char why[TRUSTED_PATH_WHY_MAX];
	int e, status;

	e = control_claim(&r->control);
	if (e < 0)
		return command_refuse(NULL, COMMAND_FAILED,
		    "control socket %s: %s", c->control, strerror(-e));
	e = pidfile_write(&r->pidfile, c->pid_file);
	if (e < 0)
		return command_refuse(NULL, status_of(e), "pid file %s: %s",
		    c->pid_file,
		    trusted_path_fault(
		        c->pid_file, TRUSTED_PATH_ROOTS, e, why));
	status = open_log(c);
	if (status != COMMAND_DONE)
		return status;
	if (*r->recovered != '\0' && c->log.target != LOG_TARGET_STDERR)
		log_warning("supervisor", "[start] %s", r->recovered);
	if (c->has_pair) {
		e = key_keeper_open(&r->keys, c->pair.key_file);
		if (e < 0)
			return command_refuse(NULL, COMMAND_WRONG,
			    "key file %s: %s", c->pair.key_file,
			    secret_fault(c->pair.key_file, e, why));
	}
	/* From here on there is the log; nothing keeps the terminal open. */
	if (r->daemon && pidfile_leave_stderr() < 0)
		return COMMAND_FAILED;
	return COMMAND_DONE;
}

/* No start: what the program before has left (left.h). */
static int
go_on(struct run *r, struct left *left)
{
	const struct left_places places = { .file = &r->file,
		.setup = &r->setup,
		.keys = &r->keys,
		.listeners = &r->listeners,
		.control = &r->control,
		.pidfile = &r->pidfile };
	int status;

	proc_shut(022);
	status = left_take(left, &places);
	fd_close(&left->keys); /* wiped; the next one gets a file of its own */
	/* A log that cannot be opened any more is no reason to end. */
	if (status == COMMAND_DONE)
		(void)open_log(r->file.config);
	return status == COMMAND_DONE ? supervise(r) : status;
}

static void
run_fini(struct run *r)
{
	pidfile_remove(&r->pidfile);
	control_close(&r->control);
	listeners_close(&r->listeners);
	key_keeper_close(&r->keys);
	fd_close(&r->setup.ready_fd);
	file_free(&r->file);
}

/*
 * What a launcher left open is none of ours to keep, nor to pass on. What it
 * closed would be the number of a socket that others take for their output, and
 * that an upgrade takes for none (upgrade_state.h).
 */
static void
settle_descriptors(void)
{
	int fd;

	(void)close_range(STDERR_FILENO + 1, ~0U, 0);
	do
		fd = open("/dev/null", O_RDWR);
	while (fd != -1 && fd <= STDERR_FILENO);
	fd_close(&fd);
}

static int
start(struct run *r)
{
	int status;

	settle_descriptors();
	proc_shut(022);
	/* It would end us, until the supervisor hears it. */
	(void)signal(SIGUSR2, SIG_IGN);
	status = prepare(r);
	if (status == COMMAND_DONE && r->daemon) {
		/* Only the child comes back, with a descriptor to report on. */
		status = pidfile_daemonize(&r->setup.ready_fd) < 0
		    ? command_refuse(NULL, COMMAND_FAILED,
		          "cannot go into the background: %s", strerror(errno))
		    : COMMAND_DONE;
	}
	if (status == COMMAND_DONE)
		status = settle(r);
	return status == COMMAND_DONE ? supervise(r) : status;
}

int
cmd_run(int argc, char **argv)
{
	struct run r = { .file = { .path = COMMAND_CONFIG_PATH },
		.setup = { .ready_fd = -1 },
		.control = { .lock = -1, .fd = -1 } };
	const struct command_option options[] = {
		{ 'c', .word = &r.file.path },
		{ 'n', "node", .word = &r.node_name },
		{ 'd', "daemon", .there = &r.daemon },
	};
	struct left left;
	int status = left_open(&left);

	if (status == COMMAND_DONE && left.loaded != NULL)
		status = go_on(&r, &left);
	else if (status == COMMAND_DONE)
		status = command_parse(
		    "run", argc, argv, options, ARRAY_LEN(options));
	if (left.loaded == NULL && status == COMMAND_DONE)
		status = start(&r);
	run_fini(&r);
	left_close(&left);
	return status;
}
