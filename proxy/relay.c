#include "proxy/relay.h"

#include "config/config.h"
#include "config/load.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/closer.h"
#include "core/fd.h"
#include "core/liveness.h"
#include "core/log.h"
#include "core/msg_intake.h"
#include "core/proc.h"
#include "core/reply.h"
#include "core/timeout.h"
#include "proxy/control/conn_query.h"
#include "proxy/control/event_report.h"
#include "proxy/control/server_admin.h"
#include "proxy/control/standby_run.h"
#include "proxy/failover_link.h"
#include "proxy/kernel/kernel_link.h"
#include "proxy/pool/pool.h"
#include "proxy/relay_bounds.h"
#include "proxy/relay_groups.h"
#include "proxy/relay_report.h"
#include "proxy/services.h"
#include "proxy/transfer/succession.h"
#include "proxy/web/status_answers.h"
#include "proxy/web/web.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * How: the supervisor's START brings the configuration, LISTENERs follow; when
 * the last is here, privileges go, workers and checks start. A service opens
 * when a server of it is up, or all are known not to be. With the last of them
 * the relay is ready, and at the latest after a moment: a server that does not
 * answer must not hold up what the others are needed for, and clients wait in
 * the backlog. From then on this thread checks, sums up and answers.
 */

/* Enough for servers that answer, a fifth of what failover waits for us. */
#define FIRST_CHECKS_S 0.05

/* How often a stop looks whether all workers have reset their connections. */
#define STOP_POLL_S 0.001

/* Of what the supervisor says: checks and timers come between. */
#define PACKETS_A_TURN 64

/* How often the main thread shows that it turns; the workers do as often. */
#define PULSE_S 0.1

struct relay {
	struct ev_loop *loop;
	int channel; /* to the supervisor */
	struct closer *closer;
	struct msg_intake intake; /* of what the supervisor says */
	struct failover_link failover;
	struct kernel_link kernel;
	pid_t parent;
	struct proc_user user;
	int report; /* of relay_bounds.h; the process's end closes it */
	struct msg_start start;
	struct config *config; /* NULL before START */
	unsigned n_listeners;  /* received so far */
	bool started, ready, stopping;
	struct services services;
	struct server_admin admin;
	struct succession succession;
	struct relay_groups groups;
	struct status_answers answers;
	struct conn_query *conns;
	ev_io chan_ready;
	ev_timer stop_poll, beat, first_checks;
	struct liveness *liveness; /* NULL: nobody watches */
	ev_signal terminated, interrupted;
	int status;
};

static void
quit(void *arg, int status)
{
	struct relay *r = arg;

	r->status = status;
	ev_break(r->loop, EVBREAK_ALL);
}

static void
become_ready(struct relay *r)
{
	if (r->ready)
		return;
	r->ready = true;
	ev_timer_stop(r->loop, &r->first_checks);
	relay_report_serving(&r->failover);
	if (channel_send(r->channel, MSG_READY, NULL, 0, -1) < 0)
		quit(r, EXIT_FAILURE);
}

static void
on_first_checks(struct ev_loop *loop, ev_timer *t, int revents)
{
	become_ready(CONTAINER_OF(t, struct relay, first_checks));
}

static int
open_log(const struct config *c)
{
	const struct log_options o = config_log_options(&c->log, "relay");

	return log_open(&o);
}

static void
on_roster_changed(void *arg, struct pool *pool)
{
	struct relay *r = arg;

	relay_report_service(&r->failover, pool);
	kernel_link_look(&r->kernel, pool);
	event_report_look(r->admin.events, pool);
	standby_run_look(r->admin.standby_run, pool->index);
	if (services_is_open(&r->services))
		become_ready(r);
}

static void
tell_dropped(void *arg, unsigned group)
{
	relay_report_dropped(&((struct relay *)arg)->failover, group);
}

static void
on_dropped(void *arg, unsigned group)
{
	succession_drop(&((struct relay *)arg)->succession, group);
}

