#include "proxy/verdict.h"

static bool
enter(struct verdict *v, enum verdict_state state)
{
	v->state = state;
	v->streak = 0;
	return true;
}

/* A result against the state: `needed` of them in a row turn it. */
static bool
contradict(struct verdict *v, uint32_t needed, enum verdict_state other)
{
	v->streak++;
	return v->streak >= needed && enter(v, other);
}

/* What a result stands for, where nothing is known that it contradicts. */
static enum verdict_state
meaning(enum verdict_result result)
{
	switch (result) {
	case VERDICT_FAILED:
		return VERDICT_DOWN;
	case VERDICT_PASSED:
		return VERDICT_UP;
	case VERDICT_DRAINS:
		return VERDICT_DRAIN;
	}
	return VERDICT_UNKNOWN;
}

bool
verdict_step(struct verdict *v, enum verdict_result result)
{
	const enum verdict_state said = meaning(result);

	switch (v->state) {
	case VERDICT_UNKNOWN:
		return enter(v, said);
	case VERDICT_UP:
	case VERDICT_DRAIN:
		if (said == VERDICT_DOWN)
			return contradict(v, v->fall, said);
		if (said != v->state)
			return enter(v, said);
		break;
	case VERDICT_DOWN:
		if (said != VERDICT_DOWN)
			return contradict(v, v->rise, said);
		break;
	}
	v->streak = 0;
	return false;
}

bool
verdict_is_wavering(const struct verdict *v)
{
	return v->streak > 0;
}

const char *
verdict_state_name(enum verdict_state state)
{
	switch (state) {
	case VERDICT_UNKNOWN:
		return "unknown";
	case VERDICT_UP:
		return "up";
	case VERDICT_DOWN:
		return "down";
	case VERDICT_DRAIN:
		return "drain";
	}
	return "?";
}
