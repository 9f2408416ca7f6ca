#pragma once

/*
 * Tells the supervisor of each server whose state has become another one, and
 * of each that has become the active one of its service, and why: it keeps the
 * events of the node. What this relay finds as the one before left it is no
 * news.
 *
 * On the relay's main thread; owned by server_admin.c.
 */

#include "core/base.h"

struct event_report;
struct pool;
struct services;
struct standby_run;

/* NULL where memory is out. All are borrowed, with the channel. */
struct event_report *event_report_new(int supervisor,
    const struct services *services, const struct standby_run *standby_run);
void event_report_free(struct event_report *e); /* takes NULL */

/* Something about a server of this pool is another now. Takes NULL. */
void event_report_look(struct event_report *e, struct pool *pool);
