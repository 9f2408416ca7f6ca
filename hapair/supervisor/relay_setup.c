#include "hapair/supervisor/relay_setup.h"

#include "config/config.h"
#include "core/fd.h"
#include "core/log.h"
#include "hapair/supervisor/child_setup.h"
#include "hapair/supervisor/event_log.h"
#include "hapair/supervisor/generation.h"
#include "hapair/supervisor/status_request.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* Its page does without, if it must. */
static void
feed_events(struct child *relay, struct event_log *events)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
	        fds) == -1) {
		log_warning("supervisor",
		    "[start] the page gets no events: %s, going on without",
		    strerror(errno));
		return;
	}
	event_log_feed(events, &fds[0]);
	child_send(relay, MSG_EVENT_FEED, NULL, 0, fds[1]);
	fd_close(&fds[1]);
}

void
relay_setup(struct child *relay, struct generation *g, struct event_log *events,
    const struct status_request *status)
{
	const struct config *c = g->setup.config;

	/* First: with the last of its listeners the relay begins. */
	if (c->has_web) {
		feed_events(relay, events);
		status_request_tell_ends(status, g);
	}
	child_setup_listeners(relay, c, g->listeners);
}
