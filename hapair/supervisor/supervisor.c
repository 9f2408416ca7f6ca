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
#include "hapair/supervisor/address_change.h"
#include "hapair/supervisor/child_setup.h"
#include "hapair/supervisor/event_note.h"
#include "hapair/supervisor/event_sync.h"
#include "hapair/supervisor/fd_keeper.h"
#include "hapair/supervisor/file_share.h"
#include "hapair/supervisor/generation.h"
#include "hapair/supervisor/key_keeper.h"
#include "hapair/supervisor/lent_socket.h"
#include "hapair/supervisor/listeners.h"
#include "hapair/supervisor/mute_request.h"
#include "hapair/supervisor/notify.h"
#include "hapair/supervisor/relay_setup.h"
#include "hapair/supervisor/release.h"
#include "hapair/supervisor/reload.h"
#include "hapair/supervisor/request_route.h"
#include "hapair/supervisor/role_user.h"
#include "hapair/supervisor/running_file.h"
#include "hapair/supervisor/service_manager.h"
#include "hapair/supervisor/state_file.h"
#include "hapair/supervisor/state_store.h"
#include "hapair/supervisor/status_request.h"
#include "hapair/supervisor/stop_order.h"
#include "hapair/supervisor/track_scripts.h"
#include "hapair/supervisor/upgrade.h"
#include "hapair/supervisor/upgrade_adopt.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A failover that comes back sooner goes on as if nothing had been. */
#define FORSAKE_PAUSE_MS 100

struct supervisor {
	const struct supervisor_setup *setup; /* borrowed: the caller's */
	struct ev_loop *loop;
	struct generation_change change; /* and what runs: now() */
	struct reload reload;
	struct file_share files;
	struct upgrade upgrade;
	struct closer *closer; /* of what the roles gave */
	struct notify notify;
	struct stop_order stop;
	bool was_ready;
	bool stop_owed; /* when a reload has come to its end */
	bool let_go;    /* failover has, of its addresses: it has stopped */
	/*
	 * The wire's socket, never read here: while we hold it the peer does
	 * not see the wire end, for one of this node's processes still lives.
	 */
	int wire;
	struct fd_keeper fd_keeper;
	struct state_store store;
	struct status_request status;
	struct event_sync events;
	struct mono started;
	ev_signal terminated, interrupted, hung_up, used;
	ev_timer alive;
};

static struct generation *
now(const struct supervisor *s)
{
	return s->change.now;
}

static struct msg_start
start_message(const struct supervisor *s, const struct generation *g)
{
	struct msg_start m = generation_start(g);

	m.started_ns = s->started.ns;
	m.pause = s->store.all.pause;
	strncpy(m.path, s->setup->path, sizeof(m.path) - 1);
	return m;
}

/* All that a failover waits for before it begins: then it is the one. */
static void
set_going(struct supervisor *s)
{
	struct generation *g = now(s);

	g->begun = true;
	s->let_go = false;
	state_store_meet(&s->store, &g->failover);
	key_keeper_hand_over(s->setup->keys, &g->failover);
	child_setup_groups(
	    &g->failover, g->groups, g->known, generation_group_count(g));
	track_scripts_repeat(&g->scripts);
	generation_introduce(g, &g->failover);
}

static int
on_spawn(void *arg, struct child *r)
{
	struct generation *g = arg;
	struct supervisor *s = g->setup.owner;
	const struct msg_start m = start_message(s, g);
	int e;

	role_watchdog_meet(&g->watchdog, r);
	e = child_setup_start(r, &m, g->file);
	if (e < 0)
		return e;
	if (r == &g->relay) {
		generation_change_introduce(&s->change, g);
		state_store_meet(&s->store, r);
		relay_setup(r, g, &s->events.log, &s->status);
	}
	if (g != now(s))
		return 0;
	if (r == &g->relay)
		generation_introduce(g, r);
	/* Not while the one before still has the ports: on_go_on() does. */
	else if (s->change.step.state != RELOAD_STEP_SWITCHING)
		set_going(s);
	return 0;
}

static void
tell_ready(struct supervisor *s)
{
	if (s->was_ready || !now(s)->failover.ready || !now(s)->relay.ready)
		return;
	s->was_ready = true;
	service_manager_tell_started(s->setup->ready_fd);
}

static int
take_group(
    struct supervisor *s, struct generation *g, const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct msg_group m;
	bool left;

	if (msg_get_group(&b, &m) < 0 || m.group >= generation_group_count(g))
		return -EBADMSG;
	left = g->known[m.group] &&
	    g->groups[m.group].state == MSG_GROUP_MASTER &&
	    m.state != MSG_GROUP_MASTER;
	event_note_group(&s->events, g, &m);
	g->groups[m.group] = m;
	g->known[m.group] = true;
	if (left && g == now(s))
		generation_change_stop_replaced(&s->change);
	notify_tell(&s->notify, &m);
	state_store_look(&s->store);
	return 0;
}

