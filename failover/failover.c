#include "failover/failover.h"

#include "config/load.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/closer.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/msg_intake.h"
#include "core/proc.h"
#include "core/reply.h"
#include "core/secret.h"
#include "core/timeout.h"
#include "failover/connsync/conn_sync.h"
#include "failover/connsync/tickle.h"
#include "failover/director_link.h"
#include "failover/effects.h"
#include "failover/failover_bounds.h"
#include "failover/failover_sockets.h"
#include "failover/group.h"
#include "failover/handover/handover_request.h"
#include "failover/handover/handover_run.h"
#include "failover/handover_preview.h"
#include "failover/heartbeat/heartbeat.h"
#include "failover/heartbeat/heartbeat_segment.h"
#include "failover/heartbeat/witness.h"
#include "failover/key_change.h"
#include "failover/pause_request.h"
#include "failover/realtime.h"
#include "failover/relay_link.h"
#include "failover/relay_watchdog.h"
#include "failover/role.h"
#include "failover/status_answer.h"
#include "failover/track.h"
#include "failover/vip/arp_nd.h"
#include "failover/vip/link_watch.h"
#include "failover/vip/living.h"
#include "failover/vip/neighbours.h"
#include "failover/vip/own_address.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * The role's life: idle until START, the pair's keys and the groups that START
 * announces are here, then begin() opens everything, gives up what it need not
 * be able to do, and says READY. The end is always the same, whether the
 * supervisor asks for it, dies, or a signal comes: release, resign, return.
 */

/* Of failover.c alone. */
struct life {
	struct role role; /* first: what it is all about */
	pid_t parent;
	struct proc_user user;
	int report; /* of failover_bounds.h; the process's end closes it */
	int status; /* of the process, once the loop has ended */
	ev_io supervisor_ready;
	struct msg_intake intake; /* of what it says */
	ev_signal on_term, on_int;
	ev_timer leaving; /* stopped, but still sending on */
	unsigned n_restored;
	struct msg_group restored[CONFIG_GROUPS_MAX];
};

static struct life *
life_of(const struct role *role)
{
	return CONTAINER_OF(role, struct life, role);
}

/* Both nodes' names, and whether this one is among them. */
static void
find_nodes(struct role *role)
{
	const struct config_pair *pair = &role->config->pair;

	if (!role->config->has_pair || role->start.node >= CONFIG_NODES)
		return;
	role->self = &pair->nodes[role->start.node];
	role->other = &pair->nodes[1 - role->start.node];
	(void)snprintf(role->peer_subject, sizeof(role->peer_subject),
	    "peer %s", role->other->name);
}

static int
failed(const char *what, int e)
{
	log_error("failover", "[start] %s: %s", what, strerror(-e));
	return e;
}

/* The keys are here already (key_change.h). */
static int
begin_node(struct role *role)
{
	const struct config_pair *pair = &role->config->pair;
	struct node_config config = {
		.interval_ms = (uint16_t)pair->interval_ms,
		.misses = (uint8_t)pair->misses,
		.patience_ms = NODE_PATIENCE_MS,
		.hang_ms = pair->hang_ms,
		.needs_relay = role->config->n_services > 0,
	};
	uint64_t nonce;
	int e = secret_init();

	if (e < 0)
		return failed("finding random numbers", e);
	memcpy(
	    config.config_hash, role->config->hash, sizeof(config.config_hash));
	config.peer = (struct peer_config){ .self = role->auth.self,
		.other = role->auth.other };
	for (unsigned i = 0; i < role->auth.n; i++)
		config.peer.keys[i] = role->auth.keys[i].id;
	secret_random(&config.peer.boot, sizeof(config.peer.boot));
	secret_random(&nonce, sizeof(nonce));
	node_init(&role->inbox.node, &config, nonce);
	return 0;
}

static const struct msg_group *
restored(const struct role *role, unsigned index)
{
	const struct life *life = life_of(role);

	for (unsigned i = 0; i < life->n_restored; i++)
		if (life->restored[i].group == index)
			return &life->restored[i];
	return NULL;
}

/*
 * What an earlier run left: addresses go, unless a failover that died a moment
 * ago was master with them; then the reign goes on.
 */