/* All that START announced is here. */
static int
start_serving(struct relay *r)
{
	static const struct services_calls calls = {
		.on_change = on_roster_changed, .on_dropped = on_dropped
	};
	bool takes_over;
	int e;

	/* Connections take memory; the failover role must outlive that. */
	proc_spare_no_more();
	e = relay_bounds_drop(&r->user, r->parent);
	if (e == 0)
		e = relay_bounds_enter(r->config, r->report);
	if (e == 0)
		e = log_start();
	if (e == 0)
		e = services_start(&r->services, &calls, r);
	if (e == 0)
		e = web_start(r->answers.web);
	if (e < 0)
		return e;
	r->started = true;
	kernel_link_start(&r->kernel);
	log_notice("relay",
	    "started: %u workers, %zu services, %u connections at most",
	    r->start.workers, r->config->n_services, r->start.max_connections);
	takes_over = succession_begin(&r->succession);
	if (!takes_over)
		web_serve(r->answers.web, true);
	/* Nothing to serve: a pair alone; or it is ready to take over. */
	if (takes_over || services_is_open(&r->services))
		become_ready(r);
	else if (!r->ready)
		timeout_arm(r->loop, &r->first_checks, FIRST_CHECKS_S);
	return 0;
}

static int
init_admin(struct relay *r)
{
	const bool alone = r->start.node == MSG_NO_NODE;
	const struct standby_run_setup setup = { .loop = r->loop,
		.config = r->config,
		.services = &r->services,
		.groups = r->groups.all,
		.node = alone ? -1 : (int)r->start.node,
		.supervisor = r->channel };

	return server_admin_init(&r->admin, &setup);
}

static void
on_serves(void *arg, bool serves)
{
	web_serve(((struct relay *)arg)->answers.web, serves);
}

static bool
on_past_wanted(void *arg)
{
	return web_tell_past(((struct relay *)arg)->answers.web);
}

static void
on_past_told(void *arg, int *fd, uint32_t len)
{
	web_take_past(((struct relay *)arg)->answers.web, fd, len);
}

static void
on_past(void *arg, int *fd, size_t len)
{
	succession_give_past(
	    &((struct relay *)arg)->succession, fd, (uint32_t)len);
}

static int
take_start(struct relay *r, struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	int e = msg_get_start(&b, &r->start);

	if (e == 0 && r->config != NULL)
		e = -EBADMSG;
	if (e == 0)
		e = load_fd(r->start.path, p->fd, &r->config);
	if (e == 0)
		e = open_log(r->config);
	r->services.shared.liveness = r->liveness;
	liveness_enter(r->liveness, LIVENESS_MAIN);
	if (e == 0)
		e = services_init(&r->services, r->loop, r->config, &r->start);
	if (e == 0) {
		services_tell(&r->services, r->failover.channel.fd);
		e = kernel_link_begin(&r->kernel, &r->services);
	}
	if (e == 0)
		e = relay_groups_init(&r->groups, r->config);
	if (e == 0) {
		r->conns = conn_query_new(
		    &r->services.shared, r->channel, &r->kernel.query);
		e = r->conns != NULL ? init_admin(r) : -ENOMEM;
	}
	if (e == 0)
		e = status_answers_begin(&r->answers,
		    &(const struct status_collect){ .config = r->config,
		        .start = &r->start,
		        .groups = r->groups.all,
		        .failover_lost_at = &r->failover.lost_at,
		        .standby_run = r->admin.standby_run,
		        .services = &r->services,
		        .kernel = &r->kernel,
		        .pid = (int)r->parent });
	if (e == 0 && r->start.n_listeners == 0)
		e = start_serving(r);
	return e;
}

static int
take_listener(struct relay *r, struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct msg_listener m;
	int e;

	if (msg_get_listener(&b, &m) < 0 || r->config == NULL || p->fd == -1)
		return -EBADMSG;
	e = services_add_listener(&r->services, &m, &p->fd);
	if (e == 0 && ++r->n_listeners == r->start.n_listeners)
		e = start_serving(r);
	return e;
}

/* Before START, which makes the workers. */
static int
take_pulse(struct relay *r, const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct msg_pulse m;

	if (msg_get_pulse(&b, &m) < 0 || !m.own || p->fd == -1 ||
	    r->config != NULL || r->liveness != NULL)
		return -EBADMSG;
	return liveness_map(p->fd, true, &r->liveness);
}

static void
on_beat(struct ev_loop *loop, ev_timer *t, int revents)
{
	liveness_beat(
	    CONTAINER_OF(t, struct relay, beat)->liveness, LIVENESS_MAIN);
}

