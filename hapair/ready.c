#include "hapair/ready.h"

#include <systemd/sd-daemon.h>

void
ready_tell(void)
{
	(void)sd_notify(0, "READY=1");
}

void
ready_stopping(void)
{
	(void)sd_notify(0, "STOPPING=1");
}
