#include "core/shared_state.h"

#include "core/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The place of it, or where it would be. */
static size_t
place(const struct shared_state *all, const struct accord *a)
{
	size_t from = 0, to = all->n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (accord_compare(&all->all[middle], a) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static int
make_room(struct shared_state *all)
{
	size_t room = all->room == 0 ? 16 : 2 * all->room;
	struct accord *more;

	if (all->n < all->room)
		return 0;
	if (all->n >= SHARED_STATE_MAX)
		return -ENOSPC;
	more = realloc(all->all, room * sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	all->all = more;
	all->room = room;
	return 0;
}

int
shared_state_take(
    struct shared_state *all, const struct accord *a, size_t *ret_index)
{
	size_t i = place(all, a);
	int e;

	if (i < all->n && accord_compare(&all->all[i], a) == 0) {
		if (!accord_is_newer(a, &all->all[i]))
			return 0;
		all->all[i] = *a;
		*ret_index = i;
		return 1;
	}
	e = make_room(all);
	if (e < 0)
		return e;
	memmove(
	    &all->all[i + 1], &all->all[i], (all->n - i) * sizeof(*all->all));
	all->all[i] = *a;
	all->n++;
	*ret_index = i;
	return 1;
}

int
shared_state_make(
    struct shared_state *all, uint8_t node, struct accord *a, size_t *ret_index)
{
	const struct accord *known =
	    shared_state_find(all, a->kind, a->subject, a->server);
	int e;

	if (known != NULL && known->epoch == ACCORD_EPOCH_MAX)
		return -EOVERFLOW;
	a->epoch = known != NULL ? known->epoch + 1 : 1;
	a->node = node;
	e = shared_state_take(all, a, ret_index);
	return e < 0 ? e : 0;
}

const struct accord *
shared_state_find(const struct shared_state *all, enum accord_kind kind,
    const char *subject, const char *server)
{
	struct accord wanted = { .kind = kind };
	size_t i;

	(void)snprintf(wanted.subject, sizeof(wanted.subject), "%s", subject);
	(void)snprintf(wanted.server, sizeof(wanted.server), "%s", server);
	i = place(all, &wanted);
	if (i == all->n || accord_compare(&all->all[i], &wanted) != 0)
		return NULL;
	return &all->all[i];
}

size_t
shared_state_put(const struct shared_state *all, size_t first, struct buf *b)
{
	size_t i = first;

	while (i < all->n && b->len - b->pos >= ACCORD_BYTES_MAX)
		accord_put(b, &all->all[i++]);
	return i;
}

void
shared_state_fini(struct shared_state *all)
{
	free(all->all);
	*all = (struct shared_state){ .n = 0 };
}
