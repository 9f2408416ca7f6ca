#include "proxy/web/letterbox.h"

void
letterbox_put(struct letterbox *b, struct letterbox_letter *l)
{
	l->next = atomic_load(&b->newest);
	while (!atomic_compare_exchange_weak(&b->newest, &l->next, l))
		;
}

struct letterbox_letter *
letterbox_take(struct letterbox *b)
{
	struct letterbox_letter *newest = atomic_exchange(&b->newest, NULL);
	struct letterbox_letter *first = NULL;

	while (newest != NULL) {
		struct letterbox_letter *older = newest->next;

		newest->next = first;
		first = newest;
		newest = older;
	}
	return first;
}
