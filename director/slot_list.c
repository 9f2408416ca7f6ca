#include "director/slot_list.h"

struct slot_list
slot_list_empty(void)
{
	return (struct slot_list){ .first = SLOT_LIST_NONE,
		.last = SLOT_LIST_NONE };
}

void
slot_list_append(
    struct slot_list *l, struct slot_list_link *links, uint32_t slot)
{
	links[slot] = (struct slot_list_link){ .before = l->last,
		.after = SLOT_LIST_NONE };
	if (l->last == SLOT_LIST_NONE)
		l->first = slot;
	else
		links[l->last].after = slot;
	l->last = slot;
	l->n++;
}

void
slot_list_remove(
    struct slot_list *l, struct slot_list_link *links, uint32_t slot)
{
	const struct slot_list_link at = links[slot];

	if (at.before == SLOT_LIST_NONE)
		l->first = at.after;
	else
		links[at.before].after = at.after;
	if (at.after == SLOT_LIST_NONE)
		l->last = at.before;
	else
		links[at.after].before = at.before;
	l->n--;
}

uint32_t
slot_list_pop(struct slot_list *l, struct slot_list_link *links)
{
	const uint32_t slot = l->first;

	if (slot != SLOT_LIST_NONE)
		slot_list_remove(l, links, slot);
	return slot;
}
