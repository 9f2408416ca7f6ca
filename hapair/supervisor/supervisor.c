#include "hapair/supervisor/supervisor.h"

#include "core/buf.h"
#include "core/closer.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/mono.h"
#include "core/msg.h"
#include "core/proc.h"
#include "core/reply.h"
#include "core/timeout.h"
#include "core/wall_clock.h"
#include "hapair/supervisor/child.h"
#include "hapair/supervisor/child_setup.h"
#include "hapair/supervisor/config_request.h"
#include "hapair/supervisor/fd_keeper.h"
#include "hapair/supervisor/fence_run.h"
#include "hapair/supervisor/key_keeper.h"
#include "hapair/supervisor/listeners.h"
#include "hapair/supervisor/notify.h"
#include "hapair/supervisor/release.h"
#include "hapair/supervisor/reload.h"
#include "hapair/supervisor/role_channel.h"
#include "hapair/supervisor/role_user.h"
#include "hapair/supervisor/role_watchdog.h"
#include "hapair/supervisor/service_manager.h"
#include "hapair/supervisor/state_file.h"
#include "hapair/supervisor/state_store.h"
#include "hapair/supervisor/track_scripts.h"
#include "proxy/control/status.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * A stop goes through these in order. The peer is asked to take the groups, so
 * that nobody who connects finds nobody. What it does not take goes the short
 * way: new clients are muted, so that they ask the peer; connections are reset
 * while the address can still say so; then the address goes. Each step has its
 * patience: what hangs is killed. Last comes what the operator's program
 * has yet to be told.
 */
enum stage {
	STAGE_RUNNING,
	STAGE_HANDOVER, /* HAND_OVER_ALL was sent to failover */
	STAGE_RELAY,    /* STOP was sent to the relay */
	STAGE_FAILOVER, /* STOP was sent to failover */
	STAGE_NOTIFY,   /* both have ended, notify has not */
	STAGE_ENDED,
};

/* A failover that comes back sooner goes on as if nothing had been. */
#define FORSAKE_PAUSE_MS 100

/* A handover takes 30 ms; failover itself gives up after 1,120. */
#define HANDOVER_PATIENCE_S 1.2
#define RELAY_PATIENCE_S 0.5
#define FAILOVER_PATIENCE_S 2.0
#define NOTIFY_PATIENCE_S 3.0

/* Asked for again and again while a start waits. */
#define WAIT_PATIENCE_S 30

struct supervisor {
	const struct supervisor_setup *setup; /* borrowed: the caller's */
	struct ev_loop *loop;
	struct child failover, relay;
	struct role_channel role_channel;
	struct closer *closer; /* of what the roles gave */
	struct role_watchdog watchdog;
	struct track_scripts scripts;
	struct notify notify;
	enum stage stage;
	bool was_ready;
	int file; /* the configuration, sealed */
	/*
	 * The wire's socket, never read here: while we hold it the peer does
	 * not see the wire end, for one of this node's processes still lives.
	 */
	int wire;
	struct fd_keeper fd_keeper;
	struct state_store store;
	struct fence_run fences;
	struct mono started;
	int64_t loaded_wall_ms;
	struct msg_group *groups; /* the last that failover said of each */
	bool *known;
	ev_signal terminated, interrupted, hung_up;
	ev_timer patience, alive;
};

static size_t
n_groups(const struct supervisor *s)
{
	const struct config *c = s->setup->config;

	return c->has_pair ? c->pair.n_groups : 0;
}

static struct msg_start
start_message(const struct supervisor *s)
{
	const struct supervisor_setup *setup = s->setup;
	struct msg_start m = {
		.node = setup->node == CONFIG_NO_NODE ? MSG_NO_NODE
		                                      : (uint16_t)setup->node,
		.n_listeners = (uint16_t)setup->listeners->n_open,
		.workers = (uint16_t)setup->workers,
		.max_connections = setup->max_connections,
		.pipes = (uint16_t)setup->pipes,
		.loaded_wall_ms = s->loaded_wall_ms,
		.started_ns = s->started.ns,
		.pause = s->store.all.pause,
	};

	for (size_t i = 0; i < n_groups(s); i++)
		m.n_groups += s->known[i];
	strncpy(m.path, setup->path, sizeof(m.path) - 1);
	return m;
}

