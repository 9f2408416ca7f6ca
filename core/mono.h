#pragma once

/*
 * Moments on a clock that never steps (CLOCK_MONOTONIC). A moment is a struct,
 * so that adding two of them, or comparing one with a span, does not compile.
 * The functions here compute and are safe in pure files; reading the clock is
 * mono_now(), which pure files never call: the time is their argument.
 */

#include "core/base.h"

struct mono {
	int64_t ns; /* since an arbitrary start; INT64_MAX is "never" */
};

/* The present, from CLOCK_MONOTONIC: stands still while the host sleeps. */
struct mono mono_now(void);

/* The present, from CLOCK_BOOTTIME: goes on while the host sleeps. */
struct mono mono_boot_now(void);

static inline struct mono
mono_never(void)
{
	return (struct mono){ .ns = INT64_MAX };
}

static inline bool
mono_is_never(struct mono m)
{
	return m.ns == INT64_MAX;
}

static inline struct mono
mono_add_ms(struct mono m, int64_t ms)
{
	return mono_is_never(m) ? m : (struct mono){ m.ns + ms * 1000000 };
}

static inline struct mono
mono_add_us(struct mono m, int64_t us)
{
	return mono_is_never(m) ? m : (struct mono){ m.ns + us * 1000 };
}

static inline bool
mono_before(struct mono a, struct mono b)
{
	return a.ns < b.ns;
}

static inline struct mono
mono_min(struct mono a, struct mono b)
{
	return mono_before(a, b) ? a : b;
}

/* From `from` to `to`, rounded down; negative where `to` is the earlier. */
static inline int64_t
mono_span_ms(struct mono from, struct mono to)
{
	return (to.ns - from.ns) / 1000000;
}

static inline int64_t
mono_span_us(struct mono from, struct mono to)
{
	return (to.ns - from.ns) / 1000;
}
