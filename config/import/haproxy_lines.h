#pragma once

/* The lines of a section: what each says of it. */

#include "config/import/haproxy_proxy.h"

/* Into `p`; what is not understood, or has no counterpart, is named. */
void haproxy_lines_take(struct import_plan *plan, struct haproxy_proxy *p,
    const struct haproxy_text_line *l);