static int
on_spawn(void *arg, struct child *r)
{
	struct supervisor *s = arg;
	const struct msg_start m = start_message(s);
	int e;

	role_watchdog_meet(&s->watchdog, r);
	e = child_setup_start(r, &m, s->file);
	if (e < 0)
		return e;
	state_store_meet(&s->store, r);
	if (r == &s->relay) {
		child_setup_listeners(r, s->setup->config, s->setup->listeners);
	} else {
		key_keeper_hand_over(s->setup->keys, r);
		child_setup_groups(r, s->groups, s->known, n_groups(s));
		track_scripts_repeat(&s->scripts);
	}
	role_channel_make(&s->role_channel);
	return 0;
}

static void
tell_ready(struct supervisor *s)
{
	if (s->was_ready || !s->failover.ready || !s->relay.ready)
		return;
	s->was_ready = true;
	log_notice("supervisor", "ready");
	service_manager_tell_ready();
	if (s->setup->ready_fd != -1 &&
	    fd_write_all(s->setup->ready_fd, "", 1) < 0)
		log_debug("supervisor", "nobody waits for us any more");
}

void
supervisor_note_wait(const char *what)
{
	service_manager_tell_wait(what, WAIT_PATIENCE_S);
}

static int
take_group(struct supervisor *s, const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct msg_group m;

	if (msg_get_group(&b, &m) < 0 || m.group >= n_groups(s))
		return -EBADMSG;
	s->groups[m.group] = m;
	s->known[m.group] = true;
	notify_tell(&s->notify, &m);
	state_store_look(&s->store);
	return 0;
}

static void
mute(struct supervisor *s, unsigned group, bool muted)
{
	int e = listeners_mute_group(s->setup->listeners, group, muted);

	if (e < 0)
		log_error("supervisor", "a listener cannot be %s: %s",
		    muted ? "muted" : "unmuted", strerror(-e));
}

/* Failover hands a group over: new clients shall find the peer, not us. */
static int
take_mute(struct supervisor *s, const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct buf reply = BUF_WRITER(16);
	struct msg_mute m;

	if (msg_get_mute(&b, &m) < 0 || m.group >= n_groups(s))
		return -EBADMSG;
	/* From STAGE_RELAY on all are muted, and stay so. */
	if (s->stage == STAGE_RUNNING || s->stage == STAGE_HANDOVER)
		mute(s, m.group, m.wanted);
	m.muted = (s->setup->listeners->muted & 1U << m.group) != 0;
	msg_put_mute(&reply, &m);
	child_send(&s->failover, MSG_MUTE, reply.data, reply.pos, -1);
	return 0;
}

static void stop_relay(struct supervisor *s);
static void stop_failover(struct supervisor *s);

/*
 * What a role may say has been asked by now (msg_rights.h): what only one of
 * them may has come from that one.
 */
static int
on_packet(void *arg, struct child *r, struct channel_packet *p)
{
	struct supervisor *s = arg;

	switch (p->type) {
	case MSG_READY:
		r->ready = true;
		tell_ready(s);
		if (r == &s->failover)
			fd_keeper_let_go(&s->fd_keeper);
		return 0;
	case MSG_GROUP:
		return take_group(s, p);
	case MSG_MUTE:
		return take_mute(s, p);
	case MSG_HANDED_OVER:
		if (s->stage == STAGE_HANDOVER)
			stop_relay(s);
		return 0;
	case MSG_WIRE:
		fd_close_now(&s->wire);
		s->wire = fd_take(&p->fd);
		return 0;
	case MSG_HOLD:
		return fd_keeper_take(&s->fd_keeper, p->fd);
	case MSG_WIRE_DOWN:
		fd_close_now(&s->wire);
		return 0;
	case MSG_KEYS:
		return key_keeper_take(s->setup->keys, p);
	case MSG_PAUSE:
		return state_store_take_pause(&s->store, p);
	case MSG_FENCE:
		return fence_run_take(&s->fences, p);
	case MSG_SIBLING_LOST:
		return role_channel_take_lost(&s->role_channel, r, p);
	case MSG_STOPPED:
		if (r == &s->relay && s->stage == STAGE_RELAY)
			stop_failover(s);
		return 0;
	default: /* not an enum: a number from another process */
		return state_store_take(&s->store, r, p);
	}
}

