#include "hapair/supervisor/director_child.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/fd.h"
#include "core/kernel/msg_kernel.h"
#include "core/log.h"
#include "core/timeout.h"
#include "director/bpf/director_program.h"
#include "hapair/supervisor/child_setup.h"
#include "hapair/supervisor/event_note.h"
#include "hapair/supervisor/generation_change.h"
#include "hapair/supervisor/key_keeper.h"
#include "hapair/supervisor/pins_directory.h"
#include "hapair/supervisor/state_store.h"
#include "hapair/supervisor/status_request.h"
#include "hapair/supervisor/stop_order.h"
#include "hapair/supervisor/supervisor.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* It writes nothing more, and ends. */
#define STOP_PATIENCE_S 1.0

/* The peer's director and its patience: one connection, and strangers. */
#define BACKLOG 8
#define LISTEN_AGAIN_S 1.0

/* Another daemon may end. */
#define WAIT_S 1.0

/* A client that is not heard asks again after a second. */
#define LEAVE_MS 1000

/*
 * Also where no service of this file is the kernel's: what the tables have
 * would drop the clients of a service that is relayed now.
 */
static bool
is_wanted(const struct config *c)
{
	return config_has_kernel(c) ||
	    (c->has_pair && pins_directory_is_used(c->kernel.pins));
}

bool
director_child_is_known(const struct director_child *d)
{
	return d->carried || !d->g->relay.adopted;
}

/* -- what it begins with ------------------------------------------------- */

