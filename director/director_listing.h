#pragma once

/*
 * Single connections, for who asks about them: pages of a list, and which one
 * has the number that such a page has it under.
 */

#include "core/base.h"

struct director_role;
struct msg_kernel_list;

/* A page of what there is, to the relay. */
void director_listing_send(
    struct director_role *role, const struct msg_kernel_list *ask);

/* By its number. */
MUST_CHECK bool director_listing_find(
    const struct director_role *role, uint64_t id, uint32_t *ret_slot);
