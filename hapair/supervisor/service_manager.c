#include "hapair/supervisor/service_manager.h"

#include "core/fd.h"
#include "core/log.h"
#include "core/mono.h"

#include "hapair/supervisor/systemd_library.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX 512

static struct systemd_library systemd;

/* Whether somebody waits for what we say, and can be told. */
static bool
is_there(void)
{
	static bool refused;
	char why[LATE_LIBRARY_WHY_MAX];

	if (systemd.notify != NULL || refused ||
	    getenv("NOTIFY_SOCKET") == NULL)
		return systemd.notify != NULL;
	refused = systemd_library_load(&systemd, why) < 0;
	if (refused)
		log_error("supervisor",
		    "[start] the service manager cannot be told anything: %s",
		    why);
	return !refused;
}

static void PRINTF_LIKE(1, 2) tell(const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (is_there())
		(void)systemd.notify(0, text);
}

void
service_manager_tell_ready(void)
{
	tell("STATUS=\nREADY=1");
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

	tell("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)(now.ns / 1000));
}

void
service_manager_tell_wait(const char *what, unsigned patience_s)
{
	tell("STATUS=%s\nEXTEND_TIMEOUT_USEC=%llu", what,
	    patience_s * 1000000ULL);
}

void
service_manager_tell_stopping(void)
{
	tell("STOPPING=1");
}

static void
on_alive(struct ev_loop *loop, ev_timer *w, int revents)
{
	tell("WATCHDOG=1");
}

void
service_manager_watch(struct ev_loop *loop, ev_timer *alive)
{
	uint64_t us = 0;
	const bool watched = is_there() && systemd.watchdog_enabled(0, &us) > 0;

	ev_timer_init(alive, on_alive, 0., (double)us / 2e6);
	if (watched)
		ev_timer_start(loop, alive);
}
