#pragma once

/*
 * UTF-8, as far as reading a file and quoting it in a message needs it. Pure.
 */

#include "core/base.h"

/*
 * The character at `text`, of which `len` bytes are there: how many bytes it
 * takes (1 to 4), or 0 where these are no UTF-8 (overlong and surrogates are
 * none).
 */
size_t utf8_decode(const char *text, size_t len, uint32_t *ret_point);

/*
 * May it be shown as it is? Controls, line breaks of any kind and what turns
 * the direction of writing around may not.
 */
bool utf8_is_printable(uint32_t point);

/* How many columns of a terminal a printable character takes: 0, 1 or 2. */
unsigned utf8_width(uint32_t point);

/* Every character of a string is printable UTF-8. */
bool utf8_is_clean(const char *text);
