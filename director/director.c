#include "director/director.h"

#include "config/load.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/closer.h"
#include "core/fd.h"
#include "core/kernel/msg_kernel.h"
#include "core/liveness.h"
#include "core/log.h"
#include "core/msg_intake.h"
#include "core/secret.h"
#include "core/timeout.h"
#include "director/director_bounds.h"
#include "director/director_entries.h"
#include "director/director_failover.h"
#include "director/director_ghosts.h"
#include "director/director_peer.h"
#include "director/director_pools.h"
#include "director/director_reach.h"
#include "director/director_rebuild.h"
#include "director/director_relay.h"
#include "director/director_report.h"
#include "director/director_rings.h"
#include "director/director_role.h"
#include "director/director_routes.h"
#include "director/director_sender.h"
#include "director/director_tables.h"
#include "director/director_turn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <sys/resource.h>
#include <unistd.h>

/*
 * The role's life: idle until START, which loads the program and finds the maps
 * that a process before may still write; from BEGIN on they are ours. STOP ends
 * it between two turns of the loop, when nothing that was decided is undone:
 * the next one takes it all from the maps.
 */

#define BEAT_S 0.1

/* Where there are no services any more: whether connections are left. */
#define RETIRE_S 1.0

#define EVENTS_BYTES (4U << 20)
#define CLOSED_BYTES (1U << 20)

/* Places of all services, and their addresses: the same in every file, or maps
 * would have to be made anew. */
#define PLACES_MAX 8192

#define PINS_TEXT 32

struct life {
	struct director_role role; /* first: what it is all about */
	pid_t parent;
	struct proc_user user;
	int report, status;
	bool is_empty; /* at the last look, of one that retires */
	int pins_fd;   /* the directory; -1: there is none */
	char pins[PINS_TEXT];
	struct liveness *pulse;
	struct msg_intake intake;
	ev_io supervisor_ready;
	ev_signal on_term, on_int;
	ev_timer beat, retire, drain;
};

static struct life *
life_of(const struct director_role *role)
{
	return CONTAINER_OF(role, struct life, role);
}

static int
failed(const char *what, int e)
{
	log_error("director", "[start] %s: %s", what, strerror(-e));
	return e;
}

static void
end(struct director_role *role, int status)
{
	life_of(role)->status = status;
	ev_break(role->loop, EVBREAK_ALL);
}

/* ---- START ---- */

static void
open_log(const struct director_role *role)
{
	const struct log_options options =
	    config_log_options(&role->config->log, "director");
	const int e = log_open(&options);

	if (e < 0)
		log_warning("director",
		    "[log] opening the log: %s, using stderr", strerror(-e));
}

/*
 * As root, while we are: the file system lets nobody else in. From then on its
 * name is the descriptor's.
 */
static int
open_pins(struct life *life)
{
	const char *path = life->role.config->kernel.pins;

	life->pins_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (life->pins_fd == -1)
		return -errno;
	(void)snprintf(
	    life->pins, sizeof(life->pins), "/proc/self/fd/%d", life->pins_fd);
	return 0;
}

/* Kernels before 5.11 count maps as locked memory. */
static void
raise_limit(void)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	(void)setrlimit(RLIMIT_MEMLOCK, &all);
}

static int
load_program(struct life *life)
{
	struct director_role *role = &life->role;
	static char why[4096];
	struct director_program_options options = {
		.slots = role->config->kernel.slots,
		.services = PLACES_MAX,
		.events_bytes = EVENTS_BYTES,
		.closed_bytes = CLOSED_BYTES,
		.on_event = director_rings_on_event,
		.on_closed = director_rings_on_closed,
		.data = role,
		.pins = life->pins,
		.why = why,
		.why_bytes = sizeof(why),
	};
	int e = director_program_load(&options, &role->program);

	/* Others are there. Until BEGIN all of this may be in vain, and whoever
	 * has them goes on. */
	if (e == -EINVAL) {
		options.pins = NULL;
		e = director_program_load(&options, &role->program);
	}
	if (why[0] != '\0' && e < 0)
		log_debug("director", "the kernel says: %s", why);
	return e;
}

