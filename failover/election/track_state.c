#include "failover/election/track_state.h"

#include "config/config.h"

struct tracker
tracker_init(void)
{
	return (struct tracker){ .ok = true, .wake = mono_never() };
}

void
tracker_begin(struct tracker *t, bool up)
{
	t->ok = up;
	t->wake = mono_never();
}

void
tracker_see(struct tracker *t, bool up, struct mono now)
{
	if (!up) {
		t->ok = false;
		t->wake = mono_never();
	} else if (!t->ok && mono_is_never(t->wake)) {
		t->wake = mono_add_ms(now, TRACKER_SETTLE_MS);
	} else if (!t->ok && !mono_before(now, t->wake)) {
		t->ok = true;
		t->wake = mono_never();
	}
}

void
tracker_count(struct tracker *t, const struct config_track *config, uint32_t up,
    uint32_t unknown)
{
	if (up >= config->min_servers)
		t->ok = true;
	else if (up + unknown < config->min_servers)
		t->ok = false;
}

void
tracker_run(struct tracker *t, const struct config_track *config, bool passed)
{
	if (passed == t->ok) {
		t->row = 0;
		return;
	}
	t->row++;
	if (t->row < (passed ? config->rise : config->fall))
		return;
	t->ok = passed;
	t->row = 0;
}

struct tracker_sum
tracker_sum_none(void)
{
	return (struct tracker_sum){ .fault = -1 };
}

void
tracker_add(struct tracker_sum *sum, int index, const struct tracker *t,
    const struct config_track *config)
{
	if (t->ok)
		return;
	if (config->weight > 0)
		sum->lowered += config->weight;
	else if (sum->fault == -1)
		sum->fault = index;
}

uint8_t
tracker_priority(uint8_t priority, const struct tracker_sum *sum)
{
	return sum->lowered < priority ? (uint8_t)(priority - sum->lowered) : 1;
}
