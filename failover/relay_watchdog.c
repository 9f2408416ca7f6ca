#include "failover/relay_watchdog.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "core/liveness.h"
#include "core/stall_detector.h"
#include "failover/thread_wait.h"

#include <errno.h>
#include <stdlib.h>

/*
 * The relay's threads wake each 100 ms, whether they have anything to do or
 * not: after ten times that nobody is served any more, unless it waits for a
 * processor only. A look costs no system call, so it is often enough to add
 * little to that; the kernel is asked from half of that time on.
 */
#define STALL_MS 1000
#define LOOK_MS 50

struct relay_watchdog {
	struct liveness *own;   /* NULL: nobody watches */
	struct liveness *relay; /* to look at; NULL: none */
	struct thread {         /* of the relay */
		struct stall_detector stall;
		struct thread_wait wait;
		int stat; /* thread_stat.h's file; -1: none */
	} threads[LIVENESS_LINES];
	bool stalled;
	ev_timer look;
};

static void
tell(struct role *role, int which)
{
	const bool stalled = which != -1;

	role->relay_watchdog->stalled = stalled;
	inbox_put(&role->inbox,
	    &(struct node_event){ .type = NODE_FAULT,
	        .group = NODE_EVERY,
	        .fault = { .cause = NODE_CAUSE_STALLED,
	            .reason =
	                stalled ? ELECTION_RELAY_STALLED : ELECTION_RECOVERED,
	            .which = stalled ? (unsigned)which : 0 } });
}

/* Returns whether it stands, and is not to be waited for. */
static bool
stands(struct thread *t, uint64_t count, struct mono now)
{
	const bool still = stall_detector_look(&t->stall, count, now, STALL_MS);
	const int64_t stood_ms = mono_span_ms(t->stall.moved, now);
	struct thread_stat stat;
	bool over;

	if (stood_ms < STALL_MS / 2) {
		t->wait = (struct thread_wait){ 0 };
		return still;
	}
	over = thread_wait_look(&t->wait,
	    t->stat != -1 && thread_stat_read(t->stat, &stat) == 0 ? &stat
	                                                           : NULL,
	    stood_ms);
	return still && over;
}

static int
first_that_stands(struct relay_watchdog *s, const uint64_t *counts, unsigned n)
{
	const struct mono now = mono_now();
	int first = -1;

	for (unsigned i = 0; i < n; i++)
		if (stands(&s->threads[i], counts[i], now) && first == -1)
			first = (int)i;
	return first;
}

static void
look(struct role *role)
{
	const unsigned n = LIVENESS_MAIN + 1 + role->start.workers;
	const struct node *node = role_node(role);
	struct relay_watchdog *s = role->relay_watchdog;
	uint64_t counts[LIVENESS_LINES];
	int which;

	/* One that ends, or begins, is relay_link.c's. */
	if (s->relay == NULL || !node->relay_serves || node->relay_leaves ||
	    n > LIVENESS_LINES)
		return;
	liveness_read(s->relay, counts, n);
	which = first_that_stands(s, counts, n);
	if ((which != -1) != s->stalled)
		tell(role, which);
}

static void
on_look(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct role *role = ev_userdata(loop);

	liveness_beat(role->relay_watchdog->own, LIVENESS_MAIN);
	look(role);
}

int
relay_watchdog_start(struct role *role)
{
	struct relay_watchdog *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	role->relay_watchdog = s;
	for (unsigned i = 0; i < LIVENESS_LINES; i++)
		s->threads[i].stat = -1;
	ev_timer_init(&s->look, on_look, 0., LOOK_MS / 1e3);
	ev_timer_start(role->loop, &s->look);
	return 0;
}

void
relay_watchdog_stop(struct role *role)
{
	struct relay_watchdog *s = role->relay_watchdog;

	if (s == NULL)
		return;
	ev_timer_stop(role->loop, &s->look);
	liveness_unmap(&s->own);
	liveness_unmap(&s->relay);
	for (unsigned i = 0; i < LIVENESS_LINES; i++)
		fd_close(&s->threads[i].stat);
	free(s);
	role->relay_watchdog = NULL;
}

int
relay_watchdog_take(struct role *role, const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct msg_pulse m;
	struct liveness **place;

	if (msg_get_pulse(&b, &m) < 0)
		return -EBADMSG;
	place =
	    m.own ? &role->relay_watchdog->own : &role->relay_watchdog->relay;
	if (p->fd == -1 || *place != NULL)
		return -EBADMSG;
	return liveness_map(p->fd, m.own, place);
}

int
relay_watchdog_take_thread(struct role *role, struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct msg_thread m;
	int *place;

	if (msg_get_thread(&b, &m) < 0 || m.line >= LIVENESS_LINES)
		return -EBADMSG;
	/* A file of /proc: to close it never waits. */
	place = &role->relay_watchdog->threads[m.line].stat;
	fd_close(place);
	*place = fd_take(&p->fd);
	return 0;
}

void
relay_watchdog_reset(struct role *role)
{
	for (unsigned i = 0; i < LIVENESS_LINES; i++)
		role->relay_watchdog->threads[i].stall = stall_detector_init();
	role->relay_watchdog->stalled = false;
}