static void
restore(struct role_group *g)
{
	const struct msg_group *was = restored(g->role, g->index);
	const bool master = was != NULL && was->state == MSG_GROUP_MASTER &&
	    node_is_well(role_node(g->role), g->index); /* else it goes */
	struct node_event ev = { .type = NODE_RESTORE, .group = g->index };
	unsigned deleted = 0;
	bool kept = false;
	int e = vip_clear(&g->vip, master, &kept, &deleted);

	if (e < 0)
		log_error(g->subject,
		    "[address] cannot clear addresses of an earlier run: %s",
		    strerror(-e));
	if (deleted > 0)
		log_notice(g->subject,
		    "deleted %u addresses that an earlier run left", deleted);
	if (was == NULL)
		return;
	g->told.transitions = was->transitions;
	g->told.term = was->term;
	ev.restore.master = kept;
	ev.restore.term = was->term;
	inbox_put(&g->role->inbox, &ev);
}

/* What is found there is no change. */
static void
look_first(struct role_group *g)
{
	bool changed;

	for (unsigned k = 0; k < g->config->n_interfaces; k++)
		if (vip_look(&g->vip, k, &changed) < 0)
			return;
	link_watch_look(g);
}

static int
begin_groups(struct role *role)
{
	const struct config_pair *pair = &role->config->pair;
	int e;

	role->n_groups = pair->n_groups;
	for (unsigned i = 0; i < role->n_groups; i++)
		group_init(role, i, packet_auth_name_id(pair->groups[i].name));
	pause_request_restore(role);
	e = neighbours_start(role); /* its thread reads the groups */
	if (e == 0)
		e = conn_sync_start(role);
	if (e < 0)
		return e;
	e = own_address_start(role);
	if (e < 0)
		return e;
	track_begin(role);
	for (unsigned i = 0; i < role->n_groups; i++) {
		struct role_group *g = &role->groups[i];

		/* Looked at first: what can't serve is not restored. */
		look_first(g);
		restore(g);
	}
	for (unsigned i = 0; i < role->n_groups; i++)
		group_tell(&role->groups[i]);
	director_link_begin(role);
	relay_link_begin(role);
	return 0;
}

/*
 * What takes time and disturbs nobody: another failover may still run, and the
 * peer waits from its end to our first heartbeat.
 */
static void
prepare(const struct role *role)
{
	const struct log_options options =
	    config_log_options(&role->config->log, "failover");
	const char *what = "";
	int e = log_open(&options);

	if (e < 0)
		log_warning("failover",
		    "[log] opening the log: %s, using stderr", strerror(-e));
	e = role->other != NULL ? realtime_enter(&what) : 0;
	if (e < 0)
		log_warning("failover", "[start] %s: %s, going on without it",
		    what, strerror(-e));
}

static int
begin_pair(struct role *role)
{
	const char *what = "";
	int e = begin_node(role);

	if (e == 0)
		e = failover_sockets_open(role);
	if (e < 0)
		return e;
	failover_sockets_lend(role);
	e = proc_drop(&life_of(role)->user, PROC_CAPS_FAILOVER, &what);
	return e < 0 ? failed(what, e) : 0;
}

static int
begin(struct role *role)
{
	const char *what = "";
	int e;

	if (role->other != NULL)
		e = begin_pair(role);
	else
		e = proc_drop(&life_of(role)->user, PROC_CAPS_NONE, &what);
	if (e == 0)
		e = proc_die_with(life_of(role)->parent, SIGTERM);
	if (e < 0)
		return e;
	failover_bounds_no_files();
	/* The first thread: each has the rights of whoever started it. */
	e = log_start();
	if (e < 0)
		return e;
	role->begun = true;
	if (role->other != NULL) {
		e = link_watch_start(role);
		if (e < 0)
			return failed("starting to renew addresses", e);
		e = begin_groups(role);
		if (e < 0)
			return failed("starting to look around", e);
	}
	failover_bounds_calls(life_of(role)->report);
	return channel_send(role->supervisor, MSG_READY, NULL, 0, -1);
}

static int
load(struct role *role, int fd)
{
	int e = load_fd(role->start.path, fd, &role->config);

	/* The supervisor has checked this very text. */
	if (e < 0)
		return failed("loading the configuration", e);
	find_nodes(role);
	e = track_new(role);
	if (e < 0)
		return e;
	prepare(role);
	/* What is left to come may be kept back until another one has ended. */
	return channel_send(role->supervisor, MSG_PREPARED, NULL, 0, -1);
}

