#pragma once

/*
 * What is agreed on about servers (core/accord.h), as this relay acts by it:
 * who takes part, with which weight, and who is active. Nothing of it is kept
 * here: the supervisor tells all of it to a relay that begins, then what is
 * news. Names that the configuration does not have do nothing.
 *
 * On the relay's main thread; embedded in struct relay.
 */

#include "core/base.h"
#include "proxy/control/activate_wait.h"
#include "proxy/control/drain_limit.h"
#include "proxy/control/standby_run.h"

struct channel_packet;
struct event_report;

struct server_admin {
	struct standby_run_setup setup;
	struct standby_run
	    *standby_run; /* of the standby services; NULL: not begun */
	struct drain_limit drain;
	struct activate_wait waiting;
	struct event_report *events; /* NULL: not begun */
};

/* Returns 0 or -ENOMEM. */
MUST_CHECK int server_admin_init(
    struct server_admin *a, const struct standby_run_setup *setup);
void server_admin_fini(struct server_admin *a); /* takes zeros */

/*
 * What the supervisor says of servers; its descriptor may be taken. Returns 0
 * or -EBADMSG, also for what is about something else.
 */
MUST_CHECK int server_admin_take(
    struct server_admin *a, struct channel_packet *p);
