#include "core/stall_detector.h"

struct stall_detector
stall_detector_init(void)
{
	return (struct stall_detector){ .moved = mono_never(),
		.looked = mono_never() };
}

bool
stall_detector_look(struct stall_detector *s, uint64_t count, struct mono now,
    uint32_t limit_ms)
{
	const bool begins = mono_is_never(s->looked);
	const bool late =
	    !begins && mono_span_ms(s->looked, now) > (int64_t)limit_ms / 2;

	if (begins || count != s->count) {
		s->moved = now;
		s->stands = false;
	} else if (late) {
		s->moved = now;
	} else if (mono_span_ms(s->moved, now) >= (int64_t)limit_ms) {
		s->stands = true;
	}
	s->count = count;
	s->looked = now;
	return s->stands;
}

int
stall_detector_first(struct stall_detector *all, const uint64_t *counts,
    unsigned n, struct mono now, uint32_t limit_ms)
{
	int first = -1;

	for (unsigned i = 0; i < n; i++)
		if (stall_detector_look(&all[i], counts[i], now, limit_ms) &&
		    first == -1)
			first = (int)i;
	return first;
}

bool
stall_detector_every(struct stall_detector *all, const uint64_t *counts,
    unsigned n, struct mono now, uint32_t limit_ms)
{
	bool every = true;

	for (unsigned i = 0; i < n; i++)
		if (!stall_detector_look(&all[i], counts[i], now, limit_ms))
			every = false;
	return every;
}
