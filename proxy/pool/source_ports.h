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

struct source_ports;

/*
 * The range is the kernel's own (ip_local_port_range); beside the kernel path,
 * which has the same address, what that leaves (CONFIG_KERNEL_PORT_LAST). NULL:
 * no memory.
 */
MUST_CHECK struct source_ports *source_ports_new(bool beside_kernel);
void source_ports_free(struct source_ports *p);

/* A free port, or 0 where all are taken. */
MUST_CHECK uint16_t source_ports_take(struct source_ports *p);
/* This port, which a connection has already. False: it is not free. */
MUST_CHECK bool source_ports_claim(struct source_ports *p, uint16_t port);
void source_ports_give(struct source_ports *p, uint16_t port);
