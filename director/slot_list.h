#pragma once

/*
 * Lists of slots: a slot is a number, and in one list of a kind at most. The
 * links are the caller's, an array with one for each slot; lists that share it
 * are of one kind.
 *
 * Pure. A value, but for the links.
 */

#include "core/base.h"

#define SLOT_LIST_NONE UINT32_MAX

struct slot_list_link {
	uint32_t before, after;
};

struct slot_list {
	uint32_t first, last; /* SLOT_LIST_NONE: it is empty */
	uint32_t n;
};

/* The empty value. */
struct slot_list slot_list_empty(void);

void slot_list_append(
    struct slot_list *l, struct slot_list_link *links, uint32_t slot);
/* It is in this list. */
void slot_list_remove(
    struct slot_list *l, struct slot_list_link *links, uint32_t slot);
/* The first, which is in it no more; SLOT_LIST_NONE: there is none. */
uint32_t slot_list_pop(struct slot_list *l, struct slot_list_link *links);