static int
on_start(struct role *role, const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);

	if (msg_get_start(&b, &role->start) < 0 ||
	    role->start.n_groups > CONFIG_GROUPS_MAX)
		return -EBADMSG;
	return load(role, p->fd);
}

static int
on_restored(struct role *role, const struct channel_packet *p)
{
	struct life *life = life_of(role);
	struct buf b = buf_reader(p->body, p->len);

	if (life->n_restored == role->start.n_groups)
		return -EBADMSG;
	return msg_get_group(&b, &life->restored[life->n_restored++]);
}

static void
end(struct role *role, int status)
{
	life_of(role)->status = status;
	ev_break(role->loop, EVBREAK_ALL);
}

static void
on_leaving(struct ev_loop *loop, ev_timer *w, int revents)
{
	end(ev_userdata(loop), 0);
}

/* At once, unless what was handed over a moment ago still needs us. */
static void
leave(struct role *role)
{
	const uint32_t after_ms = node_lingers_ms(role_node(role), mono_now());

	if (after_ms == 0)
		end(role, 0);
	else
		timeout_arm(
		    role->loop, &life_of(role)->leaving, after_ms / 1e3);
}

static int
on_control(struct role *role, struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct msg_control m;

	if (msg_get_control(&b, &m) < 0)
		return -EBADMSG;
	if (role->other == NULL)
		reply_error(role->loop, &p->fd, "there is no pair");
	else if (strncmp(m.request, "dry-run", strlen("dry-run")) == 0)
		handover_preview_ask(role, m.request, &p->fd);
	else if (strncmp(m.request, "handover", strlen("handover")) != 0)
		pause_request_ask(role, m.request, &p->fd);
	else
		handover_request_ask(role, m.request, &p->fd);
	return 0;
}

static int
take_ask(struct role *role, const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct msg_ask m;

	if (msg_get_ask(&b, &m) < 0)
		return -EBADMSG;
	status_answer_send(role, role->supervisor, &m);
	return 0;
}

/* Returns 0, or -errno where it makes no sense or can't be done. */
static int
obey(struct role *role, struct channel_packet *p)
{
	switch (p->type) {
	case MSG_START:
		return on_start(role, p);
	case MSG_GROUP:
		return on_restored(role, p);
	case MSG_SIBLING:
		return relay_link_take(role, p);
	case MSG_DIRECTOR_CHANNEL:
		return director_link_take(role, p);
	case MSG_SCRIPT:
		return track_take_script(role, p);
	case MSG_PULSE:
		return relay_watchdog_take(role, p);
	case MSG_THREAD:
		return relay_watchdog_take_thread(role, p);
	case MSG_CONTROL:
		return on_control(role, p);
	case MSG_KEYS:
		return key_change_take(role, p);
	case MSG_LOG:
		log_take(p->fd);
		return p->fd == -1 ? -EBADMSG : 0;
	case MSG_MUTE:
		return director_link_take_mute(role, p);
	case MSG_HAND_OVER_ALL:
		handover_request_ask_all(role);
		return 0;
	case MSG_FOR_PEER:
	case MSG_EVENTS:
		return state_sync_take(&role->sync, p);
	case MSG_PEER_FILE:
		return conn_sync_send_file(role, p);
	case MSG_ASK:
		return take_ask(role, p);
	case MSG_STOP:
		leave(role);
		return 0;
	default: /* not an enum: a number from another process */
		return -EBADMSG;
	}
}

/* Of what a begin needs. */
static bool
is_told_all(const struct role *role)
{
	return role->config != NULL &&
	    life_of(role)->n_restored == role->start.n_groups &&
	    (role->other == NULL || role->auth.n > 0);
}

static enum msg_rights_stage
stage_of(const struct role *role)
{
	if (role->config == NULL)
		return MSG_RIGHTS_NEW;
	return role->begun ? MSG_RIGHTS_WORKING : MSG_RIGHTS_STARTING;
}