static void
end(struct supervisor *s)
{
	s->stage = STAGE_ENDED;
	ev_break(s->loop, EVBREAK_ALL);
}

/* The supervisor is the last to go. */
static void
end_if_alone(struct supervisor *s)
{
	if (s->failover.pid != 0 || s->relay.pid != 0)
		return;
	if (notify_is_idle(&s->notify)) {
		end(s);
		return;
	}
	s->stage = STAGE_NOTIFY;
	timeout_arm(s->loop, &s->patience, NOTIFY_PATIENCE_S);
}

static void
on_notified(void *arg)
{
	struct supervisor *s = arg;

	if (s->stage == STAGE_NOTIFY)
		end(s);
}

static void
on_script(void *arg, unsigned track, bool passed)
{
	struct supervisor *s = arg;
	const struct msg_script m = { .track = (uint16_t)track,
		.passed = passed };
	struct buf b = BUF_WRITER(8);

	msg_put_script(&b, &m);
	child_send(&s->failover, MSG_SCRIPT, b.data, b.pos, -1);
}

static void
on_fenced(void *arg, const struct msg_fenced *m)
{
	struct supervisor *s = arg;
	struct buf b = BUF_WRITER(8);

	msg_put_fenced(&b, m);
	child_send(&s->relay, MSG_FENCED, b.data, b.pos, -1);
}

static void
stop_failover(struct supervisor *s)
{
	s->stage = STAGE_FAILOVER;
	child_send(&s->failover, MSG_STOP, NULL, 0, -1);
	timeout_arm(s->loop, &s->patience, FAILOVER_PATIENCE_S);
	end_if_alone(s);
}

static void
stop(struct supervisor *s)
{
	s->stage = STAGE_HANDOVER;
	s->failover.stopping = s->relay.stopping = true;
	service_manager_tell_stopping();
	if (s->failover.pid == 0 || s->relay.pid == 0) {
		stop_relay(s);
		return;
	}
	child_send(&s->failover, MSG_HAND_OVER_ALL, NULL, 0, -1);
	timeout_arm(s->loop, &s->patience, HANDOVER_PATIENCE_S);
}

static void
stop_relay(struct supervisor *s)
{
	s->stage = STAGE_RELAY;
	listeners_mute(s->setup->listeners);
	if (s->relay.pid == 0) {
		stop_failover(s);
		return;
	}
	child_send(&s->relay, MSG_STOP, NULL, 0, -1);
	timeout_arm(s->loop, &s->patience, RELAY_PATIENCE_S);
}

/* Nobody shall wait for it: the peer claims when our wire has ended. */
static void
forsake(struct supervisor *s)
{
	if (n_groups(s) > 0)
		release_forsaken(&s->setup->config->pair);
	fd_close_now(&s->wire);
}

static void
on_end(void *arg, struct child *r)
{
	struct supervisor *s = arg;

	if (r == &s->failover)
		fd_keeper_turn(&s->fd_keeper);
	if (r == &s->failover && s->stage == STAGE_RUNNING &&
	    r->pause_ms > FORSAKE_PAUSE_MS)
		forsake(s);
	if (r == &s->failover && s->stage == STAGE_RUNNING)
		/* A handover that it had begun ended with it. */
		for (unsigned i = 0; i < n_groups(s); i++)
			mute(s, i, false);
	if (s->stage == STAGE_HANDOVER)
		stop_relay(s);
	else if (r == &s->relay && s->stage == STAGE_RELAY)
		stop_failover(s);
	else if (s->stage == STAGE_FAILOVER)
		end_if_alone(s);
}

