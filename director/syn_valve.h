#pragma once

/*
 * The valve for floods of SYNs. Each SYN that is passed on takes a slot, a
 * port, a replica and a place in a server's own queue, before anybody has
 * proven that it has the address it writes from. Above a bound new SYNs go to
 * the kernel's listener instead, whose cookies cost nothing, and who completes
 * the handshake is relayed.
 *
 * Pure. A value; the empty one is zeros: it is shut.
 */

#include "core/base.h"
#include "core/mono.h"

struct syn_valve_limits {
	uint32_t young_most;  /* connections that nobody has completed */
	uint32_t slots_least; /* free ones */
	uint32_t rest_ms;     /* it stays open at least so long */
};

struct syn_valve_load {
	uint32_t young, slots;
};

struct syn_valve {
	bool open;
	struct mono since;
};

/* Whether new SYNs go to the listener now. Between the bounds it stays as is.
 */
bool syn_valve_look(struct syn_valve *v, const struct syn_valve_limits *limits,
    const struct syn_valve_load *load, struct mono now);
