#pragma once

/*
 * A short name for a key, by which two keytabs can be compared aloud. The same
 * key has the same one everywhere; nobody gets from it to a random key. A key
 * made of a password can be guessed at by it, as by any ticket of that name.
 */

#include "core/base.h"
#include "keytab/keytab.h"

#define FINGERPRINT_TEXT_MAX 17

/* 16 hexadecimal digits into `buf`, which is also returned. */
const char *fingerprint_text(
    struct keytab_span key, char buf[static FINGERPRINT_TEXT_MAX]);
