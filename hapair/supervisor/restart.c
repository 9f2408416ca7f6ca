#include "hapair/supervisor/restart.h"

/* The first pause; it doubles with each further end. */
#define FIRST_PAUSE_MS 50

void
restart_started(struct restart *r, struct mono now)
{
	r->started = now;
}

uint32_t
restart_ended(struct restart *r, struct mono now)
{
	uint32_t pause = 0;

	if (mono_span_ms(r->started, now) >= r->well_ms)
		r->row = 0;
	for (unsigned i = 0; i < r->row && pause < RESTART_PAUSE_MAX_MS; i++)
		pause = pause == 0 ? FIRST_PAUSE_MS : 2 * pause;
	r->row++;
	return pause < RESTART_PAUSE_MAX_MS ? pause : RESTART_PAUSE_MAX_MS;
}