static bool
is_running(const struct supervisor *s)
{
	return s->stop.stage == STOP_ORDER_RUNNING;
}

/*
 * What a role may say has been asked by now (msg_rights.h): what only one of
 * them may has come from that one.
 */
static int
on_packet(void *arg, struct child *r, struct channel_packet *p)
{
	struct generation *g = arg;
	struct supervisor *s = g->setup.owner;
	const bool failover = r == &g->failover;
	const int e = generation_change_take(&s->change, g, r, p);

	if (e != 0)
		return e < 0 ? e : 0;
	switch (p->type) {
	case MSG_READY:
		r->ready = true;
		tell_ready(s);
		if (failover)
			fd_keeper_let_go(&s->fd_keeper);
		return 0;
	case MSG_GROUP:
		return take_group(s, g, p);
	case MSG_MUTE:
		return mute_request_take(g, p, stop_order_answers(&s->stop));
	case MSG_HANDED_OVER:
		stop_order_note_handed_over(&s->stop);
		return 0;
	case MSG_WIRE:
	case MSG_WIRE_DOWN:
		return lent_socket_take_wire(&s->wire, p);
	case MSG_HOLD:
		return lent_socket_hold(&s->fd_keeper, p);
	case MSG_PEER_FILE:
	case MSG_FILE_UNSENT:
		return file_share_take(&s->files, p, is_running(s));
	case MSG_KEYS:
		return director_child_keys(&g->director, s->setup->keys, p);
	case MSG_PAUSE:
		return state_store_take_pause(&s->store, p);
	case MSG_FENCE:
		return fence_run_take(&g->fences, p);
	case MSG_EVENT:
	case MSG_EVENTS:
		return event_sync_take(&s->events, g->setup.config, p);
	case MSG_KILLED:
		return event_note_killed(&s->events, g, g != now(s), p);
	case MSG_PEER:
	case MSG_TRACKS:
	case MSG_ANSWERED:
		return status_request_take(&s->status, g, p);
	case MSG_SIBLING_LOST:
		return director_child_take_lost(&g->director, r, p);
	case MSG_STOPPED:
		s->let_go = s->let_go || (failover && g->begun);
		if (!failover)
			stop_order_note_relay_stopped(&s->stop);
		return 0;
	default: /* not an enum: a number from another process */
		return state_store_take(&s->store, r, p);
	}
}

static void
on_notified(void *arg)
{
	stop_order_note_notified(&((struct supervisor *)arg)->stop);
}

static void
on_end(void *arg, struct child *r)
{
	struct generation *g = arg;
	struct supervisor *s = g->setup.owner;
	const bool failover = r == &g->failover;

	if (failover && g->begun)
		fd_keeper_turn(&s->fd_keeper);
	if (failover)
		g->begun = false;
	status_request_note_end(&s->status, g, r);
	generation_change_note_end(&s->change, g, r);
	if (g != now(s))
		return;
	if (is_running(s) && !r->stopping)
		event_note_end(&s->events, r);
	stop_order_note_end(&s->stop, failover);
	if (!failover || !is_running(s))
		return;
	/* Nobody shall wait for it: the peer claims when our wire has ended. */
	if (r->pause_ms > FORSAKE_PAUSE_MS) {
		if (generation_group_count(now(s)) > 0)
			release_forsaken(&now(s)->setup.config->pair);
		fd_close_now(&s->wire);
	}
	/* A handover that it had begun ended with it. */
	mute_request_end(g);
}

static void
on_signal(struct ev_loop *loop, ev_signal *w, int revents)
{
	struct supervisor *s = w->data;

	if (!is_running(s) || s->stop_owed)
		return;
	log_notice("supervisor", "stopping, reason: signal %d", w->signum);
	event_note_stop(&s->events, w->signum);
	s->stop_owed = !generation_change_stop(&s->change);
	if (!s->stop_owed)
		stop_order_begin(&s->stop, now(s));
}

static void
on_wish(struct ev_loop *loop, ev_signal *w, int revents)
{
	struct supervisor *s = w->data;

	if (is_running(s) && w->signum == SIGHUP)
		reload_hear(&s->reload);
	else if (is_running(s))
		upgrade_hear(&s->upgrade);
}

