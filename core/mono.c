#include "core/mono.h"

#include <time.h>

static struct mono
read_clock(clockid_t clock)
{
	struct timespec ts = { 0, 0 };

	/* Fails only for a clock this kernel does not know: neither is. */
	(void)clock_gettime(clock, &ts);
	return (struct mono){ (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec };
}

struct mono
mono_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

struct mono
mono_boot_now(void)
{
	return read_clock(CLOCK_BOOTTIME);
}