static int
take_control(struct relay *r, struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct msg_control m;

	if (msg_get_control(&b, &m) < 0 || p->fd == -1 || !r->started)
		return -EBADMSG;
	if (conn_query_obey(r->conns, m.request, &p->fd))
		return 0;
	if (strcmp(m.request, "status") != 0)
		reply_error(r->loop, &p->fd, "unknown request");
	else
		status_answers_ask(&r->answers, &p->fd);
	return 0;
}

static int
take_sibling(struct relay *r, struct channel_packet *p)
{
	int e = failover_link_take(&r->failover, p);

	if (e < 0)
		return e;
	services_tell(&r->services, r->failover.channel.fd);
	if (r->started)
		relay_report_all(&r->failover, &r->services, r->ready);
	return 0;
}

static void
on_stop_poll(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct relay *r = CONTAINER_OF(t, struct relay, stop_poll);

	if (!services_is_dropped(&r->services))
		return;
	failover_link_send(&r->failover, MSG_STOPPED, NULL);
	if (channel_send(r->channel, MSG_STOPPED, NULL, 0, -1) < 0)
		log_debug("relay", "the supervisor is gone already");
	quit(r, EXIT_SUCCESS);
}

/* Both sides of every connection hear it, while the address is still here. */
static void
stop(struct relay *r)
{
	if (r->stopping)
		return;
	r->stopping = true;
	services_drop(&r->services);
	ev_timer_again(r->loop, &r->stop_poll);
	on_stop_poll(r->loop, &r->stop_poll, 0);
}

static int
take(struct relay *r, struct channel_packet *p)
{
	switch (p->type) {
	case MSG_START:
		return take_start(r, p);
	case MSG_LISTENER:
		return take_listener(r, p);
	case MSG_SIBLING:
		return take_sibling(r, p);
	case MSG_DIRECTOR_CHANNEL:
	case MSG_DIRECTOR_ENDS:
		return kernel_link_take(&r->kernel, p);
	case MSG_CONTROL:
		return take_control(r, p);
	case MSG_ROLE_ENDS:
		return status_query_take_ends(&r->answers.query, p);
	case MSG_WEB_LISTENER:
	case MSG_EVENT_FEED:
		return web_take(r->answers.web, p);
	case MSG_PULSE:
		return take_pulse(r, p);
	case MSG_PREDECESSOR:
	case MSG_SUCCESSOR:
		return succession_take(&r->succession, p);
	case MSG_LOG:
		log_take(p->fd);
		return p->fd == -1 ? -EBADMSG : 0;
	case MSG_STOP:
		stop(r);
		return 0;
	default: /* not an enum: a number from another process */
		return server_admin_take(&r->admin, p);
	}
}

/* For both channels: whoever asks cannot be earlier than our file. */
static enum msg_rights_stage
stage_of(void *arg)
{
	const struct relay *r = arg;

	if (r->config == NULL)
		return MSG_RIGHTS_NEW;
	if (!r->ready)
		return MSG_RIGHTS_STARTING;
	return r->stopping ? MSG_RIGHTS_STOPPING : MSG_RIGHTS_WORKING;
}

static void
fail(struct relay *r, int e)
{
	char text[MSG_INTAKE_TEXT_MAX];

	if (e == -EBADMSG)
		log_error("relay", "[process] the supervisor sent %s, ending",
		    msg_intake_text(&r->intake, text));
	else
		log_error("relay", "[start] cannot start: %s", strerror(-e));
	quit(r, EXIT_FAILURE);
}

static void
on_chan(struct ev_loop *loop, ev_io *io, int revents)
{
	struct relay *r = CONTAINER_OF(io, struct relay, chan_ready);
	struct channel_packet p;
	int e = 0;

	for (unsigned i = 0; i < PACKETS_A_TURN && e == 0; i++) {
		e = msg_intake_take(&r->intake, r->channel, stage_of(r), &p);
		if (e == 0) {
			/* The supervisor is gone: nobody would restart us. */
			ev_io_stop(r->loop, io);
			stop(r);
			return;
		}
		if (e == 1)
			e = msg_intake_end(&r->intake, &p, take(r, &p));
	}
	if (e < 0 && e != -EAGAIN)
		fail(r, e);
}

static int
take_group(struct relay *r, const struct channel_packet *p)
{
	unsigned group;
	const int e = relay_groups_take(&r->groups, p, &group);

	if (e < 0)
		return e;
	standby_run_look_at_groups(r->admin.standby_run);
	if (e == 1)
		services_drop_group(&r->services, group);
	return 0;
}