/* By the relay; or, while there is none that could, by this process. */
static void
reply_status(struct supervisor *s, int *socket)
{
	const struct msg_start m = start_message(s, now(s));

	/* While a reload is taking over, that relay may end before it does. */
	if (now(s)->relay.ready && is_running(s) &&
	    s->change.step.state != RELOAD_STEP_TAKING)
		status_request_ask(&s->status, now(s), &m, socket);
	else
		status_request_answer(&s->status, now(s), &m, socket);
}

static void
on_request(void *arg, const char *request, int *socket)
{
	struct supervisor *s = arg;
	const struct request_route route = { .loop = s->loop,
		.change = &s->change,
		.store = &s->store,
		.reload = &s->reload,
		.files = &s->files,
		.events = &s->events,
		.upgrade = &s->upgrade,
		.is_running = is_running(s) };

	if (strcmp(request, "status") == 0)
		reply_status(s, socket);
	else
		request_route_take(&route, request, socket);
}

static void
watch_signal(struct supervisor *s, ev_signal *w,
    void (*call)(struct ev_loop *, ev_signal *, int), int sig)
{
	ev_signal_init(w, call, sig);
	w->data = s;
	ev_signal_start(s->loop, w);
}

static struct state_store_setup
store_setup(struct supervisor *s)
{
	struct generation *g = now(s);

	return (struct state_store_setup){ .loop = s->loop,
		.config = g->setup.config,
		.node = g->setup.node,
		.directory = state_file_directory(),
		.groups = g->groups,
		.failover = &g->failover,
		.relay = &g->relay,
		.events = &s->events };
}

/* -- a reload ----------------------------------------------------------- */

static bool
on_give(void *arg)
{
	struct supervisor *s = arg;

	if (generation_moves_active(now(s)))
		return false;
	active_choice_hold(&s->store, true);
	return true;
}

static void
on_adopt(void *arg, struct generation *before)
{
	struct supervisor *s = arg;
	struct generation *g = now(s);
	const struct state_store_setup setup = store_setup(s);

	/* By its services nothing is granted or noted any more. */
	fence_run_fini(&before->fences);
	state_store_follow(&s->store, &setup, &g->places);
	generation_start_scripts(g);
	event_log_follow(&s->events.log, setup.config, setup.node);
	track_scripts_inherit(&g->scripts, &before->scripts);
	track_scripts_stop(&before->scripts);
	/* What was news meanwhile was told to the old relay alone. */
	state_store_meet(&s->store, &g->relay);
	running_file_keep(now(s)->setup.config->control, now(s)->file);
}

static void
on_go_on(void *arg, struct generation *before)
{
	struct supervisor *s = arg;
	struct generation *g = now(s);

	/* A handover that it had begun ended with it; sockets are shared. */
	mute_request_end(before);
	listeners_close(before->listeners);
	/* What the old one said last. */
	generation_inherit(g, before, false);
	notify_follow(&s->notify, g->setup.config, g->groups, g->known);
	if (is_running(s))
		address_change_add(before, g);
	if (g->failover.pid != 0 && is_running(s))
		set_going(s);
	address_change_remove(before, g);
}

static void
on_told(void *arg, enum reload_step_action end, enum reload_step_fault fault)
{
	struct supervisor *s = arg;

	active_choice_hold(&s->store, false);
	if (upgrade_is_changing(&s->upgrade)) {
		event_note_upgrade(&s->events, end, fault);
		upgrade_told(&s->upgrade, end, fault);
	} else {
		event_note_reload(&s->events, end, fault);
		reload_told(&s->reload, end, fault);
	}
	if (!s->stop_owed || !is_running(s))
		return;
	/* Those that were replaced meanwhile end as well. */
	(void)generation_change_stop(&s->change);
	stop_order_begin(&s->stop, now(s));
}

/* -- life --------------------------------------------------------------- */

static int
init_generation(struct supervisor *s)
{
	static const struct child_calls calls = {
		.on_spawn = on_spawn, .on_packet = on_packet, .on_end = on_end
	};
	static const struct generation_change_calls change_calls = {
		.on_give = on_give,
		.on_adopt = on_adopt,
		.on_go_on = on_go_on,
		.on_told = on_told
	};
	const struct supervisor_setup *own = s->setup;
	const struct generation_setup setup = { .owner = s,
		.calls = &calls,
		.config = own->config,
		.text = own->text,
		.len = own->len,
		.node = own->node,
		.workers = own->workers,
		.max_connections = own->max_connections,
		.pipes = own->pipes,
		.listeners = own->listeners,
		.users = upgrade_adopt_users(own->left, own->config),
		.closer = s->closer,
		.store = &s->store,
		.own = own,
		.started = s->started,
		.change = &s->change,
		.status = &s->status,
		.stop = &s->stop };
	const struct generation_change_setup change = { .calls = &change_calls,
		.owner = s };
	int e;
	const struct reload_setup reload = { .keys = own->keys,
		.path = own->path,
		.is_fit = own->is_fit,
		.has_stderr = own->ready_fd == -1 };
	struct generation *g = generation_new(&setup, &e);

	generation_change_init(&s->change, &change, g);
	s->reload = reload_init(s->loop, &s->change, &reload);
	file_share_init(&s->files, &s->reload);
	return e;
}