/* What needs the program. */
static int
open_shell(struct director_role *role)
{
	int e;

	role->slots = director_program_slots(role->program);
	e = director_sender_open(&role->sender);
	if (e < 0)
		return failed("opening sockets to send by", e);
	e = director_routes_new(role);
	if (e < 0)
		return failed("asking for routes", e);
	return director_turn_open(role);
}

/* Without the kernel all is relayed: clients are served. */
static void
do_without(struct life *life, const char *what, int e)
{
	struct director_role *role = &life->role;

	(void)snprintf(
	    role->fault, sizeof(role->fault), "%s: %s", what, strerror(-e));
	log_error("director",
	    "[resource] %s: %s, connections are relayed and do not outlive this node",
	    what, strerror(-e));
	director_program_free(role->program);
	role->program = NULL;
}

static int
open_kernel(struct life *life, int pins)
{
	int e = pins;

	if (e < 0) {
		do_without(life, "opening the directory of 'kernel: pins'", e);
		return 0;
	}
	e = load_program(life);
	if (e < 0) {
		do_without(life, "loading the kernel's program", e);
		return 0;
	}
	return open_shell(&life->role);
}

static int
load(struct life *life, int fd)
{
	struct director_role *role = &life->role;
	int e = load_fd(role->start.path, fd, &role->config);

	/* The supervisor has checked this very text. */
	if (e < 0)
		return failed("loading the configuration", e);
	if (role->start.node >= CONFIG_NODES)
		return failed("finding this node", -EINVAL);
	open_log(role);
	raise_limit();
	e = secret_init();
	if (e == 0)
		e = director_tables_new(role);
	if (e == 0)
		e = director_pools_new(role);
	if (e == 0)
		e = director_reach_new(role);
	if (e == 0)
		e = director_rings_new(role);
	if (e == 0)
		e = director_report_new(role);
	if (e == 0)
		e = director_peer_new(role);
	return e < 0 ? failed("making tables", e) : 0;
}

static int
drop_rights(struct life *life)
{
	const char *what = "";
	int e = proc_drop(&life->user, PROC_CAPS_DIRECTOR, &what);

	return e < 0 ? failed(what, e) : proc_die_with(life->parent, SIGTERM);
}

static int
on_start(struct director_role *role, const struct channel_packet *p)
{
	struct life *life = life_of(role);
	struct buf b = buf_reader(p->body, p->len);
	int e, pins;

	if (msg_get_start(&b, &role->start) < 0)
		return -EBADMSG;
	e = load(life, p->fd);
	if (e < 0)
		return e;
	pins = open_pins(life);
	e = drop_rights(life);
	if (e == 0)
		e = open_kernel(life, pins);
	e = e < 0 ? e : proc_drop_perfmon();
	if (e < 0)
		return e;
	director_bounds_no_files(life->pins_fd != -1 ? life->pins : NULL);
	/* The first thread: each has the rights of whoever started it. */
	e = log_start();
	if (e < 0)
		return e;
	director_bounds_calls(life->report);
	return channel_send(role->supervisor, MSG_PREPARED, NULL, 0, -1);
}

/* ---- BEGIN ---- */

static int
begin_kernel(struct director_role *role)
{
	int e;

	director_node_init(&role->node, mono_now());
	e = director_rebuild_keep(role, life_of(role)->pins);
	if (e < 0)
		return failed("keeping the kernel's tables", e);
	e = director_rebuild(role);
	if (e < 0)
		return failed("reading the kernel's tables", e);
	e = director_rings_begin(role);
	if (e < 0)
		return failed("writing the kernel's tables", e);
	role->begun = true;
	director_routes_begin(role);
	e = director_peer_new(role);
	if (e < 0)
		return failed("opening the stream to the peer", e);
	director_turn_begin(role);
	if (role->config->drain_ms > 0)
		timeout_arm(role->loop, &life_of(role)->drain,
		    role->config->drain_ms / 1e3);
	return 0;
}

