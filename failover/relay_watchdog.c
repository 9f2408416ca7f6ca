#include "failover/relay_watchdog.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/liveness.h"
#include "core/stall_detector.h"

#include <errno.h>
#include <stdlib.h>

/*
 * The relay's threads wake each 100 ms, whether they have anything to do or
 * not: after ten times that nobody is served any more. A look costs no system
 * call, so it is often enough to add little to that.
 */
#define STALL_MS 1000
#define LOOK_MS 50

struct relay_watchdog {
	struct liveness *own;   /* NULL: nobody watches */
	struct liveness *relay; /* to look at; NULL: none */
	struct stall_detector stalls[LIVENESS_LINES]; /* of the relay */
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
	which =
	    stall_detector_first(s->stalls, counts, n, mono_now(), STALL_MS);
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

void
relay_watchdog_reset(struct role *role)
{
	for (unsigned i = 0; i < LIVENESS_LINES; i++)
		role->relay_watchdog->stalls[i] = stall_detector_init();
	role->relay_watchdog->stalled = false;
}
