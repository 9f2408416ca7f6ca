#pragma once

/*
 * Is a file text at all? Asked before libyaml sees it: libyaml would guess
 * UTF-16, and takes three more characters for line breaks than editors do.
 */

#include "core/base.h"

struct diag;

/*
 * UTF-8 and no control character but tab and line breaks; the first that is
 * neither goes to `diag`. Returns 0 or -EINVAL.
 */
MUST_CHECK int encoding_check(const char *text, size_t len, struct diag *diag);