static void
on_patience(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct supervisor *s = CONTAINER_OF(t, struct supervisor, patience);

	switch (s->stage) {
	case STAGE_HANDOVER:
		log_warning("supervisor",
		    "the handover takes too long, stopping without it");
		stop_relay(s);
		break;
	case STAGE_RELAY:
		log_warning("supervisor",
		    "the relay does not stop, going on without it");
		stop_failover(s);
		break;
	case STAGE_FAILOVER:
		log_error("supervisor", "not all processes stop, killing them");
		child_kill(&s->failover);
		child_kill(&s->relay);
		break;
	case STAGE_NOTIFY:
		log_warning("supervisor",
		    "notify does not end, not waiting any longer");
		end(s);
		break;
	case STAGE_RUNNING:
	case STAGE_ENDED:
		break;
	}
}

static void
on_signal(struct ev_loop *loop, ev_signal *w, int revents)
{
	struct supervisor *s = w->data;

	if (s->stage != STAGE_RUNNING)
		return;
	log_notice("supervisor", "stopping, reason: signal %d", w->signum);
	stop(s);
}

/* Terminals and old scripts send it: no reason to end, nothing to reload. */
static void
on_hang_up(struct ev_loop *loop, ev_signal *w, int revents)
{
	log_notice("supervisor", "SIGHUP is ignored");
}

static char *
own_report(struct supervisor *s)
{
	struct msg_start m = start_message(s);
	bool all_known = true;
	struct status r = { .config = s->setup->config,
		.start = &m,
		.pid = (int)getpid(),
		.now = mono_now(),
		.dropped_log_lines = log_dropped() };

	for (size_t i = 0; i < n_groups(s); i++)
		all_known = all_known && s->known[i];
	if (all_known)
		r.groups = s->groups;
	return status_text(&r);
}

/* To the role that answers it. */
static void
on_request(void *arg, const char *request, int *socket)
{
	struct supervisor *s = arg;
	const bool status = strcmp(request, "status") == 0;
	const bool moves = control_is_request(request, "handover") ||
	    control_is_request(request, "pause") ||
	    strcmp(request, "resume") == 0;
	const bool server = control_is_request(request, "server");
	const bool reload = strcmp(request, "reload") == 0;
	struct child *r = moves || reload ? &s->failover : &s->relay;

	if (strcmp(request, "configuration") == 0)
		config_request_answer(s->loop, s->setup->config, socket);
	else if (!status && !moves && !server && !reload)
		reply_error(s->loop, socket, CONTROL_UNKNOWN);
	else if (server && s->stage == STAGE_RUNNING)
		state_store_obey(&s->store, request, socket);
	else if (reload && r->ready && s->stage == STAGE_RUNNING)
		reload_obey(
		    s->loop, s->setup->config, s->setup->path, r, socket);
	else if (r->ready && s->stage == STAGE_RUNNING)
		child_setup_request(r, request, *socket);
	else if (status)
		reply_send(s->loop, socket, own_report(s));
	else
		reply_error(s->loop, socket,
		    s->stage != STAGE_RUNNING
		        ? "this node is stopping"
		        : "the failover process does not run");
}

static void
watch_signal(struct supervisor *s, ev_signal *w,
    void (*call)(struct ev_loop *, ev_signal *, int), int sig)
{
	ev_signal_init(w, call, sig);
	w->data = s;
	ev_signal_start(s->loop, w);
}

