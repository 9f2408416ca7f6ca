/*
 * The place in the file is the second key of the order: a file of ten thousand
 * addresses costs no more than it should.
 */
#include "config/rules/duplicates.h"

#include "config/yaml/diag.h"
#include "config/yaml/tree.h"

#include <stdlib.h>
#include <string.h>

void
duplicates_fini(struct duplicates *t)
{
	free(t->all);
	*t = (struct duplicates){ .all = NULL };
}

void
duplicates_add(struct duplicates *t, struct duplicates_item item)
{
	if (item.node == NULL)
		return;
	if (t->n == t->room) {
		const size_t room = 2 * t->room + 16;
		struct duplicates_item *all =
		    realloc(t->all, room * sizeof(*all));

		if (all == NULL) {
			*t->failed = true;
			return;
		}
		t->all = all;
		t->room = room;
	}
	item.order = t->n;
	t->all[t->n++] = item;
}

static int
compare_names(const char *a, const char *b)
{
	if (a != NULL && b != NULL)
		return strcmp(a, b);
	return (a != NULL) - (b != NULL);
}

int
duplicates_compare(
    const struct duplicates_item *a, const struct duplicates_item *b)
{
	int order = compare_names(a->name, b->name);

	if (order != 0 || a->addr == NULL || b->addr == NULL)
		return order;
	order = addr_compare_ip(a->addr, b->addr);
	if (order == 0)
		order = (int)addr_port(a->addr) - (int)addr_port(b->addr);
	if (order == 0)
		order = (int)a->prefix - (int)b->prefix;
	return order;
}

int
duplicates_by_key(const void *left, const void *right)
{
	const struct duplicates_item *a = left, *b = right;
	int order = duplicates_compare(a, b);

	if (order != 0)
		return order;
	return a->order < b->order ? -1 : a->order > b->order;
}

void
duplicates_sort(
    struct duplicates *t, int (*order)(const void *left, const void *right))
{
	if (t->n > 0) /* qsort() takes no NULL */
		qsort(t->all, t->n, sizeof(*t->all), order);
}

void
duplicates_report(struct duplicates *t, struct diag *diag, const char *what,
    const char *where)
{
	duplicates_sort(t, duplicates_by_key);
	for (size_t i = 1, first = 0; i < t->n; i++) {
		const struct duplicates_item *a = &t->all[first],
		                             *b = &t->all[i];

		if (duplicates_compare(a, b) != 0) {
			first = i;
			continue;
		}
		if (a->derived && b->derived)
			continue;
		diag_error(diag, &b->node->at,
		    "%s '%s' is given twice%s; expected once", what,
		    b->addr == NULL ? b->name : b->node->shown, where);
		diag_note(diag, &a->node->at, "the first one");
	}
}