static void
on_drain(struct ev_loop *loop, ev_timer *w, int revents)
{
	ev_timer_stop(loop, w);
	director_rebuild_drain(ev_userdata(loop));
}

static bool
retires(const struct director_role *role)
{
	return !config_has_kernel(role->config);
}

static int
on_begin(struct director_role *role)
{
	int e = 0;

	if (role->begun)
		return -EBADMSG;
	if (role->program != NULL)
		e = begin_kernel(role);
	else if (life_of(role)->pins_fd != -1)
		director_program_let_go(life_of(role)->pins);
	if (e < 0)
		return e;
	role->begun = true;
	director_failover_begin(role);
	director_ghosts_begin(role);
	director_relay_begin(role);
	director_report_begin(role);
	if (retires(role))
		ev_timer_start(role->loop, &life_of(role)->retire);
	return channel_send(role->supervisor, MSG_READY, NULL, 0, -1);
}

/* ---- its end ---- */

static void
say_stopped(struct director_role *role)
{
	role->stopped = true;
	if (channel_send(role->supervisor, MSG_STOPPED, NULL, 0, -1) < 0)
		log_debug("director", "nobody to tell");
	end(role, 0);
}

/* What was cut is reset now, or never. */
static int
on_stop(struct director_role *role)
{
	if (role->begun && role->program != NULL) {
		director_entries_tick(role->entries, mono_never());
		director_turn_flush(role);
	}
	say_stopped(role);
	return 0;
}

/* No service of the file is the kernel's, and none of its connections lives. */
static void
on_retire(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct director_role *role = ev_userdata(loop);

	if (role->program != NULL) {
		struct life *life = life_of(role);
		const bool was = life->is_empty;

		life->is_empty = role->node.free.n == role->node.setup.n_slots;
		/* The relay is told first that it is. */
		if (!was || !life->is_empty)
			return;
		director_routes_end(role);
		director_program_unpin(life_of(role)->pins);
		log_notice(
		    "director", "no connection is left in the kernel, ending");
	}
	say_stopped(role);
}

/* ---- what the supervisor says ---- */

static int
on_pulse(struct director_role *role, const struct channel_packet *p)
{
	struct life *life = life_of(role);

	if (life->pulse != NULL)
		return -EBADMSG;
	return liveness_map(p->fd, true, &life->pulse);
}

static int
on_keys(struct director_role *role, const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);

	if (msg_get_keys(&b, &role->keys) < 0)
		return -EBADMSG;
	director_peer_set_keys(role);
	return 0;
}

static int
obey(struct director_role *role, struct channel_packet *p)
{
	switch (p->type) {
	case MSG_PULSE:
		return on_pulse(role, p);
	case MSG_START:
		return on_start(role, p);
	case MSG_KEYS:
		return on_keys(role, p);
	case MSG_STREAM_LISTENER:
		return director_peer_listen(role, &p->fd);
	case MSG_FAILOVER_CHANNEL:
		return director_failover_take(role, p);
	case MSG_RELAY_CHANNEL:
		return director_relay_take(role, p);
	case MSG_DIRECTOR_BEGIN:
		return on_begin(role);
	case MSG_LOG:
		log_take(p->fd);
		return p->fd == -1 ? -EBADMSG : 0;
	case MSG_STOP:
		return on_stop(role);
	default: /* not an enum: a number from another process */
		return -EBADMSG;
	}
}

static enum msg_rights_stage
stage_of(const struct director_role *role)
{
	if (role->config == NULL)
		return MSG_RIGHTS_NEW;
	return role->begun ? MSG_RIGHTS_WORKING : MSG_RIGHTS_STARTING;
}

static void
on_supervisor(struct ev_loop *loop, ev_io *w, int revents)
{
	struct director_role *role = ev_userdata(loop);
	struct msg_intake *in = &life_of(role)->intake;
	char text[MSG_INTAKE_TEXT_MAX];
	struct channel_packet p;
	int e = msg_intake_take(in, role->supervisor, stage_of(role), &p);

	if (e == -EAGAIN)
		return;
	if (e == 0) {
		log_notice("director", "the supervisor has ended, ending too");
		end(role, 0);
		return;
	}
	if (e == 1)
		e = msg_intake_end(in, &p, obey(role, &p));
	if (e < 0) {
		log_error("director",
		    "[process] cannot obey the supervisor, ending: %s",
		    e == -EBADMSG ? msg_intake_text(in, text) : strerror(-e));
		end(role, 1);
	}
}