static int
take_drop(struct relay *r, const struct channel_packet *p)
{
	unsigned group;
	const int e = relay_groups_take_reset(&r->groups, p, &group);

	if (e == 0 && r->started)
		services_drop_group(&r->services, group);
	return e;
}

static int
take_failover(void *arg, const struct channel_packet *p)
{
	struct relay *r = arg;

	switch (p->type) {
	case MSG_GROUP:
		return take_group(r, p);
	case MSG_RESET:
		return take_drop(r, p);
	default: /* not an enum: a number from another process */
		return status_query_take(&r->answers.query, p);
	}
}

static void
on_failover_lost(void *arg)
{
	struct relay *r = arg;

	services_tell(&r->services, -1);
	succession_note_unwatched(&r->succession);
}

static void
on_signal(struct ev_loop *loop, ev_signal *s, int revents)
{
	stop(s->data);
}

static void
relay_init(struct relay *r, int channel, const struct proc_user *user)
{
	static const struct failover_link_calls failover_calls = {
		.from = MSG_RIGHTS_FAILOVER,
		.name = "failover",
		.stage = stage_of,
		.on_packet = take_failover,
		.on_lost = on_failover_lost,
	};

	r->loop = ev_default_loop(EVBACKEND_EPOLL | EVFLAG_NOENV);
	r->channel = channel;
	r->intake =
	    msg_intake_init(MSG_RIGHTS_SUPERVISOR, MSG_RIGHTS_RELAY, NULL);
	failover_link_init(&r->failover, r->loop, channel, &failover_calls, r);
	r->failover.channel.setup.closer = r->closer;
	kernel_link_init(&r->kernel, r->loop, channel, r->closer);
	r->parent = getppid();
	r->user = *user;
	r->status = EXIT_FAILURE;
	r->succession = (struct succession){ .services = &r->services,
		.supervisor = channel,
		.failover = &r->failover.channel.fd,
		.quit = quit,
		.dropped = tell_dropped,
		.serves = on_serves,
		.past_wanted = on_past_wanted,
		.past_told = on_past_told,
		.arg = r };
	status_answers_init(&r->answers, r->loop, &r->failover.channel.fd);
	r->answers.past = on_past;
	r->answers.arg = r;
	ev_io_init(&r->chan_ready, on_chan, channel, EV_READ);
	ev_io_start(r->loop, &r->chan_ready);
	ev_timer_init(&r->stop_poll, on_stop_poll, STOP_POLL_S, STOP_POLL_S);
	ev_timer_init(&r->first_checks, on_first_checks, 0., 0.);
	ev_timer_init(&r->beat, on_beat, 0., PULSE_S);
	ev_timer_start(r->loop, &r->beat);
	ev_signal_init(&r->terminated, on_signal, SIGTERM);
	ev_signal_init(&r->interrupted, on_signal, SIGINT);
	r->terminated.data = r->interrupted.data = r;
	ev_signal_start(r->loop, &r->terminated);
	ev_signal_start(r->loop, &r->interrupted);
}

static void
relay_fini(struct relay *r)
{
	status_answers_fini(&r->answers);
	server_admin_fini(&r->admin);
	conn_query_stop(r->conns);
	services_fini(&r->services);
	conn_query_free(r->conns);
	kernel_link_fini(&r->kernel);
	succession_fini(&r->succession);
	relay_groups_fini(&r->groups);
	failover_link_close(&r->failover);
	fd_close(&r->channel);
	closer_free(r->closer);
	ev_loop_destroy(r->loop);
	log_close();
	config_free(r->config);
	liveness_unmap(&r->liveness);
}

int
relay_run(int channel, int report, const struct proc_user *user)
{
	struct relay *r = calloc(1, sizeof(*r));
	int status;

	if (r != NULL)
		r->closer = closer_new();
	if (r == NULL || r->closer == NULL)
		return EXIT_FAILURE; /* and the process ends with all it has */
	proc_set_name("hapair-relay");
	/* splice() and write() know no MSG_NOSIGNAL. */
	(void)signal(SIGPIPE, SIG_IGN);
	r->report = report;
	relay_init(r, channel, user);
	(void)ev_run(r->loop, 0);
	status = r->status;
	relay_fini(r);
	free(r);
	return status;
}
