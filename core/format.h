#pragma once

/*
 * What printf does for a line of the log, a third of the time: strings and
 * whole numbers in decimal, without width or precision. All else is left to
 * printf.
 *
 * Pure. For log.c, which has a line for each connection to format.
 */

#include "core/base.h"

#include <stdarg.h>

/*
 * Up to `size` characters, without a NUL. Returns how many, or -1: there is a
 * conversion that it does not know, and nothing in `buf` counts.
 */
MUST_CHECK int format_text(char *buf, size_t size, const char *format,
    va_list args) __attribute__((format(printf, 3, 0)));
