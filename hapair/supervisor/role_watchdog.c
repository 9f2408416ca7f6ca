#include "hapair/supervisor/role_watchdog.h"

#include "core/buf.h"
#include "core/fd.h"
#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define LOOK_S 0.05

/*
 * A failover that stands can neither renew a lease nor answer its peer: it has
 * this long, or five times as long as the peer waits for a heartbeat.
 */
#define FAILOVER_MS 300
#define FAILOVER_DEAD_TIMES 5

/* All threads of it; one alone is for failover to see (relay_watchdog.c). */
#define RELAY_MS 5000

/* Whose tables are large has much to look through when it begins. */
#define DIRECTOR_MS 5000

/* What loads its file, or waits for a log, is not there yet. */
#define STARTING_MS 10000

struct role_watchdog
role_watchdog_none(void)
{
	return (struct role_watchdog){ .failover = { .fd = -1 },
		.relay = { .fd = -1 },
		.director = { .fd = -1 } };
}

static uint32_t
failover_limit_ms(const struct config *c)
{
	const uint32_t dead_ms = c->pair.interval_ms * c->pair.misses;

	/* Without a pair it has nothing to be quick about. */
	if (!c->has_pair)
		return RELAY_MS;
	return dead_ms * FAILOVER_DEAD_TIMES > FAILOVER_MS
	    ? dead_ms * FAILOVER_DEAD_TIMES
	    : FAILOVER_MS;
}

static void
look(struct role_watchdog_ward *ward)
{
	struct child *child = ward->child;
	const uint32_t limit_ms = child->ready ? ward->limit_ms : STARTING_MS;
	uint64_t counts[LIVENESS_LINES];

	if (child->pid == 0 || (child->stopping && !ward->stays) ||
	    ward->killed)
		return;
	liveness_read(ward->liveness, counts, ward->lines);
	if (!stall_detector_every(
	        ward->stalls, counts, ward->lines, mono_now(), limit_ms))
		return;
	log_error(child->name,
	    "[process] process %d stands still for %u ms, killing it",
	    (int)child->pid, limit_ms);
	(void)snprintf(child->end, sizeof(child->end),
	    "stood still for %u ms, and was killed", limit_ms);
	ward->killed = true;
	child_kill(ward->child);
}

/* Numbers of ours alone: whatever the relay says leads into its own folder. */
static int
open_stat(pid_t relay, pid_t thread)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)relay,
	    (int)thread);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd == -1 ? -errno : fd;
}

/*
 * What a thread says of itself may be left from a relay before, and is not
 * found then: the next look finds it. Without /proc failover does without.
 */
static void
show_threads(struct role_watchdog *w)
{
	const pid_t relay = w->relay.child->pid;

	if (!w->shows || w->failover.child->pid == 0 || relay == 0)
		return;
	for (unsigned i = 0; i < w->relay.lines; i++) {
		const pid_t thread = liveness_thread(w->relay.liveness, i);
		const struct msg_thread m = { .line = (uint16_t)i };
		struct buf b = BUF_WRITER(8);
		CLEANUP(fd_close) int fd = -1;

		if (thread == 0 || thread == w->shown[i])
			continue;
		fd = open_stat(relay, thread);
		if (fd < 0)
			continue;
		w->shown[i] = thread;
		msg_put_thread(&b, &m);
		child_send(w->failover.child, MSG_THREAD, b.data, b.pos, fd);
	}
}

static void
on_look(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct role_watchdog *w = CONTAINER_OF(t, struct role_watchdog, look);

	look(&w->failover);
	look(&w->relay);
	look(&w->director);
	show_threads(w);
}

static int
make_ward(struct role_watchdog_ward *ward, struct child *child, unsigned lines,
    uint32_t limit_ms)
{
	int e = liveness_create();

	if (e < 0)
		return e;
	ward->child = child;
	ward->fd = e;
	ward->lines = lines;
	ward->limit_ms = limit_ms;
	return liveness_map(ward->fd, false, &ward->liveness);
}

int
role_watchdog_init(struct role_watchdog *w, const struct config *config,
    unsigned workers, struct child *failover, struct child *relay,
    struct child *director)
{
	int e = make_ward(&w->failover, failover, LIVENESS_MAIN + 1,
	    failover_limit_ms(config));

	if (e == 0)
		e = make_ward(
		    &w->relay, relay, LIVENESS_MAIN + 1 + workers, RELAY_MS);
	if (e == 0)
		e = make_ward(
		    &w->director, director, LIVENESS_MAIN + 1, DIRECTOR_MS);
	if (e < 0)
		return e;
	w->loop = ev_default_loop(EVBACKEND_EPOLL | EVFLAG_NOENV);
	ev_timer_init(&w->look, on_look, LOOK_S, LOOK_S);
	ev_timer_start(w->loop, &w->look);
	return 0;
}

static int
adopt(struct role_watchdog_ward *ward, int fd)
{
	liveness_unmap(&ward->liveness);
	fd_close(&ward->fd);
	ward->fd = fd;
	for (unsigned i = 0; i < LIVENESS_LINES; i++)
		ward->stalls[i] = stall_detector_init();
	return liveness_map(ward->fd, false, &ward->liveness);
}

int
role_watchdog_adopt(
    struct role_watchdog *w, int failover, int relay, int director)
{
	const int e = adopt(&w->failover, failover);
	const int f = adopt(&w->relay, relay);
	const int d = director == -1 ? 0 : adopt(&w->director, director);

	if (e < 0)
		return e;
	return f < 0 ? f : d;
}

static void
send_pulse(struct child *to, int fd, bool own)
{
	const struct msg_pulse m = { .own = own };
	struct buf b = BUF_WRITER(8);

	msg_put_pulse(&b, &m);
	child_send(to, MSG_PULSE, b.data, b.pos, fd);
}

void
role_watchdog_meet(struct role_watchdog *w, struct child *child)
{
	struct role_watchdog_ward *ward = child == w->relay.child ? &w->relay
	    : child == w->director.child                          ? &w->director
	                                 : &w->failover;
	CLEANUP(fd_close) int reader = -1;
	int e;

	for (unsigned i = 0; i < LIVENESS_LINES; i++)
		ward->stalls[i] = stall_detector_init();
	ward->killed = false;
	send_pulse(child, ward->fd, true);
	if (ward == &w->director)
		return;
	memset(w->shown, 0, sizeof(w->shown));
	if (ward == &w->relay)
		return;
	w->shows = true;
	e = liveness_reader(w->relay.fd);
	if (e < 0) {
		log_error(child->name, "[process] cannot look at the relay: %s",
		    strerror(-e));
		return;
	}
	reader = e;
	send_pulse(child, reader, false);
}

void
role_watchdog_stay(struct role_watchdog *w)
{
	w->relay.stays = true;
}

void
role_watchdog_fini(struct role_watchdog *w)
{
	if (w->loop != NULL)
		ev_timer_stop(w->loop, &w->look);
	liveness_unmap(&w->failover.liveness);
	liveness_unmap(&w->relay.liveness);
	liveness_unmap(&w->director.liveness);
	fd_close(&w->failover.fd);
	fd_close(&w->relay.fd);
	fd_close(&w->director.fd);
}