static int
init_store(struct supervisor *s)
{
	const struct state_store_setup setup = store_setup(s);
	int e = state_store_init(&s->store, &setup);

	/* The directory is whose the state file is. */
	if (e == 0)
		e = event_sync_init(&s->events, s->loop,
		    s->store.claimed ? setup.directory : NULL, &s->store);
	if (e < 0)
		return e;
	event_log_follow(&s->events.log, setup.config, setup.node);
	if (s->setup->left == NULL)
		event_note_start(&s->events);
	return 0;
}

static void
init_upgrade(struct supervisor *s)
{
	const struct upgrade_setup setup = {
		.state = { .own = s->setup,
		    .change = &s->change,
		    .store = &s->store,
		    .fd_keeper = &s->fd_keeper,
		    .wire = &s->wire,
		    .notify = &s->notify,
		    .started = s->started },
		.stop = &s->stop,
	};

	upgrade_init(&s->upgrade, s->loop, &setup);
}

static int
supervisor_init(struct supervisor *s, const struct supervisor_setup *setup)
{
	int e;

	s->setup = setup;
	s->wire = -1;
	s->started = upgrade_adopt_started(setup->left);
	s->loop = ev_default_loop(EVBACKEND_EPOLL | EVFLAG_NOENV);
	s->closer = closer_new();
	status_request_init(&s->status, s->loop);
	notify_init(&s->notify, setup->config, on_notified, s);
	s->notify.node = setup->node;
	if (s->loop == NULL || s->closer == NULL)
		return -ENOMEM;
	stop_order_init(&s->stop, &s->notify);
	/* Before the channels and the wire: fd_keeper.h tells why. */
	e = upgrade_adopt_keeper(&s->fd_keeper, setup->left);
	s->fd_keeper.closer = setup->control->closer = s->closer;
	if (e == 0)
		e = init_generation(s);
	if (e == 0)
		e = init_store(s);
	if (e < 0)
		return e;
	init_upgrade(s);
	running_file_keep(now(s)->setup.config->control, now(s)->file);
	(void)signal(SIGPIPE, SIG_IGN);
	watch_signal(s, &s->terminated, on_signal, SIGTERM);
	watch_signal(s, &s->interrupted, on_signal, SIGINT);
	watch_signal(s, &s->hung_up, on_wish, SIGHUP);
	watch_signal(s, &s->used, on_wish, SIGUSR2);
	service_manager_watch(s->loop, &s->alive);
	control_start(setup->control, s->loop, on_request, s);
	return 0;
}

static void
supervisor_fini(struct supervisor *s)
{
	upgrade_fini(&s->upgrade);
	file_share_fini(&s->files);
	reload_fini(&s->reload);
	status_request_fini(&s->status);
	generation_change_fini(&s->change);
	fd_keeper_fini(&s->fd_keeper);
	notify_fini(&s->notify);
	event_sync_fini(&s->events);
	state_store_fini(&s->store);
	fd_close_now(&s->wire);
	s->setup->control->closer = NULL;
	closer_free(s->closer);
}

static int
begin(struct supervisor *s)
{
	struct generation *g = now(s);

	if (s->setup->left != NULL) {
		s->was_ready = true;
		return upgrade_go_on(&s->upgrade);
	}
	child_start(&g->failover);
	child_start(&g->relay);
	director_child_start(&g->director);
	generation_start_scripts(g);
	return 0;
}

int
supervisor_run(const struct supervisor_setup *setup)
{
	struct supervisor s = { .change = generation_change_none(),
		.reload = { .socket = -1 },
		.fd_keeper = fd_keeper_none() };
	int e = supervisor_init(&s, setup);

	if (e == 0)
		e = begin(&s);
	if (e < 0) {
		log_error(
		    "supervisor", "[start] cannot start: %s", strerror(-e));
	} else {
		(void)ev_run(s.loop, 0);
		if (!s.let_go && generation_group_count(now(&s)) > 0)
			generation_change_release(&s.change);
		running_file_remove(setup->config->control);
		log_notice("supervisor", "stopped");
	}
	supervisor_fini(&s);
	return e < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
