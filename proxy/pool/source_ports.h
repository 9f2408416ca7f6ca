#pragma once

/*
 * Our own ports towards one server, for services with `source`: which local
 * port a connection has is our choice and our knowledge, not the kernel's. One
 * per server, so that each has the whole range. Any thread.
 *
 * Ports are handed out in turn, so that one that was just given back rests as
 * long as can be: its old connection may still be in TIME_WAIT.
 */

#include "core/base.h"

struct ports;

/* The range is the kernel's own (ip_local_port_range). NULL: no memory. */
MUST_CHECK struct ports *ports_new(void);
void ports_free(struct ports *p);

/* A free port, or 0 where all are taken. */
MUST_CHECK uint16_t ports_take(struct ports *p);
void ports_give(struct ports *p, uint16_t port);
