#include "hapair/supervisor/ready.h"

#include <systemd/sd-daemon.h>

void
ready_tell(void)
{
	(void)sd_notify(0, "READY=1");
}

uint64_t
ready_watchdog_us(void)
{
	uint64_t us;

	return sd_watchdog_enabled(0, &us) > 0 ? us : 0;
}

void
ready_alive(void)
{
	(void)sd_notify(0, "WATCHDOG=1");
}

void
ready_stopping(void)
{
	(void)sd_notify(0, "STOPPING=1");
}
