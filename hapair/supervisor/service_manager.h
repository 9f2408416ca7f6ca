#pragma once

/*
 * What a service manager is told (sd_notify(3)). Nothing where there is none.
 */

#include "core/base.h"

#include <ev.h>

void service_manager_tell_ready(void);

/* The same for the first time: the log tells, and whoever waits gets a byte. */
void service_manager_tell_started(int ready_fd);

/* Until it is ready again. */
void service_manager_tell_reloading(void);
void service_manager_tell_stopping(void);

/* What the start waits for, and that it may take so much longer. */
void service_manager_tell_wait(const char *what, unsigned patience_s);

/*
 * That this loop turns, twice as often as it wants to hear (WatchdogSec=,
 * sd_watchdog_enabled(3)). `alive` is the caller's, and stays while the loop
 * runs.
 */
void service_manager_watch(struct ev_loop *loop, ev_timer *alive);