/* ---- the whole ---- */

static void
on_beat(struct ev_loop *loop, ev_timer *w, int revents)
{
	const struct director_role *role = ev_userdata(loop);

	liveness_beat(life_of(role)->pulse, LIVENESS_MAIN);
}

static void
on_signal(struct ev_loop *loop, ev_signal *w, int revents)
{
	end(ev_userdata(loop), 0);
}

static void
watch_signal(struct director_role *role, ev_signal *w, int number)
{
	ev_signal_init(w, on_signal, number);
	ev_set_priority(w, EV_MAXPRI);
	ev_signal_start(role->loop, w);
}

static void
close_all(struct life *life)
{
	struct director_role *role = &life->role;

	director_failover_free(role);
	director_ghosts_free(role);
	director_relay_free(role);
	director_report_free(role);
	director_peer_free(role);
	director_rings_free(role);
	director_reach_free(role);
	director_turn_free(role);
	director_routes_free(role);
	director_sender_close(role->sender);
	director_program_free(role->program);
	director_pools_free(role);
	director_tables_free(role);
	liveness_unmap(&life->pulse);
	fd_close(&life->pins_fd);
	fd_close(&role->supervisor);
	secret_wipe(&role->keys, sizeof(role->keys));
	closer_free(role->closer);
}

static void
finish(struct life *life)
{
	struct director_role *role = &life->role;

	ev_io_stop(role->loop, &life->supervisor_ready);
	ev_signal_stop(role->loop, &life->on_term);
	ev_signal_stop(role->loop, &life->on_int);
	ev_timer_stop(role->loop, &life->beat);
	ev_timer_stop(role->loop, &life->retire);
	ev_timer_stop(role->loop, &life->drain);
	close_all(life);
	ev_loop_destroy(role->loop);
	config_free(role->config);
	log_close();
}

/* Empty, and able to hear the supervisor. */
static int
start(struct life *life, int channel, const struct proc_user *user)
{
	struct director_role *role = &life->role;
	int e;

	life->parent = getppid();
	life->user = *user;
	life->pins_fd = -1;
	role->supervisor = channel;
	role->loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	if (role->loop == NULL)
		return -ENOMEM;
	ev_set_userdata(role->loop, role);
	role->closer = closer_new();
	if (role->closer == NULL)
		return -ENOMEM;
	life->intake =
	    msg_intake_init(MSG_RIGHTS_SUPERVISOR, MSG_RIGHTS_DIRECTOR, NULL);
	e = director_turn_new(role);
	if (e == 0)
		e = director_failover_new(role);
	if (e == 0)
		e = director_relay_new(role);
	if (e == 0)
		e = director_ghosts_new(role);
	if (e < 0)
		return e;
	watch_signal(role, &life->on_term, SIGTERM);
	watch_signal(role, &life->on_int, SIGINT);
	ev_timer_init(&life->beat, on_beat, 0, BEAT_S);
	ev_timer_start(role->loop, &life->beat);
	ev_init(&life->drain, on_drain);
	ev_timer_init(&life->retire, on_retire, RETIRE_S, RETIRE_S);
	ev_io_init(&life->supervisor_ready, on_supervisor, channel, EV_READ);
	ev_io_start(role->loop, &life->supervisor_ready);
	return 0;
}

int
director_run(int channel, int report, const struct proc_user *user)
{
	struct life *life = calloc(1, sizeof(*life));
	int status;

	if (life == NULL)
		return 1;
	proc_set_name("hapair-director");
	(void)signal(SIGPIPE, SIG_IGN);
	life->report = report;
	if (start(life, channel, user) < 0)
		return 1; /* and the process ends with all that it had */
	ev_run(life->role.loop, 0);
	finish(life);
	status = life->status;
	free(life);
	return status;
}