static int
listen_at(const union addr *a)
{
	CLEANUP(fd_close)
	int fd = socket(a->sa.sa_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	const bool v6 = a->sa.sa_family == AF_INET6;
	const int on = 1;

	/*
	 * Connections of the one before are in TIME_WAIT; and an interface may
	 * get its address later than we are started.
	 */
	if (fd == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    setsockopt(fd, v6 ? SOL_IPV6 : SOL_IP,
	        v6 ? IPV6_FREEBIND : IP_FREEBIND, &on, sizeof(on)) == -1 ||
	    bind(fd, &a->sa, addr_len(a)) == -1 || listen(fd, BACKLOG) == -1)
		return -errno;
	return fd_take(&fd);
}

/* Where the peer's director connects to. Without it, it is tried again. */
static void
send_listener(struct director_child *d)
{
	const struct config_pair *pair = &d->g->setup.config->pair;
	const struct msg_kernel_listener m = { .address = 0 };
	union addr a = pair->nodes[d->g->setup.node].address;
	struct buf b = BUF_WRITER(8);
	CLEANUP(fd_close) int fd = -1;
	char text[ADDR_TEXT_MAX];

	addr_set_port(&a, config_stream_port(pair));
	fd = listen_at(&a);
	if (fd < 0) {
		if (!d->warned)
			log_warning("director",
			    "[start] cannot listen on %s for the peer: %s, still trying",
			    addr_format(&a, text), strerror(-fd));
		d->warned = true;
		fd = -1;
		timeout_arm(d->child.loop, &d->listen, LISTEN_AGAIN_S);
		return;
	}
	msg_kernel_put_listener(&b, &m);
	child_send(&d->child, MSG_STREAM_LISTENER, b.data, b.pos, fd);
}

static void
on_listen(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct director_child *d =
	    CONTAINER_OF(t, struct director_child, listen);

	ev_timer_stop(loop, t);
	if (d->begun)
		send_listener(d);
}

static void
begin(struct director_child *d)
{
	d->begun = true;
	key_keeper_hand_over(d->g->setup.own->keys, &d->child);
	send_listener(d);
	child_send(&d->child, MSG_DIRECTOR_BEGIN, NULL, 0, -1);
	if (!director_child_is_known(d))
		return;
	/* Failover gets its end when it has all else that it begins with. */
	if (d->g->begun)
		role_channel_make(&d->failover);
	role_channel_make(&d->relay);
}

void
director_child_look(struct generation_change *change)
{
	struct director_child *d = &change->now->director;
	const struct generation *g;

	if (!d->prepared || d->begun || d->child.channel == -1)
		return;
	LIST_FOREACH (g, &change->replaced, replaced)
		if (g->director.child.pid != 0)
			return;
	begin(d);
}

void
director_child_meet(struct director_child *d, const struct child *other)
{
	if (!d->begun || !director_child_is_known(d))
		return;
	if (other == &d->g->relay)
		role_channel_make(&d->relay);
	else
		role_channel_make(&d->failover);
}

/* -- its process --------------------------------------------------------- */

/* False: another daemon has them. */
static bool
make_pins(struct director_child *d)
{
	const char *path = d->g->setup.config->kernel.pins;
	int *lock = &d->g->setup.change->pins;
	int e = pins_directory_make(path, &d->child.user);

	if (e == 0 && *lock == -1)
		e = pins_directory_lock(path);
	if (e > 0) {
		*lock = e;
		return true;
	}
	if (e < 0 && !d->warned)
		log_warning("director",
		    "[start] directory %s %s, going on without", path,
		    pins_directory_fault(e));
	d->warned = d->warned || e < 0;
	return e != -EBUSY;
}

static int
on_spawn(void *arg, struct child *r)
{
	struct generation *g = arg;
	struct msg_start m = generation_start(g);

	m.started_ns = g->setup.started.ns;
	m.n_listeners = m.n_groups = 0;
	strncpy(m.path, g->setup.own->path, sizeof(m.path) - 1);
	role_watchdog_meet(&g->watchdog, r);
	return child_setup_start(r, &m, g->file);
}

/* Of itself: the channels of both others are asked. */
static int
take_lost(struct director_child *d, const struct child *who,
    const struct channel_packet *p)
{
	int e = role_channel_take_lost(&d->failover, who, p);

	if (e == 0)
		e = role_channel_take_lost(&d->relay, who, p);
	return e;
}

static int
on_packet(void *arg, struct child *r, struct channel_packet *p)
{
	struct generation *g = arg;
	struct director_child *d = &g->director;

	switch (p->type) {
	case MSG_PREPARED:
		d->prepared = true;
		director_child_look(g->setup.change);
		return 0;
	case MSG_READY:
		r->ready = true;
		return 0;
	case MSG_STOPPED:
		/* Nothing was left that it is there for: it has tidied up. */
		r->stopping =
		    r->stopping || !config_has_kernel(g->setup.config);
		return 0;
	case MSG_SIBLING_LOST:
		return take_lost(d, r, p) == 1 ? 0 : -EBADMSG;
	default: /* not an enum: a number from another process */
		return -EBADMSG;
	}
}

/* The kernel goes on to take clients in for a process that does not come soon:
 * the relay is there for them. The next director takes them in again. */
static void
leave_clients(const struct director_child *d)
{
	if (d->child.pause_ms >= LEAVE_MS)
		director_program_let_go(d->g->setup.config->kernel.pins);
}

static void
on_end(void *arg, struct child *r)
{
	struct generation *g = arg;
	struct director_child *d = &g->director;
	struct generation_change *change = g->setup.change;

	ev_timer_stop(r->loop, &d->listen);
	ev_timer_stop(r->loop, &d->patience);
	d->prepared = d->begun = false;
	status_request_note_director(g->setup.status, g, r);
	if (g != change->now)
		ev_timer_start(change->loop, &change->sweep);
	else if (!r->stopping)
		event_note_end(g->setup.store->setup.events, r);
	if (g == change->now && !r->stopping)
		leave_clients(d);
	director_child_look(change);
	stop_order_note_director_end(g->setup.stop);
}

static void
on_patience(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct director_child *d =
	    CONTAINER_OF(t, struct director_child, patience);

	ev_timer_stop(loop, t);
	log_warning("director", "[stop] it does not stop, killing it");
	child_kill(&d->child);
}

void
director_child_start(struct director_child *d)
{
	if (d->child.pid != 0 || !is_wanted(d->g->setup.config))
		return;
	if (d->child.user.uid == 0)
		d->child.user = d->g->setup.users.director =
		    role_user_director(&d->g->setup.users);
	if (make_pins(d))
		child_start(&d->child);
	else
		timeout_arm(d->child.loop, &d->wait, WAIT_S);
}

void
director_child_try_again(struct director_child *d)
{
	const char *path = d->g->setup.config->kernel.pins;

	/* One that passes on has its tables there. */
	if (!d->child.ready || d->child.stopping ||
	    pins_directory_is_used(path))
		return;
	if (make_pins(d) && d->g->setup.change->pins != -1)
		child_kill(&d->child);
}

static void
on_wait(struct ev_loop *loop, ev_timer *t, int revents)
{
	ev_timer_stop(loop, t);
	director_child_start(CONTAINER_OF(t, struct director_child, wait));
}

void
director_child_stop(struct director_child *d)
{
	d->child.stopping = true;
	ev_timer_stop(d->child.loop, &d->wait);
	if (d->child.pid == 0 || ev_is_active(&d->patience))
		return;
	child_send(&d->child, MSG_STOP, NULL, 0, -1);
	timeout_arm(d->child.loop, &d->patience, STOP_PATIENCE_S);
}

int
director_child_take_lost(struct director_child *d, const struct child *who,
    const struct channel_packet *p)
{
	int e = take_lost(d, who, p);

	if (e == 0)
		e = role_channel_take_lost(&d->g->roles, who, p);
	return e < 0 ? e : 0;
}

int
director_child_keys(
    struct director_child *d, struct key_keeper *keys, struct channel_packet *p)
{
	const int e = key_keeper_take(keys, p);

	if (e == 0 && d->begun)
		key_keeper_hand_over(keys, &d->child);
	return e;
}

void
director_child_init(struct director_child *d, struct generation *g)
{
	static const struct child_calls calls = {
		.on_spawn = on_spawn, .on_packet = on_packet, .on_end = on_end
	};

	*d = (struct director_child){ .g = g };
	child_init(&d->child, MSG_RIGHTS_DIRECTOR, &g->setup.users.director,
	    &calls, g);
	d->child.closer = g->setup.closer;
	d->child.restart.well_ms = RESTART_WELL_RELAY_MS;
	role_channel_init(&d->failover, d->child.loop, &g->failover, &d->child);
	role_channel_init(&d->relay, d->child.loop, &g->relay, &d->child);
	ev_timer_init(&d->listen, on_listen, 0., 0.);
	ev_timer_init(&d->patience, on_patience, 0., 0.);
	ev_timer_init(&d->wait, on_wait, 0., 0.);
}

void
director_child_fini(struct director_child *d)
{
	if (d->g == NULL)
		return;
	role_channel_stop(&d->failover);
	role_channel_stop(&d->relay);
	ev_timer_stop(d->child.loop, &d->listen);
	ev_timer_stop(d->child.loop, &d->patience);
	ev_timer_stop(d->child.loop, &d->wait);
	child_fini(&d->child);
}