/* One a turn: heartbeats and the wire come between. */
static void
on_supervisor(struct ev_loop *loop, ev_io *w, int revents)
{
	struct role *role = ev_userdata(loop);
	struct msg_intake *in = &life_of(role)->intake;
	char text[MSG_INTAKE_TEXT_MAX];
	struct channel_packet p;
	int e = msg_intake_take(in, role->supervisor, stage_of(role), &p);

	if (e == -EAGAIN)
		return;
	if (e == 0) {
		log_notice("failover", "the supervisor has ended, ending too");
		end(role, 0);
		return;
	}
	if (e == 1)
		e = msg_intake_end(in, &p, obey(role, &p));
	if (e == 0 && !role->begun && is_told_all(role))
		e = begin(role);
	if (e < 0) {
		log_error("failover",
		    "[process] cannot obey the supervisor, ending: %s",
		    e == -EBADMSG ? msg_intake_text(in, text) : strerror(-e));
		end(role, 1);
	}
}

static void
on_signal(struct ev_loop *loop, ev_signal *w, int revents)
{
	end(ev_userdata(loop), 0);
}

static void
close_all(struct role *role)
{
	link_watch_stop(role);
	own_address_stop(role);
	neighbours_stop(role);
	living_free(role);
	handover_run_close(role);
	arp_nd_close(role);
	witness_close(role);
	for (size_t i = 0; i < role->n_groups; i++)
		group_end_announcing(&role->groups[i]);
	relay_link_close(role);
	director_link_close(role);
	relay_watchdog_stop(role);
	track_free(role);
	tickle_close(role);
	state_sync_close(&role->sync);
	handover_request_free(role);
	conn_sync_close(role);
	heartbeat_close(role);
	heartbeat_segment_close(role);
	effects_free(role);
	fd_close(&role->packet);
	netlink_free(role->netlink);
	packet_auth_fini(&role->auth);
	fd_close(&role->supervisor);
	closer_free(role->closer);
}

static void
finish(struct life *life)
{
	struct role *role = &life->role;
	int e;

	inbox_put_type(&role->inbox, NODE_STOP);
	e = channel_send(role->supervisor, MSG_STOPPED, NULL, 0, -1);
	if (e < 0)
		log_debug("failover", "nobody to tell: %s", strerror(-e));
	ev_timer_stop(role->loop, &life->leaving);
	ev_io_stop(role->loop, &life->supervisor_ready);
	ev_signal_stop(role->loop, &life->on_term);
	ev_signal_stop(role->loop, &life->on_int);
	close_all(role);
	ev_loop_destroy(role->loop);
	config_free(role->config);
	log_close();
}

static void
watch_signal(struct role *role, ev_signal *w, int number)
{
	ev_signal_init(w, on_signal, number);
	ev_set_priority(w, EV_MAXPRI);
	ev_signal_start(role->loop, w);
}

/* Empty, and able to hear the supervisor. */
static int
start(struct life *life, int channel, const struct proc_user *user)
{
	struct role *role = &life->role;
	int e;

	life->parent = getppid();
	life->user = *user;
	role->supervisor = channel;
	role->relay = role->packet = -1;
	role->loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	if (role->loop == NULL)
		return -ENOMEM;
	ev_set_userdata(role->loop, role);
	role->closer = closer_new();
	if (role->closer == NULL)
		return -ENOMEM;
	life->intake =
	    msg_intake_init(MSG_RIGHTS_SUPERVISOR, MSG_RIGHTS_FAILOVER, NULL);
	conn_sync_init_sync(role);
	e = effects_new(role);
	if (e == 0)
		e = handover_request_new(role);
	if (e == 0)
		e = relay_link_new(role);
	if (e == 0)
		e = director_link_new(role);
	if (e == 0)
		e = relay_watchdog_start(role);
	if (e < 0)
		return e;
	ev_init(&life->leaving, on_leaving);
	watch_signal(role, &life->on_term, SIGTERM);
	watch_signal(role, &life->on_int, SIGINT);
	ev_io_init(&life->supervisor_ready, on_supervisor, channel, EV_READ);
	ev_io_start(role->loop, &life->supervisor_ready);
	return 0;
}

int
failover_run(int channel, int report, const struct proc_user *user)
{
	struct life *life = calloc(1, sizeof(*life));
	int status;

	if (life == NULL)
		return 1;
	proc_set_name("hapair-failover");
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
