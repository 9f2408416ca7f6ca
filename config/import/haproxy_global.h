#pragma once

/*
 * The lines of haproxy's `global` and `peers`: what becomes a key at the top of
 * our file, and what tells who the two proxy hosts are.
 */

#include "config/import/haproxy_text.h"

struct import_plan;

void haproxy_global_line(
    struct import_plan *plan, const struct haproxy_text_line *l);
void haproxy_global_peer(
    struct import_plan *plan, const struct haproxy_text_line *l);
