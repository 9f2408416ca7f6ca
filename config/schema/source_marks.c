#include "config/schema/source_marks.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct mark {
	const void *field;
	const struct tree_node *node;
};

static int
by_field(const void *left, const void *right)
{
	uintptr_t a = (uintptr_t)((const struct mark *)left)->field;
	uintptr_t b = (uintptr_t)((const struct mark *)right)->field;

	return a < b ? -1 : a > b;
}

int
source_marks_add(
    struct source_marks *m, const void *field, const struct tree_node *node)
{
	if (m->n == m->room) {
		size_t room = m->room == 0 ? 64 : m->room * 2;
		struct mark *marks =
		    realloc(m->marks, room * sizeof(*m->marks));

		if (marks == NULL)
			return -ENOMEM;
		m->marks = marks;
		m->room = room;
	}
	m->marks[m->n++] = (struct mark){ .field = field, .node = node };
	m->sorted = false;
	return 0;
}

void
source_marks_sort(struct source_marks *m)
{
	if (m->n > 0)
		qsort(m->marks, m->n, sizeof(*m->marks), by_field);
	m->sorted = true;
}

const struct tree_node *
source_marks_get(const struct source_marks *m, const void *field)
{
	const struct mark key = { .field = field };
	const struct mark *found;

	assert(m->sorted);
	if (m->n == 0)
		return NULL;
	found = bsearch(&key, m->marks, m->n, sizeof(key), by_field);
	return found == NULL ? NULL : found->node;
}

void
source_marks_fini(struct source_marks *m)
{
	free(m->marks);
	*m = (struct source_marks){ .marks = NULL };
}
