#include "hapair/supervisor/service_manager.h"

#include "core/fd.h"
#include "core/log.h"
#include "core/mono.h"

#include <systemd/sd-daemon.h>

void
service_manager_tell_ready(void)
{
	(void)sd_notify(0, "STATUS=\nREADY=1");
}

void
service_manager_tell_started(int ready_fd)
{
	log_notice("supervisor", "ready");
	service_manager_tell_ready();
	if (ready_fd != -1 && fd_write_all(ready_fd, "", 1) < 0)
		log_debug("supervisor", "nobody waits for us any more");
}

void
service_manager_tell_reloading(void)
{
	const struct mono now = mono_now();

	(void)sd_notifyf(
	    0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)(now.ns / 1000));
}

void
service_manager_tell_wait(const char *what, unsigned patience_s)
{
	(void)sd_notifyf(0, "STATUS=%s\nEXTEND_TIMEOUT_USEC=%llu", what,
	    patience_s * 1000000ULL);
}

void
service_manager_tell_stopping(void)
{
	(void)sd_notify(0, "STOPPING=1");
}

static void
on_alive(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)sd_notify(0, "WATCHDOG=1");
}

void
service_manager_watch(struct ev_loop *loop, ev_timer *alive)
{
	uint64_t us = 0;
	const bool watched = sd_watchdog_enabled(0, &us) > 0;

	ev_timer_init(alive, on_alive, 0., (double)us / 2e6);
	if (watched)
		ev_timer_start(loop, alive);
}