static int
init_store(struct supervisor *s)
{
	const struct state_store_setup setup = { .loop = s->loop,
		.config = s->setup->config,
		.node = s->setup->node,
		.directory = state_file_directory(),
		.groups = s->groups,
		.failover = &s->failover,
		.relay = &s->relay };

	return state_store_init(&s->store, &setup);
}

static int
supervisor_init(struct supervisor *s, const struct supervisor_setup *setup)
{
	static const struct child_calls calls = {
		.on_spawn = on_spawn, .on_packet = on_packet, .on_end = on_end
	};
	const struct role_user users = role_user_choose(setup->config);
	int e;

	s->setup = setup;
	s->wire = -1;
	s->started = mono_now();
	s->loaded_wall_ms = wall_clock_now_ms();
	s->loop = ev_default_loop(EVBACKEND_EPOLL | EVFLAG_NOENV);
	s->groups = calloc(n_groups(s) + 1, sizeof(*s->groups));
	s->known = calloc(n_groups(s) + 1, sizeof(*s->known));
	s->file = proc_sealed_file("hapair.yaml", setup->text, setup->len);
	s->closer = closer_new();
	child_init(
	    &s->failover, MSG_RIGHTS_FAILOVER, &users.failover, &calls, s);
	child_init(&s->relay, MSG_RIGHTS_RELAY, &users.relay, &calls, s);
	s->failover.closer = s->relay.closer = s->closer;
	role_channel_init(&s->role_channel, s->loop, &s->failover, &s->relay);
	s->relay.restart.well_ms = RESTART_WELL_RELAY_MS;
	notify_init(&s->notify, setup->config, on_notified, s);
	ev_timer_init(&s->patience, on_patience, 0., 0.);
	if (s->loop == NULL || s->groups == NULL || s->known == NULL ||
	    s->closer == NULL)
		return -ENOMEM;
	if (s->file < 0)
		return s->file;
	e = fence_run_init(&s->fences, setup->config, &s->store, on_fenced, s);
	if (e == 0)
		e = init_store(s);
	/* Before the channels and the wire: fd_keeper.h tells why. */
	if (e == 0)
		e = fd_keeper_init(&s->fd_keeper);
	s->fd_keeper.closer = setup->control->closer = s->closer;
	if (e == 0)
		e = role_watchdog_init(&s->watchdog, setup->config,
		    setup->workers, &s->failover, &s->relay);
	if (e < 0)
		return e;
	(void)signal(SIGPIPE, SIG_IGN);
	watch_signal(s, &s->terminated, on_signal, SIGTERM);
	watch_signal(s, &s->interrupted, on_signal, SIGINT);
	watch_signal(s, &s->hung_up, on_hang_up, SIGHUP);
	service_manager_watch(s->loop, &s->alive);
	control_start(setup->control, s->loop, on_request, s);
	return 0;
}

static void
supervisor_fini(struct supervisor *s)
{
	role_watchdog_fini(&s->watchdog);
	role_channel_stop(&s->role_channel);
	child_fini(&s->failover);
	child_fini(&s->relay);
	fd_keeper_fini(&s->fd_keeper);
	track_scripts_stop(&s->scripts);
	notify_fini(&s->notify);
	fence_run_fini(&s->fences);
	state_store_fini(&s->store);
	free(s->groups);
	free(s->known);
	fd_close_now(&s->wire);
	s->setup->control->closer = NULL;
	closer_free(s->closer);
	if (s->file >= 0)
		fd_close(&s->file);
}

int
supervisor_run(const struct supervisor_setup *setup)
{
	struct supervisor s = { .watchdog = role_watchdog_none(),
		.fd_keeper = fd_keeper_none() };
	int e = supervisor_init(&s, setup);

	if (e < 0) {
		log_error("supervisor", "cannot start: %s", strerror(-e));
	} else {
		child_start(&s.failover);
		child_start(&s.relay);
		track_scripts_start(&s.scripts, setup->config, on_script, &s);
		(void)ev_run(s.loop, 0);
		log_notice("supervisor", "stopped");
	}
	supervisor_fini(&s);
	return e < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
