#pragma once

/*
 * The time of day, for people: log lines and `status`. Nothing decides by it,
 * since it may be stepped at any moment. Milliseconds since 1970, UTC.
 */

#include "core/base.h"

#define WALL_CLOCK_TEXT_MAX 32

int64_t wall_clock_now_ms(void);

/* "2026-11-22T10:00:01.120Z" into `buf`, which is also returned. */
const char *wall_clock_format(
    int64_t wall_ms, char buf[static WALL_CLOCK_TEXT_MAX]);

/* What that has written, with milliseconds or without; 0: it is none. */
int64_t wall_clock_parse(const char *text);
