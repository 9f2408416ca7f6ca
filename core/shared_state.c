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

static bool
is_at(const struct shared_state *all, size_t i, const struct accord *a)
{
	return i < all->n && accord_compare(&all->all[i], a) == 0;
}

/* Takes the place of what is there. */
static void
replace(struct accord *known, const struct accord *a)
{
	const uint64_t peak = known->peak > a->epoch ? known->peak : a->epoch;

	*known = *a;
	known->peak = peak;
}

static int
insert(struct shared_state *all, size_t i, const struct accord *a)
{
	int e = make_room(all);

	if (e < 0)
		return e;
	memmove(
	    &all->all[i + 1], &all->all[i], (all->n - i) * sizeof(*all->all));
	all->all[i] = *a;
	all->all[i].peak = a->epoch;
	all->n++;
	return 0;
}

int
shared_state_take(
    struct shared_state *all, const struct accord *a, size_t *ret_index)
{
	size_t i = place(all, a);
	int e;

	if (is_at(all, i, a)) {
		if (!accord_is_newer(a, &all->all[i]))
			return 0;
		replace(&all->all[i], a);
	} else {
		e = insert(all, i, a);
		if (e < 0)
			return e;
	}
	*ret_index = i;
	return 1;
}

int
shared_state_hear(struct shared_state *all, uint8_t node,
    const struct accord *a, size_t *ret_index)
{
	size_t i = place(all, a);
	struct accord *known;
	int e = 0;

	if (!is_at(all, i, a)) {
		e = insert(all, i, a);
		if (e < 0)
			return e;
		*ret_index = i;
		return SHARED_STATE_NEWS;
	}
	known = &all->all[i];
	if (accord_is_newer(known, a)) {
		e = SHARED_STATE_OLDER;
	} else if (!accord_is_newer(a, known)) {
		return SHARED_STATE_SAME;
	} else if (known->own && accord_is_far(known, a) &&
	    known->epoch < ACCORD_EPOCH_LAST) {
		/* Else it may be what comes after the last one. */
		known->epoch = accord_epoch_after(a->epoch);
		known->node = node;
		e = SHARED_STATE_SAID_AGAIN;
	} else {
		replace(known, a);
		e = SHARED_STATE_NEWS;
	}
	*ret_index = i;
	return e;
}

/* Nothing is above the last one: then it comes after what holds now. */
static uint64_t
epoch_over(const struct accord *known)
{
	return accord_epoch_after(
	    known->peak < ACCORD_EPOCH_LAST ? known->peak : known->epoch);
}

int
shared_state_make(
    struct shared_state *all, uint8_t node, struct accord *a, size_t *ret_index)
{
	size_t i = place(all, a);
	const bool known = is_at(all, i, a);
	int e = 0;

	a->epoch = known ? epoch_over(&all->all[i]) : accord_epoch_after(0);
	a->node = node;
	a->own = true;
	if (known)
		replace(&all->all[i], a);
	else
		e = insert(all, i, a);
	*ret_index = i;
	return e;
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

size_t
shared_state_forget(struct shared_state *all,
    bool (*keeps)(const void *arg, const struct accord *a), const void *arg)
{
	const size_t was = all->n;
	size_t n = 0;

	for (size_t i = 0; i < was; i++)
		if (keeps(arg, &all->all[i]))
			all->all[n++] = all->all[i];
	all->n = n;
	return was - n;
}

void
shared_state_fini(struct shared_state *all)
{
	free(all->all);
	*all = (struct shared_state){ .n = 0 };
}
