#pragma once

/*
 * What is odd about an entry of a keytab though it is well formed: it will not
 * do what who made it expects.
 *
 * Pure.
 */

#include "core/base.h"
#include "keytab/keytab.h"

#define ADVICE_MAX 6

/* The sentences that are to be said, in `ret_words`. Returns how many. */
unsigned advice_on(
    const struct keytab_entry *e, const char *ret_words[static ADVICE_MAX]);
