#include "failover/election/track_state.h"

#include "config/config.h"

struct track_state
track_state_init(void)
{
	return (struct track_state){ .ok = true, .wake = mono_never() };
}

void
track_state_begin(struct track_state *t, bool up)
{
	t->ok = up;
	t->wake = mono_never();
}

void
track_state_see(struct track_state *t, bool up, struct mono now)
{
	if (!up) {
		t->ok = false;
		t->wake = mono_never();
	} else if (!t->ok && mono_is_never(t->wake)) {
		t->wake = mono_add_ms(now, TRACK_STATE_SETTLE_MS);
	} else if (!t->ok && !mono_before(now, t->wake)) {
		t->ok = true;
		t->wake = mono_never();
	}
}

void
track_state_count(struct track_state *t, const struct config_track *config,
    uint32_t up, uint32_t unknown)
{
	if (up >= config->min_servers)
		t->ok = true;
	else if (up + unknown < config->min_servers)
		t->ok = false;
}

void
track_state_run(
    struct track_state *t, const struct config_track *config, bool passed)
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

struct track_state_sum
track_state_sum_none(void)
{
	return (struct track_state_sum){ .fault = -1 };
}

void
track_state_add(struct track_state_sum *sum, int index,
    const struct track_state *t, const struct config_track *config)
{
	if (t->ok)
		return;
	if (config->weight > 0)
		sum->lowered += config->weight;
	else if (sum->faults++ == 0)
		sum->fault = index;
}

uint8_t
track_state_priority(uint8_t priority, const struct track_state_sum *sum)
{
	return sum->lowered < priority ? (uint8_t)(priority - sum->lowered) : 1;
}
