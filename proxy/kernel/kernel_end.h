#pragma once

/*
 * An address and a port as the director's messages have them, and as the rest
 * of the relay does.
 *
 * Pure.
 */

#include "core/addr.h"
#include "core/kernel/msg_kernel.h"

/* Of one without a family: nobody's, all zeros. */
struct msg_kernel_end kernel_end_of(const union addr *a);

/* And back; of all zeros: without a family. */
union addr kernel_end_addr(const struct msg_kernel_end *end);
