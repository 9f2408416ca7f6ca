#include "proxy/health/health.h"

static bool
enter(struct health *v, enum server_state state)
{
	v->state = state;
	v->streak = 0;
	return true;
}

/* A result against the state: `needed` of them in a row turn it. */
static bool
contradict(struct health *v, uint32_t needed, enum server_state other)
{
	v->streak++;
	return v->streak >= needed && enter(v, other);
}

/* What a result stands for, where nothing is known that it contradicts. */
static enum server_state
meaning(enum health_result result)
{
	switch (result) {
	case HEALTH_FAILED:
		return SERVER_DOWN;
	case HEALTH_PASSED:
		return SERVER_UP;
	case HEALTH_DRAINS:
		return SERVER_DRAIN;
	}
	return SERVER_UNKNOWN;
}

bool
health_step(struct health *v, enum health_result result)
{
	const enum server_state said = meaning(result);

	v->unasked = 0;
	switch (v->state) {
	case SERVER_UNKNOWN:
		return enter(v, said);
	case SERVER_UP:
	case SERVER_DRAIN:
		if (said == SERVER_DOWN)
			return contradict(v, v->fall, said);
		if (said != v->state)
			return enter(v, said);
		break;
	case SERVER_DOWN:
		if (said != SERVER_DOWN)
			return contradict(v, v->rise, said);
		break;
	}
	v->streak = 0;
	return false;
}

bool
health_lack(struct health *v)
{
	return v->state == SERVER_UNKNOWN && ++v->unasked >= v->fall;
}

bool
health_hear(struct health *v, uint32_t interval_ms, struct mono now)
{
	if (v->state != SERVER_UP && v->state != SERVER_DRAIN)
		return false;
	if (mono_before(now, v->heard))
		return false;
	v->heard = mono_add_ms(now, interval_ms);
	return true;
}

bool
health_hear_unchecked(struct health *v, uint32_t gap_ms, struct mono now)
{
	if (v->state != SERVER_UP)
		return false;
	if (!mono_before(now, v->heard))
		v->streak = 0;
	v->heard = mono_add_ms(now, gap_ms);
	return true;
}

bool
health_is_wavering(const struct health *v)
{
	return v->streak > 0 || (v->unasked > 0 && v->state == SERVER_UNKNOWN);
}
