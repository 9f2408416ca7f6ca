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

bool
verdict_step(struct verdict *v, bool passed)
{
	switch (v->state) {
	case VERDICT_UNKNOWN:
		return enter(v, passed ? VERDICT_UP : VERDICT_DOWN);
	case VERDICT_UP:
		if (!passed)
			return contradict(v, v->fall, VERDICT_DOWN);
		break;
	case VERDICT_DOWN:
		if (passed)
			return contradict(v, v->rise, VERDICT_UP);
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
	}
	return "?";
}
